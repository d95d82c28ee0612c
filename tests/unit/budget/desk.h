/* SPDX-License-Identifier: MIT */
#ifndef TEST_DESK_H
#define TEST_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "budget/domain.h"
#include "budget/ledger.h"
#include "budget/memory.h"
#include "budget/names.h"
#include "tests/unit/budget/suffixes.h"
#include "util/err.h"
#include "util/mem.h"

#define HOUR_NS (3600 * NS_PER_S)
#define DAY_NS (24 * HOUR_NS)
#define T0 (1000000000 * NS_PER_S)

/* A ledger over memory with Let's Encrypt's limits. */
struct desk {
	struct limits limits;
	struct suffixes *suffixes;
	struct memory *memory;
	struct ledger ledger;
	struct err err;
};

static inline void desk_limit(struct desk *desk, enum limit limit, int64_t count, int64_t burst, int64_t period_ns)
{
	const char *reason;

	desk->limits.is_limited[limit] = true;
	assert_true(rate_make(count, burst, period_ns, &desk->limits.rates[limit], &reason));
}

static inline void desk_init(struct desk *desk)
{
	*desk = (struct desk){ 0 };
	desk_limit(desk, LIMIT_ACCOUNTS_PER_ADDRESS, 10, 10, 3 * HOUR_NS);
	desk_limit(desk, LIMIT_ACCOUNTS_PER_RANGE, 500, 500, 3 * HOUR_NS);
	desk_limit(desk, LIMIT_ORDERS, 300, 300, 3 * HOUR_NS);
	desk_limit(desk, LIMIT_FAILURES, 5, 5, HOUR_NS);
	desk_limit(desk, LIMIT_DOMAIN, 50, 50, 7 * DAY_NS);
	desk_limit(desk, LIMIT_SET, 5, 5, 7 * DAY_NS);
	desk_limit(desk, LIMIT_PAUSING, 1, 1152, DAY_NS);
	desk->suffixes = suffixes_read(SUFFIX_LIST, strlen(SUFFIX_LIST), &desk->err);
	assert_non_null(desk->suffixes);
	desk->memory = memory_new();
	desk->ledger = (struct ledger){
		.rules = { .limits = &desk->limits, .suffixes = desk->suffixes }, .store = memory_store(), .ctx = desk->memory
	};
}

static inline void desk_done(struct desk *desk)
{
	limits_done(&desk->limits);
	suffixes_free(desk->suffixes);
	memory_free(desk->memory);
}

static inline struct names desk_names(const char *words)
{
	AUTO_STRS list = { 0 };
	struct names names = { 0 };
	struct err err;

	strs_split(&list, words, " ");
	assert_true(names_make(&list, &names, &err));
	return names;
}

/* "limit bucket limit bucket …" */
static inline void assert_charges(const struct charges *charges, const char *expected)
{
	AUTO_STRS said = { 0 };

	for (size_t i = 0; i < charges->count; i++)
		strs_addf(&said, "%s%s=%s", charges->items[i].is_spent ? "+" : "", limit_name(charges->items[i].limit), charges->items[i].bucket);
	AUTO_FREE char *joined = strs_join(&said, " ");
	assert_string_equal(joined, expected);
}

#endif
