/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_GCRA_H
#define BUDGET_GCRA_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

/*
 * The CA's arithmetic (GCRA, Boulder's ratelimits/gcra.go). A bucket is one moment, its TAT ("theoretical arrival time"): when it will be full again. All
 * moments and durations are nanoseconds; sums are held within int64_t. Changing a rate leaves the TAT alone, so more may have been spent than a lowered rate
 * knows.
 */
struct rate {
	int64_t count; /* so many come back in a period */
	int64_t burst; /* so many are in a full bucket */
	int64_t period_ns;
	int64_t interval_ns; /* in which one unit comes back */
	int64_t capacity_ns; /* in which an empty bucket becomes full */
};

/* The TAT of a bucket that was never touched. Any moment in the past means the same: full. */
#define GCRA_UNTOUCHED INT64_MIN
#define NS_PER_S INT64_C(1000000000)

/* a + b and a - b, held within int64_t. */
int64_t ns_add(int64_t a, int64_t b);
int64_t ns_sub(int64_t a, int64_t b);
/* Seconds as nanoseconds, held within int64_t: what CAs and certificates may say goes on to the year 9999, nanoseconds end in 2262. */
int64_t ns_from_s(int64_t seconds);
/* The start of the second in which `at_ns` is, before 1970 too. */
int64_t ns_to_second(int64_t at_ns);

/* False for a rate that cannot be kept; `*ret_reason` (static text) says why then: "its count is not positive". */
bool rate_make(int64_t count, int64_t burst, int64_t period_ns, struct rate *ret_rate, const char **ret_reason) MUST_USE;

bool gcra_has_unit(const struct rate *rate, int64_t tat_ns, int64_t now_ns);
/* The first moment with a unit, which may be past. */
int64_t gcra_unit_at(const struct rate *rate, int64_t tat_ns, int64_t now_ns);
/* Units left, rounded towards zero; below zero only after the rate was lowered. */
int64_t gcra_remaining(const struct rate *rate, int64_t tat_ns, int64_t now_ns);
/* The TAT after a unit was spent or given back. */
int64_t gcra_spend(const struct rate *rate, int64_t tat_ns, int64_t now_ns) MUST_USE;
int64_t gcra_refund(const struct rate *rate, int64_t tat_ns, int64_t now_ns) MUST_USE;
/* The first moment with one unit more than now (than none, if less than none are left); now when it is full. */
int64_t gcra_next_unit_at(const struct rate *rate, int64_t tat_ns, int64_t now_ns);
/* When it is full; now when it is. */
int64_t gcra_full_at(int64_t tat_ns, int64_t now_ns);

#endif
