/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "tests/unit/sys/scratch.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

static size_t count_entries(int dir_fd)
{
	AUTO_STRS names = { 0 };
	struct err err = { 0 };

	assert_true(dir_list(dir_fd, &names, &err));
	return names.count;
}

static void assert_fails(bool is_done, const struct err *err, enum err_kind kind, const char *part)
{
	assert_false(is_done);
	assert_int_equal(err->kind, kind);
	if (strstr(err->text, part) == NULL)
		fail_msg("'%s' is not in: %s", part, err->text);
}

static void read_appends(void **state)
{
	int dir_fd = scratch_fd(state);
	AUTO_BUF text = BUF_MAX(100);
	struct err err = { 0 };

	scratch_write(dir_fd, "a", "one\0two", 7);
	scratch_write(dir_fd, "empty", "", 0);
	assert_true(buf_adds(&text, "before "));
	assert_true(file_read(dir_fd, "a", &text, &err));
	assert_int_equal(text.size, 14);
	assert_memory_equal(text.data, "before one\0two", 15);
	assert_true(file_read(dir_fd, "empty", &text, &err));
	assert_int_equal(text.size, 14);
}

static void read_takes_what_fits_exactly(void **state)
{
	static const size_t sizes[] = { 1, 100, 16383, 16384, 16385, 50000 };
	int dir_fd = scratch_fd(state);

	for (size_t i = 0; i < COUNT(sizes); i++) {
		AUTO_FREE char *data = mem_new(sizes[i], 1);
		AUTO_BUF enough = BUF_SECRET(sizes[i]);
		AUTO_BUF short_by_one = BUF_MAX(sizes[i] - 1);
		struct err err = { 0 };

		memset(data, 'x', sizes[i]);
		data[sizes[i] - 1] = 'y';
		scratch_write(dir_fd, "a", data, sizes[i]);
		assert_true(file_read(dir_fd, "a", &enough, &err));
		assert_int_equal(enough.size, sizes[i]);
		assert_memory_equal(enough.data, data, sizes[i]);
		assert_fails(file_read(dir_fd, "a", &short_by_one, &err), &err, ERR_REFUSED, "'a' is too large");
		assert_int_equal(short_by_one.size, 0);
	}
}

static void read_refuses_all_but_regular_files(void **state)
{
	int dir_fd = scratch_fd(state);
	AUTO_BUF text = BUF_MAX(100);
	struct err err = { 0 };

	scratch_write(dir_fd, "target", "x", 1);
	assert_int_equal(symlinkat("target", dir_fd, "link"), 0);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(dir_fd, "folder", 0700), 0);
	assert_fails(file_read(dir_fd, "missing", &text, &err), &err, ERR_MISSING, "'missing': No such file");
	assert_fails(file_read(dir_fd, "link", &text, &err), &err, ERR_IO, "'link' is a symbolic link");
	assert_fails(file_read(dir_fd, "fifo", &text, &err), &err, ERR_IO, "'fifo' is not a regular file");
	assert_fails(file_read(dir_fd, "folder", &text, &err), &err, ERR_IO, "'folder' is not a regular file");
	assert_int_equal(text.size, 0);
}

static void replace_sets_content_and_exact_mode(void **state)
{
	int dir_fd = scratch_fd(state);
	mode_t saved_umask = umask(077);
	struct err err = { 0 };

	assert_true(file_replace(dir_fd, "a", "one", 3, 0644, &err));
	assert_int_equal(scratch_mode(dir_fd, "a"), 0644);
	scratch_check(dir_fd, "a", "one");
	assert_true(file_replace(dir_fd, "a", "", 0, 0600, &err));
	assert_int_equal(scratch_mode(dir_fd, "a"), 0600);
	scratch_check(dir_fd, "a", "");
	assert_true(file_replace_fast(dir_fd, "a", "three", 5, 0640, &err));
	assert_int_equal(scratch_mode(dir_fd, "a"), 0640);
	scratch_check(dir_fd, "a", "three");
	assert_int_equal(count_entries(dir_fd), 1);
	(void)umask(saved_umask);
}

static void replace_puts_a_new_file_in_place_of_a_link(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };

	scratch_write(dir_fd, "target", "target", 6);
	assert_int_equal(symlinkat("target", dir_fd, "a"), 0);
	assert_true(file_replace(dir_fd, "a", "new", 3, 0600, &err));
	scratch_check(dir_fd, "a", "new");
	scratch_check(dir_fd, "target", "target");
}

static void replace_that_fails_leaves_the_old_file_and_nothing_else(void **state)
{
	static const char much[] = "0123456789abcdef";
	int dir_fd = scratch_fd(state);
	struct rlimit saved, small;
	struct err err = { 0 };

	scratch_write(dir_fd, "a", "old", 3);
	assert_int_equal(mkdirat(dir_fd, "folder", 0700), 0);
	assert_fails(file_replace(dir_fd, "folder", "x", 1, 0600, &err), &err, ERR_IO, "to 'folder'");
	assert_int_equal(count_entries(dir_fd), 2);

	/* A file size limit is a full disk that needs no disk. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	small = saved;
	small.rlim_cur = 10;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	bool is_replaced = file_replace(dir_fd, "a", much, sizeof(much), 0600, &err);
	struct err append_err = { 0 };
	bool is_appended = file_append(dir_fd, "a", much, sizeof(much), 0600, &append_err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	assert_fails(is_replaced, &err, ERR_IO, "write '.a.");
	assert_fails(is_appended, &append_err, ERR_IO, "'a': only 7 of 17 bytes");
	assert_int_equal(count_entries(dir_fd), 2);
}

static void root_gives_files_to_the_owner_of_the_folder(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	struct stat status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(dir_fd, 1234, 2345), 0);
	assert_true(file_replace(dir_fd, "replaced", "x", 1, 0600, &err));
	assert_true(file_append(dir_fd, "appended", "x", 1, 0600, &err));
	assert_int_equal(fstatat(dir_fd, "replaced", &status, 0), 0);
	assert_true(status.st_uid == 1234 && status.st_gid == 2345);
	assert_int_equal(fstatat(dir_fd, "appended", &status, 0), 0);
	assert_true(status.st_uid == 1234 && status.st_gid == 2345);

	/* A copy keeps its owner. */
	assert_int_equal(fchownat(dir_fd, "replaced", 77, 78, 0), 0);
	assert_true(file_copy(dir_fd, "replaced", dir_fd, "copy", &err));
	assert_int_equal(fstatat(dir_fd, "copy", &status, 0), 0);
	assert_true(status.st_uid == 77 && status.st_gid == 78);
}

static void sweeps_what_a_kill_left_of_replacing(void **state)
{
	static const char *const foreign[] = { "kept", ".kept", ".kept.0123456789abcdeg", ".kept.0123456789abcde", ".0123456789abcdef", "kept.0123456789abcdef" };
	int dir_fd = scratch_fd(state);
	const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		scratch_write(dir_fd, foreign[i], "", 0);
	scratch_write(dir_fd, ".server.key.0123456789abcdef", "", 0);
	scratch_write(dir_fd, ".server.crt.fedcba9876543210", "", 0);
	assert_int_equal(utimensat(dir_fd, ".server.crt.fedcba9876543210", old, 0), 0);
	assert_int_equal(mkdirat(dir_fd, ".folder.0123456789abcdef", 0700), 0);
	file_sweep(dir_fd, 3600);
	assert_true(file_exists(dir_fd, ".server.key.0123456789abcdef"));
	assert_false(file_exists(dir_fd, ".server.crt.fedcba9876543210"));
	file_sweep(dir_fd, 0);
	assert_false(file_exists(dir_fd, ".server.key.0123456789abcdef"));
	assert_true(file_exists(dir_fd, ".folder.0123456789abcdef"));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		assert_true(file_exists(dir_fd, foreign[i]));
}

static void append_creates_and_adds(void **state)
{
	int dir_fd = scratch_fd(state);
	mode_t saved_umask = umask(077);
	struct err err = { 0 };

	assert_true(file_append(dir_fd, "log", "one\n", 4, 0644, &err));
	assert_int_equal(scratch_mode(dir_fd, "log"), 0644);
	assert_true(file_append(dir_fd, "log", "two\n", 4, 0600, &err));
	assert_int_equal(scratch_mode(dir_fd, "log"), 0644);
	scratch_check(dir_fd, "log", "one\ntwo\n");
	(void)umask(saved_umask);
}

static void append_follows_no_link_and_waits_for_no_reader(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };

	scratch_write(dir_fd, "target", "x", 1);
	assert_int_equal(symlinkat("target", dir_fd, "link"), 0);
	assert_int_equal(symlinkat("nowhere", dir_fd, "dangling"), 0);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_fails(file_append(dir_fd, "link", "y", 1, 0600, &err), &err, ERR_IO, "'link' is a symbolic link");
	assert_fails(file_append(dir_fd, "dangling", "y", 1, 0600, &err), &err, ERR_IO, "'dangling' is a symbolic link");
	assert_fails(file_append(dir_fd, "fifo", "y", 1, 0600, &err), &err, ERR_IO, "'fifo'");
	scratch_check(dir_fd, "target", "x");
	assert_false(scratch_has(dir_fd, "nowhere"));
}

static void remove_is_done_when_it_is_absent(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };

	scratch_write(dir_fd, "target", "x", 1);
	assert_int_equal(symlinkat("target", dir_fd, "link"), 0);
	assert_int_equal(mkdirat(dir_fd, "folder", 0700), 0);
	assert_true(file_exists(dir_fd, "link"));
	assert_true(file_remove(dir_fd, "link", &err));
	assert_false(file_exists(dir_fd, "link"));
	assert_true(file_exists(dir_fd, "target"));
	assert_true(file_remove(dir_fd, "link", &err));
	assert_fails(file_remove(dir_fd, "folder", &err), &err, ERR_IO, "remove 'folder'");
}

static void copies_content_mode_and_times(void **state)
{
	int dir_fd = scratch_fd(state);
	struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1100000000, .tv_nsec = 5 } };
	AUTO_FREE char *data = mem_new(100000, 1);
	AUTO_BUF copied = BUF_MAX(100000);
	struct err err = { 0 };
	struct stat status;

	for (size_t i = 0; i < 100000; i++)
		data[i] = (char)(i * 31 >> 3);
	scratch_write(dir_fd, "from", data, 100000);
	assert_int_equal(fchmodat(dir_fd, "from", 04751, 0), 0);
	assert_int_equal(utimensat(dir_fd, "from", times, 0), 0);
	assert_true(file_copy(dir_fd, "from", dir_fd, "to", &err));
	assert_true(file_read(dir_fd, "to", &copied, &err));
	assert_int_equal(copied.size, 100000);
	assert_memory_equal(copied.data, data, 100000);
	assert_int_equal(fstatat(dir_fd, "to", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0751);
	assert_int_equal(status.st_mtim.tv_sec, 1100000000);
	assert_int_equal(status.st_mtim.tv_nsec, 5);
}

static void copy_overwrites_nothing(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };

	scratch_write(dir_fd, "from", "new", 3);
	scratch_write(dir_fd, "to", "old", 3);
	assert_int_equal(symlinkat("nowhere", dir_fd, "link"), 0);
	assert_fails(file_copy(dir_fd, "from", dir_fd, "to", &err), &err, ERR_IO, "create 'to': File exists");
	assert_fails(file_copy(dir_fd, "from", dir_fd, "link", &err), &err, ERR_IO, "create 'link': File exists");
	assert_fails(file_copy(dir_fd, "missing", dir_fd, "x", &err), &err, ERR_MISSING, "'missing'");
	assert_fails(file_copy(dir_fd, "link", dir_fd, "x", &err), &err, ERR_IO, "'link'");
	scratch_check(dir_fd, "to", "old");
	assert_false(scratch_has(dir_fd, "x"));
}

static void stamps_tell_changes(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1100000000, .tv_nsec = 5 } };
	struct file_stamp absent = file_stamp(dir_fd, "a");

	assert_true(absent.inode == 0 && absent.size == 0 && absent.mtime_ns == 0 && absent.ctime_ns == 0);
	assert_true(file_replace(dir_fd, "a", "one", 3, 0600, &err));
	/* A second name keeps the inode from being used again. */
	assert_int_equal(linkat(dir_fd, "a", dir_fd, "kept", 0), 0);
	assert_int_equal(utimensat(dir_fd, "a", times, 0), 0);
	struct file_stamp first = file_stamp(dir_fd, "a");
	struct file_stamp again = file_stamp(dir_fd, "a");
	assert_memory_equal(&first, &again, sizeof(first));
	assert_int_equal(first.size, 3);
	assert_true(first.mtime_ns == 1100000000000000005);
	assert_true(file_replace(dir_fd, "a", "two", 3, 0600, &err));
	struct file_stamp second = file_stamp(dir_fd, "a");
	assert_true(second.inode != first.inode);
	assert_true(second.mtime_ns != first.mtime_ns);
}

static void fd_done_closes_once(void **state)
{
	int fd = dup(scratch_fd(state));
	int number = fd;

	assert_true(fd >= 0);
	fd_done(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(number, F_GETFD), -1);
	fd_done(&fd);
}

/* 0: the streams are there, they go on to a program that this one becomes, and no other descriptor was opened. */
static int fill_standard(void)
{
	closefrom(STDIN_FILENO);
	fd_fill_standard();
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != 0)
			return 1;
	}
	return dup(STDIN_FILENO) == STDERR_FILENO + 1 ? 0 : 2;
}

static void standard_streams_that_are_closed_are_filled(void **state)
{
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(fill_standard());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void narrow_only_takes_away(void **state)
{
	int dir_fd = scratch_fd(state);
	bool was_wide = false;
	struct err err = { 0 };

	scratch_write(dir_fd, "key", "x", 1);
	assert_int_equal(fchmodat(dir_fd, "key", 0464, 0), 0);
	assert_true(file_narrow(dir_fd, "key", 0640, &was_wide, &err));
	assert_true(was_wide);
	assert_int_equal(scratch_mode(dir_fd, "key"), 0440);
	assert_true(file_narrow(dir_fd, "key", 0640, &was_wide, &err));
	assert_false(was_wide);
	assert_int_equal(mkdirat(dir_fd, "folder", 0755), 0);
	assert_int_equal(fchmodat(dir_fd, "folder", 02755, 0), 0);
	assert_true(file_narrow(dir_fd, "folder", 0700, &was_wide, &err));
	assert_true(was_wide);
	assert_int_equal(scratch_mode(dir_fd, "folder"), 0700);
}

static void narrow_leaves_links_alone(void **state)
{
	int dir_fd = scratch_fd(state);
	bool was_wide = true;
	struct err err = { 0 };

	scratch_write(dir_fd, "elsewhere", "x", 1);
	assert_int_equal(fchmodat(dir_fd, "elsewhere", 0644, 0), 0);
	assert_int_equal(symlinkat("elsewhere", dir_fd, "link"), 0);
	assert_true(file_narrow(dir_fd, "link", 0600, &was_wide, &err));
	assert_false(was_wide);
	assert_int_equal(scratch_mode(dir_fd, "elsewhere"), 0644);
	assert_fails(file_narrow(dir_fd, "gone", 0600, &was_wide, &err), &err, ERR_MISSING, "'gone'");
}

/* How long a name may be is for the file system to say: a domain may be longer, and what is named after one is more than it. */
static void names_may_be_as_long_as_the_file_system_takes_them(void **state)
{
	int dir_fd = scratch_fd(state);
	AUTO_BUF text = BUF_MAX(100);
	char name[257];
	struct err err = { 0 };

	memset(name, 'a', sizeof(name) - 1);
	name[255] = '\0';
	assert_true(file_replace(dir_fd, name, "x", 1, 0600, &err));
	assert_true(file_read(dir_fd, name, &text, &err));
	assert_true(file_remove(dir_fd, name, &err));
	assert_int_equal(count_entries(dir_fd), 0);
	name[255] = 'a';
	name[256] = '\0';
	assert_fails(file_replace(dir_fd, name, "x", 1, 0600, &err), &err, ERR_IO, "File name too long");
	assert_fails(file_read(dir_fd, name, &text, &err), &err, ERR_IO, "File name too long");
	assert_fails(dir_make_at(dir_fd, name, 0700, &err) >= 0, &err, ERR_IO, "File name too long");
	assert_int_equal(count_entries(dir_fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(read_appends),
		scratch_test(read_takes_what_fits_exactly),
		scratch_test(read_refuses_all_but_regular_files),
		scratch_test(replace_sets_content_and_exact_mode),
		scratch_test(replace_puts_a_new_file_in_place_of_a_link),
		scratch_test(replace_that_fails_leaves_the_old_file_and_nothing_else),
		scratch_test(root_gives_files_to_the_owner_of_the_folder),
		scratch_test(sweeps_what_a_kill_left_of_replacing),
		scratch_test(names_may_be_as_long_as_the_file_system_takes_them),
		scratch_test(append_creates_and_adds),
		scratch_test(append_follows_no_link_and_waits_for_no_reader),
		scratch_test(remove_is_done_when_it_is_absent),
		scratch_test(copies_content_mode_and_times),
		scratch_test(copy_overwrites_nothing),
		scratch_test(stamps_tell_changes),
		scratch_test(narrow_only_takes_away),
		scratch_test(narrow_leaves_links_alone),
		scratch_test(fd_done_closes_once),
		scratch_test(standard_streams_that_are_closed_are_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
