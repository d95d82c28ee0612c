/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/rule.h"
#include "util/err.h"
#include "util/mem.h"

static void rates(void **state)
{
	static const struct {
		const char *value;
		int64_t count, period_s;
		const char *why;
	} cases[] = {
		{ "300/7d", 300, 604800, NULL },
		{ "1500/3h", 1500, 10800, NULL },
		{ "1/604800", 1, 604800, NULL },
		{ "1000000/1s", 1000000, 1, NULL },
		{ "1/366d", 1, 366 * (int64_t)86400, NULL },
		{ "300", 0, 0, "'300' has no '/'" },
		{ "", 0, 0, "has no '/'" },
		{ "/7d", 0, 0, "'' is not a number between" },
		{ "0/7d", 0, 0, "'0' is not a number between 1 and 1000000" },
		{ "-1/7d", 0, 0, "'-1' is not a number" },
		{ "1000001/7d", 0, 0, "is not a number between" },
		{ "99999999999999999999/7d", 0, 0, "is not a number between" },
		{ "3.5/7d", 0, 0, "is not a number" },
		{ "300/", 0, 0, "'' is not a period" },
		{ "300/week", 0, 0, "'week' is not a period" },
		{ "300/0s", 0, 0, "'0s' is not a period between 1s and 366d" },
		{ "300/367d", 0, 0, "'367d' is not a period" },
		{ "300/7d/2", 0, 0, "'7d/2' is not a period" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rate rate = { 0 };
		struct err err = { 0 };

		if (rule_rate(cases[i].value, &rate, &err) != (cases[i].why == NULL) || (cases[i].why && !strstr(err.text, cases[i].why)))
			fail_msg("'%s': %s", cases[i].value, err.text);
		if (cases[i].why)
			continue;
		assert_int_equal(rate.count, cases[i].count);
		assert_int_equal(rate.burst, cases[i].count);
		assert_int_equal(rate.period_ns, cases[i].period_s * NS_PER_S);
	}
}

static void keys_of_limits(void **state)
{
	static const struct {
		const char *key, *stored, *id, *why;
	} cases[] = {
		{ "limit-NewOrdersPerAccount", "limit-NewOrdersPerAccount", NULL, NULL },
		{ "limit-neworderSperaccount:123", "limit-NewOrdersPerAccount:123", "123", NULL },
		{ "limit-NewOrdersPerAccount:Ab_c-1", "limit-NewOrdersPerAccount:Ab_c-1", "Ab_c-1", NULL },
		{ "limit-certificatesperdomain:Example.COM", "limit-CertificatesPerDomain:example.com", "example.com", NULL },
		{ "limit-CertificatesPerDomain:192.0.2.1", "limit-CertificatesPerDomain:192.0.2.1", "192.0.2.1", NULL },
		{ "limit-CertificatesPerDomain:2602:80A::", "limit-CertificatesPerDomain:2602:80a::", "2602:80a::", NULL },
		{ "limit-CertificatesPerFQDNSet:b.org,A.org", "limit-CertificatesPerFQDNSet:b.org,a.org", "b.org,a.org", NULL },
		{ "limit-NewRegistrationsPerIPAddress:192.0.2.1", "limit-NewRegistrationsPerIPAddress:192.0.2.1", "192.0.2.1", NULL },
		{ "limit-NewRegistrationsPerIPv6Range:2602:80a:6000::", "limit-NewRegistrationsPerIPv6Range:2602:80a:6000::", "2602:80a:6000::/48", NULL },
		{ "limit-CertificatesPerDomainPerAccount:7", "limit-CertificatesPerDomainPerAccount:7", "7", NULL },
		{ "limit-FailedAuthorizationsPerDomainPerAccount", "limit-FailedAuthorizationsPerDomainPerAccount", NULL, NULL },
		{ "limit-", NULL, NULL, "there is no limit ''; the usual ones are CertificatesPerDomain," },
		{ "limit-Frobnications", NULL, NULL, "there is no limit 'Frobnications'" },
		{ "limit-CertificatePerDomain", NULL, NULL, "did you mean 'CertificatesPerDomain'?" },
		{ "limit-CertificatesPerDomain:", NULL, NULL, "for whom is missing" },
		{ "limit-CertificatesPerDomain:a_b.com", NULL, NULL, "'a_b.com' has a '_'" },
		{ "limit-CertificatesPerDomain:example.com/x", NULL, NULL, "a '/'?" },
		{ "limit-CertificatesPerDomain:../../x", NULL, NULL, "a '/'?" },
		{ "limit-NewRegistrationsPerIPv6Range:2602:80a:6000::/48", NULL, NULL, "a '/'?" },
		{ "limit-NewRegistrationsPerIPv6Range:192.0.2.1", NULL, NULL, "not an IPv6 block" },
		{ "limit-NewRegistrationsPerIPAddress:example.com", NULL, NULL, "not an address" },
		{ "limit-CertificatesPerDomainPerAccount", NULL, NULL, "limit-CertificatesPerDomainPerAccount:<account>" },
		{ "limit-FailedAuthorizationsForPausingPerDomainPerAccount", NULL, NULL, "assign it by the property limits" },
		{ "limit-NewOrdersPerAccount:a b", NULL, NULL, "a character that no property has" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum limit limit = LIMIT_COUNT;
		AUTO_FREE char *id = NULL;
		struct err err = { 0 };
		bool is_good = rule_limit(cases[i].key, &limit, &id, &err);

		if (is_good != (cases[i].stored != NULL) || (cases[i].why && !strstr(err.text, cases[i].why)))
			fail_msg("'%s': %s", cases[i].key, err.text);
		if (!is_good)
			continue;
		AUTO_FREE char *stored = rule_limit_key(limit, id);
		assert_string_equal(stored, cases[i].stored);
		if (cases[i].id)
			assert_string_equal(id, cases[i].id);
		else
			assert_null(id);
	}
	AUTO_FREE char *name = mem_new(300, 1);
	AUTO_FREE char *id = NULL;
	enum limit limit = LIMIT_COUNT;
	struct err err = { 0 };
	memset(name, 'a', 260);
	AUTO_FREE char *key = mem_fmt("limit-NewOrdersPerAccount:%s", name);
	assert_false(rule_limit(key, &limit, &id, &err));
	assert_non_null(strstr(err.text, "too long"));
}

static void groups_and_shares(void **state)
{
	static const char *const bad_globs[] = { "", " , ", "PR-*", "a/b", "pr-* b\\*", "pr\x1b", "{a,b}" };
	static const char *const bad_shares[] = { "", "%", "0", "0%", "101%", "-1", "7.5", "25 %", "a", "25%%", "1000001" };
	AUTO_STRS globs = { 0 };
	struct err err = { 0 };
	bool is_percent = false;
	int64_t units = 0;

	(void)state;
	assert_true(rule_globs("pr-*, review-?  blog,[a-c]x", &globs, &err));
	AUTO_FREE char *joined = strs_join(&globs, "|");
	assert_string_equal(joined, "pr-*|review-?|blog|[a-c]x");
	for (size_t i = 0; i < COUNT(bad_globs); i++)
		if (rule_globs(bad_globs[i], &globs, &err))
			fail_msg("'%s' taken", bad_globs[i]);
	assert_int_equal(globs.count, 4);
	assert_true(rule_share("10", &units, &is_percent, &err) && units == 10 && !is_percent);
	assert_true(rule_share("25%", &units, &is_percent, &err) && units == 25 && is_percent);
	assert_true(rule_share("100%", &units, &is_percent, &err) && units == 100 && is_percent);
	for (size_t i = 0; i < COUNT(bad_shares); i++)
		if (rule_share(bad_shares[i], &units, &is_percent, &err))
			fail_msg("'%s' taken", bad_shares[i]);
	assert_true(rule_reserve("0", &units, &err) && units == 0);
	assert_true(rule_reserve("5", &units, &err) && units == 5);
	assert_false(rule_reserve("-1", &units, &err) || rule_reserve("5%", &units, &err) || rule_reserve("", &units, &err));
	assert_true(rule_is_group("bots") && rule_is_group("node.js") && rule_is_group("a_b-1"));
	assert_false(rule_is_group("") || rule_is_group("Bots") || rule_is_group("a:b") || rule_is_group("*") || rule_is_group(".."));
}

static void servers_and_limits(void **state)
{
	static const char value[] = "ca.test=/etc/ca.json  https://Other.test:14000/dir=letsencrypt staging=none\t[2001:db8::1]=none a.test:99=/x=y "
				    "letsencrypt-staging";
	static const struct {
		const char *server, *limits;
	} cases[] = {
		{ "https://ca.test/dir", "/etc/ca.json" }, { "https://ca.test:8443/other", "/etc/ca.json" }, { "https://CA.test/dir", "/etc/ca.json" },
		{ "https://ca.testing/dir", NULL }, { "https://xca.test/dir", NULL }, { "https://other.test:14000/dir", "letsencrypt" },
		{ "https://other.test:14000/dir2", NULL }, { "https://acme-staging-v02.api.letsencrypt.org/directory", "none" },
		{ "https://acme-v02.api.letsencrypt.org/directory", NULL }, { "https://[2001:db8::1]:443/dir", "none" },
		{ "https://a.test:99/", "/x=y" }, { "https://a.test/", NULL }, { "", "letsencrypt-staging" },
	};
	static const struct {
		const char *value, *why;
	} bad[] = {
		{ "=letsencrypt", "no server before its '='" },
		{ "ca.test=", "'' is neither a name nor" },
		{ "ca.test=./x.json", "'./x.json' is neither a name nor an absolute path" },
		{ "ca.test=Le", "is neither a name" },
		{ "http://ca.test/dir=none", "'http://ca.test/dir' is neither the https URL" },
		{ "https://=none", "no valid host" },
		{ "https://me@ca.test/=none", "user name" },
		{ "c_a=none", "'c_a' is neither" },
		{ "none letsencrypt", "second word for every other server" },
		{ "a.test=none a.test=letsencrypt", "'a.test=letsencrypt' is the second word for that server" },
	};
	AUTO(rule_limits_done) struct rule_limits limits = { 0 };
	AUTO(rule_limits_done) struct rule_limits none = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(rule_limits_read(value, &limits, &err));
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *found = rule_limits_of(&limits, cases[i].server);

		if ((found == NULL) != (cases[i].limits == NULL) || (found && strcmp(found, cases[i].limits) != 0))
			fail_msg("%s: %s", cases[i].server, found ? found : "nothing");
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (rule_limits_read(bad[i].value, &none, &err) || !strstr(err.text, bad[i].why))
			fail_msg("'%s': %s", bad[i].value, err.text);
	}
	assert_true(rule_limits_read("", &none, &err));
	assert_null(rule_limits_of(&none, ""));
	assert_null(rule_limits_of(&none, "https://ca.test/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),
		cmocka_unit_test(keys_of_limits),
		cmocka_unit_test(groups_and_shares),
		cmocka_unit_test(servers_and_limits),
	};

	return cmocka_run_group_tests_name("flow/rule", tests, NULL, NULL);
}
