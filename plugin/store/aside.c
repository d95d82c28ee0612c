/* SPDX-License-Identifier: MIT */
/*
 * A corrupt database is set aside: two markers, "<name>.corrupt" until it is renamed and "<name>.lost" until the new file knows of the loss, let a run that was
 * killed in between be finished by the next one. The lock is a file of its own: SQLite's own locks go by the content of the database.
 */
#include "store/aside.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

/* Opening takes milliseconds, unless a writer has to be waited for first: twice as long as for that. */
#define WAIT_MS 20000
#define NAP_MS 10

void aside_done(struct aside *aside)
{
	fd_done(&aside->lock_fd);
	fd_done(&aside->dir_fd);
	free(aside->name);
}

/* ---- the lock ---- */

static bool find_folder(const char *path, struct aside *aside, struct err *err)
{
	const char *slash = strrchr(path, '/');

	assert(slash);
	AUTO_FREE char *folder = mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	aside->name = mem_strdup(slash + 1);
	aside->dir_fd = dir_open(folder, err);
	return aside->dir_fd >= 0;
}

/* False with ERR_LOCKED: the others did not let go of it. */
static bool lock(struct aside *aside, int (*try_lock)(int, const char *, struct err *), struct err *err)
{
	AUTO_FREE char *name = mem_fmt("%s.lock", aside->name);

	aside->lock_fd = try_lock(aside->dir_fd, name, err);
	for (int waited_ms = 0; aside->lock_fd < 0 && err->kind == ERR_LOCKED && waited_ms < WAIT_MS; waited_ms += NAP_MS) {
		(void)sqlite3_sleep(NAP_MS);
		aside->lock_fd = try_lock(aside->dir_fd, name, err);
	}
	return aside->lock_fd >= 0;
}

bool aside_share(const char *path, struct aside *ret_aside, struct err *err)
{
	struct err failure = { 0 };

	if (!find_folder(path, ret_aside, &failure) || lock(ret_aside, lock_share, &failure) || failure.kind != ERR_LOCKED)
		return true;
	return err_set(err, ERR_STORE, "'%s' is being set aside by another process for more than %d s; find out which one hangs, and run this again", path,
		       WAIT_MS / 1000);
}

bool aside_own(const char *path, struct aside *ret_aside, struct err *err)
{
	if (find_folder(path, ret_aside, err) && lock(ret_aside, lock_try, err))
		return true;
	err->kind = ERR_STORE;
	return err_wrap(err, "'%s' is damaged and cannot be set aside; run this again where that works, or move it away", path);
}

/* ---- markers ---- */

static char *corrupt_marker(const struct aside *aside)
{
	return mem_fmt("%s.corrupt", aside->name);
}

static char *lost_marker(const struct aside *aside)
{
	return mem_fmt("%s.lost", aside->name);
}

bool aside_mark(const struct aside *aside, struct err *err)
{
	AUTO_FREE char *marker = corrupt_marker(aside);

	if (aside->lock_fd < 0)
		return err_set(err, ERR_STORE, "'%s' is not locked", aside->name);
	return file_replace(aside->dir_fd, marker, "", 0, 0600, err);
}

bool aside_is_marked(const struct aside *aside)
{
	AUTO_FREE char *corrupt = corrupt_marker(aside);
	AUTO_FREE char *lost = lost_marker(aside);

	return aside->dir_fd >= 0 && (file_exists(aside->dir_fd, corrupt) || file_exists(aside->dir_fd, lost));
}

bool aside_told(const struct aside *aside, struct err *err)
{
	AUTO_FREE char *marker = lost_marker(aside);

	return file_remove(aside->dir_fd, marker, err);
}

/* ---- setting aside ---- */

/* "letsencrypt.db.corrupt-2026-01-02T150405Z", which nothing has yet; the colons of a moment would need quoting in many places. */
static char *new_name(const struct aside *aside, int64_t now_at)
{
	for (;; now_at++) {
		AUTO_FREE char *date = when_rfc3339(now_at);
		AUTO_FREE char *name = NULL;
		size_t size = 0;

		for (const char *c = date; *c != '\0'; c++) {
			if (*c != ':')
				date[size++] = *c;
		}
		date[size] = '\0';
		name = mem_fmt("%s.corrupt-%s", aside->name, date);
		if (!file_exists(aside->dir_fd, name))
			return mem_take(&name);
	}
}

static bool rename_to(const struct aside *aside, const char *from, const char *to, struct err *err)
{
	if (renameat(aside->dir_fd, from, aside->dir_fd, to) == 0 || errno == ENOENT)
		return true;
	(void)err_sys(err, "rename '%s' to '%s'", from, to);
	err->kind = ERR_STORE;
	return err_wrap(err, "a damaged database cannot be set aside; make its folder writable and run this again");
}

bool aside_put(const struct aside *aside, int64_t now_at, struct err *err)
{
	static const char *const siblings[] = { "-wal", "-shm", "-journal", "" };
	AUTO_FREE char *corrupt = corrupt_marker(aside);
	AUTO_FREE char *lost = lost_marker(aside);
	AUTO_FREE char *to = new_name(aside, now_at);

	if (!file_exists(aside->dir_fd, corrupt))
		return true;
	for (size_t i = 0; i < COUNT(siblings); i++) {
		AUTO_FREE char *old = mem_fmt("%s%s", aside->name, siblings[i]);
		AUTO_FREE char *new = mem_fmt("%s%s", to, siblings[i]);

		if (!rename_to(aside, old, new, err))
			return false;
	}
	return rename_to(aside, corrupt, lost, err) && dir_sync(aside->dir_fd, err);
}
