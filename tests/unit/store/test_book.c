/* SPDX-License-Identifier: MIT */
#include "book_helper.h"

#include "store/db.h"
#include "store/schema.h"

/* ---- the CA's arithmetic through the book ---- */

/* The only bucket of that limit that is not full. */
static struct book_bucket look(struct book_fixture *fixture, enum limit limit, int64_t at)
{
	AUTO(book_buckets_done) struct book_buckets buckets = { 0 };
	struct book_bucket found = { 0 };

	DO(book_list(&fixture->book, NULL, NULL, NS(at), &buckets, &err));
	for (size_t i = 0; i < buckets.count; i++) {
		if (buckets.items[i].limit == limit)
			found = buckets.items[i];
	}
	found.bucket = NULL;
	return found;
}

static void exact_set_goes_by_the_vectors(void **state)
{
	static const struct {
		int64_t at;
		bool is_allowed;
		int64_t remaining, retry_in, full_in;
	} rows[] = {
		{ 0, true, 4, 0, 120960 },           { 0, true, 3, 0, 241920 },          { 0, true, 2, 0, 362880 },           { 0, true, 1, 0, 483840 },
		{ 0, true, 0, 120960, 604800 },      { 0, false, 0, 120960, 604800 },    { 3600, false, 0, 117360, 601200 },  { 120960, true, 0, 120960, 604800 },
		{ 241921, true, 0, 120959, 604799 }, { 700000, true, 2, 0, 267680 },
	};
	struct book_fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_ASKED asked = admit(fixture, "a.example.com", rows[i].at);

		assert_int_equal(asked.is_admitted, rows[i].is_allowed);
		if (asked.is_admitted) {
			assert_int_equal(asked.as, i == 0 ? ORDER_NEW : ORDER_RENEWAL);
			finalize(fixture, asked.order.id);
			book_cert(fixture, asked.order.id, "a.example.com", rows[i].at);
		} else {
			assert_int_equal(asked.wait.limit, LIMIT_SET);
			assert_int_equal(asked.wait.at_ns, NS(rows[i].at + rows[i].retry_in));
		}
		struct book_bucket set = look(fixture, LIMIT_SET, rows[i].at);
		assert_int_equal(set.free, rows[i].remaining);
		assert_int_equal(set.full_at_ns, NS(rows[i].at + rows[i].full_in));
		assert_true(rows[i].remaining > 0 || set.next_unit_at_ns == NS(rows[i].at + rows[i].retry_in));
		/* Of the domain only the first one took a unit. */
		if (rows[i].at < 12096)
			assert_domain(fixture, rows[i].at, "1 0 49");
	}
}

static void failures_go_by_the_vectors(void **state)
{
	struct book_fixture *fixture = *state;

	for (int64_t at = 0; at <= 240; at += 60) {
		int64_t id = admitted(fixture, "a.example.com", at);
		AUTO_FREE char *wanted = mem_fmt("%lld 0 %lld", (long long)(at / 60 + 1), (long long)(4 - at / 60));

		place(fixture, id);
		DO(book_failed(&fixture->book, id, "a.example.com", NS(at), &err));
		DO(book_dead(&fixture->book, id, "failed", BOOK_UNUSED, NS(at), &err));
		assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":a.example.com", at, wanted);
	}
	AUTO_ASKED at_300 = admit(fixture, "a.example.com", 300);
	AUTO_ASKED at_719 = admit(fixture, "a.example.com", 719);
	assert_waits(&at_300, LIMIT_FAILURES, ACCOUNT ":a.example.com", 720);
	assert_waits(&at_719, LIMIT_FAILURES, ACCOUNT ":a.example.com", 720);
	(void)admitted(fixture, "a.example.com", 720);
	assert_string_equal(at_300.wait.message, "the 5 failed validations of a.example.com within 1 hour are used up (5 used, 0 reserved)");
}

static void domain_has_fifty_and_one_more_each_201_minutes(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 50, 0);
	for (int64_t at = 0; at < 3 * 12096; at += 12096) {
		AUTO_ASKED early = admit(fixture, "b.example.com", at + 12095);
		AUTO_FREE char *name = mem_fmt("c%lld.example.com", (long long)at);

		assert_waits(&early, LIMIT_DOMAIN, "example.com", at + 12096);
		issue(fixture, name, at + 12096);
	}
}

/* ---- reservations ---- */

static void order_reserves_what_its_certificate_spends(void **state)
{
	struct book_fixture *fixture = *state;
	int64_t id = admitted(fixture, "a.example.com b.example.com", 0);

	assert_domain(fixture, 0, "0 1 49");
	assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 0, "1 0 299");
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":a.example.com", 0, "0 1 4");
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":b.example.com", 0, "0 1 4");
	assert_sql(fixture->store, "SELECT count(*) FROM buckets WHERE limit_name <> 'NewOrdersPerAccount'", "0");
	finalize(fixture, id);
	book_cert(fixture, id, "a.example.com b.example.com", 5);
	assert_domain(fixture, 5, "1 0 49");
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":a.example.com", 5, "-");
	assert_sql(fixture->store, "SELECT (SELECT count(*) FROM admissions) + (SELECT count(*) FROM reservations)", "0");
	assert_sql(fixture->store, "SELECT state FROM orders", "issued");
}

static void waits_until_units_and_reservations_are_there(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 48, 0);
	(void)admitted(fixture, "b.example.com", 0);
	int64_t last = admitted(fixture, "c.example.com", 0);
	AUTO_ASKED both = admit(fixture, "d.example.com", 100);
	/* Two units are free by the CA's count, both reserved: the third comes after one interval. */
	assert_waits(&both, LIMIT_DOMAIN, "example.com", 12096);
	assert_string_equal(both.wait.message, "the 50 new certificates for example.com within 7 days are used up (48 used, 2 reserved)");
	place(fixture, last);
	DO(book_dead(&fixture->book, last, "failed", BOOK_UNUSED, NS(200), &err));
	(void)admitted(fixture, "d.example.com", 200);
}

static void only_reservations_stand_in_the_way(void **state)
{
	struct book_fixture *fixture = *state;

	for (int i = 0; i < 50; i++) {
		AUTO_FREE char *name = mem_fmt("a%d.example.com", i);

		(void)admitted(fixture, name, 0);
	}
	AUTO_ASKED asked = admit(fixture, "b.example.com", 1000);
	assert_waits(&asked, LIMIT_DOMAIN, "example.com", 1000 + 12096);
	assert_sql(fixture->store, "SELECT count(*) FROM orders", "50");
}

static void bucket_that_is_free_last_is_the_one_to_wait_for(void **state)
{
	struct book_fixture *fixture = *state;

	DO(book_learn(&fixture->book, LIMIT_ORDERS, ACCOUNT, 0, 0, NS(3000), &err));
	DO(book_learn(&fixture->book, LIMIT_FAILURES, ACCOUNT ":a.example.com", 0, 0, NS(2000), &err));
	DO(book_learn(&fixture->book, LIMIT_DOMAIN, "example.com", 0, 0, NS(1000), &err));
	DO(book_learn(&fixture->book, LIMIT_DOMAIN, "example.org", 0, 0, NS(3000), &err));
	AUTO_ASKED one = admit(fixture, "a.example.com", 0);
	assert_waits(&one, LIMIT_ORDERS, ACCOUNT, 3000);
	/* Of those that end together the CA names the last one. */
	AUTO_ASKED two = admit(fixture, "a.example.com b.example.org", 0);
	assert_waits(&two, LIMIT_DOMAIN, "example.org", 3000);
}

static void renewal_waits_for_its_set_only(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 49, 0);
	for (int i = 0; i < 5; i++)
		issue(fixture, "x.example.com", 0);
	AUTO_ASKED again = admit(fixture, "x.example.com", 10);
	assert_int_equal(again.as, ORDER_RENEWAL);
	assert_int_equal(again.wait.limit, LIMIT_SET);
	assert_int_equal(again.wait.at_ns, NS(120960));
	AUTO_ASKED fresh = admit(fixture, "y.example.com", 10);
	assert_waits(&fresh, LIMIT_DOMAIN, "example.com", 12096);
}

static void earlier_clock_admits_and_later_one_books(void **state)
{
	struct book_fixture *fixture = *state;
	struct book_request doubtful = { .spend_ns = NS(500) };

	issue_many(fixture, "a", 50, 0);
	AUTO_ASKED early = admit_with(fixture, (struct book_request){ .spend_ns = NS(12096) }, "b.example.com", 12095);
	assert_waits(&early, LIMIT_DOMAIN, "example.com", 12096);
	AUTO_ASKED other = admit_with(fixture, doubtful, "b.example.org", 100);
	assert_true(other.is_admitted);
	assert_int_equal(look(fixture, LIMIT_ORDERS, 100).full_at_ns, NS(536));
	/* By the later clock the 120 days are over. */
	AUTO_ASKED late = admit_with(fixture, (struct book_request){ .spend_ns = NS(120 * DAY - 3510) }, "a1.example.com", 120 * DAY - 3511);
	assert_int_equal(late.as, ORDER_NEW);
}

/* ---- who gets what ---- */

static void reserve_is_kept_for_others(void **state)
{
	struct book_fixture *fixture = *state;
	struct book_request low = { .keep = { .domain = 5, .set = 2, .failure = 1 } };

	issue_many(fixture, "a", 45, 0);
	AUTO_ASKED waits = admit_with(fixture, low, "b.example.com", 0);
	assert_waits(&waits, LIMIT_DOMAIN, "example.com", 12096);
	assert_string_equal(waits.wait.message, "the 50 new certificates for example.com within 7 days are used up (45 used, 0 reserved, 5 kept for renewals)");
	(void)admitted(fixture, "b.example.com", 0);
	AUTO_ASKED later = admit_with(fixture, low, "c.example.com", 2 * 12096 - 1);
	assert_waits(&later, LIMIT_DOMAIN, "example.com", 2 * 12096);
	AUTO_ASKED last = admit_with(fixture, low, "c.example.com", 2 * 12096);
	assert_true(last.is_admitted);
}

static void reserve_of_a_set_and_of_failures_is_kept(void **state)
{
	struct book_fixture *fixture = *state;
	struct book_request low = { .keep = { .set = 2, .failure = 1 } };

	for (int i = 0; i < 3; i++)
		issue(fixture, "a.example.com", 0);
	AUTO_ASKED fourth = admit_with(fixture, low, "a.example.com", 0);
	assert_false(fourth.is_admitted);
	assert_int_equal(fourth.wait.limit, LIMIT_SET);
	for (int i = 0; i < 4; i++) {
		int64_t id = admitted(fixture, "b.example.com", 0);

		place(fixture, id);
		DO(book_failed(&fixture->book, id, "b.example.com", NS(0), &err));
		DO(book_dead(&fixture->book, id, "failed", BOOK_UNUSED, NS(0), &err));
	}
	AUTO_ASKED fifth = admit_with(fixture, low, "b.example.com", 0);
	assert_waits(&fifth, LIMIT_FAILURES, ACCOUNT ":b.example.com", 720);
}

static void reserve_never_takes_a_whole_bucket(void **state)
{
	struct book_fixture *fixture = *state;

	limit_to(&fixture->limits, LIMIT_DOMAIN, 3, 3, 7 * DAY);
	AUTO_ASKED asked = admit_with(fixture, (struct book_request){ .keep = { .domain = 5 } }, "a.example.com", 0);
	assert_true(asked.is_admitted);
}

static void exempt_ones_pass_an_empty_domain(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 50, 0);
	AUTO_ASKED renewal = admit(fixture, "a7.example.com", 0);
	AUTO_ASKED ari = admit_with(fixture, (struct book_request){ .is_ari = true }, "a8.example.com new.example.com", 0);
	assert_true(renewal.is_admitted);
	assert_int_equal(renewal.as, ORDER_RENEWAL);
	assert_true(ari.is_admitted);
	assert_int_equal(ari.as, ORDER_ARI);
	/* The set of the second is new to the CA: its certificate will cost a unit, though nobody looks. */
	assert_domain(fixture, 0, "50 1 0");
	assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 0, "-");
}

static void last_day_of_120_is_a_renewal(void **state)
{
	struct book_fixture *fixture = *state;

	issue(fixture, "a.example.com", 0); /* notBefore is 3510 s earlier */
	AUTO_ASKED late = admit(fixture, "a.example.com", 120 * DAY - 3510);
	assert_int_equal(late.as, ORDER_NEW);
	DO(book_dead(&fixture->book, late.order.id, "for the test", BOOK_UNUSED, NS(120 * DAY - 3510), &err));
	AUTO_ASKED in_time = admit(fixture, "a.example.com", 120 * DAY - 3511);
	assert_int_equal(in_time.as, ORDER_RENEWAL);
}

/* ---- a group's share ---- */

static void share_caps_the_new_certificates_of_a_group(void **state)
{
	static const struct {
		struct book_share share;
		int64_t cap;
	} rows[] = { { { .group = "g", .units = 2 }, 2 }, { { .group = "p", .units = 7, .is_percent = true }, 3 }, { { .group = "s", .units = 1, .is_percent = true }, 1 } };
	struct book_fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct book_request request = { .share = rows[i].share };
		struct book_request urgent = { .share = rows[i].share };

		urgent.share.is_passed = true;
		for (int64_t n = 0; n < rows[i].cap; n++) {
			AUTO_FREE char *name = mem_fmt("%s%lld.example.com", rows[i].share.group, (long long)n);
			AUTO_ASKED asked = admit_with(fixture, request, name, 0);

			assert_true(asked.is_admitted);
			finalize(fixture, asked.order.id);
			book_cert(fixture, asked.order.id, name, 0);
		}
		AUTO_FREE char *bucket = mem_fmt("%s:example.com", rows[i].share.group);
		AUTO_FREE char *another = mem_fmt("%s.example.com", rows[i].share.group);
		AUTO_ASKED over = admit_with(fixture, request, another, 0);
		assert_waits(&over, LIMIT_DOMAIN, bucket, 7 * DAY / rows[i].cap);
		assert_true(over.wait.is_share);
		AUTO_ASKED passes = admit_with(fixture, urgent, another, 0);
		assert_true(passes.is_admitted);
	}
}

/* ---- orders and their ends ---- */

static void end_of_an_order_settles_its_units(void **state)
{
	static const struct {
		const char *what;
		enum book_end end;
		bool is_placed;
		const char *orders, *domain;
	} rows[] = {
		{ "given up", BOOK_UNUSED, true, "1 0 299", "-" },
		{ "given up before it was placed", BOOK_UNUSED, false, "1 0 299", "-" },
		{ "refused", BOOK_REFUSED, false, "-", "-" },
		{ "placed, so not refused", BOOK_REFUSED, true, "1 0 299", "-" },
		{ "unknown", BOOK_SPENT, true, "1 0 299", "1 0 49" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *again;
		struct book_fixture *fixture;

		(void)set_up_book(&again);
		fixture = again;
		int64_t id = admitted(fixture, "a.example.com", 0);
		if (rows[i].is_placed)
			finalize(fixture, id);
		for (int twice = 0; twice < 2; twice++) {
			DO(book_dead(&fixture->book, id, rows[i].what, rows[i].end, NS(0), &err));
			assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 0, rows[i].orders);
			assert_domain(fixture, 0, rows[i].domain);
		}
		assert_sql(fixture->store, "SELECT dead_reason FROM orders", rows[i].what);
		(void)tear_down_book(&again);
	}
	(void)state;
}

static void settling_twice_changes_nothing(void **state)
{
	struct book_fixture *fixture = *state;
	int64_t id = admitted(fixture, "a.example.com b.example.com", 0);

	finalize(fixture, id);
	for (int twice = 0; twice < 2; twice++)
		DO(book_failed(&fixture->book, id, "a.example.com", NS(1), &err));
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":a.example.com", 1, "1 0 4");
	assert_sql(fixture->store, "SELECT failed_at FROM validations WHERE name = 'a.example.com'", "1700000000");
	for (int twice = 0; twice < 2; twice++)
		validate(fixture, id, "b.example.com");
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":b.example.com", 1, "-");
	for (int twice = 0; twice < 2; twice++)
		book_cert(fixture, id, "a.example.com b.example.com", 2);
	assert_domain(fixture, 2, "1 0 49");
	assert_int_equal(look(fixture, LIMIT_SET, 2).used, 1);
	/* What is booked does not come back by a late word. */
	DO(book_failed(&fixture->book, id, "b.example.com", NS(3), &err));
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":b.example.com", 3, "-");
}

static void names_succeed_together(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	struct book_fixture *fixture = *state;
	int64_t id = admitted(fixture, "a.example.com b.example.com c.example.com", 0);

	place(fixture, id);
	for (int twice = 0; twice < 2; twice++) {
		validate(fixture, id, "c.example.com a.example.com unknown.example.com");
		for (size_t i = 0; i < COUNT(names); i++) {
			AUTO_FREE char *bucket = mem_fmt(ACCOUNT ":%s.example.com", names[i]);

			assert_bucket(fixture, LIMIT_FAILURES, bucket, 0, i == 1 ? "0 1 4" : "-");
		}
	}
	validate(fixture, id + 1, "b.example.com");
	assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":b.example.com", 0, "0 1 4");
}

static void order_under_way_is_taken_up_again(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 49, 0);
	int64_t id = admitted(fixture, "b.example.com", 0);
	place(fixture, id);
	AUTO_ASKED again = admit(fixture, "b.example.com", 5);
	assert_true(again.is_admitted);
	assert_int_equal(again.order.id, id);
	assert_int_equal(again.order.state, ORDER_PLACED);
	assert_int_equal(again.as, ORDER_NEW);
	assert_domain(fixture, 5, "49 1 0");
	assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 5, "1 0 299");
}

static void unit_of_an_order_counts_from_the_answer(void **state)
{
	struct book_fixture *fixture = *state;
	int64_t id = admitted(fixture, "a.example.com", 0);

	DO(store_order_sending(fixture->store->store, id, &err));
	for (int twice = 0; twice < 2; twice++) {
		DO(book_placed(&fixture->book, id, "https://ca.test/order/1", 0, NS(30), &err));
		assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 65, "1 0 299");
		assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 66, "-");
	}
}

static void second_sending_is_booked_too(void **state)
{
	struct book_fixture *fixture = *state;
	int64_t id = admitted(fixture, "a.example.com", 0);

	/* Never sent: the same unit, at the later moment. */
	assert_int_equal(admitted(fixture, "a.example.com", 100), id);
	assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 100, "1 0 299");
	assert_int_equal(look(fixture, LIMIT_ORDERS, 100).full_at_ns, NS(136));
	DO(store_order_sending(fixture->store->store, id, &err));
	assert_int_equal(admitted(fixture, "a.example.com", 110), id);
	assert_int_equal(look(fixture, LIMIT_ORDERS, 110).full_at_ns, NS(136 + 36));
	assert_domain(fixture, 110, "0 1 49");
	/* Two sendings without an answer: that one is dead, both units stay spent, its reservations go. */
	DO(store_order_sending(fixture->store->store, id, &err));
	assert_true(admitted(fixture, "a.example.com", 120) > id);
	assert_int_equal(look(fixture, LIMIT_ORDERS, 120).full_at_ns, NS(136 + 72));
	assert_domain(fixture, 120, "0 1 49");
}

static void intended_order_is_judged_again(void **state)
{
	struct book_fixture *fixture = *state;
	int64_t id = admitted(fixture, "a.example.com", 0);

	DO(book_learn(&fixture->book, LIMIT_DOMAIN, "example.com", 0, 0, NS(5000), &err));
	AUTO_ASKED waits = admit(fixture, "a.example.com", 10);
	assert_waits(&waits, LIMIT_DOMAIN, "example.com", 5000);
	assert_domain(fixture, 10, "50 1 0");
	assert_int_equal(admitted(fixture, "a.example.com", 5000), id);
}

static void renewal_that_became_new_is_spent_from_the_keys_it_had(void **state)
{
	struct book_fixture *fixture = *state;

	issue(fixture, "a.example.com", 0);
	int64_t at = 120 * DAY - 3600;
	int64_t id = admitted(fixture, "a.example.com", at);
	assert_domain(fixture, at, "-");
	finalize(fixture, id);
	/* By then the first one is too old, and a newer list of suffixes says something else of the name. */
	suffixes_free(fixture->suffixes);
	DO((fixture->suffixes = suffixes_read("com\norg\nexample.com\n", 20, &err)) != NULL);
	fixture->book.rules.suffixes = fixture->suffixes;
	book_cert(fixture, id, "a.example.com", at + 3600);
	assert_domain(fixture, at + 3600, "1 0 49");
}

static void order_of_an_app_that_is_gone_ends_by_itself(void **state)
{
	struct book_fixture *fixture = *state;
	int64_t placed = admitted(fixture, "a.example.com", 0);
	int64_t finalizing = admitted(fixture, "b.example.com", 0);

	place(fixture, placed);
	finalize(fixture, finalizing);
	DO(store_app_forget(fixture->store->store, "blog", &err));
	assert_domain(fixture, 0, "0 1 49");
	DO(book_sweep(&fixture->book, NS(30), &err));
	assert_domain(fixture, 30, "0 1 49");
	fixture->store->now += 61;
	DO(book_sweep(&fixture->book, NS(61), &err));
	assert_domain(fixture, 61, "1 0 49");
}

static void order_from_before_the_book_gets_its_reservations(void **state)
{
	struct book_fixture *fixture = *state;
	struct db *db;

	/* A file of the first version, with an order under way. */
	store_close(fixture->store->store);
	DO(file_remove(fixture->store->fd, "letsencrypt.db", &err));
	DO((db = db_open(fixture->store->path, schema_migrations, 1, &err)) != NULL);
	db_close(db);
	sql(fixture->store, "INSERT INTO orders (id, state, app, names, server, account_url, profile, key_type, replaces, url, intended_at, host, lease_until)"
			    " SELECT 7, 'placed', 'blog', 'a.example.com', 'https://ca.test/directory', 'https://ca.test/acct/1', '', 'ec256', '', 'u', 1, id, 1 FROM hosts");
	DO((fixture->store->store = store_open(fixture->store->path, &fixture->store->clock, &err)) != NULL);
	fixture->book.store = fixture->store->store;
	assert_int_equal(admitted(fixture, "a.example.com", 0), 7);
	assert_domain(fixture, 0, "0 1 49");
}

/* ---- many at once ---- */

#define RACERS 8
#define RACERS_MAX 64
#define RACES 20

/* A process of its own: exit status 0 = admitted, 1 = must wait. */
static int race(const struct book_fixture *fixture, int start_fd, int number, int64_t at)
{
	AUTO_FREE char *name = mem_fmt("racer%d.example.com", number);
	AUTO(store_order_done) struct store_order wanted = make_order("blog", name);
	struct book_request request = { .order = &wanted, .account = ACCOUNT, .now_ns = NS(at), .spend_ns = NS(at), .lease_until = START + 60 };
	struct book book = fixture->book;
	struct asked asked = { 0 };
	struct err err;
	char byte;

	book.store = store_open(fixture->store->path, &fixture->store->clock, &err);
	/* All wait for the same end of file. */
	if (!book.store || read(start_fd, &byte, 1) != 0 ||
	    !book_admit(&book, &request, &asked.is_admitted, &asked.order, &asked.as, &asked.wait, &err))
		return 2;
	store_close(book.store);
	return asked.is_admitted ? 0 : 1;
}

/* More of them with `make test-kill`. */
static int racer_count(void)
{
	const char *wanted = getenv("BOOK_RACERS");
	int count = wanted ? (int)strtol(wanted, NULL, 10) : RACERS;

	assert_in_range(count, 2, RACERS_MAX);
	return count;
}

static int run_race(struct book_fixture *fixture, int round, int64_t at)
{
	int fds[2];
	pid_t racers[RACERS_MAX];
	int count = racer_count();
	int winners = 0;

	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < count; i++) {
		racers[i] = fork();
		assert_true(racers[i] >= 0);
		if (racers[i] == 0) {
			(void)close(fds[1]);
			_exit(race(fixture, fds[0], round * count + i, at));
		}
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
	for (int i = 0; i < count; i++) {
		int status = wait_for_child(racers[i]);

		assert_in_range(status, 0, 1);
		winners += status == 0;
	}
	return winners;
}

static void one_of_many_processes_gets_the_last_unit(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 49, 0);
	/* SQLite's handles do not go through a fork. */
	store_close(fixture->store->store);
	fixture->store->store = NULL;
	for (int round = 0; round < RACES; round++)
		assert_int_equal(run_race(fixture, round, round * 12096), 1);
	DO((fixture->store->store = store_open(fixture->store->path, &fixture->store->clock, &err)) != NULL);
	assert_sql(fixture->store, "SELECT count(*) FROM reservations WHERE bucket = 'example.com'", "20");
}

/* ---- plans ---- */

static void question_changes_nothing_and_is_remembered_by_the_plan(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 48, 0);
	for (int twice = 0; twice < 2; twice++) {
		DO(book_plan(&fixture->book, &err));
		for (int i = 0; i < 3; i++) {
			AUTO_FREE char *name = mem_fmt("b%d.example.com", i);
			AUTO_ASKED asked = ask_with(fixture, (struct book_request){ 0 }, name, 0);

			assert_int_equal(asked.is_admitted, i < 2);
			if (!asked.is_admitted)
				assert_waits(&asked, LIMIT_DOMAIN, "example.com", 12096);
		}
	}
	assert_domain(fixture, 0, "48 0 2");
	assert_sql(fixture->store, "SELECT count(*) FROM admissions", "0");
	assert_sql(fixture->store, "SELECT count(*) FROM orders", "0");
}

static void question_about_an_order_under_way_is_answered_by_it(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 49, 0);
	(void)admitted(fixture, "b.example.com", 0);
	DO(book_plan(&fixture->book, &err));
	AUTO_ASKED same = ask_with(fixture, (struct book_request){ 0 }, "b.example.com", 0);
	AUTO_ASKED other = ask_with(fixture, (struct book_request){ 0 }, "c.example.com", 0);
	assert_true(same.is_admitted);
	assert_false(other.is_admitted);
}

/* ---- what is not issued ---- */

static void names_that_no_ca_takes_are_refused(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a_b.example.com");
	struct book_request request = { .order = &wanted, .account = ACCOUNT, .now_ns = NS(0), .spend_ns = NS(0) };
	AUTO_ASKED asked = { 0 };

	FAILS(book_admit(&fixture->book, &request, &asked.is_admitted, &asked.order, &asked.as, &asked.wait, &err), ERR_REFUSED, "a_b.example.com");
	assert_sql(fixture->store, "SELECT count(*) FROM orders", "0");
}

static void without_limits_all_are_admitted(void **state)
{
	struct book_fixture *fixture = *state;

	fixture->book.rules = (struct charge_rules){ 0 };
	for (int i = 0; i < 3; i++) {
		int64_t id = admitted(fixture, "a.example.com", 0);

		finalize(fixture, id);
		DO(book_failed(&fixture->book, id, "a.example.com", NS(0), &err));
		book_cert(fixture, id, "a.example.com", 0);
	}
	assert_sql(fixture->store, "SELECT (SELECT count(*) FROM buckets) + (SELECT count(*) FROM reservations)", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_book, tear_down_book)
		TEST(exact_set_goes_by_the_vectors),
		TEST(failures_go_by_the_vectors),
		TEST(domain_has_fifty_and_one_more_each_201_minutes),
		TEST(order_reserves_what_its_certificate_spends),
		TEST(waits_until_units_and_reservations_are_there),
		TEST(only_reservations_stand_in_the_way),
		TEST(bucket_that_is_free_last_is_the_one_to_wait_for),
		TEST(renewal_waits_for_its_set_only),
		TEST(earlier_clock_admits_and_later_one_books),
		TEST(reserve_is_kept_for_others),
		TEST(reserve_of_a_set_and_of_failures_is_kept),
		TEST(reserve_never_takes_a_whole_bucket),
		TEST(exempt_ones_pass_an_empty_domain),
		TEST(last_day_of_120_is_a_renewal),
		TEST(share_caps_the_new_certificates_of_a_group),
		cmocka_unit_test(end_of_an_order_settles_its_units),
		TEST(settling_twice_changes_nothing),
		TEST(names_succeed_together),
		TEST(order_under_way_is_taken_up_again),
		TEST(unit_of_an_order_counts_from_the_answer),
		TEST(second_sending_is_booked_too),
		TEST(intended_order_is_judged_again),
		TEST(renewal_that_became_new_is_spent_from_the_keys_it_had),
		TEST(order_of_an_app_that_is_gone_ends_by_itself),
		TEST(order_from_before_the_book_gets_its_reservations),
		TEST(one_of_many_processes_gets_the_last_unit),
		TEST(question_changes_nothing_and_is_remembered_by_the_plan),
		TEST(question_about_an_order_under_way_is_answered_by_it),
		TEST(names_that_no_ca_takes_are_refused),
		TEST(without_limits_all_are_admitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
