/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "budget/address.h"
#include "util/attr.h"
#include "util/mem.h"

static void canonical_forms(void **state)
{
	static const char *const cases[][2] = {
		{ "64.112.117.1", "64.112.117.1" }, { "2602:80A:6000:0:0:0:0:1", "2602:80a:6000::1" }, { "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, { "::", "::" },
		{ "1.2.3", NULL }, { "1.2.3.04", NULL }, { "example.com", NULL }, { "", NULL }, { "1::2::3", NULL }, { "fe80::1%eth0", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *canonical = address_canonical(cases[i][0]);

		if (cases[i][1] == NULL)
			assert_null(canonical);
		else
			assert_string_equal(canonical, cases[i][1]);
	}
}

static void blocks(void **state)
{
	AUTO_FREE char *v4 = address_block("64.112.117.1", 32, 64);
	AUTO_FREE char *v6 = address_block("2602:80a:6000:1:2:3:4:5", 32, 64);
	AUTO_FREE char *range = address_block("2602:80a:6000:1:2:3:4:5", 32, 48);

	(void)state;
	assert_string_equal(v4, "64.112.117.1/32");
	assert_string_equal(v6, "2602:80a:6000:1::/64");
	assert_string_equal(range, "2602:80a:6000::/48");
	assert_true(address_is_v6("::1"));
	assert_false(address_is_v6("1.2.3.4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(canonical_forms), cmocka_unit_test(blocks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
