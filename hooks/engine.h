/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_ENGINE_H
#define HOOKS_ENGINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "hooks/app.h"
#include "util/attr.h"

struct hook_call;

/* The ways to the engine (design 7). Whatever fails is said on stderr, and that is all: the platform goes on with what it does. */

/* In the platform's folder of logs: what workers say. */
#define ENGINE_LOG "letsencrypt.log"

/* What was told, and to whom. */
struct engine_told {
	char *entry;      /* its name in the spool (sys/spool.h) */
	pid_t worker_pid; /* our child; it lives on without us */
};
void engine_told_done(struct engine_told *told);

/*
 * Tells it that this trigger was fired for `app`, and starts a worker, which ends at once when there is one. False: it was not told, or nobody could be started.
 */
bool engine_tell(const struct hook_call *call, const char *app, struct engine_told *ret_told);
/* The same for hooks that tell and end: only if `app` wants a certificate, and something changed since the engine has looked at it. What it wants. */
enum app_wish engine_tell_change(const struct hook_call *call, const char *app);
/* Runs `letsencrypt words…` (NULL-terminated) to its end, with an empty stdin, and hands on what it says. */
void engine_run(const char *const *words);

#endif
