/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <stdio.h>

#include "budget/limits.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define ENTRY "{\"limit\": \"NewOrdersPerAccount\", \"count\": 300, \"burst\": 300, \"period\": \"3h\", \"source\": \"https://example.com/\", \"date\": \"2026-08-05\"}"
#define START "{\n\"name\": \"CA\",\n\"directories\": [\"https://ca/dir\"],\n\"issuers\": [\"CA Inc.\"],\n\"limits\": [\n"
#define END "]\n}\n"

static void read_file(const char *path, struct buf *text)
{
	char chunk[4096];
	size_t count;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	while ((count = fread(chunk, 1, sizeof(chunk), file)) > 0)
		assert_true(buf_add(text, chunk, count));
	fclose(file);
}

static void assert_rate(const struct limits *limits, enum limit limit, int64_t count, int64_t burst, int64_t period_s)
{
	const struct rate *rate = limits_rate(limits, limit, "whoever");

	assert_non_null(rate);
	assert_int_equal(rate->count, count);
	assert_int_equal(rate->burst, burst);
	assert_int_equal(rate->period_ns, period_s * NS_PER_S);
}

static void published_limits(void **state)
{
	AUTO_BUF text = BUF_MAX(1 << 20);
	AUTO_BUF staging_text = BUF_MAX(1 << 20);
	AUTO_LIMITS limits = { 0 };
	AUTO_LIMITS staging = { 0 };
	struct err err = { 0 };

	(void)state;
	read_file("templates/limits/letsencrypt.json", &text);
	assert_true(limits_read(buf_text(&text), text.size, &limits, &err));
	assert_string_equal(limits.name, "Let's Encrypt");
	assert_true(strs_has(&limits.directories, "https://acme-v02.api.letsencrypt.org/directory"));
	assert_true(strs_has(&limits.issuers, "Let's Encrypt"));
	assert_int_equal(limits.sources.count, 1);
	assert_string_equal(limits.sources.items[0], "https://letsencrypt.org/docs/rate-limits/");
	assert_string_equal(limits.date, "2026-08-05");
	assert_rate(&limits, LIMIT_ACCOUNTS_PER_ADDRESS, 10, 10, 10800);
	assert_rate(&limits, LIMIT_ACCOUNTS_PER_RANGE, 500, 500, 10800);
	assert_rate(&limits, LIMIT_ORDERS, 300, 300, 10800);
	assert_rate(&limits, LIMIT_FAILURES, 5, 5, 3600);
	assert_rate(&limits, LIMIT_DOMAIN, 50, 50, 604800);
	assert_rate(&limits, LIMIT_SET, 5, 5, 604800);
	assert_rate(&limits, LIMIT_PAUSING, 1, 1152, 86400);
	assert_null(limits_rate(&limits, LIMIT_DOMAIN_OF_ACCOUNT, "1"));
	read_file("templates/limits/letsencrypt-staging.json", &staging_text);
	assert_true(limits_read(buf_text(&staging_text), staging_text.size, &staging, &err));
	assert_true(strs_has(&staging.directories, "https://acme-staging-v02.api.letsencrypt.org/directory"));
	assert_rate(&staging, LIMIT_ORDERS, 1500, 1500, 10800);
	assert_rate(&staging, LIMIT_DOMAIN, 30000, 30000, 1);
}

static void bad_files(void **state)
{
	/* Each entry stands on line 6. */
	static const struct {
		const char *text;
		const char *reason;
	} cases[] = {
		{ "", "line 1: an object is expected" },
		{ START ENTRY, "line 6: ',' or the end" },
		{ START ENTRY END "x", "line 8: something follows" },
		{ START ENTRY ",\n" ENTRY END, "line 7: NewOrdersPerAccount is there twice" },
		{ START "{\"limit\": \"NewOrders\"}" END, "line 6: 'NewOrders' is not a limit" },
		{ START "{\"limit\": \"CertificatesPerDomainPerAccount\"}" END, "line 6: CertificatesPerDomainPerAccount exists only" },
		{ START "{\"limit\": \"NewOrdersPerAccount\", \"count\": 300,\n\"burst\": 300}" END, "line 7: a limit without 'period'" },
		{ START "{\n\"count\": 0}" END, "line 7: 'count' is not between" },
		{ START "{\n\"count\": 3.5}" END, "line 7: an integer is expected here, not '3.5'" },
		{ START "{\n\"burst\": 1000001}" END, "line 7: 'burst' is not between" },
		{ START "{\n\"burst\": \"5\"}" END, "line 7: an integer is expected" },
		{ START "{\n\n\"period\": \"0s\"}" END, "line 8: '0s' is not a period" },
		{ START "{\"period\": \"1w\"}" END, "'1w' is not a period" },
		{ START "{\"period\": \"367d\"}" END, "'367d' is not a period" },
		{ START "{\"count\": 1, \"count\": 1}" END, "line 6: 'count' is said twice" },
		{ START "{\"counts\": 1}" END, "'counts' is said twice, or no part" },
		{ START "{\"source\": \"http://example.com/\"}" END, "is not an https:// URL" },
		{ START "{\"date\": \"2026-02-30\"}" END, "'2026-02-30' is not a date" },
		{ START "{\"limit\": \"NewOrdersPerAccount\", \"count\": 1, \"burst\": 20, \"period\": \"300d\", \"source\": \"https://x/\", \"date\": \"2026-08-05\"}" END,
			"line 6: NewOrdersPerAccount: an empty bucket would take more than ten years" },
		{ "{\"name\": \"CA\", \"directories\": [], ", "line 1: 'directories' is empty" },
		{ "{\"name\": \"CA\", \"directories\": [\"https://a/\",\n\"https://a/\"], ", "line 2: 'https://a/' is empty or there twice" },
		{ "{\"name\": \"\"}", "'name' is empty" },
		{ "{\"nmae\": \"\"}", "'nmae' is said twice, or no part" },
		{ "{\n}\n", "line 3: 'name' is missing" },
		{ "{\"name\": \"CA\", \"directories\": [\"https://a/\"], \"issuers\": [\"x\"]}", "'limits' is missing" },
		{ "{\"name\": \"CA\", \"limits\": [], \"issuers\": [\"x\"]}", "'directories' is missing" },
		{ "{\"name\": \"CA\", \"limits\": [], \"directories\": [\"https://a/\"]}", "'issuers' is missing" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct limits limits = { .override_room = 42 };
		struct err err = { 0 };

		if (limits_read(cases[i].text, strlen(cases[i].text), &limits, &err))
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(err.kind, ERR_CONFIG);
		if (strstr(err.text, cases[i].reason) == NULL)
			fail_msg("'%s' instead of '%s'", err.text, cases[i].reason);
		assert_int_equal(limits.override_room, 42);
	}
}

static void override(struct limits *limits, enum limit limit, const char *id, int64_t burst)
{
	const char *reason;
	struct rate rate;
	struct err err;

	assert_true(rate_make(burst, burst, NS_PER_S, &rate, &reason));
	assert_true(limits_override(limits, limit, id, &rate, &err));
}

static int64_t burst(const struct limits *limits, enum limit limit, const char *id)
{
	const struct rate *rate = limits_rate(limits, limit, id);

	return rate != NULL ? rate->burst : -1;
}

static void overrides(void **state)
{
	AUTO_LIMITS limits = { 0 };
	struct err err;

	(void)state;
	assert_true(limits_read(START ENTRY END, strlen(START ENTRY END), &limits, &err));
	override(&limits, LIMIT_ORDERS, "7", 1000);
	override(&limits, LIMIT_DOMAIN_OF_ACCOUNT, "7", 20);
	override(&limits, LIMIT_DOMAIN, "Example.com", 1);
	override(&limits, LIMIT_DOMAIN, "2602:80a:6000::", 2);
	override(&limits, LIMIT_DOMAIN, "8.8.8.8", 3);
	override(&limits, LIMIT_SET, "www.example.com,example.com", 4);
	override(&limits, LIMIT_ACCOUNTS_PER_ADDRESS, "2602:80A::1", 5);
	override(&limits, LIMIT_ACCOUNTS_PER_RANGE, "2602:80a:6000::/48", 6);
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *id = mem_fmt("a%d.com", (i * 7) % 20);
		override(&limits, LIMIT_DOMAIN, id, 100 + i);
	}
	assert_int_equal(burst(&limits, LIMIT_ORDERS, "7"), 1000);
	assert_int_equal(burst(&limits, LIMIT_ORDERS, "8"), 300);
	assert_int_equal(burst(&limits, LIMIT_DOMAIN_OF_ACCOUNT, "7"), 20);
	assert_int_equal(burst(&limits, LIMIT_DOMAIN_OF_ACCOUNT, "8"), -1);
	assert_int_equal(burst(&limits, LIMIT_DOMAIN, "example.com"), 1);
	assert_int_equal(burst(&limits, LIMIT_DOMAIN, "2602:80a:6000::/64"), 2);
	assert_int_equal(burst(&limits, LIMIT_DOMAIN, "8.8.8.8/32"), 3);
	/* printf 'example.com,www.example.com' | sha256sum */
	assert_int_equal(burst(&limits, LIMIT_SET, "65825d50db221df1768452c68de1c2870728a93bbfc9ca90648b733b7bb6b046"), 4);
	assert_int_equal(burst(&limits, LIMIT_ACCOUNTS_PER_ADDRESS, "2602:80a::1"), 5);
	assert_int_equal(burst(&limits, LIMIT_ACCOUNTS_PER_RANGE, "2602:80a:6000::/48"), 6);
	assert_int_equal(burst(&limits, LIMIT_DOMAIN, "a7.com"), 101);
	override(&limits, LIMIT_ORDERS, "7", 5);
	assert_int_equal(burst(&limits, LIMIT_ORDERS, "7"), 5);
	limits_forget_overrides(&limits);
	assert_int_equal(burst(&limits, LIMIT_ORDERS, "7"), 300);
	assert_int_equal(burst(&limits, LIMIT_DOMAIN, "a7.com"), -1);
}

static void bad_ids(void **state)
{
	static const struct {
		enum limit limit;
		const char *id;
		const char *reason;
	} cases[] = {
		{ LIMIT_ORDERS, "", "NewOrdersPerAccount: for whom" }, { LIMIT_DOMAIN, "a_b.com", "CertificatesPerDomain: 'a_b.com' has a '_'" },
		{ LIMIT_SET, "example.com,a_b.com", "'a_b.com'" }, { LIMIT_ACCOUNTS_PER_ADDRESS, "example.com", "is not an address" },
		{ LIMIT_ACCOUNTS_PER_RANGE, "2602:80a:6000::1/48", "is not an IPv6 block" }, { LIMIT_ACCOUNTS_PER_RANGE, "8.8.8.8/32", "is not an IPv6 block" },
		{ LIMIT_ACCOUNTS_PER_RANGE, "2602:80a:6000::", "is not an IPv6 block" },
	};
	AUTO_LIMITS limits = { 0 };
	struct rate rate = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err;

		assert_false(limits_override(&limits, cases[i].limit, cases[i].id, &rate, &err));
		if (strstr(err.text, cases[i].reason) == NULL)
			fail_msg("'%s' instead of '%s'", err.text, cases[i].reason);
	}
	assert_int_equal(limits.override_count, 0);
}

static void names_of_limits(void **state)
{
	enum limit limit = LIMIT_COUNT;

	(void)state;
	for (int i = 0; i < LIMIT_COUNT; i++) {
		assert_true(limit_find(limit_name((enum limit)i), &limit));
		assert_int_equal(limit, i);
	}
	assert_false(limit_find("Unknown", &limit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_limits), cmocka_unit_test(bad_files), cmocka_unit_test(overrides), cmocka_unit_test(bad_ids), cmocka_unit_test(names_of_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
