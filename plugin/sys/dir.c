/* SPDX-License-Identifier: MIT */
/* Folders as descriptors: opened once, then used with single-component names, so that nobody can swap a part of the path in between. */
#include "sys/dir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/name.h"
#include "util/strs.h"
#include "util/text.h"

#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define PUBLIC_MODE 0755

/* -1, with ENOENT as a kind of its own. */
static int fail_open(const char *name, struct err *err)
{
	err_record(err, errno == ENOENT ? ERR_MISSING : ERR_IO, errno, "open folder '%s'", name);
	return -1;
}

int dir_open(const char *path, struct err *err)
{
	int fd = open(path, OPEN_FLAGS);

	return fd >= 0 ? fd : fail_open(path, err);
}

int dir_open_at(int dir_fd, const char *name, struct err *err)
{
	assert(name_is_component(name));
	int fd = openat(dir_fd, name, OPEN_FLAGS | O_NOFOLLOW);

	return fd >= 0 ? fd : fail_open(name, err);
}

/* True also when somebody else was first; then it is not new. */
static bool make(int dir_fd, const char *name, mode_t mode, bool *ret_is_new, struct err *err)
{
	/* It has its mode from the first moment: a kill leaves no folder that is closed to the proxy. */
	mode_t saved_umask = umask(0);
	int status = mkdirat(dir_fd, name, mode);
	int mkdir_errno = errno;

	(void)umask(saved_umask);
	errno = mkdir_errno;
	if (status != 0 && errno != EEXIST)
		return err_sys(err, "make folder '%s'", name);
	*ret_is_new = status == 0;
	return true;
}

/* Owner and mode of a folder that was just made. The mode again, for default ACLs and set-group-id parents. */
static bool settle(int dir_fd, int fd, const char *name, mode_t mode, struct err *err)
{
	struct stat parent;

	if (geteuid() == 0 && (fstat(dir_fd, &parent) != 0 || fchown(fd, parent.st_uid, parent.st_gid) != 0))
		return err_sys(err, "give folder '%s' to the owner of the one above", name);
	return fchmod(fd, mode) == 0 || err_sys(err, "set the mode of folder '%s'", name);
}

int dir_make_at(int dir_fd, const char *name, mode_t mode, struct err *err)
{
	struct err missing = { 0 };
	int fd = dir_open_at(dir_fd, name, &missing);
	bool is_new = false;

	if (fd >= 0)
		return fd;
	if (missing.kind != ERR_MISSING) {
		*err = missing;
		return -1;
	}
	if (!make(dir_fd, name, mode, &is_new, err))
		return -1;
	fd = dir_open_at(dir_fd, name, err);
	if (fd >= 0 && is_new && !settle(dir_fd, fd, name, mode, err))
		fd_done(&fd);
	return fd;
}

int dir_make_public_at(int dir_fd, const char *name, struct err *err)
{
	AUTO_FD fd = dir_make_at(dir_fd, name, PUBLIC_MODE, err);
	struct stat status;
	int made_fd = fd;

	if (fd < 0)
		return -1;
	if ((fstat(fd, &status) != 0 || (status.st_mode & PUBLIC_MODE) != PUBLIC_MODE) && fchmod(fd, PUBLIC_MODE) != 0) {
		(void)err_sys(err, "open folder '%s' to others", name);
		return -1;
	}
	fd = -1;
	return made_fd;
}

int dir_make_path_at(int dir_fd, const char *path, mode_t mode, struct err *err)
{
	AUTO_STRS parts = { 0 };
	int fd = -1;

	strs_split(&parts, path, "/");
	assert(parts.count > 0);
	for (size_t i = 0; i < parts.count; i++) {
		int next_fd = dir_make_at(i == 0 ? dir_fd : fd, parts.items[i], mode, err);

		fd_done(&fd);
		if (next_fd < 0)
			return -1;
		fd = next_fd;
	}
	return fd;
}

static void close_stream(DIR **stream)
{
	if (*stream != NULL)
		(void)closedir(*stream);
}

bool dir_list(int dir_fd, struct strs *ret_names, struct err *err)
{
	/* Opened anew: a duplicate would share its position with dir_fd. */
	int fd = openat(dir_fd, ".", OPEN_FLAGS);
	AUTO(close_stream) DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	AUTO_STRS names = { 0 };
	const struct dirent *entry;

	if (stream == NULL) {
		bool is_done = err_sys(err, "list a folder");
		fd_done(&fd);
		return is_done;
	}
	/* NULL is the end as well as a failure: only errno tells. */
	while (errno = 0, (entry = readdir(stream)) != NULL) {
		if (name_is_component(entry->d_name))
			strs_add(&names, entry->d_name);
	}
	if (errno != 0)
		return err_sys(err, "list a folder");
	strs_sort(&names);
	strs_add_all(ret_names, &names);
	return true;
}

static bool remove_content(int dir_fd, const char *name, struct err *err)
{
	AUTO_FD fd = dir_open_at(dir_fd, name, err);
	AUTO_STRS names = { 0 };

	if (fd < 0)
		return err->kind == ERR_MISSING;
	if (!dir_list(fd, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		if (!dir_remove_tree(fd, names.items[i], err))
			return err_wrap(err, "in folder '%s'", name);
	}
	return true;
}

bool dir_remove_tree(int dir_fd, const char *name, struct err *err)
{
	assert(name_is_component(name));
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return true;
	/* Linux answers EISDIR, POSIX EPERM. */
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, "remove '%s'", name);
	if (!remove_content(dir_fd, name, err))
		return false;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT || err_sys(err, "remove folder '%s'", name);
}

bool dir_sync(int dir_fd, struct err *err)
{
	return fsync(dir_fd) == 0 || err_sys(err, "sync a folder");
}

void dir_sweep(int dir_fd, const char *prefix, int64_t age_s)
{
	AUTO_STRS names = { 0 };
	struct err ignored = { 0 };
	int64_t now_at = clock_of_files();

	if (!dir_list(dir_fd, &names, &ignored))
		return;
	for (size_t i = 0; i < names.count; i++) {
		struct stat status;

		if (!text_starts(names.items[i], prefix) || fstatat(dir_fd, names.items[i], &status, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (now_at - status.st_mtim.tv_sec >= age_s)
			(void)!dir_remove_tree(dir_fd, names.items[i], &ignored);
	}
}

void dir_random_name(char ret_hex[static 17])
{
	unsigned char random[8];
	struct buf hex = { .data = ret_hex, .room = 17, .max = 16 };
	int status = getentropy(random, sizeof(random));

	assert(status == 0);
	text_hex(&hex, random, sizeof(random));
}
