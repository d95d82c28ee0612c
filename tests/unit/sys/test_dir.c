/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "tests/unit/sys/scratch.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

static void assert_listed(int dir_fd, const char *wanted)
{
	AUTO_STRS names = { 0 };
	struct err err = { 0 };

	assert_true(dir_list(dir_fd, &names, &err));
	AUTO_FREE char *joined = strs_join(&names, " ");
	assert_string_equal(joined, wanted);
}

static void opens_folders_only(void **state)
{
	const struct scratch *scratch = *state;
	struct err err = { 0 };

	scratch_write(scratch->fd, "file", "x", 1);
	assert_int_equal(mkdirat(scratch->fd, "folder", 0700), 0);
	assert_int_equal(symlinkat("folder", scratch->fd, "link"), 0);
	AUTO_FREE char *link_path = mem_fmt("%s/link", scratch->path);
	AUTO_FREE char *missing_path = mem_fmt("%s/missing", scratch->path);

	AUTO_FD by_path = dir_open(link_path, &err);
	assert_true(by_path >= 0);
	assert_int_equal(fcntl(by_path, F_GETFD), FD_CLOEXEC);
	AUTO_FD by_name = dir_open_at(scratch->fd, "folder", &err);
	assert_true(by_name >= 0);
	assert_int_equal(fcntl(by_name, F_GETFD), FD_CLOEXEC);
	assert_int_equal(err.kind, ERR_NONE);

	assert_int_equal(dir_open(missing_path, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_non_null(strstr(err.text, missing_path));
	assert_int_equal(dir_open_at(scratch->fd, "missing", &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_int_equal(dir_open_at(scratch->fd, "link", &err), -1);
	assert_int_equal(err.kind, ERR_IO);
	assert_int_equal(dir_open_at(scratch->fd, "file", &err), -1);
	assert_int_equal(err.kind, ERR_IO);
	assert_non_null(strstr(err.text, "'file'"));
}

static void makes_a_folder_with_exactly_that_mode(void **state)
{
	int dir_fd = scratch_fd(state);
	mode_t saved_umask = umask(077);
	struct err err = { 0 };

	AUTO_FD fd = dir_make_at(dir_fd, "a", 0755, &err);
	assert_true(fd >= 0);
	assert_int_equal(scratch_mode(dir_fd, "a"), 0755);
	AUTO_FD again = dir_make_at(dir_fd, "a", 0700, &err);
	assert_true(again >= 0);
	assert_int_equal(scratch_mode(dir_fd, "a"), 0755);
	assert_int_equal(umask(saved_umask), 077);
	assert_int_equal(err.kind, ERR_NONE);

	scratch_write(dir_fd, "file", "x", 1);
	assert_int_equal(symlinkat("a", dir_fd, "link"), 0);
	assert_int_equal(dir_make_at(dir_fd, "file", 0700, &err), -1);
	assert_int_equal(err.kind, ERR_IO);
	assert_int_equal(dir_make_at(dir_fd, "link", 0700, &err), -1);
	assert_int_equal(err.kind, ERR_IO);
}

/* As a umask of 077 left it. */
static void opens_a_folder_to_others(void **state)
{
	int dir_fd = scratch_fd(state);
	mode_t saved_umask = umask(077);
	struct err err = { 0 };

	AUTO_FD made = dir_make_public_at(dir_fd, "a", &err);
	assert_true(made >= 0);
	assert_int_equal(scratch_mode(dir_fd, "a"), 0755);
	assert_int_equal(mkdirat(dir_fd, "b", 0700), 0);
	AUTO_FD opened = dir_make_public_at(dir_fd, "b", &err);
	assert_true(opened >= 0);
	assert_int_equal(scratch_mode(dir_fd, "b"), 0755);
	assert_int_equal(umask(saved_umask), 077);
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(symlinkat("a", dir_fd, "link"), 0);
	assert_int_equal(dir_make_public_at(dir_fd, "link", &err), -1);
	assert_int_equal(err.kind, ERR_IO);
}

static void makes_a_path_but_through_no_link(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	struct stat status;

	AUTO_FD fd = dir_make_path_at(dir_fd, "a/b/c", 0711, &err);
	assert_true(fd >= 0);
	assert_int_equal(fstatat(dir_fd, "a/b/c", &status, 0), 0);
	struct stat opened;
	assert_int_equal(fstat(fd, &opened), 0);
	assert_int_equal(opened.st_ino, status.st_ino);
	assert_int_equal(status.st_mode & 07777, 0711);
	AUTO_FD again = dir_make_path_at(dir_fd, "a/b", 0700, &err);
	assert_true(again >= 0);

	assert_int_equal(symlinkat("a", dir_fd, "link"), 0);
	assert_int_equal(dir_make_path_at(dir_fd, "link/new", 0700, &err), -1);
	assert_non_null(strstr(err.text, "'link'"));
	assert_int_not_equal(fstatat(dir_fd, "a/new", &status, 0), 0);
}

static void root_gives_folders_to_the_owner_of_the_one_above(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	struct stat status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(dir_fd, 1234, 2345), 0);
	AUTO_FD fd = dir_make_path_at(dir_fd, "a/b", 0700, &err);
	assert_int_equal(fstat(fd, &status), 0);
	assert_true(status.st_uid == 1234 && status.st_gid == 2345);
}

static void lists_sorted_and_again(void **state)
{
	int dir_fd = scratch_fd(state);

	assert_listed(dir_fd, "");
	scratch_write(dir_fd, "b", "", 0);
	scratch_write(dir_fd, ".hidden", "", 0);
	scratch_write(dir_fd, "B", "", 0);
	assert_int_equal(mkdirat(dir_fd, "a", 0700), 0);
	assert_int_equal(symlinkat("nowhere", dir_fd, "c"), 0);
	assert_listed(dir_fd, ".hidden B a b c");
	assert_listed(dir_fd, ".hidden B a b c");
}

static void listing_no_folder_fails(void **state)
{
	int dir_fd = scratch_fd(state);
	AUTO_STRS names = { 0 };
	struct err err = { 0 };

	scratch_write(dir_fd, "file", "", 0);
	AUTO_FD fd = openat(dir_fd, "file", O_RDONLY | O_CLOEXEC);
	assert_false(dir_list(fd, &names, &err));
	assert_int_equal(err.kind, ERR_IO);
}

static void removes_trees_but_follows_no_link(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };

	AUTO_FD outside = dir_make_at(dir_fd, "outside", 0700, &err);
	scratch_write(outside, "kept", "x", 1);
	AUTO_FD deep = dir_make_path_at(dir_fd, "tree/a/b", 0700, &err);
	scratch_write(deep, "file", "x", 1);
	assert_int_equal(symlinkat("../../../outside", deep, "link"), 0);
	assert_int_equal(mkfifoat(deep, "fifo", 0600), 0);

	assert_true(dir_remove_tree(dir_fd, "tree", &err));
	assert_listed(dir_fd, "outside");
	assert_true(dir_remove_tree(dir_fd, "tree", &err));
	assert_int_equal(symlinkat("outside", dir_fd, "link"), 0);
	assert_true(dir_remove_tree(dir_fd, "link", &err));
	assert_listed(dir_fd, "outside");
	assert_listed(outside, "kept");
	assert_true(dir_sync(dir_fd, &err));
}

static void sweeps_what_is_old_and_ours(void **state)
{
	int dir_fd = scratch_fd(state);
	const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	struct err err = { 0 };

	scratch_write(dir_fd, ".a.old", "", 0);
	scratch_write(dir_fd, ".a.new", "", 0);
	scratch_write(dir_fd, "other", "", 0);
	AUTO_FD tree = dir_make_path_at(dir_fd, ".a.tree/b", 0700, &err);
	scratch_write(tree, "file", "", 0);
	assert_int_equal(utimensat(dir_fd, ".a.old", old, 0), 0);
	assert_int_equal(utimensat(dir_fd, ".a.tree", old, 0), 0);
	assert_int_equal(utimensat(dir_fd, "other", old, 0), 0);
	dir_sweep(dir_fd, ".a.", 3600);
	assert_listed(dir_fd, ".a.new other");
}

static void random_names_are_hex_and_differ(void **state)
{
	char a[17], b[17];

	(void)state;
	dir_random_name(a);
	dir_random_name(b);
	assert_int_equal(strlen(a), 16);
	assert_int_equal(strspn(a, "0123456789abcdef"), 16);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(opens_folders_only),
		scratch_test(makes_a_folder_with_exactly_that_mode),
		scratch_test(opens_a_folder_to_others),
		scratch_test(makes_a_path_but_through_no_link),
		scratch_test(root_gives_folders_to_the_owner_of_the_one_above),
		scratch_test(lists_sorted_and_again),
		scratch_test(listing_no_folder_fails),
		scratch_test(removes_trees_but_follows_no_link),
		scratch_test(sweeps_what_is_old_and_ours),
		cmocka_unit_test(random_names_are_hex_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
