/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "json/scan.h"
#include "util/attr.h"
#include "util/err.h"

#define MAX 40

static void start(struct scan *scan, const char *text, struct err *err)
{
	scan_start(scan, text, strlen(text), MAX, err);
}

static void values(void **state)
{
	AUTO_SCAN scan = { 0 };
	struct err err;
	int64_t number = 0;
	bool is_true = false;
	int seen = 0;

	(void)state;
	start(&scan, " { \"n\" : -9223372036854775808 , \"t\":true,\"f\":false,\"list\":[1,[],{}, \"x\"],\"null\":null,\"s\":\"a\\u00e9\\ud83d\\ude00\\n\" }\n", &err);
	assert_true(scan_object(&scan));
	while (scan_member(&scan)) {
		const char *key = buf_text(&scan.key);

		seen++;
		if (strcmp(key, "n") == 0) {
			assert_true(scan_int(&scan, &number));
		} else if (strcmp(key, "t") == 0) {
			assert_true(scan_bool(&scan, &is_true) && is_true);
		} else if (strcmp(key, "f") == 0) {
			assert_true(scan_bool(&scan, &is_true) && !is_true);
		} else if (strcmp(key, "s") == 0) {
			assert_string_equal(scan_string(&scan), "a\xc3\xa9\xf0\x9f\x98\x80\n");
		} else if (strcmp(key, "null") == 0) {
			assert_true(scan_is_null(&scan));
			assert_true(scan_skip(&scan));
		} else {
			assert_false(scan_is_null(&scan));
			assert_true(scan_skip(&scan));
		}
	}
	assert_true(scan_is_done(&scan));
	assert_int_equal(number, INT64_MIN);
	assert_int_equal(seen, 6);
}

static void lists(void **state)
{
	AUTO_SCAN scan = { 0 };
	struct err err;
	int64_t sum = 0;

	(void)state;
	start(&scan, "[[1,2],[],[30]]", &err);
	assert_true(scan_list(&scan));
	while (scan_item(&scan)) {
		assert_true(scan_list(&scan));
		while (scan_item(&scan)) {
			int64_t number;

			assert_true(scan_int(&scan, &number));
			sum += number;
		}
	}
	assert_true(scan_is_done(&scan));
	assert_int_equal(sum, 33);
}

static void what_is_skipped_must_be_json(void **state)
{
	static const char *const good[] = { "0", "-0", "1.5e-3", "1E9", "\"\"", "[]", "{}", "[{\"a\":[null,true,false]}]", " 1 " };
	static const char *const bad[] = { "", "01", "1.", ".5", "+1", "1e", "-", "tru", "nul", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}",
		"{\"a\":1", "[1", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\u0000\"", "\"a\nb\"", "\"\xff\"", "\"\xc3\"",
		"1 2", "[]]", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "\"\\", "\"\\u" };

	(void)state;
	for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
		bool is_good = i < COUNT(good);
		const char *text = is_good ? good[i] : bad[i - COUNT(good)];
		AUTO_SCAN scan = { 0 };
		struct err err = { 0 };

		start(&scan, text, &err);
		if ((scan_skip(&scan) && scan_is_done(&scan)) != is_good)
			fail_msg("'%s'", text);
		assert_int_equal(err.kind, is_good ? ERR_NONE : ERR_CONFIG);
	}
}

static void depth(void **state)
{
	char text[201];
	AUTO_SCAN scan = { 0 };
	struct err err;

	(void)state;
	memset(text, '[', 200);
	text[200] = '\0';
	start(&scan, text, &err);
	assert_false(scan_skip(&scan));
	assert_non_null(strstr(err.text, "within each other"));
}

static void integers(void **state)
{
	static const char *const bad[] = { "1.5", "1e3", "9223372036854775808", "-9223372036854775809", "\"1\"", "01", "-", "", "true", "100000000000000000000000" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		AUTO_SCAN scan = { 0 };
		struct err err;
		int64_t number = 42;

		start(&scan, bad[i], &err);
		if (scan_int(&scan, &number))
			fail_msg("'%s'", bad[i]);
		assert_int_equal(number, 42);
	}
}

/* The line of the first fault stays, and nothing succeeds after it. */
static void faults_have_a_line(void **state)
{
	AUTO_SCAN scan = { 0 };
	struct err err;
	int64_t number;
	bool is_true;

	(void)state;
	start(&scan, "{\n\n\"a\": 1,\n\"b\": x }", &err);
	assert_true(scan_object(&scan) && scan_member(&scan) && scan_int(&scan, &number) && scan_member(&scan));
	assert_false(scan_int(&scan, &number));
	assert_true(strncmp(err.text, "line 4: ", 8) == 0);
	assert_false(scan_is_good(&scan));
	assert_false(scan_fail(&scan, "another"));
	assert_null(strstr(err.text, "another"));
	assert_false(scan_member(&scan) || scan_item(&scan) || scan_object(&scan) || scan_list(&scan) || scan_skip(&scan) || scan_is_done(&scan) ||
		scan_bool(&scan, &is_true) || scan_int(&scan, &number) || scan_is_null(&scan));
	assert_null(scan_string(&scan));
}

static void a_fault_of_the_reader(void **state)
{
	AUTO_SCAN scan = { 0 };
	struct err err;

	(void)state;
	start(&scan, "[\n5]", &err);
	assert_true(scan_list(&scan) && scan_item(&scan) && scan_skip(&scan));
	assert_false(scan_fail(&scan, "%d is too many", 5));
	assert_string_equal(err.text, "line 2: 5 is too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(lists), cmocka_unit_test(what_is_skipped_must_be_json), cmocka_unit_test(depth), cmocka_unit_test(integers),
		cmocka_unit_test(faults_have_a_line), cmocka_unit_test(a_fault_of_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
