/* SPDX-License-Identifier: MIT */
/* One word a line; the name is the moment of writing and a random end: "<19 digits: ns>.<16 hex digits>". */
#include "sys/spool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

#define FOLDER "spool"
#define TIME_SIZE 19
#define RANDOM_SIZE 16
/* Triggers carry an app's name or two: what is larger was not written here. */
#define ENTRY_MAX 4096

void spool_entries_done(struct spool_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->items[i].name);
		strs_done(&entries->items[i].words);
	}
	free(entries->items);
	*entries = (struct spool_entries){ 0 };
}

/* Opens the folder, making it when it is missing; it is on the disk before an entry is. */
static int open_or_make(int global_fd, struct err *err)
{
	struct err missing = { 0 };
	int fd = dir_open_at(global_fd, FOLDER, &missing);

	if (fd >= 0)
		return fd;
	if (missing.kind != ERR_MISSING) {
		*err = missing;
		return -1;
	}
	fd = dir_make_at(global_fd, FOLDER, 0700, err);
	if (fd >= 0 && !dir_sync(global_fd, err))
		fd_done(&fd);
	return fd;
}

static bool write_words(struct buf *content, const char *const *words, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (strchr(words[i], '\n') != NULL)
			return err_set(err, ERR_USAGE, "a word for the spool has a line end");
		if (!buf_addf(content, "%s\n", words[i]))
			return err_set(err, ERR_USAGE, "an entry for the spool is larger than %d bytes", ENTRY_MAX);
	}
	return true;
}

bool spool_put(int global_fd, const char *const *words, size_t count, char **ret_name, struct err *err)
{
	AUTO_BUF content = BUF_MAX(ENTRY_MAX);
	char random[RANDOM_SIZE + 1];

	if (!write_words(&content, words, count, err))
		return false;
	AUTO_FD fd = open_or_make(global_fd, err);
	if (fd < 0)
		return false;
	dir_random_name(random);
	AUTO_FREE char *name = mem_fmt("%0*" PRId64 ".%s", TIME_SIZE, clock_of_files_ns(), random);
	if (!file_replace(fd, name, content.data, content.size, 0600, err))
		return err_wrap(err, "spool");
	*ret_name = mem_take(&name);
	return true;
}

static bool is_entry_name(const char *name)
{
	return strlen(name) == TIME_SIZE + 1 + RANDOM_SIZE && strspn(name, "0123456789") == TIME_SIZE && name[TIME_SIZE] == '.' &&
		strspn(name + TIME_SIZE + 1, "0123456789abcdef") == RANDOM_SIZE;
}

/* Empty words count: they are arguments. */
static bool read_words(const struct buf *content, struct strs *words)
{
	const char *end = NULL;

	for (const char *line = buf_text(content); (end = strchr(line, '\n')) != NULL; line = end + 1)
		strs_add_size(words, line, (size_t)(end - line));
	return words->count > 0;
}

/* What lies there is what spool_put would write, as far as its name, kind and size tell. */
static bool may_be_entry(int fd, const char *name)
{
	struct stat info;

	return is_entry_name(name) && fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) && info.st_size <= ENTRY_MAX;
}

/* An entry that cannot be read now (no descriptor is free, the disk fails) stays for whoever comes next; what is none goes. */
static void take(int fd, const char *name, struct spool_entries *entries)
{
	AUTO_BUF content = BUF_MAX(ENTRY_MAX);
	AUTO_STRS words = { 0 };
	struct err ignored;

	if (may_be_entry(fd, name) && !file_read(fd, name, &content, &ignored))
		return;
	if (read_words(&content, &words))
		entries->items[entries->count++] = (struct spool_entry){ .name = mem_strdup(name), .words = strs_take(&words) };
	else
		(void)!dir_remove_tree(fd, name, &ignored);
}

bool spool_list(int global_fd, struct spool_entries *ret_entries, struct err *err)
{
	struct err missing = { 0 };
	AUTO_FD fd = dir_open_at(global_fd, FOLDER, &missing);
	AUTO_STRS names = { 0 };

	if (fd < 0) {
		if (missing.kind == ERR_MISSING)
			return true;
		*err = missing;
		return false;
	}
	file_sweep(fd, WHEN_HOUR);
	if (!dir_list(fd, &names, err))
		return err_wrap(err, "spool");
	ret_entries->items = mem_new(names.count, sizeof(*ret_entries->items));
	for (size_t i = 0; i < names.count; i++) {
		/* Somebody is just writing what begins with a dot. */
		if (names.items[i][0] != '.')
			take(fd, names.items[i], ret_entries);
	}
	return true;
}

bool spool_remove(int global_fd, const char *name, struct err *err)
{
	struct err missing = { 0 };
	AUTO_FD fd = dir_open_at(global_fd, FOLDER, &missing);

	if (fd >= 0)
		return file_remove(fd, name, err);
	if (missing.kind == ERR_MISSING)
		return true;
	*err = missing;
	return false;
}

bool spool_has_any(int global_fd)
{
	struct err ignored;
	AUTO_FD fd = dir_open_at(global_fd, FOLDER, &ignored);
	AUTO_STRS names = { 0 };

	if (fd < 0 || !dir_list(fd, &names, &ignored))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		if (names.items[i][0] != '.')
			return true;
	}
	return false;
}
