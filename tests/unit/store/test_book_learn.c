/* SPDX-License-Identifier: MIT */
#include "book_helper.h"

/* ---- denials ---- */

static void denial_sets_the_moment_of_the_next_unit(void **state)
{
	static const struct {
		enum limit limit;
		const char *bucket;
	} rows[] = { { LIMIT_DOMAIN, "example.com" }, { LIMIT_ORDERS, ACCOUNT }, { LIMIT_FAILURES, ACCOUNT ":a.example.com" } };
	struct book_fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t until = 1000 * (int64_t)(i + 1);

		DO(book_learn(&fixture->book, rows[i].limit, rows[i].bucket, 0, 0, NS(until), &err));
		AUTO_ASKED early = admit(fixture, "a.example.com", until - 1);
		assert_waits(&early, rows[i].limit, rows[i].bucket, until);
		AUTO_ASKED in_time = ask_with(fixture, (struct book_request){ 0 }, "a.example.com", until);
		assert_true(in_time.is_admitted);
		DO(book_plan(&fixture->book, &err));
	}
}

/* It also moves a bucket that our own count has emptier than the CA's. */
static void denial_is_right_where_the_book_knows_too_much(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 50, 0);
	DO(book_learn(&fixture->book, LIMIT_DOMAIN, "example.com", 50, 7 * DAY * NS_PER_S, NS(600), &err));
	AUTO_ASKED early = admit(fixture, "b.example.com", 599);
	AUTO_ASKED in_time = admit(fixture, "b.example.com", 600);
	assert_waits(&early, LIMIT_DOMAIN, "example.com", 600);
	assert_true(in_time.is_admitted);
	assert_sql(fixture->store, "SELECT count(*) FROM learned", "0");
}

static void other_numbers_of_the_ca_become_overrides(void **state)
{
	static const struct {
		enum limit limit;
		const char *bucket, *id;
		int64_t burst, period_s;
		int64_t wanted_period_s;
	} rows[] = {
		{ LIMIT_DOMAIN, "example.com", "example.com", 300, 0, 7 * DAY },
		{ LIMIT_DOMAIN, "64.112.117.1/32", "64.112.117.1/32", 7, 0, 7 * DAY },
		{ LIMIT_ORDERS, ACCOUNT, ACCOUNT, 1500, 6 * 3600, 6 * 3600 },
		{ LIMIT_FAILURES, ACCOUNT ":a.example.com", ACCOUNT, 10, 0, 3600 },
		/* No published limit at all: the CA tells both numbers. */
		{ LIMIT_DOMAIN_OF_ACCOUNT, ACCOUNT ":example.com", ACCOUNT, 9, DAY, DAY },
		{ LIMIT_ACCOUNTS_PER_RANGE, "2602:80a:6000::/48", "2602:80a:6000::/48", 500, 3 * 3600, 3 * 3600 },
	};
	struct book_fixture *fixture = *state;
	AUTO_LIMITS limits = { 0 };

	for (size_t i = 0; i < COUNT(rows); i++)
		DO(book_learn(&fixture->book, rows[i].limit, rows[i].bucket, rows[i].burst, rows[i].period_s * NS_PER_S, NS(60), &err));
	set_up_limits(&limits);
	DO(book_learned(fixture->store->store, "test", &limits, &err));
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct rate *rate = limits_rate(&limits, rows[i].limit, rows[i].id);

		assert_non_null(rate);
		assert_int_equal(rate->burst, rows[i].burst);
		assert_int_equal(rate->period_ns, rows[i].wanted_period_s * NS_PER_S);
	}
	/* With the new rate the moment holds. */
	fixture->book.rules.limits = &limits;
	AUTO(book_buckets_done) struct book_buckets buckets = { 0 };
	DO(book_list(&fixture->book, NULL, NULL, NS(59), &buckets, &err));
	assert_int_equal(buckets.count, COUNT(rows));
	for (size_t i = 0; i < buckets.count; i++) {
		assert_int_equal(buckets.items[i].free, 0);
		assert_int_equal(buckets.items[i].next_unit_at_ns, NS(60));
	}
}

static void number_for_a_set_is_not_kept_but_its_moment_is(void **state)
{
	struct book_fixture *fixture = *state;

	issue(fixture, "a.example.com", 0);
	AUTO_FREE char *hash = sql_text(fixture->store, "SELECT hash FROM sets");
	DO(book_learn(&fixture->book, LIMIT_SET, hash, 5, 0, NS(500), &err));
	AUTO_ASKED early = admit(fixture, "a.example.com", 499);
	assert_waits(&early, LIMIT_SET, hash, 500);
	assert_sql(fixture->store, "SELECT count(*) FROM learned", "0");
}

static void denial_without_any_number_teaches_nothing(void **state)
{
	struct book_fixture *fixture = *state;

	fixture->book.rules.limits = NULL;
	DO(book_learn(&fixture->book, LIMIT_DOMAIN, "example.com", 0, 0, NS(500), &err));
	DO(book_learn(&fixture->book, LIMIT_DOMAIN, "example.com", 50, 0, NS(500), &err));
	assert_sql(fixture->store, "SELECT (SELECT count(*) FROM buckets) + (SELECT count(*) FROM learned)", "0");
}

/* ---- refusals and pauses ---- */

static void refused_names_wait(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO_STRS names = list_of("a.example.com b.example.com");
	AUTO_STRS longer = list_of("b.example.com");

	fixture->book.rules = (struct charge_rules){ 0 };
	DO(book_refused(&fixture->book, ACCOUNT, &names, NS(600), "", "too many requests", &err));
	DO(book_refused(&fixture->book, ACCOUNT, &longer, NS(900), "", "too many requests", &err));
	AUTO_ASKED both = admit(fixture, "a.example.com b.example.com c.example.com", 599);
	AUTO_ASKED ari = admit_with(fixture, (struct book_request){ .is_ari = true }, "a.example.com", 599);
	AUTO_ASKED other = admit(fixture, "c.example.com", 0);
	AUTO_ASKED later = admit(fixture, "a.example.com", 600);
	assert_waits(&both, LIMIT_PAUSING, "b.example.com", 900);
	assert_string_equal(both.wait.message, "the CA refused b.example.com: too many requests");
	assert_waits(&ari, LIMIT_PAUSING, "a.example.com", 600);
	assert_true(other.is_admitted);
	assert_true(later.is_admitted);
}

static void refusals_are_of_one_account_and_ca(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO_STRS names = list_of("a.example.com");

	DO(book_refused(&fixture->book, "2", &names, NS(600), "", "no", &err));
	fixture->book.ca = "other";
	DO(book_refused(&fixture->book, ACCOUNT, &names, NS(600), "", "no", &err));
	fixture->book.ca = "test";
	AUTO_ASKED asked = admit(fixture, "a.example.com", 0);
	assert_true(asked.is_admitted);
}

static void pause_of_the_ca_ends_when_it_is_lifted(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO_STRS names = list_of("a.example.com");

	DO(book_refused(&fixture->book, ACCOUNT, &names, NS(DAY), "https://ca.test/unpause", "paused", &err));
	AUTO_ASKED waits = admit(fixture, "a.example.com", 0);
	assert_waits(&waits, LIMIT_PAUSING, "a.example.com", DAY);
	assert_non_null(strstr(waits.wait.message, "https://ca.test/unpause"));
	DO(book_unpause(&fixture->book, ACCOUNT, NS(1), &err));
	AUTO_ASKED lifted = admit(fixture, "a.example.com", 1);
	assert_true(lifted.is_admitted);
}

static void too_many_failures_in_a_row_pause_by_themselves(void **state)
{
	struct book_fixture *fixture = *state;

	limit_to(&fixture->limits, LIMIT_PAUSING, 1, 2, DAY);
	for (int64_t i = 0; i < 3; i++) {
		int64_t id = admitted(fixture, "a.example.com", i);

		place(fixture, id);
		DO(book_failed(&fixture->book, id, "a.example.com", NS(i), &err));
		DO(book_dead(&fixture->book, id, "failed", BOOK_UNUSED, NS(i), &err));
	}
	AUTO_ASKED paused = admit(fixture, "a.example.com", 3);
	assert_false(paused.is_admitted);
	assert_int_equal(paused.wait.limit, LIMIT_PAUSING);
	assert_true(paused.wait.at_ns == INT64_MAX);
	DO(book_unpause(&fixture->book, ACCOUNT, NS(4), &err));
	(void)admitted(fixture, "a.example.com", 4);
}

static void success_empties_the_failures_in_a_row(void **state)
{
	struct book_fixture *fixture = *state;

	limit_to(&fixture->limits, LIMIT_PAUSING, 1, 2, DAY);
	for (int64_t i = 0; i < 4; i++) {
		int64_t id = admitted(fixture, "a.example.com", i);

		place(fixture, id);
		if (i % 2 == 0)
			DO(book_failed(&fixture->book, id, "a.example.com", NS(i), &err));
		else
			validate(fixture, id, "a.example.com");
		DO(book_dead(&fixture->book, id, "over", BOOK_UNUSED, NS(i), &err));
	}
	assert_bucket(fixture, LIMIT_PAUSING, ACCOUNT ":a.example.com", 4, "-");
	assert_sql(fixture->store, "SELECT count(*) FROM pauses", "0");
}

/* ---- certificates that were there before ---- */

/* Adopts certificates of a.example.com that were issued at these moments. */
static void adopt(struct book_fixture *fixture, const int64_t *moments, size_t count, bool is_rebuild, int64_t now)
{
	AUTO_STRS names = list_of("a.example.com");
	AUTO_STRS leaves = { 0 };
	struct book_found found[8];

	assert_in_range(count, 0, COUNT(found));
	for (size_t i = 0; i < count; i++) {
		strs_addf(&leaves, "leaf %lld", (long long)moments[i]);
		found[i] = (struct book_found){ .names = &names, .not_before_ns = NS(moments[i] - 3510), .issued_ns = NS(moments[i]) };
	}
	for (size_t i = 0; i < count; i++)
		found[i].leaf = leaves.items[i];
	DO(book_adopt(&fixture->book, found, count, is_rebuild, NS(now), &err));
}

static char *dump(struct book_fixture *fixture)
{
	return sql_text(fixture->store, "SELECT group_concat(ca || limit_name || bucket || tat_ns, char(10)) FROM (SELECT * FROM buckets ORDER BY 1, 2, 3)");
}

static void certificates_are_adopted_once_and_in_order(void **state)
{
	static const int64_t in_order[] = { 0, 100, 5000, 90000 };
	static const int64_t shuffled[] = { 5000, 0, 90000, 100 };
	struct book_fixture *fixture = *state;

	adopt(fixture, in_order, 4, false, DAY + 5000);
	AUTO_FREE char *first = dump(fixture);
	adopt(fixture, in_order, 4, false, DAY + 5000);
	AUTO_FREE char *again = dump(fixture);
	assert_string_equal(again, first);
	adopt(fixture, shuffled, 4, true, DAY + 5000);
	AUTO_FREE char *rebuilt = dump(fixture);
	assert_string_equal(rebuilt, first);
	/* One domain unit for the first, four of the set, one of which has not quite come back. */
	AUTO(book_buckets_done) struct book_buckets buckets = { 0 };
	DO(book_list(&fixture->book, NULL, NULL, NS(90000), &buckets, &err));
	assert_int_equal(buckets.count, 1);
	assert_int_equal(buckets.items[0].limit, LIMIT_SET);
	assert_int_equal(buckets.items[0].full_at_ns, NS(4 * 120960));
	AUTO_ASKED asked = admit(fixture, "a.example.com", 90000);
	assert_int_equal(asked.as, ORDER_RENEWAL);
}

static void more_than_the_ca_gives_empties_a_bucket_at_most(void **state)
{
	static const int64_t moments[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	struct book_fixture *fixture = *state;

	adopt(fixture, moments, 8, false, 10);
	AUTO_FREE char *hash = sql_text(fixture->store, "SELECT hash FROM sets");
	AUTO_ASKED asked = admit(fixture, "a.example.com", 10);
	assert_waits(&asked, LIMIT_SET, hash, 10 + 120960);
}

static void own_certificates_are_not_adopted_again(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO_STRS names = list_of("a.example.com");
	int64_t id = admitted(fixture, "a.example.com", 0);

	finalize(fixture, id);
	book_cert(fixture, id, "a.example.com", 0);
	AUTO_FREE char *before = dump(fixture);
	AUTO_FREE char *leaf = mem_fmt("%064lld", (long long)id);
	struct book_found found = { leaf, &names, NS(-3510), NS(0) };
	DO(book_adopt(&fixture->book, &found, 1, false, NS(5), &err));
	AUTO_FREE char *after = dump(fixture);
	assert_string_equal(after, before);
}

static void rebuild_keeps_what_no_certificate_proves(void **state)
{
	struct book_fixture *fixture = *state;
	int64_t failed = admitted(fixture, "a.example.com", 0);

	place(fixture, failed);
	DO(book_failed(&fixture->book, failed, "a.example.com", NS(0), &err));
	(void)admitted(fixture, "b.example.com", 0);
	issue_many(fixture, "c", 3, 0);
	DO(book_adopt(&fixture->book, NULL, 0, true, NS(0), &err));
	assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 0, "2 0 298");
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":a.example.com", 0, "1 0 4");
	/* Of the domain the reservations of both open orders. */
	assert_domain(fixture, 0, "0 2 48");
	assert_sql(fixture->store, "SELECT (SELECT count(*) FROM sets) + (SELECT count(*) FROM booked)", "0");
}

static void names_of_another_world_are_passed_over(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO_STRS names = list_of("under_score.example.com");
	struct book_found found = { LEAF_A, &names, NS(0), NS(0) };

	DO(book_adopt(&fixture->book, &found, 1, false, NS(0), &err));
	assert_sql(fixture->store, "SELECT count(*) FROM buckets", "0");
}

/* ---- looking, forgetting ---- */

static void list_finds_a_domain_and_what_is_below_it(void **state)
{
	static const struct {
		const char *like;
		size_t count;
	} rows[] = { { NULL, 8 }, { "example.com", 3 }, { "a.example.com", 2 }, { "ample.com", 0 }, { ACCOUNT, 1 }, { "b.org", 2 }, { "org", 2 } };
	struct book_fixture *fixture = *state;
	int64_t id = admitted(fixture, "a.example.com", 0);

	(void)admitted(fixture, "b.org", 0);
	place(fixture, id);
	DO(book_failed(&fixture->book, id, "a.example.com", NS(0), &err));
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO(book_buckets_done) struct book_buckets buckets = { 0 };

		DO(book_list(&fixture->book, rows[i].like, NULL, NS(0), &buckets, &err));
		assert_int_equal(buckets.count, rows[i].count);
		for (size_t j = 1; j < buckets.count; j++)
			assert_true(buckets.items[j - 1].limit <= buckets.items[j].limit);
	}
}

static void sweep_drops_what_has_long_ceased_to_matter(void **state)
{
	struct book_fixture *fixture = *state;

	issue(fixture, "a.example.com", 0);
	AUTO_FREE char *before = dump(fixture);
	/* A clock that is a day ahead, even where all is full by it. */
	DO(book_sweep(&fixture->book, NS(8 * DAY), &err));
	AUTO_FREE char *after = dump(fixture);
	assert_string_equal(after, before);
	DO(book_sweep(&fixture->book, NS(32 * DAY), &err));
	assert_sql(fixture->store, "SELECT count(*) FROM buckets", "0");
	assert_sql(fixture->store, "SELECT count(*) FROM sets", "1");
	DO(book_sweep(&fixture->book, NS(151 * DAY), &err));
	assert_sql(fixture->store, "SELECT count(*) FROM sets", "0");
	assert_sql(fixture->store, "SELECT count(*) FROM booked", "1");
	DO(book_sweep(&fixture->book, NS(431 * DAY), &err));
	assert_sql(fixture->store, "SELECT count(*) FROM booked", "0");
}

static void operations_of_a_trace_are_kept_together(void **state)
{
	struct book_fixture *fixture = *state;
	struct ledger ledger = { .rules = fixture->book.rules, .store = book_ledger_store(), .ctx = &fixture->book };
	int64_t applied = 7;

	DO(book_applied(&fixture->book, &applied, &err));
	assert_int_equal(applied, 0);
	for (int i = 0; i < 2; i++) {
		bool is_paused;

		DO(book_begin(&fixture->book, &err));
		DO(ledger_failed(&ledger, NS(i), ACCOUNT, "a.example.com", &is_paused, &err));
		DO(book_commit(&fixture->book, i + 1, &err));
	}
	DO(book_begin(&fixture->book, &err));
	DO(ledger_valid(&ledger, ACCOUNT, "a.example.com", &err));
	reopen(fixture->store);
	fixture->book.store = fixture->store->store;
	DO(book_applied(&fixture->book, &applied, &err));
	assert_int_equal(applied, 2);
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":a.example.com", 2, "2 0 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_book, tear_down_book)
		TEST(denial_sets_the_moment_of_the_next_unit),
		TEST(denial_is_right_where_the_book_knows_too_much),
		TEST(other_numbers_of_the_ca_become_overrides),
		TEST(number_for_a_set_is_not_kept_but_its_moment_is),
		TEST(denial_without_any_number_teaches_nothing),
		TEST(refused_names_wait),
		TEST(refusals_are_of_one_account_and_ca),
		TEST(pause_of_the_ca_ends_when_it_is_lifted),
		TEST(too_many_failures_in_a_row_pause_by_themselves),
		TEST(success_empties_the_failures_in_a_row),
		TEST(certificates_are_adopted_once_and_in_order),
		TEST(more_than_the_ca_gives_empties_a_bucket_at_most),
		TEST(own_certificates_are_not_adopted_again),
		TEST(rebuild_keeps_what_no_certificate_proves),
		TEST(names_of_another_world_are_passed_over),
		TEST(list_finds_a_domain_and_what_is_below_it),
		TEST(sweep_drops_what_has_long_ceased_to_matter),
		TEST(operations_of_a_trace_are_kept_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
