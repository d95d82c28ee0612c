/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_PLATFORM_FOLDER_H
#define TESTS_UNIT_PLATFORM_FOLDER_H

/* A temporary folder with files by relative path, for the tests of platform/ and proxy/. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

struct folder {
	char path[64];
};

static inline void folder_init(struct folder *folder)
{
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/test-letsencrypt.XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	/* For tests that give up root. */
	assert_int_equal(chmod(folder->path, 0755), 0);
}

static inline void folder_done(struct folder *folder)
{
	struct err err = { 0 };
	AUTO_FD parent = dir_open("/tmp", &err);

	(void)!dir_remove_tree(parent, folder->path + strlen("/tmp/"), &err);
}

/* The caller frees it. */
static inline char *folder_path(const struct folder *folder, const char *name)
{
	return mem_fmt("%s/%s", folder->path, name);
}

static inline void folder_make(const struct folder *folder, const char *name)
{
	struct err err = { 0 };
	AUTO_FD fd = dir_open(folder->path, &err);
	AUTO_FD made = dir_make_path_at(fd, name, 0755, &err);

	assert_true(made >= 0);
}

/* "a/b/c": its folders are made. */
static inline void folder_write(const struct folder *folder, const char *name, const char *content, mode_t mode)
{
	struct err err = { 0 };
	const char *slash = strrchr(name, '/');
	AUTO_FREE char *parent = mem_strndup(name, (size_t)(slash - name));
	AUTO_FREE char *path = folder_path(folder, parent);

	folder_make(folder, parent);
	AUTO_FD fd = dir_open(path, &err);
	assert_true(file_replace_fast(fd, slash + 1, content, strlen(content), mode, &err));
}

/* The caller frees it; "" when there is no such file. */
static inline char *folder_read(const struct folder *folder, const char *name)
{
	struct err err = { 0 };
	AUTO_FREE char *path = folder_path(folder, name);
	char *slash = strrchr(path, '/');
	AUTO_BUF text = BUF_MAX(1 << 20);

	*slash = '\0';
	AUTO_FD fd = dir_open(path, &err);
	if (fd >= 0)
		(void)!file_read(fd, slash + 1, &text, &err);
	return buf_take(&text);
}

static inline mode_t folder_mode(const struct folder *folder, const char *name)
{
	AUTO_FREE char *path = folder_path(folder, name);
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

static inline void assert_words(const struct strs *words, const char *expected)
{
	AUTO_FREE char *text = strs_join(words, " ");

	assert_string_equal(text, expected);
}

#endif
