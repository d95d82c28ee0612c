/* SPDX-License-Identifier: MIT */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

/*
 * One event loop, and fibers on it, so that fifty orders at once read like one after the other: a fiber runs until it waits, then another one does.
 * Nothing ever runs in parallel; between two waits a fiber has everything for itself. All waiting in the program happens here. What is called from
 * outside any fiber (main, a unit test) may wait as well: it then drives the loop itself until its wait is over.
 *
 * A termination signal (sys/stop) ends every wait with WAIT_STOPPED, except those that ask to be finished. Then each fiber unwinds like from any failure.
 */
struct loop;

/* Times of the loop are milliseconds of the monotonic clock. LOOP_NEVER = no deadline. */
#define LOOP_NEVER INT64_MAX

enum loop_wait { WAIT_DONE, WAIT_TIMEOUT, WAIT_STOPPED };

struct loop *loop_new(void) MUST_USE NEVER_NULL;
/* All fibers must have ended. */
void loop_free(struct loop *loop);
static inline void loop_freep(struct loop **loop)
{
	loop_free(*loop);
}

int64_t loop_now_ms(const struct loop *loop);

/* ---- fibers ---- */

/* Starts a fiber at the next turn of the loop; `arg` must live until it has ended. It may not call exit or longjmp out. */
void loop_start(struct loop *loop, void (*fiber)(void *arg), void *arg);

/* Something that happens once, and those who wait for it. `{ 0 }` has not happened. Lives with whoever owns the thing. */
struct loop_event {
	bool is_set;
	struct loop_waiter *waiters;
};

/* Waits until `event` is set or the deadline has passed. */
enum loop_wait loop_wait(struct loop *loop, struct loop_event *event, int64_t deadline_ms);
/* The same, not ended by a termination signal: for what must be brought to its end. */
enum loop_wait loop_wait_finish(struct loop *loop, struct loop_event *event, int64_t deadline_ms);
/* Sets it and lets its waiters run at the next turn. */
void loop_set(struct loop *loop, struct loop_event *event);
/* Back to "has not happened". */
void loop_reset(struct loop_event *event);
/* WAIT_TIMEOUT after `ms`, or WAIT_STOPPED. */
enum loop_wait loop_sleep(struct loop *loop, int64_t ms);
bool loop_is_stopping(const struct loop *loop);

/* ---- for what brings its own file descriptors (net/transfer, sys/spawn) ---- */

/* poll(2) events; calls `ready` from the loop, outside any fiber, each time some of them are there. One watch a descriptor. */
void loop_watch(struct loop *loop, int fd, short events, void (*ready)(void *ctx, int fd, short revents), void *ctx);
void loop_unwatch(struct loop *loop, int fd);

struct loop_timer {
	int64_t at_ms; /* 0 = not set */
	void (*fire)(void *ctx);
	void *ctx;
	struct loop_timer *next;
};
/* Calls `fire` once at `at_ms` from the loop, outside any fiber. Setting again moves it. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_ms);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

#endif
