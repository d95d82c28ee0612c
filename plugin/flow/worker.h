/* SPDX-License-Identifier: MIT */
#ifndef FLOW_WORKER_H
#define FLOW_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/batch.h"
#include "flow/ca.h"
#include "flow/gate.h"
#include "flow/talk.h"
#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;
struct task;

/*
 * The one worker of a host (design 7): takes jobs from the queue and carries them out side by side, on one connection to each CA. Whoever holds the lock is it;
 * everybody else appends to the queue and follows.
 */
struct worker {
	struct context *context;
	struct cas cas;
	int certs_fd;
	int progress_fd;          /* -1: what jobs say is lost */
	int64_t lease_until;      /* as other hosts know it */
	int64_t deadline_ms;      /* of the loop: nothing new is asked of a CA after it */
	struct gate rebuilds;     /* the platform's rebuilds, one at a time */
	struct batch snippets;    /* challenge snippets: one test and one reload for all */
	struct batch renewals;    /* exchanged certificates: one test and one reload for all */
	int64_t mended_ms;        /* last reload because a snippet was there that nginx did not know */
	struct task *ready;       /* jobs that have room in the budget, in the order in which they go */
	size_t running;           /* jobs under way */
	struct loop_event ended;  /* one of them ended */
	struct strs *ended_apps;  /* whose jobs ended */
};

/* A request for one app, as a command makes it. */
struct request {
	const char *app;
	const char *reason; /* "enable", "auto-renew"; flow/happened has those of the hooks */
	bool is_forced;
};

/*
 * Queues the requests and sees them done: as the worker if nobody else is, else by following the one who is. What the jobs say goes to context->talk; *ret_exits[i]
 * is the exit status of request i (0, 1, 75). `timeout_s`: what is not done by then goes on in the background of the next worker; exit status 75 and a line say so.
 */
bool worker_do(struct context *context, const struct request *requests, size_t count, int64_t timeout_s, int *ret_exits, struct err *err) MUST_USE;

/*
 * What hooks left in the spool, and all that is in the queue: as the worker, once nobody else is. Returns at once while another process waits for that already, since
 * it will find the same.
 */
bool worker_serve(struct context *context, struct err *err) MUST_USE;

#endif
