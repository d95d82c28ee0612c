/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/stop.h"
#include "util/attr.h"

/* Signal dispositions are the process's, so each case runs in a child; its exit status is 0 or the number of the line that found a fault. */
#define EXPECT(claim) do { if (!(claim)) _exit(__LINE__ & 0xff); } while (0)

static void in_a_child(void (*run)(int argument), int argument)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		run(argument);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with %#x (its low byte of a line number is %d)", (unsigned)status, WEXITSTATUS(status));
}

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

static void take_signal(int signal)
{
	EXPECT(stop_fd() == -1);
	stop_install();
	EXPECT(stop_fd() >= 0 && !is_readable(stop_fd()));
	EXPECT(fcntl(stop_fd(), F_GETFD) == FD_CLOEXEC);
	EXPECT(!stop_is_requested() && stop_signal() == 0);
	EXPECT(raise(signal) == 0);
	EXPECT(stop_is_requested() && stop_signal() == signal);
	EXPECT(is_readable(stop_fd()));
}

static void each_signal_becomes_the_flag(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	(void)state;
	for (size_t i = 0; i < COUNT(signals); i++)
		in_a_child(take_signal, signals[i]);
}

static void take_many(int argument)
{
	(void)argument;
	stop_install();
	EXPECT(raise(SIGINT) == 0);
	/* More than a pipe holds: the handler must not block. */
	for (int i = 0; i < 100000; i++)
		EXPECT(raise(SIGTERM) == 0);
	EXPECT(stop_signal() == SIGINT);
}

static void the_first_of_many_counts(void **state)
{
	(void)state;
	in_a_child(take_many, 0);
}

static void survive_broken_pipe(int argument)
{
	int fds[2];

	(void)argument;
	stop_install();
	EXPECT(pipe2(fds, O_CLOEXEC) == 0 && close(fds[0]) == 0);
	EXPECT(write(fds[1], "x", 1) == -1);
	EXPECT(!stop_is_requested());
}

static void a_broken_pipe_is_an_error_and_no_death(void **state)
{
	(void)state;
	in_a_child(survive_broken_pipe, 0);
}

static void ignore_hangup(int argument)
{
	(void)argument;
	EXPECT(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	stop_install();
	EXPECT(raise(SIGHUP) == 0);
	EXPECT(!stop_is_requested());
}

static void under_nohup_a_hangup_stays_ignored(void **state)
{
	(void)state;
	in_a_child(ignore_hangup, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_signal_becomes_the_flag),
		cmocka_unit_test(the_first_of_many_counts),
		cmocka_unit_test(a_broken_pipe_is_an_error_and_no_death),
		cmocka_unit_test(under_nohup_a_hangup_stays_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
