/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "budget/gcra.h"
#include "util/attr.h"

#define S NS_PER_S

static struct rate rate_of(int64_t count, int64_t burst, int64_t period_ns)
{
	const char *reason;
	struct rate rate = { 0 };

	assert_true(rate_make(count, burst, period_ns, &rate, &reason));
	return rate;
}

/* One row of a table of moments: what the CA decides, and what is left after it. */
struct step {
	int64_t at_s;
	bool is_allowed;
	int64_t remaining;
	int64_t wait_s; /* from then until there is a unit */
	int64_t full_s; /* from then until it is full */
};

static void play(const struct rate *rate, const struct step *steps, size_t count)
{
	int64_t tat_ns = GCRA_UNTOUCHED;

	for (size_t i = 0; i < count; i++) {
		int64_t now_ns = steps[i].at_s * S;

		assert_int_equal(gcra_has_unit(rate, tat_ns, now_ns), steps[i].is_allowed);
		if (steps[i].is_allowed)
			tat_ns = gcra_spend(rate, tat_ns, now_ns);
		assert_int_equal(gcra_remaining(rate, tat_ns, now_ns), steps[i].remaining);
		int64_t unit_at_ns = gcra_unit_at(rate, tat_ns, now_ns);
		assert_int_equal(unit_at_ns > now_ns ? unit_at_ns - now_ns : 0, steps[i].wait_s * S);
		assert_int_equal(gcra_full_at(tat_ns, now_ns) - now_ns, steps[i].full_s * S);
	}
}

static void certificates_of_an_exact_set(void **state)
{
	static const struct step steps[] = {
		{ 0, true, 4, 0, 120960 }, { 0, true, 3, 0, 241920 }, { 0, true, 2, 0, 362880 }, { 0, true, 1, 0, 483840 }, { 0, true, 0, 120960, 604800 },
		{ 0, false, 0, 120960, 604800 }, { 3600, false, 0, 117360, 601200 }, { 120960, true, 0, 120960, 604800 },
		{ 241921, true, 0, 120959, 604799 }, { 700000, true, 2, 0, 267680 },
	};
	struct rate rate = rate_of(5, 5, 7 * 86400 * S);

	(void)state;
	assert_int_equal(rate.interval_ns, 120960 * S);
	assert_int_equal(rate.capacity_ns, 604800 * S);
	play(&rate, steps, COUNT(steps));
}

static void failures_of_a_name(void **state)
{
	static const struct step steps[] = {
		{ 0, true, 4, 0, 720 }, { 60, true, 3, 0, 1380 }, { 120, true, 2, 0, 2040 }, { 180, true, 1, 0, 2700 }, { 240, true, 0, 480, 3360 },
		{ 300, false, 0, 420, 3300 }, { 719, false, 0, 1, 2881 }, { 720, true, 0, 720, 3600 },
	};
	struct rate rate = rate_of(5, 5, 3600 * S);

	(void)state;
	play(&rate, steps, COUNT(steps));
}

static void the_instant_of_a_unit(void **state)
{
	struct rate rate = rate_of(3, 3, 1000000000000); /* 333333333333.3 ns are cut */
	int64_t tat_ns = GCRA_UNTOUCHED;

	(void)state;
	assert_int_equal(rate.interval_ns, INT64_C(333333333333));
	for (int i = 0; i < 3; i++)
		tat_ns = gcra_spend(&rate, tat_ns, 100);
	int64_t unit_at_ns = gcra_unit_at(&rate, tat_ns, 100);
	assert_int_equal(unit_at_ns, 100 + rate.interval_ns);
	assert_false(gcra_has_unit(&rate, tat_ns, unit_at_ns - 1));
	assert_true(gcra_has_unit(&rate, tat_ns, unit_at_ns));
	assert_int_equal(gcra_next_unit_at(&rate, tat_ns, 100), unit_at_ns);
	assert_int_equal(gcra_next_unit_at(&rate, tat_ns, unit_at_ns), unit_at_ns + rate.interval_ns);
	assert_int_equal(gcra_next_unit_at(&rate, tat_ns, tat_ns), tat_ns);
}

static void refunds(void **state)
{
	struct rate rate = rate_of(10, 10, 100);
	int64_t tat_ns = gcra_spend(&rate, gcra_spend(&rate, GCRA_UNTOUCHED, 1000), 1000);

	(void)state;
	assert_int_equal(tat_ns, 1020);
	assert_int_equal(gcra_refund(&rate, tat_ns, 1005), 1010);
	assert_int_equal(gcra_refund(&rate, tat_ns, 1020), 1010);
	assert_int_equal(gcra_refund(&rate, tat_ns, 1021), 1020);
	assert_int_equal(gcra_refund(&rate, GCRA_UNTOUCHED, 1000), GCRA_UNTOUCHED);
}

/* What was spent under the higher rate stays spent. */
static void a_lowered_rate(void **state)
{
	struct rate before = rate_of(10, 10, 10 * S);
	struct rate after = rate_of(1, 3, S);
	int64_t tat_ns = GCRA_UNTOUCHED;

	(void)state;
	for (int i = 0; i < 10; i++)
		tat_ns = gcra_spend(&before, tat_ns, 0);
	assert_int_equal(gcra_remaining(&after, tat_ns, 0), -7);
	assert_int_equal(gcra_unit_at(&after, tat_ns, 0), 8 * S);
	assert_int_equal(gcra_next_unit_at(&after, tat_ns, 0), 8 * S);
	/* Rounded towards zero, not down. */
	assert_int_equal(gcra_remaining(&after, tat_ns, S / 2), -6);
	assert_int_equal(gcra_remaining(&after, tat_ns, 7 * S + 1), 0);
	assert_false(gcra_has_unit(&after, tat_ns, 8 * S - 1));
}

static void rates_that_make_no_sense(void **state)
{
	static const struct {
		int64_t count, burst, period_ns;
		const char *reason;
	} cases[] = {
		{ 0, 1, 1, "count" }, { -1, 1, 1, "count" }, { 1, 0, 1, "burst" }, { 1, 1, 0, "period" }, { 11, 1, 10, "nanosecond" }, { 1, 1000000, 86400 * S, "73 years" },
		{ 1, INT64_MAX, INT64_MAX, "73 years" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *reason = NULL;
		struct rate rate = { .count = 42 };

		assert_false(rate_make(cases[i].count, cases[i].burst, cases[i].period_ns, &rate, &reason));
		assert_non_null(strstr(reason, cases[i].reason));
		assert_int_equal(rate.count, 42);
	}
}

static void sums_at_the_ends_of_time(void **state)
{
	struct rate rate = rate_of(1, 2, 10);

	(void)state;
	assert_int_equal(ns_add(INT64_MAX, 1), INT64_MAX);
	assert_int_equal(ns_add(INT64_MIN, -1), INT64_MIN);
	assert_int_equal(ns_sub(INT64_MIN, 1), INT64_MIN);
	assert_int_equal(ns_sub(INT64_MAX, -1), INT64_MAX);
	assert_int_equal(ns_add(2, 3), 5);
	assert_int_equal(gcra_spend(&rate, INT64_MAX - 1, 0), INT64_MAX);
	assert_false(gcra_has_unit(&rate, INT64_MAX, INT64_MIN));
	assert_int_equal(ns_to_second(1999999999), S);
	assert_int_equal(ns_to_second(2 * S), 2 * S);
	assert_int_equal(ns_to_second(-1), -S);
	assert_int_equal(ns_to_second(-S), -S);
	assert_int_equal(ns_from_s(-2), -2 * S);
	assert_int_equal(ns_from_s(INT64_MAX / S), INT64_MAX / S * S);
	assert_int_equal(ns_from_s(INT64_MAX / S + 1), INT64_MAX);
	assert_int_equal(ns_from_s(INT64_MIN / S - 1), INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_of_an_exact_set), cmocka_unit_test(failures_of_a_name), cmocka_unit_test(the_instant_of_a_unit),
		cmocka_unit_test(refunds), cmocka_unit_test(a_lowered_rate), cmocka_unit_test(rates_that_make_no_sense),
		cmocka_unit_test(sums_at_the_ends_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
