/* SPDX-License-Identifier: MIT */
/* Moments on their way to the book: a CA may name any that a calendar has. */
#include "flow/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow/context.h"
#include "util/mem.h"

#define NOW ((int64_t)1800000000)
/* 9999-12-31T23:59:59Z: beyond what nanoseconds can tell. */
#define LAST_AT INT64_C(253402300799)

static int64_t now_at(void *ctx)
{
	(void)ctx;
	return NOW;
}

static void a_window_may_end_when_time_does(void **state)
{
	static const struct {
		int64_t start_at, end_at;
		bool is_open;
	} cases[] = { { NOW, NOW + 10, true }, { NOW - 10, LAST_AT, true }, { NOW + 1, LAST_AT, false }, { LAST_AT - 1, LAST_AT, false } };
	const struct budget_now now = { .admit_ns = NOW * NS_PER_S, .book_ns = (NOW + 1) * NS_PER_S };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct budget_request request = { .window_start_at = cases[i].start_at, .window_end_at = cases[i].end_at };

		request.order.replaces = mem_strdup("aki.serial");
		budget_request_at(&now, &request);
		assert_int_equal(request.book.is_ari, cases[i].is_open);
		budget_request_done(&request);
	}
}

static void a_clock_may_be_far_off(void **state)
{
	struct context context = { .clock = { .now_at = now_at } };
	struct budget budget = { .context = &context };
	struct budget_now now = budget_now(&budget, LAST_AT);

	(void)state;
	assert_int_equal(now.admit_ns, NOW * NS_PER_S);
	assert_int_equal(now.book_ns, INT64_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_may_end_when_time_does),
		cmocka_unit_test(a_clock_may_be_far_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
