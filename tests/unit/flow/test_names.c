/* SPDX-License-Identifier: MIT */
#include "flow/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/mem.h"
#include "util/strs.h"

static void test_sorting(void **state)
{
	static const struct {
		const char *domains, *profile, *names, *refused;
	} cases[] = {
		{ "a.test b.test", "", "a.test b.test", "" },
		{ "A.Test a.test _ a.test", "", "a.test", "" },
		{ "_", "", "", "" },
		{ "localhost a.test", "", "a.test", "localhost" },
		{ "*.a.test a.test", "", "a.test", "*.a.test" },
		{ "10.0.0.1 a.test", "", "a.test", "10.0.0.1" },
		{ "10.0.0.1 a.test", "shortlived", "10.0.0.1 a.test", "" },
		{ "a/b.test", "", "", "a/b.test" },
		{ "under_score.a.test", "", "", "under_score.a.test" },
		{ "x..test", "", "", "x..test" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_STRS domains = { 0 };
		AUTO_STRS names = { 0 };
		AUTO_STRS refused = { 0 };
		AUTO_STRS reasons = { 0 };
		AUTO_FREE char *got = NULL;
		AUTO_FREE char *left = NULL;

		strs_split(&domains, cases[i].domains, " ");
		names_sort(&domains, cases[i].profile, &names, &refused, &reasons);
		got = strs_join(&names, " ");
		left = strs_join(&refused, " ");
		assert_string_equal(got, cases[i].names);
		assert_string_equal(left, cases[i].refused);
		assert_int_equal(refused.count, reasons.count);
	}
}

static void test_max(void **state)
{
	(void)state;
	assert_int_equal(names_max(""), 100);
	assert_int_equal(names_max("classic"), 100);
	assert_int_equal(names_max("tlsserver"), 25);
	assert_int_equal(names_max("shortlived"), 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sorting), cmocka_unit_test(test_max) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
