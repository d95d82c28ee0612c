/* SPDX-License-Identifier: MIT */
/*
 * Locks of the open file description (F_OFD_SETLK): a second open in this process is excluded too, and closing some other descriptor of the file releases
 * nothing. The files stay: were they removed, two processes could hold "the" lock on two files.
 */
#include "sys/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/name.h"
#include "util/parse.h"

/* There is no way to be told: the lock is tried again, at first quickly. */
#define PAUSE_FIRST_MS 10
#define PAUSE_MAX_MS 250

static bool is_ours_to_use(int dir_fd, int fd, const char *name, struct err *err)
{
	struct stat file, dir;

	if (fstat(fd, &file) != 0 || fstat(dir_fd, &dir) != 0)
		return err_sys(err, "look at lock '%s'", name);
	if (!S_ISREG(file.st_mode))
		return err_set(err, ERR_IO, "lock '%s' is not a regular file", name);
	/* What is done next as root must not be done to somebody's file elsewhere. */
	if (file.st_nlink != 1)
		return err_set(err, ERR_IO, "lock '%s' has another name as well (a hard link); remove it", name);
	/* One that root made must not keep out the folder's owner. */
	if (geteuid() == 0 && file.st_uid != dir.st_uid && fchown(fd, dir.st_uid, dir.st_gid) != 0)
		return err_sys(err, "give lock '%s' to the owner of its folder", name);
	return true;
}

static int open_lock(int dir_fd, const char *name, struct err *err)
{
	assert(name_is_component(name));
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		(void)err_sys(err, "open lock '%s'", name);
	else if (!is_ours_to_use(dir_fd, fd, name, err))
		fd_done(&fd);
	return fd;
}

static bool fail_locked(int fd, const char *name, struct err *err)
{
	char text[24] = "";
	int64_t pid;
	ssize_t size = pread(fd, text, sizeof(text) - 1, 0);

	/* Without its line end: what was read is a number and '\n'. */
	if (size > 1)
		text[size - 1] = '\0';
	if (size > 1 && parse_int(text, 1, INT32_MAX, &pid))
		return err_set(err, ERR_LOCKED, "'%s' is locked by process %" PRId64, name, pid);
	return err_set(err, ERR_LOCKED, "'%s' is locked by another process", name);
}

/* Who holds it is written for people; that it could not be written (a full disk) harms nobody. */
static void write_holder(int fd)
{
	char text[24];
	int size = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	ssize_t ignored;

	if (ftruncate(fd, 0) == 0) {
		ignored = pwrite(fd, text, (size_t)size, 0);
		(void)ignored;
	}
}

static bool try_lock(int fd, short type, const char *name, struct err *err)
{
	struct flock whole = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &whole) == 0) {
		if (type == F_WRLCK)
			write_holder(fd);
		return true;
	}
	if (errno == EAGAIN || errno == EACCES)
		return fail_locked(fd, name, err);
	return err_sys(err, "lock '%s'", name);
}

static int open_and_try(int dir_fd, short type, const char *name, struct err *err)
{
	int fd = open_lock(dir_fd, name, err);

	if (fd >= 0 && !try_lock(fd, type, name, err))
		fd_done(&fd);
	return fd;
}

int lock_try(int dir_fd, const char *name, struct err *err)
{
	return open_and_try(dir_fd, F_WRLCK, name, err);
}

int lock_share(int dir_fd, const char *name, struct err *err)
{
	return open_and_try(dir_fd, F_RDLCK, name, err);
}

static bool wait_for(struct loop *loop, int fd, const char *name, int64_t deadline_ms, struct err *err)
{
	int64_t pause_ms = PAUSE_FIRST_MS;

	while (!try_lock(fd, F_WRLCK, name, err)) {
		int64_t left_ms = deadline_ms - loop_now_ms(loop);

		if (err->kind != ERR_LOCKED || left_ms <= 0)
			return false;
		if (loop_sleep(loop, pause_ms < left_ms ? pause_ms : left_ms) == WAIT_STOPPED)
			return err_set(err, ERR_STOPPED, "stopped while waiting for lock '%s'", name);
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
	return true;
}

int lock_take(struct loop *loop, int dir_fd, const char *name, int64_t deadline_ms, struct err *err)
{
	int fd = open_lock(dir_fd, name, err);

	if (fd >= 0 && !wait_for(loop, fd, name, deadline_ms, err))
		fd_done(&fd);
	return fd;
}
