/* SPDX-License-Identifier: MIT */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>

/* The wall clock as an interface: the real one is sys/clock, tests bring their own. */
struct clock {
	int64_t (*now_at)(void *ctx); /* Unix seconds */
	void *ctx;
};

static inline int64_t clock_now(const struct clock *clock)
{
	return clock->now_at(clock->ctx);
}

#endif
