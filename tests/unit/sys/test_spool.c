/* SPDX-License-Identifier: MIT */
#include "sys/spool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "tests/unit/sys/scratch.h"
#include "util/err.h"
#include "util/mem.h"

static bool disk_fails;

/* Takes the place of libc's. */
int openat(int dir_fd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	if (!disk_fails || flags & O_DIRECTORY)
		return (int)syscall(SYS_openat, dir_fd, name, flags, mode);
	errno = EIO;
	return -1;
}

static char *put(int fd, const char *trigger, const char *app)
{
	const char *const words[] = { trigger, app };
	struct err err = { 0 };
	char *name = NULL;

	assert_true(spool_put(fd, words, 2, &name, &err));
	return name;
}

static void assert_empty(int fd)
{
	struct spool_entries entries = { 0 };
	struct err err = { 0 };

	assert_true(spool_list(fd, &entries, &err));
	assert_int_equal(entries.count, 0);
	assert_false(spool_has_any(fd));
	spool_entries_done(&entries);
}

static void comes_out_in_the_order_it_went_in(void **state)
{
	int fd = scratch_fd(state);
	struct err err = { 0 };
	struct spool_entries entries = { 0 };
	AUTO_FREE char *first = put(fd, "post-deploy", "web");
	AUTO_FREE char *second = put(fd, "post-certs-update", "");
	AUTO_FREE char *third = put(fd, "post-delete", "api");

	assert_true(spool_has_any(fd));
	assert_true(spool_list(fd, &entries, &err));
	assert_int_equal(entries.count, 3);
	assert_string_equal(entries.items[0].name, first);
	assert_string_equal(entries.items[0].words.items[0], "post-deploy");
	assert_string_equal(entries.items[0].words.items[1], "web");
	assert_string_equal(entries.items[1].name, second);
	assert_int_equal(entries.items[1].words.count, 2);
	assert_string_equal(entries.items[1].words.items[1], "");
	assert_string_equal(entries.items[2].name, third);
	spool_entries_done(&entries);

	assert_true(spool_remove(fd, first, &err));
	assert_true(spool_remove(fd, first, &err));
	assert_true(spool_remove(fd, second, &err));
	assert_true(spool_remove(fd, third, &err));
	assert_empty(fd);
}

static void nothing_there_is_nothing_to_do(void **state)
{
	struct err err = { 0 };

	assert_empty(scratch_fd(state));
	assert_true(spool_remove(scratch_fd(state), "1", &err));
	assert_false(scratch_has(scratch_fd(state), "spool"));
}

static void is_closed_to_others(void **state)
{
	struct err err = { 0 };
	AUTO_FREE char *name = put(scratch_fd(state), "post-deploy", "web");
	AUTO_FD spool_fd = dir_open_at(scratch_fd(state), "spool", &err);

	assert_int_equal(scratch_mode(scratch_fd(state), "spool"), 0700);
	assert_int_equal(scratch_mode(spool_fd, name), 0600);
}

static void refuses_what_it_could_not_read_back(void **state)
{
	static char large[5000];
	const char *const words[] = { "post-deploy", "a\nb" };
	const char *const too_large[] = { large };
	struct err err = { 0 };
	char *name = NULL;

	assert_false(spool_put(scratch_fd(state), words, 2, &name, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	memset(large, 'x', sizeof(large) - 1);
	assert_false(spool_put(scratch_fd(state), too_large, 1, &name, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_empty(scratch_fd(state));
}

/* What no hook wrote goes, and does not hide what one did; what one is just writing stays. */
static void removes_what_is_no_entry(void **state)
{
	static const char *const foreign[] = { "README", "1700000000000000000.0123", "1700000000000000000.0123456789abcdef", "1700000000000000001.0123456789abcdef" };
	static const char temporary[] = ".1700000000000000000.0123456789abcdef.0123456789abcdef";
	struct spool_entries entries = { 0 };
	struct err err = { 0 };
	AUTO_FREE char *name = put(scratch_fd(state), "post-deploy", "web");
	AUTO_FD fd = dir_open_at(scratch_fd(state), "spool", &err);

	scratch_write(fd, foreign[0], "post-deploy\nweb\n", 16);
	scratch_write(fd, foreign[1], "post-deploy\nweb\n", 16);
	scratch_write(fd, foreign[2], "", 0);
	assert_int_equal(mkdirat(fd, foreign[3], 0755), 0);
	scratch_write(fd, temporary, "post", 4);
	assert_true(spool_list(scratch_fd(state), &entries, &err));
	assert_int_equal(entries.count, 1);
	assert_string_equal(entries.items[0].name, name);
	for (size_t i = 0; i < COUNT(foreign); i++)
		assert_false(scratch_has(fd, foreign[i]));
	assert_true(scratch_has(fd, temporary));
	spool_entries_done(&entries);
}

/* The disk failed once: it is read when it does not. */
static void keeps_what_cannot_be_read_now(void **state)
{
	int fd = scratch_fd(state);
	struct spool_entries entries = { 0 };
	struct err err = { 0 };
	AUTO_FREE char *name = put(fd, "post-deploy", "web");

	disk_fails = true;
	assert_true(spool_list(fd, &entries, &err));
	disk_fails = false;
	assert_int_equal(entries.count, 0);
	spool_entries_done(&entries);

	assert_true(spool_list(fd, &entries, &err));
	assert_int_equal(entries.count, 1);
	assert_string_equal(entries.items[0].name, name);
	spool_entries_done(&entries);
}

/* A hook that ran as root leaves what the folder's owner can take in. */
static void root_leaves_it_to_the_owner(void **state)
{
	int fd = scratch_fd(state);
	struct err err = { 0 };
	struct stat folder, entry;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(fd, 65534, 65534), 0);
	AUTO_FREE char *name = put(fd, "post-deploy", "web");
	AUTO_FD spool_fd = dir_open_at(fd, "spool", &err);
	assert_int_equal(fstat(spool_fd, &folder), 0);
	assert_int_equal(fstatat(spool_fd, name, &entry, 0), 0);
	assert_int_equal(folder.st_uid, 65534);
	assert_int_equal(entry.st_uid, 65534);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(comes_out_in_the_order_it_went_in),
		scratch_test(nothing_there_is_nothing_to_do),
		scratch_test(is_closed_to_others),
		scratch_test(refuses_what_it_could_not_read_back),
		scratch_test(removes_what_is_no_entry),
		scratch_test(keeps_what_cannot_be_read_now),
		scratch_test(root_leaves_it_to_the_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
