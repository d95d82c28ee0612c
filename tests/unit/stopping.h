/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STOPPING_H
#define TESTS_UNIT_STOPPING_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/stop.h"

/* A termination signal can be neither taken back nor uninstalled: `check` sees one in a process of its own. What it returned comes back. */
static inline bool holds_after_a_signal(bool (*check)(void *arg), void *arg)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		stop_install();
		_exit(raise(SIGTERM) == 0 && check(arg) ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#endif
