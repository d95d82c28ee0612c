/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "budget/names.h"
#include "util/err.h"
#include "util/mem.h"

static bool make(const char *words, struct names *names, struct err *err)
{
	AUTO_STRS list = { 0 };

	strs_split(&list, words, " ");
	return names_make(&list, names, err);
}

static void assert_refused(const char *words, const char *reason)
{
	struct names names = { .dns_count = 42 };
	struct err err;

	assert_false(make(words, &names, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	if (strstr(err.text, reason) == NULL)
		fail_msg("'%s' instead of '%s'", err.text, reason);
	assert_int_equal(names.dns_count, 42);
}

static void normal_order(void **state)
{
	AUTO(names_done) struct names names = { 0 };
	struct err err;

	(void)state;
	assert_true(make("www.example.com 8.8.8.8 2602:80a:6000::1 EXAMPLE.com *.example.com example.com 10.0.0.1", &names, &err));
	AUTO_FREE char *joined = strs_join(&names.list, " ");
	assert_string_equal(joined, "*.example.com example.com www.example.com 10.0.0.1 2602:80a:6000::1 8.8.8.8");
	assert_int_equal(names.dns_count, 3);
}

static void hash_of_a_set(void **state)
{
	AUTO(names_done) struct names one = { 0 };
	AUTO(names_done) struct names same = { 0 };
	AUTO(names_done) struct names more = { 0 };
	struct err err;

	(void)state;
	assert_true(make("example.com www.example.com", &one, &err));
	assert_true(make("WWW.example.com example.com example.COM", &same, &err));
	assert_true(make("example.com www.example.com 1.1.1.1", &more, &err));
	/* printf 'example.com,www.example.com' | sha256sum */
	assert_string_equal(one.hash, "65825d50db221df1768452c68de1c2870728a93bbfc9ca90648b733b7bb6b046");
	assert_string_equal(one.hash, same.hash);
	assert_string_not_equal(one.hash, more.hash);
}

static void refusals(void **state)
{
	AUTO_STRS list = { 0 };
	AUTO(names_done) struct names names = { 0 };
	struct err err;

	(void)state;
	assert_refused("", "no names");
	assert_refused("example.com my_app.example.com", "'my_app.example.com' has a '_'");
	assert_refused("2602:80a:6000:0::1", "shortest form");
	for (int i = 0; i < NAMES_MAX; i++)
		strs_addf(&list, "a%d.example.com", i);
	strs_add(&list, "A0.example.com");
	assert_true(names_make(&list, &names, &err));
	assert_int_equal(names.list.count, NAMES_MAX);
	strs_add(&list, "one.too.many");
	names_done(&names);
	assert_false(names_make(&list, &names, &err));
	assert_non_null(strstr(err.text, "101 names"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(normal_order), cmocka_unit_test(hash_of_a_set), cmocka_unit_test(refusals) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
