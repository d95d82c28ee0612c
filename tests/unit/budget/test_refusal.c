/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "budget/refusal.h"
#include "util/attr.h"
#include "util/mem.h"

#define HOUR_NS (3600 * NS_PER_S)
#define SEE ": see https://letsencrypt.org/docs/rate-limits/"
/* 2026-01-02 15:04:05 UTC */
#define RETRY_AT 1767366245

static const struct {
	const char *text;
	enum limit limit;
	const char *id;
	int64_t burst, period_ns, retry_at;
} limits[] = {
	{ "too many new registrations (10) from this IP address in the last 3h0m0s, retry after 2026-01-02 15:04:05 UTC" SEE
		"#new-registrations-per-ip-address", LIMIT_ACCOUNTS_PER_ADDRESS, "", 10, 3 * HOUR_NS, RETRY_AT },
	{ "too many new registrations (500) from this /48 subnet of IPv6 addresses in the last 3h0m0s, retry after 2026-01-02 15:04:05 UTC" SEE
		"#new-registrations-per-ipv6-range", LIMIT_ACCOUNTS_PER_RANGE, "", 500, 3 * HOUR_NS, RETRY_AT },
	{ "too many new orders (300) from this account in the last 3h0m0s, retry after 2026-01-02 15:04:05 UTC" SEE "#new-orders-per-account",
		LIMIT_ORDERS, "", 300, 3 * HOUR_NS, RETRY_AT },
	{ "too many failed authorizations (5) for \"www.example.com\" in the last 1h0m0s, retry after 2026-01-02 15:04:05 UTC" SEE
		"#authorization-failures-per-identifier-per-account", LIMIT_FAILURES, "www.example.com", 5, HOUR_NS, RETRY_AT },
	{ "too many failed authorizations (5) for \"*.example.com\" in the last 1h0m0s", LIMIT_FAILURES, "*.example.com", 5, HOUR_NS, 0 },
	{ "too many certificates (50) already issued for \"example.com\" in the last 168h0m0s, retry after 2026-01-02 15:04:05 UTC" SEE
		"#new-certificates-per-registered-domain", LIMIT_DOMAIN, "example.com", 50, 168 * HOUR_NS, RETRY_AT },
	{ "too many certificates (50) already issued for \"64.112.117.1/32\" in the last 168h0m0s, retry after 2026-01-02 15:04:05 UTC",
		LIMIT_DOMAIN, "64.112.117.1/32", 50, 168 * HOUR_NS, RETRY_AT },
	{ "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-01-02 15:04:05 UTC" SEE
		"#new-certificates-per-exact-set-of-identifiers", LIMIT_SET, "", 5, 168 * HOUR_NS, RETRY_AT },
	/* As it stands in our own texts. */
	{ "blog: new order for example.com: too many certificates (50) already issued for \"Example.com\" in the last 168h0m0s, "
		"retry after 2026-01-02 15:04:05 UTC" SEE
		"#new-certificates-per-registered-domain — it works again after 2026-01-02 16:04 CET\nanother line with (7) and \"x.org\"",
		LIMIT_DOMAIN, "example.com", 50, 168 * HOUR_NS, RETRY_AT },
	/* Of IPv6 only what follows the last colon: not whole. */
	{ "too many certificates (50) already issued for \"/64\" in the last 168h0m0s", LIMIT_DOMAIN, "", 50, 168 * HOUR_NS, 0 },
	{ "too many failed authorizations (5) for \"1\" in the last 1h0m0s", LIMIT_FAILURES, "", 5, HOUR_NS, 0 },
	{ "too many failed authorizations (5) for \"\" in the last 1h0m0s", LIMIT_FAILURES, "", 5, HOUR_NS, 0 },
	/* Other words, the same anchor. */
	{ "too many pleas (50) for \"example.com\" in the last 30s" SEE "#new-certificates-per-registered-domain",
		LIMIT_DOMAIN, "example.com", 50, 30 * NS_PER_S, 0 },
	{ "no more today" SEE "#new-orders-per-account.", LIMIT_ORDERS, "", 0, 0, 0 },
	/* Durations of Go. */
	{ "too many new orders (1) from this account in the last 1m30.5s, retry", LIMIT_ORDERS, "", 1, 90500 * (NS_PER_S / 1000), 0 },
	{ "too many new orders (1) from this account in the last 1.5s", LIMIT_ORDERS, "", 1, 3 * NS_PER_S / 2, 0 },
	{ "too many new orders (1) from this account in the last 250ms", LIMIT_ORDERS, "", 1, NS_PER_S / 4, 0 },
	{ "too many new orders (1) from this account in the last 2.5\xc2\xb5s", LIMIT_ORDERS, "", 1, 2500, 0 },
	{ "too many new orders (1) from this account in the last 0s", LIMIT_ORDERS, "", 1, 0, 0 },
	/* What nobody should believe. */
	{ "too many new orders (99999999999999999999) from this account in the last 99999999999999999999h0m0s, retry after 99999999-01-02 15:04:05 UTC",
		LIMIT_ORDERS, "", 0, 0, 0 },
	{ "too many new orders (0) from this account in the last 87601h0m0s", LIMIT_ORDERS, "", 0, 0, 0 },
	{ "too many new orders (-3) from this account in the last -3h0m0s", LIMIT_ORDERS, "", 0, 0, 0 },
	{ "too many new orders (3e2) from this account in the last 3h0m0sx", LIMIT_ORDERS, "", 0, 0, 0 },
	{ "too many new orders () from this account in the last ", LIMIT_ORDERS, "", 0, 0, 0 },
	{ "too many new orders (300", LIMIT_COUNT, NULL, 0, 0, 0 },
	{ "too many new orders (300 from this account in the last 3", LIMIT_ORDERS, "", 0, 0, 0 },
	{ "too many certificates (50) already issued for \"example.com", LIMIT_DOMAIN, "", 50, 0, 0 },
	{ "too many certificates (50) already issued for \"exam\\\"ple.com\" in", LIMIT_DOMAIN, "", 50, 0, 0 },
	{ "too many certificates (50) already issued for \"exam ple.com\" in", LIMIT_DOMAIN, "", 50, 0, 0 },
	{ "too many certificates (50) already issued for \"", LIMIT_DOMAIN, "", 50, 0, 0 },
	{ "too many new orders (3) from this account, retry after 2026-02-30 15:04:05 UTC", LIMIT_ORDERS, "", 3, 0, 0 },
	{ "too many new orders (3) from this account, retry after 1960-01-01 15:04:05 UTC", LIMIT_ORDERS, "", 3, 0, 0 },
	{ "too many new orders (3) from this account, retry after 9999-01-01 15:04:05 UTC", LIMIT_ORDERS, "", 3, 0, 0 },
	{ "too many new orders (3) from this account, retry after 2026-01-02 15:04:05 CET", LIMIT_ORDERS, "", 3, 0, 0 },
	{ "too many new orders (3) from this account, retry after 2026-01-02 15:0", LIMIT_ORDERS, "", 3, 0, 0 },
	/* Nothing of ours; a moment may be told all the same. */
	{ "", LIMIT_COUNT, NULL, 0, 0, 0 },
	{ "too many requests, retry after 2026-01-02 15:04:05 UTC", LIMIT_COUNT, NULL, 0, 0, RETRY_AT },
	{ "Service busy; retry later.", LIMIT_COUNT, NULL, 0, 0, 0 },
	{ "no" SEE "#new-orders-per-accountant", LIMIT_COUNT, NULL, 0, 0, 0 },
	{ "from this account too many new orders", LIMIT_COUNT, NULL, 0, 0, 0 },
};

static void limits_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		AUTO(refusal_done) struct refusal refusal = { 0 };

		refusal_read(limits[i].text, &refusal);
		if (refusal.has_limit != (limits[i].id != NULL) || refusal.is_pause || refusal.link[0] != '\0' || refusal.names.count > 0)
			fail_msg("%s", limits[i].text);
		if (refusal.burst != limits[i].burst || refusal.period_ns != limits[i].period_ns || refusal.retry_at != limits[i].retry_at)
			fail_msg("%s: %lld in %lld ns until %lld", limits[i].text, (long long)refusal.burst, (long long)refusal.period_ns,
				 (long long)refusal.retry_at);
		if (refusal.has_limit && refusal.limit != limits[i].limit)
			fail_msg("%s: %s", limits[i].text, limit_name(refusal.limit));
		assert_string_equal(refusal.id, limits[i].id != NULL ? limits[i].id : "");
	}
}

#define PAUSED "Your account is temporarily prevented from requesting certificates for "
#define LINK "https://portal.letsencrypt.org/sfe/v1/unpause?jwt=abc.de-f_.ghi"

static const struct {
	const char *text, *names, *link;
} pauses[] = {
	{ PAUSED "example.com and possibly others. Please visit: " LINK, "example.com", LINK },
	{ "blog: new order: " PAUSED "a.example.com, *.Example.com, 192.0.2.1 and possibly others. Please visit: " LINK " — open that link and confirm there",
		"a.example.com *.example.com 192.0.2.1", LINK },
	{ PAUSED "x.org, too many new orders (3) from this account and possibly others. Please visit: (" LINK ").", "x.org", LINK },
	{ "Other words, see https://example.com/sfe/ and " LINK "\nhttps://x.org/sfe/v1/unpause", "", LINK },
	{ PAUSED "example.com and possibly others. Please visit: http://portal.letsencrypt.org/sfe/v1/unpause?jwt=abc", "example.com", "" },
	{ PAUSED "example.com and possibly others. Please visit: https://portal.letsencrypt.org/sfe/v1/overrides", "example.com", "" },
	{ PAUSED "example.com", "", "" },
	{ PAUSED " and possibly others", "", "" },
	{ PAUSED ", ,, not a name, -, \x1b[2J and possibly others", "", "" },
};

static void pauses_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pauses); i++) {
		AUTO(refusal_done) struct refusal refusal = { 0 };

		refusal_read(pauses[i].text, &refusal);
		AUTO_FREE char *names = strs_join(&refusal.names, " ");
		if (!refusal.is_pause || refusal.has_limit || strcmp(names, pauses[i].names) != 0 || strcmp(refusal.link, pauses[i].link) != 0)
			fail_msg("%s: '%s' '%s'", pauses[i].text, names, refusal.link);
	}
}

/* Cut anywhere, a text says less, and nothing else. */
static void cut_texts_are_harmless(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		for (size_t size = 0; size < strlen(limits[i].text); size++) {
			AUTO_FREE char *text = mem_strndup(limits[i].text, size);
			AUTO(refusal_done) struct refusal refusal = { 0 };

			refusal_read(text, &refusal);
			assert_false(refusal.is_pause);
			assert_true(refusal.burst == 0 || refusal.burst == limits[i].burst);
			assert_true(refusal.retry_at == 0 || refusal.retry_at == limits[i].retry_at);
			assert_true(refusal.id[0] == '\0' || strcmp(refusal.id, limits[i].id) == 0);
		}
	}
	for (size_t size = 0; size < strlen(pauses[0].text); size++) {
		AUTO_FREE char *text = mem_strndup(pauses[0].text, size);
		AUTO(refusal_done) struct refusal refusal = { 0 };

		refusal_read(text, &refusal);
		assert_false(refusal.has_limit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_read),
		cmocka_unit_test(pauses_are_read),
		cmocka_unit_test(cut_texts_are_harmless),
	};

	return cmocka_run_group_tests_name("budget/refusal", tests, NULL, NULL);
}
