/* SPDX-License-Identifier: MIT */
/*
 * Key and certificate of an app change together, by one rename of their folder. The platform's own writer (certs-set) takes no lock and writes by path, so its files
 * may land half in the folder that was and half in the one that is: what was in both before is remembered, and whatever differs afterwards is somebody else's and wins.
 */
#include "platform/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define FILE_MAX ((size_t)1024 * 1024)
#define PREFIX ".tls-letsencrypt."
/* A whole copy of tls/, while that has no name of its own: where folders cannot be exchanged in one step. */
#define ASIDE PREFIX "aside"
#define QUIET_MS 300
#define SETTLE_MS 5000

/* The pair first: their places are those in tls_swap. */
#define PAIR 2
static const char *const ours[] = { "server.crt", "server.key", "server.letsencrypt.crt" };

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < COUNT(ours); i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

/* ---- what is in a folder ---- */

/* FNV-1a, 64 bits: tells a change, not an attacker. */
static uint64_t mix(uint64_t digest, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		digest = (digest ^ bytes[i]) * UINT64_C(1099511628211);
	return digest;
}

/* 0: the file is not there. */
static uint64_t digest_file(int dir_fd, const char *name)
{
	AUTO_BUF content = BUF_SECRET(FILE_MAX);
	struct err ignored;
	uint64_t digest = UINT64_C(14695981039346656037);

	if (dir_fd < 0 || !file_read(dir_fd, name, &content, &ignored))
		return 0;
	digest = mix(digest, name, strlen(name) + 1);
	return mix(digest, buf_text(&content), content.size) | 1;
}

/* 0: no such folder. */
static uint64_t digest_folder(int app_fd, const char *name)
{
	struct err ignored;
	AUTO_FD dir_fd = dir_open_at(app_fd, name, &ignored);
	AUTO_STRS files = { 0 };
	uint64_t digest = UINT64_C(14695981039346656037);

	if (dir_fd < 0 || !dir_list(dir_fd, &files, &ignored))
		return 0;
	for (size_t i = 0; i < files.count; i++) {
		uint64_t file = digest_file(dir_fd, files.items[i]);

		digest = mix(digest, &file, sizeof(file));
	}
	return digest | 1;
}

static void digest_pair(int dir_fd, uint64_t ret_pair[static PAIR])
{
	for (size_t i = 0; i < PAIR; i++)
		ret_pair[i] = digest_file(dir_fd, ours[i]);
}

/* ---- staging ---- */

static bool write_pair(int stage_fd, const struct buf *chain_pem, const struct buf *key_pem, struct err *err)
{
	return file_replace(stage_fd, "server.crt", buf_text(chain_pem), chain_pem->size, 0640, err) &&
	       file_replace(stage_fd, "server.letsencrypt.crt", buf_text(chain_pem), chain_pem->size, 0640, err) &&
	       file_replace(stage_fd, "server.key", buf_text(key_pem), key_pem->size, 0640, err);
}

static bool copy_all(int from_fd, int to_fd, bool leaves_out_ours, struct err *err);

static bool copy_folder(int from_fd, int to_fd, const char *name, mode_t mode, struct err *err)
{
	AUTO_FD inner_from_fd = dir_open_at(from_fd, name, err);
	AUTO_FD inner_to_fd = inner_from_fd < 0 ? -1 : dir_make_at(to_fd, name, mode, err);

	return inner_to_fd >= 0 && copy_all(inner_from_fd, inner_to_fd, false, err) && dir_sync(inner_to_fd, err);
}

/* As it is written: what it leads to stays the same, since the staged folder stands beside tls/. */
static bool copy_link(int from_fd, int to_fd, const char *name, struct err *err)
{
	char target[PATH_MAX];
	ssize_t size = readlinkat(from_fd, name, target, sizeof(target) - 1);

	if (size < 0)
		return err_sys(err, "read the link '%s'", name);
	target[size] = '\0';
	return symlinkat(target, to_fd, name) == 0 || err_sys(err, "make the link '%s'", name);
}

static bool copy_entry(int from_fd, int to_fd, const char *name, struct err *err)
{
	struct stat status;

	if (fstatat(from_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys(err, "look at '%s'", name);
	if (S_ISDIR(status.st_mode))
		return copy_folder(from_fd, to_fd, name, status.st_mode & 07777, err);
	return S_ISLNK(status.st_mode) ? copy_link(from_fd, to_fd, name, err) : file_copy(from_fd, name, to_fd, name, err);
}

static bool copy_all(int from_fd, int to_fd, bool leaves_out_ours, struct err *err)
{
	AUTO_STRS names = { 0 };

	if (!dir_list(from_fd, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (!(leaves_out_ours && is_ours(names.items[i])) && !copy_entry(from_fd, to_fd, names.items[i], err))
			return false;
	return true;
}

bool tls_stage(int app_fd, const struct buf *chain_pem, const struct buf *key_pem, struct tls_swap *ret_swap, struct err *err)
{
	struct tls_swap swap = { 0 };
	char random[17];
	struct err ignored;
	AUTO_FD stage_fd = -1;
	AUTO_FD tls_fd = -1;

	dir_random_name(random);
	(void)snprintf(swap.name, sizeof(swap.name), PREFIX "%s", random);
	swap.old_digest = digest_folder(app_fd, "tls");
	stage_fd = dir_make_at(app_fd, swap.name, 0750, err);
	if (stage_fd < 0)
		return false;
	tls_fd = dir_open_at(app_fd, "tls", &ignored);
	digest_pair(tls_fd, swap.old_pair);
	if (!write_pair(stage_fd, chain_pem, key_pem, err) || (tls_fd >= 0 && !copy_all(tls_fd, stage_fd, true, err)) || !dir_sync(stage_fd, err) ||
	    !dir_sync(app_fd, err)) {
		(void)!dir_remove_tree(app_fd, swap.name, &ignored);
		return false;
	}
	swap.new_digest = digest_folder(app_fd, swap.name);
	digest_pair(stage_fd, swap.new_pair);
	*ret_swap = swap;
	return true;
}

void tls_drop(int app_fd, struct tls_swap *swap)
{
	struct err ignored;

	if (*swap->name && !swap->is_in_place)
		(void)!dir_remove_tree(app_fd, swap->name, &ignored);
}

/* ---- exchanging ---- */

static bool rename_folder(int app_fd, const char *from, const char *to, struct err *err)
{
	return renameat(app_fd, from, app_fd, to) == 0 || err_sys(err, "rename '%s' to '%s'", from, to);
}

/* tls/ is gone, or a kill left it half removed, and what it held lies aside. */
static bool restore_aside(int app_fd, struct err *err)
{
	AUTO_FD tls_fd = dir_open_at(app_fd, "tls", err);

	if (!file_exists(app_fd, ASIDE) || (tls_fd >= 0 && file_exists(tls_fd, "server.crt") && file_exists(tls_fd, "server.key")))
		return true;
	return dir_remove_tree(app_fd, "tls", err) && rename_folder(app_fd, ASIDE, "tls", err) && dir_sync(app_fd, err);
}

void tls_sweep(int app_fd)
{
	struct err ignored;

	if (restore_aside(app_fd, &ignored))
		dir_sweep(app_fd, PREFIX, 0);
}

/* A folder on a lower layer of an overlay can be neither exchanged nor renamed (EXDEV): a copy of it on the upper one can. */
static bool copy_up(int app_fd, struct err *err)
{
	char random[17];
	char name[64];
	AUTO_FD from_fd = dir_open_at(app_fd, "tls", err);
	AUTO_FD to_fd = -1;

	dir_random_name(random);
	(void)snprintf(name, sizeof(name), PREFIX "%s", random);
	if (from_fd < 0 || (to_fd = dir_make_at(app_fd, name, 0750, err)) < 0 || !copy_all(from_fd, to_fd, false, err))
		return false;
	return dir_sync(to_fd, err) && dir_remove_tree(app_fd, ASIDE, err) && rename_folder(app_fd, name, ASIDE, err) && dir_sync(app_fd, err) &&
	       dir_remove_tree(app_fd, "tls", err) && rename_folder(app_fd, ASIDE, "tls", err);
}

/* File systems that know no exchange (EINVAL: NFS, ZFS before 2.2). For a moment there is no tls/: whoever makes one then has the name, and wins. */
static bool exchange_by_steps(int app_fd, const char *name, struct err *err)
{
	struct err ignored;

	if (!dir_remove_tree(app_fd, ASIDE, err) || !rename_folder(app_fd, "tls", ASIDE, err))
		return false;
	if (rename_folder(app_fd, name, "tls", err))
		return rename_folder(app_fd, ASIDE, name, err);
	(void)!rename_folder(app_fd, ASIDE, "tls", &ignored);
	return false;
}

static bool exchange(int app_fd, const char *name, struct err *err)
{
	int status = renameat2(app_fd, name, app_fd, "tls", RENAME_EXCHANGE);

	if (status != 0 && errno == EXDEV) {
		if (!copy_up(app_fd, err))
			return false;
		status = renameat2(app_fd, name, app_fd, "tls", RENAME_EXCHANGE);
	}
	if (status != 0 && errno == EINVAL)
		return exchange_by_steps(app_fd, name, err) && dir_sync(app_fd, err);
	return (status == 0 || err_sys(err, "exchange '%s' with 'tls'", name)) && dir_sync(app_fd, err);
}

/* Only where nothing has the name yet: EEXIST. */
static bool rename_new(int app_fd, const char *from, const char *to)
{
	if (renameat2(app_fd, from, app_fd, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL)
		return false;
	errno = EEXIST;
	return !file_exists(app_fd, to) && renameat(app_fd, from, app_fd, to) == 0;
}

static bool put(int app_fd, struct tls_swap *swap, struct err *err)
{
	if (swap->old_digest != 0)
		return exchange(app_fd, swap->name, err);
	if (rename_new(app_fd, swap->name, "tls"))
		return dir_sync(app_fd, err);
	return errno == EEXIST ? exchange(app_fd, swap->name, err) : err_sys(err, "rename '%s' to 'tls'", swap->name);
}

/* ---- somebody else's writing ---- */

struct view {
	uint64_t in_place;  /* digest of tls/ */
	uint64_t displaced; /* digest of the other folder */
};

static struct view look(int app_fd, const struct tls_swap *swap)
{
	return (struct view){ .in_place = digest_folder(app_fd, "tls"), .displaced = digest_folder(app_fd, swap->name) };
}

static bool is_untouched(const struct tls_swap *swap, struct view view)
{
	return view.in_place == swap->new_digest && view.displaced == swap->old_digest;
}

/* Certificate and key of the other writer have both been written, wherever they landed. The same key as before is not told from one that is not written yet. */
static bool is_written(int app_fd, const struct tls_swap *swap)
{
	struct err ignored;
	AUTO_FD tls_fd = dir_open_at(app_fd, "tls", &ignored);
	AUTO_FD displaced_fd = dir_open_at(app_fd, swap->name, &ignored);
	uint64_t in_place[PAIR];
	uint64_t displaced[PAIR];
	bool is_whole = true;

	digest_pair(tls_fd, in_place);
	digest_pair(displaced_fd, displaced);
	for (size_t i = 0; i < PAIR; i++)
		is_whole = is_whole && ((in_place[i] != 0 && in_place[i] != swap->new_pair[i]) || (displaced[i] != 0 && displaced[i] != swap->old_pair[i]));
	return is_whole;
}

/* Until nothing has changed for a while and nothing is missing: the other writer is done, or has given up. */
static void wait_until_quiet(struct loop *loop, int app_fd, const struct tls_swap *swap)
{
	int64_t deadline_ms = loop_now_ms(loop) + SETTLE_MS;
	struct view view = look(app_fd, swap);
	int64_t since_ms = loop_now_ms(loop);

	while (loop_now_ms(loop) < deadline_ms && (loop_now_ms(loop) - since_ms < QUIET_MS || (view.in_place != 0 && !is_written(app_fd, swap)))) {
		struct loop_event never = { 0 };
		struct view now;

		(void)loop_wait_finish(loop, &never, loop_now_ms(loop) + 20);
		now = look(app_fd, swap);
		if (now.in_place != view.in_place || now.displaced != view.displaced)
			since_ms = loop_now_ms(loop);
		view = now;
	}
}

static bool copy_over(int from_fd, int to_fd, const char *name, struct err *err)
{
	AUTO_BUF content = BUF_SECRET(FILE_MAX);

	return file_read(from_fd, name, &content, err) && file_replace(to_fd, name, buf_text(&content), content.size, 0640, err);
}

/*
 * Certificate and key of the other writer, each from the folder where it landed, into the displaced one, which can then go back in one step. What they wrote before the
 * exchange is there already; what they wrote by path after it is in tls/. *ret_is_whole false: they only got as far as removing.
 */
static bool gather(int app_fd, const struct tls_swap *swap, bool *ret_is_whole, struct err *err)
{
	AUTO_FD tls_fd = dir_open_at(app_fd, "tls", err);
	AUTO_FD displaced_fd = tls_fd < 0 ? -1 : dir_open_at(app_fd, swap->name, err);

	if (displaced_fd < 0)
		return false;
	*ret_is_whole = true;
	for (size_t i = 0; i < PAIR; i++) {
		uint64_t digest = digest_file(tls_fd, ours[i]);

		if (digest != 0 && digest != swap->new_pair[i] && !copy_over(tls_fd, displaced_fd, ours[i], err))
			return false;
		*ret_is_whole = *ret_is_whole && file_exists(displaced_fd, ours[i]);
	}
	return true;
}

static bool let_them_win(struct loop *loop, int app_fd, struct tls_swap *swap, enum tls_outcome *ret_outcome, struct err *err)
{
	bool is_whole = false;
	struct view view;

	wait_until_quiet(loop, app_fd, swap);
	view = look(app_fd, swap);
	*ret_outcome = TLS_THEIRS;
	if (view.in_place == 0) {
		*ret_outcome = TLS_GONE;
		swap->is_in_place = false;
		return true;
	}
	if (view.displaced == swap->old_digest) {
		swap->is_in_place = false;
		return true;
	}
	if (!gather(app_fd, swap, &is_whole, err))
		return false;
	if (!is_whole) {
		*ret_outcome = TLS_OURS;
		swap->old_digest = view.displaced;
		return true;
	}
	swap->is_in_place = false;
	return exchange(app_fd, swap->name, err);
}

bool tls_put_in_place(struct loop *loop, int app_fd, struct tls_swap *swap, enum tls_outcome *ret_outcome, struct err *err)
{
	if (!put(app_fd, swap, err))
		return false;
	swap->is_in_place = true;
	*ret_outcome = TLS_OURS;
	return is_untouched(swap, look(app_fd, swap)) || let_them_win(loop, app_fd, swap, ret_outcome, err);
}

bool tls_settle(struct loop *loop, int app_fd, struct tls_swap *swap, enum tls_outcome *ret_outcome, struct err *err)
{
	*ret_outcome = TLS_OURS;
	if (!is_untouched(swap, look(app_fd, swap)) && !let_them_win(loop, app_fd, swap, ret_outcome, err))
		return false;
	return dir_remove_tree(app_fd, swap->name, err);
}

bool tls_take_back(int app_fd, struct tls_swap *swap, struct err *err)
{
	if (!swap->is_in_place)
		return true;
	if (!is_untouched(swap, look(app_fd, swap))) {
		swap->is_in_place = false;
		return true;
	}
	if (swap->old_digest != 0) {
		if (!exchange(app_fd, swap->name, err))
			return false;
	} else if (!rename_new(app_fd, "tls", swap->name)) {
		return err_sys(err, "rename 'tls' to '%s'", swap->name);
	}
	swap->is_in_place = false;
	return dir_sync(app_fd, err);
}
