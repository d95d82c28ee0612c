/* SPDX-License-Identifier: MIT */
/*
 * Whole files: read with a maximum, replaced so that a crash leaves the old or the new one, appended to, copied. Nothing here follows a link, waits for a FIFO
 * or trusts what was true before the file was open.
 */
#include "sys/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/dir.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/strs.h"

/* Bytes moved at a time. They may be of a key, so the array is wiped after use, which for small files takes longer than reading them. */
#define CHUNK_SIZE 4096

#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

void fd_done(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void fd_fill_standard(void)
{
	/* The lowest free number is taken: its own. Without O_CLOEXEC, for programs that we become or start as well. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR);
}

/* An I/O error, except that a missing file has a kind of its own. */
static bool fail(const char *action, const char *name, struct err *err)
{
	enum err_kind kind = errno == ENOENT ? ERR_MISSING : ERR_IO;

	err_record(err, kind, errno, "%s '%s'", action, name);
	return false;
}

/* Opens an existing regular file; -1 = failed. */
static int open_regular(int dir_fd, const char *name, int flags, struct stat *ret_status, struct err *err)
{
	assert(name_is_component(name));
	int fd = openat(dir_fd, name, flags | OPEN_FLAGS);

	if (fd < 0) {
		if (errno == ELOOP)
			(void)err_set(err, ERR_IO, "'%s' is a symbolic link; it is not followed", name);
		else
			(void)fail("open", name, err);
		return -1;
	}
	if (fstat(fd, ret_status) != 0)
		(void)err_sys(err, "look at '%s'", name);
	else if (!S_ISREG(ret_status->st_mode))
		(void)err_set(err, ERR_IO, "'%s' is not a regular file", name);
	else
		return fd;
	fd_done(&fd);
	return -1;
}

/* read(2) that goes on after an interruption. */
static ssize_t read_chunk(int fd, void *data, size_t size)
{
	ssize_t got;

	do
		got = read(fd, data, size);
	while (got < 0 && errno == EINTR);
	return got;
}

static bool read_all(int fd, const char *name, struct buf *content, struct err *err)
{
	char chunk[CHUNK_SIZE];
	ssize_t got;

	while ((got = read_chunk(fd, chunk, sizeof(chunk))) > 0 && buf_add(content, chunk, (size_t)got))
		continue;
	int read_errno = errno;
	explicit_bzero(chunk, sizeof(chunk));
	if (got > 0)
		return err_set(err, ERR_REFUSED, "'%s' is too large: more than %zu bytes", name, content->max);
	errno = read_errno;
	return got == 0 || err_sys(err, "read '%s'", name);
}

bool file_read(int dir_fd, const char *name, struct buf *ret_content, struct err *err)
{
	struct stat status;
	AUTO_FD fd = open_regular(dir_fd, name, O_RDONLY, &status, err);
	AUTO_BUF content = { .max = ret_content->max - ret_content->size, .is_secret = ret_content->is_secret };

	if (fd < 0 || !read_all(fd, name, &content, err))
		return false;
	/* It fits: its maximum is what was left. */
	return buf_add(ret_content, buf_text(&content), content.size);
}

static bool write_all(int fd, const char *name, const char *data, size_t size, struct err *err)
{
	while (size > 0) {
		ssize_t put = write(fd, data, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_sys(err, "write '%s'", name);
		data += put;
		size -= (size_t)put;
	}
	return true;
}

/* As root: gives the file to the owner of its folder. */
static bool give_to_owner(int dir_fd, int fd, const char *name, struct err *err)
{
	struct stat dir;

	if (geteuid() != 0)
		return true;
	if (fstat(dir_fd, &dir) != 0 || fchown(fd, dir.st_uid, dir.st_gid) != 0)
		return err_sys(err, "give '%s' to the owner of its folder", name);
	return true;
}

/* close(2) can be the one to report that a write failed. It is never repeated: the descriptor is gone in any case. */
static bool close_written(int *fd, const char *name, struct err *err)
{
	int status = close(*fd);

	*fd = -1;
	return status == 0 || err_sys(err, "close '%s'", name);
}

static bool fill(int dir_fd, const char *temp, const void *data, size_t size, mode_t mode, bool is_synced, struct err *err)
{
	AUTO_FD fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | OPEN_FLAGS, 0600);

	if (fd < 0)
		return err_sys(err, "create '%s'", temp);
	if (!write_all(fd, temp, data, size, err) || !give_to_owner(dir_fd, fd, temp, err))
		return false;
	/* After the owner: changing that clears bits of the mode. */
	if (fchmod(fd, mode) != 0)
		return err_sys(err, "set the mode of '%s'", temp);
	if (is_synced && fsync(fd) != 0)
		return err_sys(err, "sync '%s'", temp);
	return close_written(&fd, temp, err);
}

/* So much of a file's name goes into that of its temporary one, which must not become too long by it. */
#define TEMP_NAME_SIZE_MAX 200

static bool replace(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, bool is_synced, struct err *err)
{
	char random[17];

	assert(name_is_component(name));
	dir_random_name(random);
	AUTO_FREE char *temp = mem_fmt(".%.*s.%s", TEMP_NAME_SIZE_MAX, name, random);
	bool is_done = fill(dir_fd, temp, data, size, mode, is_synced, err) &&
		(renameat(dir_fd, temp, dir_fd, name) == 0 || err_sys(err, "rename '%s' to '%s'", temp, name));

	if (!is_done)
		(void)unlinkat(dir_fd, temp, 0);
	return is_done;
}

bool file_replace(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, struct err *err)
{
	return replace(dir_fd, name, data, size, mode, true, err) && dir_sync(dir_fd, err);
}

bool file_replace_fast(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, struct err *err)
{
	return replace(dir_fd, name, data, size, mode, false, err);
}

#define RANDOM_SIZE 16

/* A temporary name of `replace`. */
static bool is_temporary(const char *name)
{
	const char *dot = strrchr(name, '.');

	return *name == '.' && dot > name + 1 && strlen(dot + 1) == RANDOM_SIZE && strspn(dot + 1, "0123456789abcdef") == RANDOM_SIZE;
}

void file_sweep(int dir_fd, int64_t age_s)
{
	AUTO_STRS names = { 0 };
	struct err ignored = { 0 };
	int64_t now_at = clock_of_files();

	if (!dir_list(dir_fd, &names, &ignored))
		return;
	for (size_t i = 0; i < names.count; i++) {
		struct stat status;

		if (is_temporary(names.items[i]) && fstatat(dir_fd, names.items[i], &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(status.st_mode) &&
		    now_at - status.st_mtim.tv_sec >= age_s)
			(void)unlinkat(dir_fd, names.items[i], 0);
	}
}

/* A new, empty file of exactly `mode`; no failure if somebody else was first. */
static bool create_empty(int dir_fd, const char *name, mode_t mode, struct err *err)
{
	AUTO_FD fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | OPEN_FLAGS, 0600);

	if (fd < 0)
		return errno == EEXIST || err_sys(err, "create '%s'", name);
	if (!give_to_owner(dir_fd, fd, name, err))
		return false;
	return fchmod(fd, mode) == 0 || err_sys(err, "set the mode of '%s'", name);
}

int file_open_append(int dir_fd, const char *name, mode_t mode, struct err *err)
{
	struct stat status;

	if (!file_exists(dir_fd, name) && !create_empty(dir_fd, name, mode, err))
		return -1;
	return open_regular(dir_fd, name, O_WRONLY | O_APPEND, &status, err);
}

bool file_append(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, struct err *err)
{
	AUTO_FD fd = file_open_append(dir_fd, name, mode, err);

	if (fd < 0)
		return false;
	ssize_t put = write(fd, data, size);
	if (put < 0)
		return err_sys(err, "append to '%s'", name);
	if ((size_t)put != size)
		return err_set(err, ERR_IO, "append to '%s': only %zd of %zu bytes were written; is the disk full?", name, put, size);
	return close_written(&fd, name, err);
}

bool file_remove(int dir_fd, const char *name, struct err *err)
{
	assert(name_is_component(name));
	return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT || err_sys(err, "remove '%s'", name);
}

bool file_exists(int dir_fd, const char *name)
{
	struct stat status;

	assert(name_is_component(name));
	return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool copy_content(int from_fd, int to_fd, const char *from, const char *to, struct err *err)
{
	char chunk[CHUNK_SIZE];
	ssize_t got;
	bool is_written = true;

	while (is_written && (got = read_chunk(from_fd, chunk, sizeof(chunk))) > 0)
		is_written = write_all(to_fd, to, chunk, (size_t)got, err);
	if (is_written && got < 0)
		is_written = err_sys(err, "read '%s'", from);
	explicit_bzero(chunk, sizeof(chunk));
	return is_written;
}

static bool copy_attributes(int fd, const struct stat *status, const char *name, struct err *err)
{
	const struct timespec times[2] = { status->st_atim, status->st_mtim };

	if (geteuid() == 0 && fchown(fd, status->st_uid, status->st_gid) != 0)
		return err_sys(err, "set the owner of '%s'", name);
	/* Never a set-user-id bit: as root the copy would be more than what was copied. */
	if (fchmod(fd, status->st_mode & 0777) != 0 || futimens(fd, times) != 0)
		return err_sys(err, "set mode and times of '%s'", name);
	return true;
}

bool file_copy(int from_dir_fd, const char *from, int to_dir_fd, const char *to, struct err *err)
{
	struct stat status;
	AUTO_FD from_fd = open_regular(from_dir_fd, from, O_RDONLY, &status, err);

	if (from_fd < 0)
		return false;
	assert(name_is_component(to));
	AUTO_FD to_fd = openat(to_dir_fd, to, O_WRONLY | O_CREAT | O_EXCL | OPEN_FLAGS, 0600);
	if (to_fd < 0)
		return err_sys(err, "create '%s'", to);

	bool is_done = copy_content(from_fd, to_fd, from, to, err) && copy_attributes(to_fd, &status, to, err) &&
		(fsync(to_fd) == 0 || err_sys(err, "sync '%s'", to)) && close_written(&to_fd, to, err) && dir_sync(to_dir_fd, err);
	if (!is_done)
		(void)unlinkat(to_dir_fd, to, 0);
	return is_done;
}

static bool is_wide(const struct stat *status, mode_t max)
{
	return (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode)) && (status->st_mode & 07777 & ~max) != 0;
}

bool file_narrow(int dir_fd, const char *name, mode_t max, bool *ret_was_wide, struct err *err)
{
	struct stat status;

	assert(name_is_component(name));
	*ret_was_wide = false;
	if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return fail("look at", name, err);
	if (!is_wide(&status, max))
		return true;
	AUTO_FD fd = openat(dir_fd, name, O_RDONLY | OPEN_FLAGS);
	if (fd < 0 || fstat(fd, &status) != 0)
		return fail("open", name, err);
	*ret_was_wide = is_wide(&status, max);
	return !*ret_was_wide || fchmod(fd, status.st_mode & 07777 & max) == 0 || err_sys(err, "change the mode of '%s'", name);
}

static int64_t to_ns(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct file_stamp file_stamp(int dir_fd, const char *name)
{
	struct stat status;

	assert(name_is_component(name));
	if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return (struct file_stamp){ 0 };
	return (struct file_stamp){
		.inode = (uint64_t)status.st_ino,
		.size = (uint64_t)status.st_size,
		.mtime_ns = to_ns(status.st_mtim),
		.ctime_ns = to_ns(status.st_ctim),
	};
}
