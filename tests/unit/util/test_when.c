/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "util/attr.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/when.h"

#define ZONE "CET-1CEST,M3.5.0,M10.5.0/3"

static int set_zone(void **state)
{
	(void)state;
	/* Spelled out, so that no zone database is needed: summer time from March to October. */
	if (setenv("TZ", ZONE, 1) != 0)
		return -1;
	tzset();
	return 0;
}

static void sums_are_held_within_the_type(void **state)
{
	(void)state;
	assert_int_equal(when_add(5, -7), -2);
	assert_true(when_add(INT64_MAX - 1, 2) == INT64_MAX);
	assert_true(when_add(INT64_MIN + 1, -2) == INT64_MIN);
	assert_true(when_add(INT64_MAX, -1) == INT64_MAX - 1);
}

static void writes_dates(void **state)
{
	static const struct {
		int64_t at;
		const char *local, *human, *rfc3339;
	} cases[] = {
		{ 0, "1970-01-01 01:00:00", "1970-01-01 01:00 CET", "1970-01-01T00:00:00Z" },
		{ 1767366245, "2026-01-02 16:04:05", "2026-01-02 16:04 CET", "2026-01-02T15:04:05Z" },
		{ 1782918245, "2026-07-01 17:04:05", "2026-07-01 17:04 CEST", "2026-07-01T15:04:05Z" },
		{ -1, "1970-01-01 00:59:59", "1970-01-01 00:59 CET", "1969-12-31T23:59:59Z" },
		{ INT64_MAX, "9223372036854775807", "9223372036854775807", "9223372036854775807" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *local = when_local(cases[i].at);
		AUTO_FREE char *human = when_human(cases[i].at);
		AUTO_FREE char *rfc3339 = when_rfc3339(cases[i].at);

		assert_string_equal(local, cases[i].local);
		assert_string_equal(human, cases[i].human);
		assert_string_equal(rfc3339, cases[i].rfc3339);
	}
}

static void the_next_minute_of_that_number(void **state)
{
	(void)state;
	/* 1767366245 is 16:04:05. */
	assert_int_equal(when_minute_after(1767366245, 4), 1767366240 + 3600);
	assert_int_equal(when_minute_after(1767366245, 5), 1767366300);
	assert_int_equal(when_minute_after(1767366245, 0), 1767366240 + 56 * 60);
	assert_int_equal(when_minute_after(1767366240, 4), 1767366240 + 3600);
	assert_int_equal(when_minute_after(1767366239, 4), 1767366240);
	assert_true(when_minute_after(INT64_MAX, 5) == INT64_MAX);
}

/* cron and systemd start by the clock on the wall: 1767366245 is 20:34:05 there. */
static void an_hour_begins_at_half_past_in_some_zones(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZ", "IST-5:30", 1), 0);
	tzset();
	int64_t after_at = when_minute_after(1767366245, 35);
	assert_int_equal(setenv("TZ", ZONE, 1), 0);
	tzset();
	assert_int_equal(after_at, 1767366300);
}

static void what_it_writes_can_be_read(void **state)
{
	(void)state;
	/* A prime step, so that all fields change: some 16 000 dates of 200 years. */
	for (int64_t at = -3155673600; at < 3155673600; at += 394441) {
		AUTO_FREE char *text = when_rfc3339(at);
		int64_t read_at = 0;

		assert_true(parse_rfc3339(text, &read_at));
		assert_int_equal(read_at, at);
	}
}

static void writes_differences(void **state)
{
	static const struct {
		int64_t seconds;
		const char *wanted;
	} cases[] = {
		{ 0, "" }, { 1, "1s" }, { 59, "59s" }, { 60, "1m" }, { 3600, "1h" }, { 86400, "1d" }, { 90061, "1d, 1h, 1m, 1s" }, { 86401, "1d, 1s" },
		{ 31536000, "365d" }, { -5, "5s ago" }, { -90000, "1d, 1h ago" }, { INT64_MIN, "106751991167300d, 15h, 30m, 8s ago" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *text = when_difference(cases[i].seconds);

		assert_string_equal(text, cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_held_within_the_type),
		cmocka_unit_test(writes_dates),
		cmocka_unit_test(the_next_minute_of_that_number),
		cmocka_unit_test(an_hour_begins_at_half_past_in_some_zones),
		cmocka_unit_test(what_it_writes_can_be_read),
		cmocka_unit_test(writes_differences),
	};

	return cmocka_run_group_tests(tests, set_zone, NULL);
}
