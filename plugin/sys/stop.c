/* SPDX-License-Identifier: MIT */
/*
 * Termination signals as a flag and a readable descriptor. The handler does nothing else: what is to be undone or finished is decided where the program waits.
 */
#include "sys/stop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "util/attr.h"

static volatile sig_atomic_t first_signal;
static int pipe_fds[2] = { -1, -1 };

static void note_signal(int signal)
{
	int saved_errno = errno;

	if (first_signal == 0)
		first_signal = signal;
	/* A full pipe is readable already. */
	ssize_t ignored = write(pipe_fds[1], "", 1);
	(void)ignored;
	errno = saved_errno;
}

static void set_handler(int signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	(void)sigemptyset(&action.sa_mask);
	int status = sigaction(signal, &action, NULL);
	assert(status == 0);
}

static bool is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void stop_ignore_broken_pipes(void)
{
	set_handler(SIGPIPE, SIG_IGN);
}

void stop_install(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	assert(pipe_fds[0] == -1);
	int status = pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK);
	assert(status == 0);
	for (size_t i = 0; i < COUNT(signals); i++) {
		if (signals[i] != SIGHUP || !is_ignored(SIGHUP))
			set_handler(signals[i], note_signal);
	}
	stop_ignore_broken_pipes();
}

bool stop_is_requested(void)
{
	return first_signal != 0;
}

int stop_signal(void)
{
	return first_signal;
}

int stop_fd(void)
{
	return pipe_fds[0];
}
