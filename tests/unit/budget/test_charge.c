/* SPDX-License-Identifier: MIT */
#include "budget/charge.h"
#include "tests/unit/budget/desk.h"

/* printf 'a.org,example.com,www.example.com' | sha256sum */
#define SET_HASH "5baa8c6edc588cc6419656de08c661972aaf46cfd97eee18b84cb1a2a74cf7e3"

static void own_limit(struct desk *desk, const char *account)
{
	const char *reason;
	struct rate rate;

	assert_true(rate_make(20, 20, DAY_NS, &rate, &reason));
	assert_true(limits_override(&desk->limits, LIMIT_DOMAIN_OF_ACCOUNT, account, &rate, &desk->err));
}

static void orders(void **state)
{
	struct desk desk;
	AUTO(names_done) struct names names = desk_names("example.com www.example.com a.org");
	AUTO_CHARGES as_new = { 0 };
	AUTO_CHARGES renewal = { 0 };
	AUTO_CHARGES ari = { 0 };

	(void)state;
	desk_init(&desk);
	charges_order(&desk.ledger.rules, "1", &names, ORDER_NEW, &as_new);
	assert_charges(&as_new,
		"+NewOrdersPerAccount=1 FailedAuthorizationsPerDomainPerAccount=1:a.org FailedAuthorizationsPerDomainPerAccount=1:example.com "
		"FailedAuthorizationsPerDomainPerAccount=1:www.example.com CertificatesPerDomain=a.org CertificatesPerDomain=example.com "
		"CertificatesPerFQDNSet=" SET_HASH);
	charges_order(&desk.ledger.rules, "1", &names, ORDER_RENEWAL, &renewal);
	assert_charges(&renewal,
		"FailedAuthorizationsPerDomainPerAccount=1:a.org FailedAuthorizationsPerDomainPerAccount=1:example.com "
		"FailedAuthorizationsPerDomainPerAccount=1:www.example.com CertificatesPerFQDNSet=" SET_HASH);
	charges_order(&desk.ledger.rules, "1", &names, ORDER_ARI, &ari);
	assert_int_equal(ari.count, 0);
	desk_done(&desk);
}

static void certificates(void **state)
{
	struct desk desk;
	AUTO(names_done) struct names names = desk_names("example.com www.example.com a.org");
	AUTO_CHARGES as_new = { 0 };
	AUTO_CHARGES renewal = { 0 };

	(void)state;
	desk_init(&desk);
	charges_certificate(&desk.ledger.rules, "1", &names, false, &as_new);
	assert_charges(&as_new, "+CertificatesPerDomain=a.org +CertificatesPerDomain=example.com +CertificatesPerFQDNSet=" SET_HASH);
	charges_certificate(&desk.ledger.rules, "1", &names, true, &renewal);
	assert_charges(&renewal, "+CertificatesPerFQDNSet=" SET_HASH);
	desk_done(&desk);
}

/* An account with its own limit is checked by that alone, and spends both. */
static void an_account_with_its_own_limit(void **state)
{
	struct desk desk;
	AUTO(names_done) struct names names = desk_names("a.org");
	AUTO_CHARGES order = { 0 };
	AUTO_CHARGES certificate = { 0 };

	(void)state;
	desk_init(&desk);
	own_limit(&desk, "7");
	charges_order(&desk.ledger.rules, "7", &names, ORDER_NEW, &order);
	assert_int_equal(order.count, 4);
	assert_int_equal(order.items[2].limit, LIMIT_DOMAIN_OF_ACCOUNT);
	assert_string_equal(order.items[2].bucket, "7:a.org");
	charges_certificate(&desk.ledger.rules, "7", &names, false, &certificate);
	assert_int_equal(certificate.count, 3);
	assert_string_equal(certificate.items[0].bucket, "a.org");
	assert_string_equal(certificate.items[1].bucket, "7:a.org");
	desk_done(&desk);
}

static void accounts_and_failures(void **state)
{
	struct desk desk;
	AUTO_CHARGES v4 = { 0 };
	AUTO_CHARGES v6 = { 0 };
	AUTO_CHARGES failure = { 0 };

	(void)state;
	desk_init(&desk);
	charges_account(&desk.ledger.rules, "64.112.117.1", &v4);
	assert_charges(&v4, "+NewRegistrationsPerIPAddress=64.112.117.1");
	charges_account(&desk.ledger.rules, "2602:80a:6000:1::1", &v6);
	assert_charges(&v6, "+NewRegistrationsPerIPAddress=2602:80a:6000:1::1 +NewRegistrationsPerIPv6Range=2602:80a:6000::/48");
	charges_failure(&desk.ledger.rules, "1", "*.example.com", &failure);
	charges_pausing(&desk.ledger.rules, "1", "*.example.com", &failure);
	assert_charges(&failure,
		"+FailedAuthorizationsPerDomainPerAccount=1:*.example.com +FailedAuthorizationsForPausingPerDomainPerAccount=1:*.example.com");
	desk_done(&desk);
}

static void all_buckets_in_order(void **state)
{
	struct desk desk;
	AUTO(names_done) struct names names = desk_names("www.example.com 1.1.1.1");
	AUTO_CHARGES all = { 0 };

	(void)state;
	desk_init(&desk);
	own_limit(&desk, "7");
	desk.limits.is_limited[LIMIT_ORDERS] = false;
	charges_all(&desk.ledger.rules, "7", &names, &all);
	assert_int_equal(all.count, 9);
	for (size_t i = 1; i < all.count; i++) {
		const struct charge *before = &all.items[i - 1];

		assert_true(before->limit < all.items[i].limit || (before->limit == all.items[i].limit && strcmp(before->bucket, all.items[i].bucket) < 0));
	}
	/* By bytes: the address first. */
	assert_string_equal(all.items[0].bucket, "7:1.1.1.1");
	assert_int_equal(all.items[8].limit, LIMIT_PAUSING);
	desk_done(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders), cmocka_unit_test(certificates), cmocka_unit_test(an_account_with_its_own_limit),
		cmocka_unit_test(accounts_and_failures), cmocka_unit_test(all_buckets_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
