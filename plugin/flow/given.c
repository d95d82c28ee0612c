/* SPDX-License-Identifier: MIT */
/* Files that operators name by path: the one place where links are followed. */
#include "flow/given.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/dir.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

bool given_read(const char *path, struct buf *ret_text, struct file_stamp *ret_stamp, struct err *err)
{
	AUTO_FREE char *folder = path[0] == '/' ? realpath(path, NULL) : NULL;
	AUTO_FD dir_fd = -1;
	char *slash = NULL;

	if (path[0] != '/')
		return err_set(err, ERR_CONFIG, "'%s' does not start with '/'", path);
	if (!folder)
		return err_sys(err, "'%s'", path);
	slash = strrchr(folder, '/');
	if (!slash[1])
		return err_set(err, ERR_CONFIG, "'%s' is a folder", path);
	*slash = '\0';
	dir_fd = dir_open(slash == folder ? "/" : folder, err);
	if (dir_fd < 0 || !file_read(dir_fd, slash + 1, ret_text, err))
		return err_wrap(err, "'%s'", path);
	if (ret_stamp)
		*ret_stamp = file_stamp(dir_fd, slash + 1);
	return true;
}
