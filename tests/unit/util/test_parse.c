/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/attr.h"
#include "util/mem.h"
#include "util/parse.h"

#define UNTOUCHED (-77)
#define TEN_YEARS ((int64_t)3650 * 86400)

static void integers(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		bool is_good;
		int64_t value;
	} cases[] = {
		{ "0", 0, 10, true, 0 }, { "10", 0, 10, true, 10 }, { "11", 0, 10, false, 0 }, { "-1", 0, 10, false, 0 }, { "-5", -5, 5, true, -5 },
		{ "007", 0, 10, true, 7 }, { "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 }, { "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
		{ "99999999999999999999", INT64_MIN, INT64_MAX, false, 0 }, { "", 0, 10, false, 0 }, { "-", -9, 9, false, 0 }, { "--1", -9, 9, false, 0 },
		{ " 1", 0, 10, false, 0 }, { "1 ", 0, 10, false, 0 }, { "+1", 0, 10, false, 0 }, { "- 1", -9, 9, false, 0 }, { "1x", 0, 10, false, 0 },
		{ "0x1", 0, 10, false, 0 }, { "1.0", 0, 10, false, 0 }, { "1\n", 0, 10, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = UNTOUCHED;

		assert_int_equal(parse_int(cases[i].text, cases[i].min, cases[i].max, &value), cases[i].is_good);
		assert_true(value == (cases[i].is_good ? cases[i].value : UNTOUCHED));
	}
}

static void booleans(void **state)
{
	static const char *const good[][2] = { { "false", "true" }, { "0", "1" }, { "no", "yes" }, { "off", "on" } };
	static const char *const bad[] = { "", "True", "YES", "2", "y", " true", "true ", "truefalse" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		for (int wanted = 0; wanted <= 1; wanted++) {
			bool value = !wanted;

			assert_true(parse_bool(good[i][wanted], &value));
			assert_int_equal(value, wanted);
		}
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		bool value = true;

		assert_false(parse_bool(bad[i], &value));
		assert_true(value);
	}
}

struct number_case {
	const char *text;
	int64_t value; /* UNTOUCHED: refused */
};

static void check(const struct number_case *row, bool is_good, int64_t value)
{
	if (is_good != (row->value != UNTOUCHED) || value != row->value)
		fail_msg("'%s': %s, %lld instead of %lld", row->text, is_good ? "taken" : "refused", (long long)value, (long long)row->value);
}

static void durations(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0 }, { "2592000", 2592000 }, { "30d", 2592000 }, { "12h", 43200 }, { "90m", 5400 }, { "45s", 45 }, { "1d12h", 129600 },
		{ "1d1h1m1s", 90061 },
		{ "0d", 0 }, { "3650d", TEN_YEARS }, { "315360000", TEN_YEARS }, { "3650d1s", UNTOUCHED }, { "315360001", UNTOUCHED },
		{ "99999999999999999999d", UNTOUCHED }, { "-1", UNTOUCHED }, { "-1d", UNTOUCHED }, { "", UNTOUCHED }, { "d", UNTOUCHED }, { "1d12", UNTOUCHED },
		{ "12h1d", UNTOUCHED }, { "1d1d", UNTOUCHED }, { "1 d", UNTOUCHED }, { "1D", UNTOUCHED }, { "1w", UNTOUCHED }, { "1.5d", UNTOUCHED },
		{ "1d ", UNTOUCHED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = UNTOUCHED;
		bool is_good = parse_duration(cases[i].text, &value);

		check(&cases[i], is_good, value);
	}
}

static void rfc3339_dates(void **state)
{
	static const struct number_case cases[] = {
		{ "1970-01-01T00:00:00Z", 0 }, { "2026-01-02T15:04:05Z", 1767366245 }, { "2026-01-02t15:04:05z", 1767366245 },
		{ "2026-01-02T15:04:05.999999999Z", 1767366245 }, { "2026-01-02T16:04:05+01:00", 1767366245 }, { "2026-01-02T04:34:05-10:30", 1767366245 },
		{ "2026-01-02T15:04:05-00:00", 1767366245 }, { "2024-02-29T00:00:00Z", 1709164800 }, { "2000-02-29T12:00:00Z", 951825600 },
		{ "1969-12-31T23:59:58Z", -2 }, { "2016-12-31T23:59:60Z", 1483228800 }, { "9999-12-31T23:59:59Z", 253402300799 },
		{ "2023-02-29T00:00:00Z", UNTOUCHED }, { "1900-02-29T00:00:00Z", UNTOUCHED }, { "2026-00-01T00:00:00Z", UNTOUCHED },
		{ "2026-13-01T00:00:00Z", UNTOUCHED },
		{ "2026-01-00T00:00:00Z", UNTOUCHED }, { "2026-04-31T00:00:00Z", UNTOUCHED }, { "2026-01-01T24:00:00Z", UNTOUCHED },
		{ "2026-01-01T00:60:00Z", UNTOUCHED },
		{ "2026-01-01T00:00:61Z", UNTOUCHED }, { "2026-01-01T00:00:00", UNTOUCHED }, { "2026-01-01T00:00Z", UNTOUCHED },
		{ "2026-01-01 00:00:00Z", UNTOUCHED },
		{ "2026-01-01", UNTOUCHED }, { "2026-1-01T00:00:00Z", UNTOUCHED }, { "2026-01-01T00:00:00.Z", UNTOUCHED },
		{ "2026-01-01T00:00:00+0100", UNTOUCHED },
		{ "2026-01-01T00:00:00+24:00", UNTOUCHED }, { "2026-01-01T00:00:00+01:60", UNTOUCHED }, { "2026-01-01T00:00:00ZZ", UNTOUCHED }, { "", UNTOUCHED },
		{ "-026-01-01T00:00:00Z", UNTOUCHED }, { "2026-01-01T00:00:00 Z", UNTOUCHED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = UNTOUCHED;
		bool is_good = parse_rfc3339(cases[i].text, &value);

		check(&cases[i], is_good, value);
	}
}

static void http_dates(void **state)
{
	static const struct number_case cases[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 }, { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 }, { "Sun Nov  6 08:49:37 1994", 784111777 },
		{ "Wed Nov 16 08:49:37 1994", 784975777 }, { "Friday, 02-Jan-26 15:04:05 GMT", 1767366245 }, { "Fri, 02 Jan 2026 15:04:05 GMT", 1767366245 },
		{ "Fri, 02 Jan 2026 15:04:05 UTC", UNTOUCHED }, { "Fri, 02 Jan 2026 15:04:05", UNTOUCHED }, { "Fri, 2 Jan 2026 15:04:05 GMT", UNTOUCHED },
		{ "02 Jan 2026 15:04:05 GMT", UNTOUCHED }, { "Fri, 02 Mai 2026 15:04:05 GMT", UNTOUCHED }, { "Fri, 31 Feb 2026 15:04:05 GMT", UNTOUCHED },
		{ "Fri, 02 Jan 2026 25:04:05 GMT", UNTOUCHED }, { "Fri, 02 Jan 2026 15:04:05 GMT ", UNTOUCHED }, { "", UNTOUCHED }, { "0", UNTOUCHED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = UNTOUCHED;
		bool is_good = parse_http_date(cases[i].text, &value);

		check(&cases[i], is_good, value);
	}
}

static void dates_do_not_depend_on_the_zone(void **state)
{
	int64_t rfc3339_at = 0, http_at = 0;

	(void)state;
	assert_int_equal(setenv("TZ", "XYZ-11:30", 1), 0);
	tzset();
	assert_true(parse_rfc3339("2026-01-02T15:04:05Z", &rfc3339_at));
	assert_true(parse_http_date("Fri, 02 Jan 2026 15:04:05 GMT", &http_at));
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
	assert_int_equal(rfc3339_at, 1767366245);
	assert_int_equal(http_at, 1767366245);
}

static void retry_after(void **state)
{
	static const int64_t now_at = 1767366245;
	static const struct number_case cases[] = {
		{ "0", 1767366245 }, { "5", 1767366250 }, { "2592000", 1767366245 + 2592000 }, { "2592001", 1767366245 + 2592000 },
		{ "99999999999999999999999", 1767366245 + 2592000 }, { "Fri, 02 Jan 2026 15:05:05 GMT", 1767366305 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 1767366245 },
		{ "Sat, 02 Jan 2027 15:05:05 GMT", 1767366245 + 2592000 }, { "-5", UNTOUCHED }, { "5s", UNTOUCHED }, { "", UNTOUCHED }, { "soon", UNTOUCHED },
		{ " 5", UNTOUCHED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = UNTOUCHED;
		bool is_good = parse_retry_after(cases[i].text, now_at, &value);

		check(&cases[i], is_good, value);
	}

	int64_t at = 0;
	assert_true(parse_retry_after("7", INT64_MAX - 3, &at));
	assert_true(at == INT64_MAX);
}

static void emails(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} cases[] = {
		{ "me@example.com", true }, { "first.last+tag@mail.example.co", true }, { "me@EXAMPLE.com", true }, { "ME@example.com", true },
		{ "o'neil_x@x.y", true },
		{ "", false }, { "me", false }, { "@example.com", false }, { "me@", false }, { "me@localhost", false }, { "me@a@example.com", false },
		{ "me you@example.com", false }, { "me@exam ple.com", false }, { "me@example.com\n", false }, { "m\x1b@example.com", false },
		{ "\xc3\xa9@example.com", false },
		{ "me@\xc3\xa9xample.com", false }, { "me@example.com,you@example.com", false }, { "me/../../x@example.com", false },
		{ "me?x@example.com", false },
		{ ".me@example.com", false }, { "me.@example.com", false }, { "m..e@example.com", false }, { "me@127.0.0.1", false },
		{ "<me@example.com>", false },
		{ "me@-example.com", false }, { "me@*.example.com", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (parse_is_email(cases[i].text) != cases[i].is_good)
			fail_msg("'%s'", cases[i].text);
	}
}

static void long_emails_are_refused(void **state)
{
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text + 254 - 12, "@example.com", 13);
	assert_true(parse_is_email(text));
	memcpy(text + 255 - 12, "@example.com", 13);
	text[254 - 12] = 'x';
	assert_false(parse_is_email(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(booleans),
		cmocka_unit_test(durations),
		cmocka_unit_test(rfc3339_dates),
		cmocka_unit_test(http_dates),
		cmocka_unit_test(dates_do_not_depend_on_the_zone),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(emails),
		cmocka_unit_test(long_emails_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
