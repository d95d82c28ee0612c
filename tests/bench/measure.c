/* SPDX-License-Identifier: MIT */
/*
 * Runs a program a number of times and appends, for each run, a line to REPORT: microseconds from start to exit, peak memory in KiB, exit status.
 *
 *     measure REPORT TIMES PROGRAM ARGUMENT...
 */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	FILE *report = argc > 3 ? fopen(argv[1], "ae") : NULL;

	if (!report) {
		fprintf(stderr, "Usage: %s REPORT TIMES PROGRAM ARGUMENT...\n", argv[0]);
		return 2;
	}
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
		int64_t start_us = now_us();
		struct rusage usage;
		int status;
		pid_t pid;

		if (posix_spawn(&pid, argv[3], NULL, NULL, argv + 3, environ) != 0 || wait4(pid, &status, 0, &usage) != pid) {
			perror(argv[3]);
			return 1;
		}
		fprintf(report, "%lld %ld %d\n", (long long)(now_us() - start_us), usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	}
	return fclose(report) == 0 ? 0 : 1;
}
