/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "budget/domain.h"
#include "budget/names.h"
#include "tests/unit/budget/suffixes.h"
#include "util/attr.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

static void registered_domains(void **state)
{
	static const char *const cases[][2] = {
		{ "example.com", "example.com" }, { "www.example.com", "example.com" }, { "*.example.com", "example.com" }, { "a.b.c.example.co.uk", "example.co.uk" },
		/* A suffix stands for itself. */
		{ "co.uk", "co.uk" }, { "github.io", "github.io" }, { "app.github.io", "app.github.io" }, { "a.app.github.io", "app.github.io" },
		/* A wildcard right below a suffix is a bucket of its own. */
		{ "*.github.io", "*.github.io" }, { "*.co.uk", "*.co.uk" }, { "*.app.github.io", "app.github.io" },
		/* Unknown top-level domains have one label. */
		{ "a.b.unknown", "b.unknown" },
		/* Wildcard rules and their exceptions. */
		{ "a.ck", "a.ck" }, { "b.a.ck", "b.a.ck" }, { "c.b.a.ck", "b.a.ck" }, { "www.ck", "www.ck" }, { "a.www.ck", "www.ck" }, { "*.ck", "*.ck" },
		{ "a.kawasaki.jp", "a.kawasaki.jp" }, { "city.kawasaki.jp", "city.kawasaki.jp" }, { "www.city.kawasaki.jp", "city.kawasaki.jp" },
		/* The base of a wildcard rule is a suffix only by a rule for itself. */
		{ "kawasaki.jp", "kawasaki.jp" }, { "compute.amazonaws.com", "amazonaws.com" }, { "x.compute.amazonaws.com", "x.compute.amazonaws.com" },
		{ "y.x.compute.amazonaws.com", "y.x.compute.amazonaws.com" }, { "*.compute.amazonaws.com", "*.compute.amazonaws.com" },
		{ "amazonaws.com", "amazonaws.com" }, { "both.com", "both.com" }, { "a.both.com", "a.both.com" }, { "b.a.both.com", "b.a.both.com" },
		{ "dapps.earth", "dapps.earth" }, { "bzz.dapps.earth", "bzz.dapps.earth" }, { "a.bzz.dapps.earth", "a.bzz.dapps.earth" },
		{ "hollow.com", "hollow.com" }, { "deep.hollow.com", "deep.hollow.com" }, { "a.deep.hollow.com", "a.deep.hollow.com" },
		/* In their ASCII form. */
		{ "a.b.xn--55qx5d.cn", "b.xn--55qx5d.cn" },
		/* Addresses have no suffix. */
		{ "64.112.117.1", "64.112.117.1/32" }, { "2602:80a:6000::1", "2602:80a:6000::/64" }, { "2602:80a:6000:1:2:3:4:5", "2602:80a:6000:1::/64" },
	};
	struct err err;
	AUTO_SUFFIXES *suffixes = suffixes_read(SUFFIX_LIST, strlen(SUFFIX_LIST), &err);

	(void)state;
	assert_non_null(suffixes);
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *domain = domain_registered(suffixes, cases[i][0]);

		if (strcmp(domain, cases[i][1]) != 0)
			fail_msg("'%s' is counted by '%s'", cases[i][0], domain);
	}
}

static void those_of_a_set(void **state)
{
	AUTO_STRS list = { 0 };
	AUTO_STRS domains = { 0 };
	AUTO(names_done) struct names names = { 0 };
	struct err err;
	AUTO_SUFFIXES *suffixes = suffixes_read(SUFFIX_LIST, strlen(SUFFIX_LIST), &err);

	(void)state;
	assert_non_null(suffixes);
	strs_split(&list, "www.example.com example.com a.org 64.112.117.1 app.github.io *.github.io 8.8.8.8", " ");
	assert_true(names_make(&list, &names, &err));
	domain_all(suffixes, &names, &domains);
	AUTO_FREE char *joined = strs_join(&domains, " ");
	assert_string_equal(joined, "*.github.io 64.112.117.1/32 8.8.8.8/32 a.org app.github.io example.com");
}

static void no_list(void **state)
{
	static const char *const texts[] = { "", "<html>com org</html>", "// com\n// org\n", "com\n" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_null(suffixes_read(texts[i], strlen(texts[i]), &err));
		assert_int_equal(err.kind, ERR_CONFIG);
	}
	assert_null(suffixes_read("com\norg\n\0", 9, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(registered_domains), cmocka_unit_test(those_of_a_set), cmocka_unit_test(no_list) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
