/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>

#include "sys/file.h"
#include "sys/lock.h"
#include "sys/loop.h"
#include "tests/unit/sys/scratch.h"
#include "util/err.h"
#include "util/mem.h"

static void assert_locked_by(const struct err *err, pid_t pid)
{
	AUTO_FREE char *wanted = mem_fmt("'lock' is locked by process %ld", (long)pid);

	assert_int_equal(err->kind, ERR_LOCKED);
	assert_string_equal(err->text, wanted);
}

static void a_second_one_is_refused_also_in_this_process(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	int fd = lock_try(dir_fd, "lock", &err);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(lock_try(dir_fd, "lock", &err), -1);
	assert_locked_by(&err, getpid());
	AUTO_FD other = lock_try(dir_fd, "another", &err);
	assert_true(other >= 0);
	/* Neither does the file's being opened and closed elsewhere release it. */
	AUTO_FD reader = openat(dir_fd, "lock", O_RDWR | O_CLOEXEC);
	fd_done(&reader);
	assert_int_equal(lock_try(dir_fd, "lock", &err), -1);
	fd_done(&fd);
	assert_true(scratch_has(dir_fd, "lock"));
	AUTO_FD again = lock_try(dir_fd, "lock", &err);
	assert_true(again >= 0);
}

/* Root writes into it and gives it away: never into a file that has another name as well. */
static void a_file_of_two_names_is_no_lock(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };

	scratch_write(dir_fd, "elsewhere", "text", 4);
	assert_int_equal(linkat(dir_fd, "elsewhere", dir_fd, "lock", 0), 0);
	assert_int_equal(lock_try(dir_fd, "lock", &err), -1);
	assert_int_equal(err.kind, ERR_IO);
	scratch_check(dir_fd, "elsewhere", "text");
}

static void those_who_share_it_keep_out_who_wants_it_alone(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	AUTO_FD one = lock_share(dir_fd, "lock", &err);
	AUTO_FD two = lock_share(dir_fd, "lock", &err);

	assert_true(one >= 0 && two >= 0);
	fd_done(&one);
	assert_int_equal(lock_try(dir_fd, "lock", &err), -1);
	assert_int_equal(err.kind, ERR_LOCKED);
	fd_done(&two);
	AUTO_FD alone = lock_try(dir_fd, "lock", &err);
	assert_true(alone >= 0);
	assert_int_equal(lock_share(dir_fd, "lock", &err), -1);
	assert_locked_by(&err, getpid());
}

static void death_releases_it(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	int fds[2];
	char byte;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (lock_try(dir_fd, "lock", &err) >= 0 && write(fds[1], "x", 1) == 1)
			for (;;)
				(void)pause();
		_exit(1);
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	(void)close(fds[0]);
	assert_int_equal(lock_try(dir_fd, "lock", &err), -1);
	assert_locked_by(&err, pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	AUTO_FD fd = lock_try(dir_fd, "lock", &err);
	assert_true(fd >= 0);
}

static void only_regular_files_are_locked(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };

	scratch_write(dir_fd, "target", "kept", 4);
	assert_int_equal(symlinkat("target", dir_fd, "link"), 0);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_int_equal(lock_try(dir_fd, "link", &err), -1);
	assert_int_equal(err.kind, ERR_IO);
	assert_int_equal(lock_try(dir_fd, "fifo", &err), -1);
	assert_int_equal(err.kind, ERR_IO);
	scratch_check(dir_fd, "target", "kept");
}

static void a_name_written_by_nobody_is_no_trouble(void **state)
{
	int dir_fd = scratch_fd(state);
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct err err = { 0 };

	scratch_write(dir_fd, "lock", "nonsense", 8);
	AUTO_FD holder = openat(dir_fd, "lock", O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(holder, F_OFD_SETLK, &whole), 0);
	assert_int_equal(lock_try(dir_fd, "lock", &err), -1);
	assert_string_equal(err.text, "'lock' is locked by another process");
}

static void root_leaves_it_to_the_owner_of_the_folder(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	struct stat status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(dir_fd, 1234, 2345), 0);
	AUTO_FD fd = lock_try(dir_fd, "lock", &err);
	assert_int_equal(fstat(fd, &status), 0);
	assert_true(status.st_uid == 1234 && status.st_gid == 2345);
}

/* ---- waiting ---- */

struct holder {
	struct loop *loop;
	int dir_fd;
	int turns; /* how often the waiter was found still waiting */
	bool is_waiter_done;
};

static void hold_for_a_while(void *arg)
{
	struct holder *holder = arg;
	struct err err = { 0 };
	AUTO_FD fd = lock_try(holder->dir_fd, "lock", &err);

	assert_true(fd >= 0);
	for (; holder->turns < 5; holder->turns++) {
		assert_int_equal(loop_sleep(holder->loop, 5), WAIT_TIMEOUT);
		assert_false(holder->is_waiter_done);
	}
}

static void waits_until_it_is_released(void **state)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	struct holder holder = { .loop = loop, .dir_fd = scratch_fd(state) };
	struct err err = { 0 };

	loop_start(loop, hold_for_a_while, &holder);
	assert_int_equal(loop_sleep(loop, 0), WAIT_TIMEOUT);
	AUTO_FD fd = lock_take(loop, holder.dir_fd, "lock", loop_now_ms(loop) + 60000, &err);
	holder.is_waiter_done = true;
	assert_true(fd >= 0);
	assert_int_equal(holder.turns, 5);
}

static void gives_up_at_the_deadline(void **state)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	int dir_fd = scratch_fd(state);
	struct err err = { 0 };
	AUTO_FD fd = lock_try(dir_fd, "lock", &err);
	int64_t deadline_ms = loop_now_ms(loop) + 30;

	assert_true(fd >= 0);
	assert_int_equal(lock_take(loop, dir_fd, "lock", deadline_ms, &err), -1);
	assert_true(loop_now_ms(loop) >= deadline_ms);
	assert_locked_by(&err, getpid());
	assert_int_equal(lock_take(loop, dir_fd, "lock", deadline_ms - 1000, &err), -1);
	AUTO_FD free_one = lock_take(loop, dir_fd, "free", deadline_ms - 1000, &err);
	assert_true(free_one >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(a_second_one_is_refused_also_in_this_process),
		scratch_test(a_file_of_two_names_is_no_lock),
		scratch_test(those_who_share_it_keep_out_who_wants_it_alone),
		scratch_test(death_releases_it),
		scratch_test(only_regular_files_are_locked),
		scratch_test(a_name_written_by_nobody_is_no_trouble),
		scratch_test(root_leaves_it_to_the_owner_of_the_folder),
		scratch_test(waits_until_it_is_released),
		scratch_test(gives_up_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
