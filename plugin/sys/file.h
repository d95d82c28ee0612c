/* SPDX-License-Identifier: MIT */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "util/attr.h"

struct buf;
struct err;

/*
 * Whole files below directory descriptors. Names are single components, of whatever length the file system takes; the last component is never followed if it
 * is a link; only regular files are read. A missing file is ERR_MISSING, everything else ERR_IO (too large: ERR_REFUSED). Messages quote the name.
 */

/* Closes *fd if it is >= 0: for AUTO. */
void fd_done(int *fd);
#define AUTO_FD AUTO(fd_done) int
/* First thing in main: /dev/null in place of each standard stream that is closed, lest a file of ours gets its number, and with it what is printed. */
void fd_fill_standard(void);

/* Appends the content (at most the room that `ret_content` has left); nothing is added on failure. */
bool file_read(int dir_fd, const char *name, struct buf *ret_content, struct err *err) MUST_USE;
/*
 * Replaces or makes `name` durably: a random temporary name, 0600 until complete, exact `mode`, fsync, rename, fsync of the folder. As root the file gets the
 * owner of the folder. Kills leave ".<name, maybe cut>.<random>" at worst: file_sweep.
 */
bool file_replace(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, struct err *err) MUST_USE;
/* The same without the syncs: for what is made anew at any time. */
bool file_replace_fast(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, struct err *err) MUST_USE;
/* Removes what kills left of these in the folder and that is at least `age_s` old. Failures are ignored. */
void file_sweep(int dir_fd, int64_t age_s);
/* Opens it for appending, creating it with `mode`. -1 = failed. */
int file_open_append(int dir_fd, const char *name, mode_t mode, struct err *err) MUST_USE;
/* Appends in one write(2), creating it with `mode`. */
bool file_append(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, struct err *err) MUST_USE;
/* Removes it; absent is success. */
bool file_remove(int dir_fd, const char *name, struct err *err) MUST_USE;
/* Something has that name; a link counts as itself. */
bool file_exists(int dir_fd, const char *name);
/* Copies a regular file of any size, with mode, times and (as root) owner, to a name that must not exist; synced. */
bool file_copy(int from_dir_fd, const char *from, int to_dir_fd, const char *to, struct err *err) MUST_USE;
/*
 * Takes from a regular file or a folder the permissions beyond `max`; what has none beyond it, and a link, is left alone. *ret_was_wide: it had some. Fails
 * for one that is somebody else's.
 */
bool file_narrow(int dir_fd, const char *name, mode_t max, bool *ret_was_wide, struct err *err) MUST_USE;
/* What tells whether a file changed: inode, size, mtime and ctime in ns; all 0 when it is absent. */
struct file_stamp {
	uint64_t inode, size;
	int64_t mtime_ns, ctime_ns;
};
struct file_stamp file_stamp(int dir_fd, const char *name);

#endif
