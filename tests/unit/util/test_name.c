/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "util/attr.h"
#include "util/name.h"

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 ".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.com"

static void kinds_of_names(void **state)
{
	static const struct {
		const char *name;
		enum name_kind kind;
		const char *reason; /* a part of it */
	} cases[] = {
		{ "example.com", NAME_DNS, NULL }, { "a.b", NAME_DNS, NULL }, { "x-1.example.co.uk", NAME_DNS, NULL }, { "1.example.com", NAME_DNS, NULL },
		{ "xn--bcher-kva.example", NAME_DNS, NULL }, { LABEL_63 ".com", NAME_DNS, NULL }, { NAME_253, NAME_DNS, NULL }, { "a--b.com", NAME_DNS, NULL },
		{ "*.example.com", NAME_WILDCARD, NULL }, { "1.2.3.4", NAME_IPV4, NULL }, { "::1", NAME_IPV6, NULL }, { "2001:db8::1", NAME_IPV6, NULL },
		{ "", NAME_BAD, "is empty" }, { "localhost", NAME_BAD, "no dot" }, { "*.com", NAME_BAD, "no dot" }, { "*", NAME_BAD, "'*'" },
		{ "*.*.com", NAME_BAD, "'*'" }, { "a.*.com", NAME_BAD, "'*'" }, { "a*.b.com", NAME_BAD, "'*'" }, { "my_app.example.com", NAME_BAD, "'_'" },
		{ "_acme.example.com", NAME_BAD, "'_'" }, { "example.com/path", NAME_BAD, "not allowed" }, { "Example.com", NAME_BAD, "not allowed" },
		{ "exa mple.com", NAME_BAD, "not allowed" }, { "example.com:80", NAME_BAD, "not allowed" }, { "b\xc3\xbc" "cher.example", NAME_BAD, "not allowed" },
		{ "-a.com", NAME_BAD, "'-'" }, { "a-.com", NAME_BAD, "'-'" }, { "a.com.", NAME_BAD, "ends with a dot" }, { ".a.com", NAME_BAD, "empty part" },
		{ "a..com", NAME_BAD, "empty part" }, { "a" LABEL_63 ".com", NAME_BAD, "63" }, { "b" NAME_253, NAME_BAD, "253" }, { "*." NAME_253, NAME_BAD, "253" },
		{ "1.2.3", NAME_BAD, "number" }, { "1.2.3.256", NAME_BAD, "number" }, { "a.123", NAME_BAD, "number" }, { "ab--c.com", NAME_BAD, "'--'" },
		{ "[::1]", NAME_BAD, "no" }, { "*.1.2.3.4", NAME_BAD, "number" },
	};

	(void)state;
	assert_int_equal(strlen(NAME_253), 253);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *reason = "untouched";

		if (name_kind(cases[i].name, &reason) != cases[i].kind)
			fail_msg("'%s' is something else", cases[i].name);
		if (strstr(reason, cases[i].reason != NULL ? cases[i].reason : "untouched") == NULL)
			fail_msg("'%s' %s", cases[i].name, reason);
		assert_int_equal(name_kind(cases[i].name, NULL), cases[i].kind);
	}
}

static void app_names(void **state)
{
	static const char *const good[] = { "a", "0", "blog", "my-app", "my_app", "node.js", "a..b", "0-" };
	static const char *const bad[] = { "", "-a", "_a", ".a", "--global", "Blog", "a b", "a/b", "..", "a\n", "\xc3\xa9", "a*" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(name_is_app(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(name_is_app(bad[i]));
}

static void keys(void **state)
{
	static const char *const good[] = { "email", "dns-provider-CF_Token", "--global", "_", "0", "limit-X:a.com,b.com", "limit-X:2602:80a::" };
	static const char *const bad[] = { "", ".", "..", ".a", "a/b", "a:../b", "a b", "a=b", "a*", "a\n", "\xc3\xa9" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(name_is_key(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(name_is_key(bad[i]));
}

static void components(void **state)
{
	char name[257];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[256] = '\0';
	assert_true(name_is_component(name));
	assert_false(name_is_app(name));
	assert_false(name_is_key(name));
	name[255] = '\0';
	assert_true(name_is_app(name));
	assert_true(name_is_key(name));
	assert_true(name_is_component("..."));
	assert_true(name_is_component(".hidden"));
	assert_false(name_is_component(""));
	assert_false(name_is_component("."));
	assert_false(name_is_component(".."));
	assert_false(name_is_component("a/b"));
	assert_false(name_is_component("/"));
}

static void coverage(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool covers;
	} cases[] = {
		{ "a.com", "a.com", true }, { "a.com", "b.com", false }, { "*.a.com", "x.a.com", true }, { "*.a.com", "*.a.com", true }, { "*.a.com", "a.com", false },
		{ "*.a.com", "y.x.a.com", false }, { "*.a.com", ".a.com", false }, { "*.a.com", "x.b.com", false }, { "a.com", "x.a.com", false },
		{ "x.a.com", "*.a.com", false }, { "*.a.com", "xa.com", false }, { "*.com", "com", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (name_covers(cases[i].pattern, cases[i].name) != cases[i].covers)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_of_names),
		cmocka_unit_test(app_names),
		cmocka_unit_test(keys),
		cmocka_unit_test(components),
		cmocka_unit_test(coverage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
