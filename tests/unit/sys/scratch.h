/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SYS_SCRATCH_H
#define TESTS_UNIT_SYS_SCRATCH_H

/* An empty folder for each test, which takes its descriptor by scratch_fd(state). Include after cmocka.h. */

#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char path[200];
	int fd;
};

static int scratch_setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	const char *parent = getenv("TMPDIR");

	if (scratch == NULL)
		return -1;
	(void)snprintf(scratch->path, sizeof(scratch->path), "%s/unit-XXXXXX", parent != NULL ? parent : P_tmpdir);
	if (mkdtemp(scratch->path) == NULL)
		return -1;
	scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = scratch;
	return scratch->fd >= 0 ? 0 : -1;
}

static int scratch_remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;
	int status = nftw(scratch->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);

	(void)close(scratch->fd);
	free(scratch);
	return status;
}

#define scratch_test(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

static inline int scratch_fd(void **state)
{
	return ((const struct scratch *)*state)->fd;
}

static inline void scratch_write(int dir_fd, const char *name, const void *data, size_t size)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	(void)close(fd);
}

/* The name's own mode, without the type; fails when there is nothing. */
static inline mode_t scratch_mode(int dir_fd, const char *name)
{
	struct stat status;

	assert_int_equal(fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW), 0);
	return status.st_mode & 07777;
}

static inline bool scratch_has(int dir_fd, const char *name)
{
	struct stat status;

	return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The file is exactly `text`. */
static inline void scratch_check(int dir_fd, const char *name, const char *text)
{
	char content[1000];
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	ssize_t size = read(fd, content, sizeof(content));
	(void)close(fd);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(content, text, strlen(text));
}

#endif
