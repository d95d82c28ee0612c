/* SPDX-License-Identifier: MIT */
#include "budget/ledger.h"
#include "tests/unit/budget/desk.h"

/* Places an order; the caller looks at the verdict. */
static void order(struct desk *desk, int64_t now_ns, const char *account, const char *words, bool replaces, struct verdict *verdict)
{
	AUTO(names_done) struct names names = desk_names(words);

	verdict_done(verdict);
	assert_true(ledger_order(&desk->ledger, now_ns, account, &names, replaces, verdict, &desk->err));
}

static enum order_as issue(struct desk *desk, int64_t now_ns, const char *account, const char *words, int64_t not_before_ns)
{
	AUTO(names_done) struct names names = desk_names(words);
	enum order_as as = ORDER_ARI;

	assert_true(ledger_issued(&desk->ledger, now_ns, account, &names, not_before_ns, &as, &desk->err));
	return as;
}

static bool is_allowed(struct desk *desk, int64_t now_ns, const char *account, const char *words)
{
	AUTO_VERDICT verdict = { 0 };

	order(desk, now_ns, account, words, false, &verdict);
	return verdict.is_allowed;
}

static bool fail_name(struct desk *desk, int64_t now_ns, const char *account, const char *name)
{
	bool is_paused = false;

	assert_true(ledger_failed(&desk->ledger, now_ns, account, name, &is_paused, &desk->err));
	return is_paused;
}

static void the_example(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	order(&desk, T0, "1", "www.example.com example.com", false, &verdict);
	assert_true(verdict.is_allowed);
	assert_int_equal(verdict.as, ORDER_NEW);
	assert_int_equal(issue(&desk, T0 + 5 * NS_PER_S, "1", "www.example.com example.com", T0 - 3505 * NS_PER_S), ORDER_NEW);
	order(&desk, T0 + 6 * NS_PER_S, "2", "EXAMPLE.com www.example.com", false, &verdict);
	assert_true(verdict.is_allowed);
	assert_int_equal(verdict.as, ORDER_RENEWAL);
	desk_done(&desk);
}

static void fifty_a_week_of_a_domain(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	for (int i = 0; i < 50; i++) {
		AUTO_FREE char *name = mem_fmt("app%d.example.com", i);

		assert_true(is_allowed(&desk, T0, "1", name));
		assert_int_equal(issue(&desk, T0, "1", name, T0), ORDER_NEW);
	}
	order(&desk, T0, "2", "app50.example.com", false, &verdict);
	assert_false(verdict.is_allowed);
	assert_int_equal(verdict.limit, LIMIT_DOMAIN);
	assert_string_equal(verdict.bucket, "example.com");
	assert_int_equal(verdict.retry_at_ns, T0 + 12096 * NS_PER_S);
	assert_int_equal(verdict.rate.burst, 50);
	/* What is denied costs nothing, at the first moment it is allowed; another domain and a renewal always are. */
	assert_false(is_allowed(&desk, verdict.retry_at_ns - 1, "1", "app50.example.com"));
	assert_true(is_allowed(&desk, T0, "1", "example.org"));
	assert_true(is_allowed(&desk, T0, "1", "app7.example.com"));
	assert_true(is_allowed(&desk, verdict.retry_at_ns, "1", "app50.example.com"));
	desk_done(&desk);
}

static void renewals_end_after_120_days(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	assert_int_equal(issue(&desk, T0, "1", "a.org", T0 - HOUR_NS), ORDER_NEW);
	/* An older certificate that comes later does not shorten it. */
	assert_int_equal(issue(&desk, T0, "1", "a.org", T0 - DAY_NS), ORDER_RENEWAL);
	order(&desk, T0 - HOUR_NS + 120 * DAY_NS - 1, "1", "a.org", false, &verdict);
	assert_int_equal(verdict.as, ORDER_RENEWAL);
	order(&desk, T0 - HOUR_NS + 120 * DAY_NS, "1", "a.org", false, &verdict);
	assert_int_equal(verdict.as, ORDER_NEW);
	desk_done(&desk);
}

/* The set was issued five times: a renewal is denied, one that replaces is not, whatever else is exhausted. */
static void the_exact_set(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	for (int i = 0; i < 6; i++)
		issue(&desk, T0, "1", "a.org", T0);
	order(&desk, T0, "1", "a.org", false, &verdict);
	assert_false(verdict.is_allowed);
	assert_int_equal(verdict.as, ORDER_RENEWAL);
	assert_int_equal(verdict.limit, LIMIT_SET);
	/* The sixth was beyond the limit and not counted. */
	assert_int_equal(verdict.retry_at_ns, T0 + 120960 * NS_PER_S);
	order(&desk, T0, "1", "a.org", true, &verdict);
	assert_true(verdict.is_allowed);
	assert_int_equal(verdict.as, ORDER_ARI);
	desk_done(&desk);
}

/* Named is what ends last; all or nothing is spent. */
static void the_strictest_denial(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	desk_limit(&desk, LIMIT_ORDERS, 1, 1, HOUR_NS);
	desk_limit(&desk, LIMIT_DOMAIN, 1, 1, 2 * HOUR_NS);
	issue(&desk, T0, "1", "b.org", T0 - 200 * DAY_NS);
	order(&desk, T0, "1", "a.org b.org", false, &verdict);
	assert_false(verdict.is_allowed);
	assert_string_equal(verdict.bucket, "b.org");
	assert_true(is_allowed(&desk, T0, "1", "c.org"));
	order(&desk, T0, "1", "a.org b.org", false, &verdict);
	assert_string_equal(verdict.bucket, "b.org");
	/* The same moment and the same units: the last in the CA's order. */
	issue(&desk, T0, "1", "a.org", T0 - 200 * DAY_NS);
	order(&desk, T0, "1", "b.org a.org", false, &verdict);
	assert_string_equal(verdict.bucket, "b.org");
	desk_done(&desk);
}

/* The same moment: fewer units decide, before the place in the CA's order. */
static void the_fewest_units(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	desk_limit(&desk, LIMIT_ORDERS, 1, 3, HOUR_NS);
	desk_limit(&desk, LIMIT_DOMAIN, 1, 1, 3 * HOUR_NS);
	for (int i = 0; i < 3; i++)
		assert_true(is_allowed(&desk, T0, "1", "b.org"));
	issue(&desk, T0, "1", "a.org", T0 - 200 * DAY_NS);
	desk_limit(&desk, LIMIT_ORDERS, 1, 1, HOUR_NS);
	order(&desk, T0, "1", "a.org", false, &verdict);
	assert_int_equal(verdict.limit, LIMIT_ORDERS);
	assert_int_equal(verdict.retry_at_ns, T0 + 3 * HOUR_NS);
	desk_done(&desk);
}

static void refunded_orders(void **state)
{
	struct desk desk;
	AUTO(names_done) struct names names = desk_names("a.org");

	(void)state;
	desk_init(&desk);
	desk_limit(&desk, LIMIT_ORDERS, 1, 1, HOUR_NS);
	assert_true(is_allowed(&desk, T0, "1", "a.org"));
	assert_false(is_allowed(&desk, T0, "1", "a.org"));
	assert_true(ledger_refund_order(&desk.ledger, T0, "1", &names, &desk.err));
	assert_true(is_allowed(&desk, T0, "1", "a.org"));
	assert_false(is_allowed(&desk, T0, "1", "a.org"));
	desk_done(&desk);
}

static void accounts_from_an_address(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	desk_limit(&desk, LIMIT_ACCOUNTS_PER_RANGE, 2, 2, HOUR_NS);
	assert_true(ledger_account(&desk.ledger, T0, "2602:80a:6000::1", &verdict, &desk.err) && verdict.is_allowed);
	assert_true(ledger_account(&desk.ledger, T0, "2602:80a:6000:5::2", &verdict, &desk.err) && verdict.is_allowed);
	assert_true(ledger_account(&desk.ledger, T0, "2602:80a:6000:6::3", &verdict, &desk.err));
	assert_false(verdict.is_allowed);
	assert_string_equal(verdict.bucket, "2602:80a:6000::/48");
	verdict_done(&verdict);
	assert_true(ledger_refund_account(&desk.ledger, T0, "2602:80a:6000::1", &desk.err));
	assert_true(ledger_account(&desk.ledger, T0, "2602:80a:6000:6::3", &verdict, &desk.err) && verdict.is_allowed);
	desk_done(&desk);
}

static void five_failures_an_hour(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	for (int i = 0; i < 6; i++)
		assert_false(fail_name(&desk, T0, "1", "a.org"));
	order(&desk, T0, "1", "a.org b.org", false, &verdict);
	assert_false(verdict.is_allowed);
	assert_string_equal(verdict.bucket, "1:a.org");
	assert_int_equal(verdict.retry_at_ns, T0 + 720 * NS_PER_S);
	assert_true(is_allowed(&desk, T0, "2", "a.org"));
	assert_true(is_allowed(&desk, T0, "1", "*.a.org"));
	/* A success fills another bucket. */
	assert_true(ledger_valid(&desk.ledger, "1", "a.org", &desk.err));
	assert_false(is_allowed(&desk, T0, "1", "a.org"));
	desk_done(&desk);
}

static void pauses(void **state)
{
	struct desk desk;
	AUTO_VERDICT verdict = { 0 };
	int64_t count = 0;
	int64_t unpaused_ns = T0 + NS_PER_S / 2;
	int64_t grace_ends_ns = T0 + 14 * DAY_NS;

	(void)state;
	desk_init(&desk);
	for (int i = 0; i < 1152; i++)
		assert_false(fail_name(&desk, T0, "1", "a.org"));
	assert_true(fail_name(&desk, T0, "1", "a.org"));
	/* The name as it stands, of this account; `replaces` does not help, a success neither. */
	assert_true(ledger_valid(&desk.ledger, "1", "a.org", &desk.err));
	order(&desk, T0, "1", "a.org b.org", true, &verdict);
	assert_false(verdict.is_allowed);
	assert_int_equal(verdict.paused.count, 1);
	assert_string_equal(verdict.paused.items[0], "a.org");
	assert_true(is_allowed(&desk, T0 + HOUR_NS, "2", "a.org"));
	assert_true(is_allowed(&desk, T0 + HOUR_NS, "1", "*.a.org"));
	/* Once unpaused, it takes 14 days until it can be paused again, counted from the start of that second. */
	desk_limit(&desk, LIMIT_PAUSING, 1, 1, 3650 * DAY_NS);
	assert_true(ledger_unpause(&desk.ledger, unpaused_ns, "1", &count, &desk.err));
	assert_int_equal(count, 1);
	assert_false(fail_name(&desk, unpaused_ns, "1", "a.org"));
	assert_false(fail_name(&desk, unpaused_ns, "1", "a.org"));
	assert_false(fail_name(&desk, grace_ends_ns - 1, "1", "a.org"));
	assert_true(fail_name(&desk, grace_ends_ns, "1", "a.org"));
	desk_done(&desk);
}

static void fifteen_paused_names_are_told(void **state)
{
	struct desk desk;
	AUTO_STRS list = { 0 };
	AUTO_VERDICT verdict = { 0 };

	(void)state;
	desk_init(&desk);
	desk_limit(&desk, LIMIT_PAUSING, 1, 1, DAY_NS);
	for (int i = 0; i < 20; i++) {
		strs_addf(&list, "n%02d.org", i);
		assert_false(fail_name(&desk, T0, "1", list.items[i]));
		assert_true(fail_name(&desk, T0, "1", list.items[i]));
	}
	AUTO_FREE char *words = strs_join(&list, " ");
	order(&desk, T0, "1", words, false, &verdict);
	assert_int_equal(verdict.paused.count, 15);
	assert_string_equal(verdict.paused.items[14], "n14.org");
	desk_done(&desk);
}

static void levels(void **state)
{
	struct desk desk;
	AUTO_CHARGES charges = { 0 };
	struct level level;

	(void)state;
	desk_init(&desk);
	for (int i = 0; i < 3; i++)
		fail_name(&desk, T0, "1", "a.org");
	charges_failure(&desk.ledger.rules, "1", "a.org", &charges);
	assert_true(ledger_level(&desk.ledger, T0, &charges.items[0], &level, &desk.err));
	assert_int_equal(level.remaining, 2);
	assert_int_equal(level.next_unit_at_ns, T0 + 720 * NS_PER_S);
	assert_int_equal(level.full_at_ns, T0 + 3 * 720 * NS_PER_S);
	assert_true(ledger_level(&desk.ledger, T0 + HOUR_NS, &charges.items[0], &level, &desk.err));
	assert_int_equal(level.remaining, 5);
	assert_int_equal(level.next_unit_at_ns, T0 + HOUR_NS);
	assert_int_equal(level.full_at_ns, T0 + HOUR_NS);
	charges.items[0].rate.capacity_ns = charges.items[0].rate.interval_ns;
	assert_true(ledger_level(&desk.ledger, T0, &charges.items[0], &level, &desk.err));
	assert_int_equal(level.remaining, 0);
	desk_done(&desk);
}

static void windows(void **state)
{
	int64_t start_ns;
	int64_t end_ns;
	/* A certificate of 90 days whose issuance was stored 58.5 minutes after notBefore: opens 59 d 01:45:34, closes 60 d 20:56:23 after it. */
	int64_t not_after_ns = T0 - 3510 * NS_PER_S + 90 * DAY_NS - NS_PER_S;

	(void)state;
	ledger_window(T0, not_after_ns, &start_ns, &end_ns);
	assert_int_equal((start_ns - T0) / NS_PER_S, 59 * 86400 + 1 * 3600 + 45 * 60 + 34);
	assert_int_equal((end_ns - T0) / NS_PER_S, 60 * 86400 + 20 * 3600 + 56 * 60 + 23);
	assert_int_equal(end_ns % NS_PER_S, 0);
	/* Exactly ten days count as long. */
	ledger_window(0, 10 * DAY_NS - NS_PER_S, &start_ns, &end_ns);
	assert_int_equal(start_ns / NS_PER_S, (10 * 86400 - 1) - 288000 - 8640);
	ledger_window(1, 10 * DAY_NS - NS_PER_S, &start_ns, &end_ns);
	assert_int_equal(end_ns / NS_PER_S, (10 * 86400 - 1) - 432000 + 8640);
}

/* A store that fails at its n-th call. */
struct broken {
	struct memory *memory;
	int calls_left;
};

static bool is_broken(void *ctx, struct err *err)
{
	struct broken *broken = ctx;

	return broken->calls_left-- > 0 || err_set(err, ERR_STORE, "broken");
}

static bool broken_tat(void *ctx, enum limit limit, const char *bucket, int64_t *ret_tat_ns, struct err *err)
{
	return is_broken(ctx, err) && memory_store()->tat(((struct broken *)ctx)->memory, limit, bucket, ret_tat_ns, err);
}

static bool broken_set_tat(void *ctx, enum limit limit, const char *bucket, int64_t tat_ns, struct err *err)
{
	return is_broken(ctx, err) && memory_store()->set_tat(((struct broken *)ctx)->memory, limit, bucket, tat_ns, err);
}

static bool broken_newest(void *ctx, const char *set, int64_t *ret_not_before_ns, struct err *err)
{
	return is_broken(ctx, err) && memory_store()->newest(((struct broken *)ctx)->memory, set, ret_not_before_ns, err);
}

static bool broken_set_newest(void *ctx, const char *set, int64_t not_before_ns, struct err *err)
{
	return is_broken(ctx, err) && memory_store()->set_newest(((struct broken *)ctx)->memory, set, not_before_ns, err);
}

static bool broken_pause(void *ctx, const char *account, const char *name, struct pause *ret_pause, struct err *err)
{
	return is_broken(ctx, err) && memory_store()->pause(((struct broken *)ctx)->memory, account, name, ret_pause, err);
}

static bool broken_set_pause(void *ctx, const char *account, const char *name, const struct pause *pause, struct err *err)
{
	return is_broken(ctx, err) && memory_store()->set_pause(((struct broken *)ctx)->memory, account, name, pause, err);
}

static bool broken_unpause(void *ctx, const char *account, int64_t at_ns, int64_t *ret_count, struct err *err)
{
	return is_broken(ctx, err) && memory_store()->unpause(((struct broken *)ctx)->memory, account, at_ns, ret_count, err);
}

/* Each operation once; true when all of them succeeded. */
static bool do_all(const struct ledger *ledger, const struct names *names, struct err *err)
{
	AUTO_VERDICT verdict = { 0 };
	AUTO_VERDICT account = { 0 };
	AUTO_CHARGES charges = { 0 };
	enum order_as as;
	bool is_paused;
	int64_t count;
	struct level level;

	charges_failure(&ledger->rules, "1", "a.org", &charges);
	return ledger_order(ledger, T0, "1", names, false, &verdict, err) && ledger_refund_order(ledger, T0, "1", names, err) &&
		ledger_account(ledger, T0, "1.1.1.1", &account, err) && ledger_refund_account(ledger, T0, "1.1.1.1", err) &&
		ledger_issued(ledger, T0, "1", names, T0, &as, err) && ledger_failed(ledger, T0, "1", "a.org", &is_paused, err) &&
		ledger_failed(ledger, T0, "1", "a.org", &is_paused, err) && is_paused && ledger_valid(ledger, "1", "a.org", err) &&
		ledger_level(ledger, T0, &charges.items[0], &level, err) && ledger_unpause(ledger, T0, "1", &count, err);
}

static void a_store_that_fails(void **state)
{
	static const struct ledger_store store = {
		.tat = broken_tat, .set_tat = broken_set_tat, .newest = broken_newest, .set_newest = broken_set_newest, .pause = broken_pause,
		.set_pause = broken_set_pause, .unpause = broken_unpause,
	};
	AUTO(names_done) struct names names = desk_names("a.org");
	int calls = 0;

	(void)state;
	for (bool is_done = false; !is_done; calls++) {
		struct desk desk;

		desk_init(&desk);
		desk_limit(&desk, LIMIT_PAUSING, 1, 1, DAY_NS);
		struct broken broken = { .memory = desk.memory, .calls_left = calls };
		desk.ledger.store = &store;
		desk.ledger.ctx = &broken;
		is_done = do_all(&desk.ledger, &names, &desk.err);
		if (!is_done)
			assert_int_equal(desk.err.kind, ERR_STORE);
		desk_done(&desk);
	}
	assert_true(calls > 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example), cmocka_unit_test(fifty_a_week_of_a_domain), cmocka_unit_test(renewals_end_after_120_days),
		cmocka_unit_test(the_exact_set), cmocka_unit_test(the_strictest_denial), cmocka_unit_test(the_fewest_units), cmocka_unit_test(refunded_orders),
		cmocka_unit_test(accounts_from_an_address), cmocka_unit_test(five_failures_an_hour), cmocka_unit_test(pauses),
		cmocka_unit_test(fifteen_paused_names_are_told), cmocka_unit_test(levels), cmocka_unit_test(windows), cmocka_unit_test(a_store_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
