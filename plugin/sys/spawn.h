/* SPDX-License-Identifier: MIT */
#ifndef SYS_SPAWN_H
#define SYS_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/attr.h"
#include "util/buf.h"

struct err;
struct loop;

/*
 * A child as data. No shell; stdin is /dev/null or the bytes given; stdout and stderr are captured; nothing else is inherited: no descriptor, default signals,
 * umask 022, the environment as given.
 */
struct spawn {
	const char *const *argv; /* argv[0] with a '/' is a path, else looked up in PATH of our own environment */
	const char *const *env;  /* "NAME=value", NULL-terminated */
	const char *dir;         /* working directory, NULL = "/" */
	const void *in;
	size_t in_size;
	int64_t timeout_ms;      /* TERM then, KILL 2 s later; 0 = 60 s */
	bool must_finish;        /* a termination signal to us does not end the wait */
};

struct spawn_result {
	int status;     /* exit status; 128 + signal when killed by one */
	bool timed_out;
	struct buf out; /* stdout, at most 1 MiB */
	struct buf err; /* stderr, at most 64 KiB */
};
void spawn_result_done(struct spawn_result *result);

/* Runs it and waits in the loop. A non-zero exit is not a failure here; not being able to start it is (ERR_CHILD, naming program and reason), a stop too. */
bool spawn_run(struct loop *loop, const struct spawn *spawn, struct spawn_result *ret_result, struct err *err) MUST_USE;
/*
 * For when any non-zero exit is a failure: err gets "'program args…' failed (exit N): last lines of its stderr, else stdout".
 */
bool spawn_check(struct loop *loop, const struct spawn *spawn, struct spawn_result *ret_result, struct err *err) MUST_USE;

/*
 * Starts a program that lives on by itself and is not waited for: as above (a session of its own, stdin /dev/null, default signals, no other descriptor), in
 * "/", stdout and stderr both to `out_fd` (-1 = nowhere). As root it becomes the owner of the folder `owner_fd`, with that user's groups. *ret_pid stays our
 * child for as long as we live. ERR_CHILD: cannot start.
 */
bool spawn_detached(const char *const *argv, const char *const *env, int out_fd, int owner_fd, pid_t *ret_pid, struct err *err) MUST_USE;

#endif
