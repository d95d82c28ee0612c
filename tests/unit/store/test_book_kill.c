/* SPDX-License-Identifier: MIT */
/*
 * A writer is killed in the middle of SQLite's N-th write, for one N after the other. Whoever comes next finds the buckets, the reservations and the states of the
 * orders in agreement, takes up what was under way, and books each certificate once.
 */
#include "fault.h"

#include "book_helper.h"

#define ROUNDS 40
#define ORDERS_COUNT 12

/* From wherever the order stands to its certificate; no step is told to anybody. */
static bool carry_out(const struct book *book, int i, struct err *err)
{
	AUTO_FREE char *name = mem_fmt("app-%d.example.com", i);
	AUTO(store_order_done) struct store_order wanted = make_order("blog", name);
	AUTO_ASKED asked = { 0 };
	struct book_request request = {
		.order = &wanted, .account = ACCOUNT, .keep = { .domain = 5 }, .now_ns = NS(0), .spend_ns = NS(0), .lease_until = START + 60,
	};

	if (!book_admit(book, &request, &asked.is_admitted, &asked.order, &asked.as, &asked.wait, err))
		return false;
	int64_t id = asked.order.id;
	AUTO(store_cert_done) struct store_cert cert = cert_of(id, name, 0);
	if (asked.order.state == ORDER_INTENDED && (!store_order_sending(book->store, id, err) || !book_placed(book, id, "url", 0, NS(0), err)))
		return false;
	return book_valid(book, id, &wanted.names, err) && store_order_finalizing(book->store, id, err) && book_issued(book, id, &cert, NS(0), err);
}

static bool has_cert(struct book_fixture *fixture, int i)
{
	AUTO_FREE char *statement = mem_fmt("SELECT count(*) FROM certs WHERE names = 'app-%d.example.com'", i);
	AUTO_FREE char *count = sql_text(fixture->store, statement);

	return strcmp(count, "0") != 0;
}

static int write_until_killed(const struct book_fixture *fixture, int first, long kill_at)
{
	struct err err = { 0 };
	struct book book = fixture->book;

	fault.write_count = 0;
	fault.kill_at = kill_at;
	book.store = store_open(fixture->store->path, &fixture->store->clock, &err);
	for (int i = first; book.store && i < ORDERS_COUNT; i++) {
		if (!carry_out(&book, i, &err))
			return 1;
	}
	return 2;
}

static void open_again(struct book_fixture *fixture)
{
	DO((fixture->store->store = store_open(fixture->store->path, &fixture->store->clock, &err)) != NULL);
	fixture->book.store = fixture->store->store;
}

static void close_store(struct book_fixture *fixture)
{
	store_close(fixture->store->store);
	fixture->store->store = NULL;
}

/* Used and reserved of the domain together are one for each order that there is. */
static void assert_agreement(struct book_fixture *fixture)
{
	AUTO_FREE char *issued = sql_text(fixture->store, "SELECT count(*) FROM orders WHERE state = 'issued'");
	AUTO_FREE char *open = sql_text(fixture->store, "SELECT count(*) FROM orders WHERE state IN ('intended', 'placed', 'finalizing')");
	long used = strtol(issued, NULL, 10), reserved = strtol(open, NULL, 10);
	AUTO_FREE char *wanted = used + reserved > 0 ? mem_fmt("%ld %ld %ld", used, reserved, 50 - used - reserved) : mem_strdup("-");

	assert_domain(fixture, 0, wanted);
	assert_sql(fixture->store, "SELECT count(*) FROM pragma_foreign_key_check", "0");
	assert_sql(fixture->store, "SELECT count(*) FROM orders LEFT JOIN admissions ON id = order_id"
				   " WHERE (state IN ('intended', 'placed', 'finalizing')) <> (order_id IS NOT NULL)", "0");
	assert_sql(fixture->store, "SELECT (SELECT count(*) FROM booked) - (SELECT count(*) FROM orders WHERE state = 'issued')", "0");
	assert_sql(fixture->store, "SELECT (SELECT count(*) FROM sets) - (SELECT count(*) FROM orders WHERE state = 'issued')", "0");
}

/* Kills one writer; true when it was still at work. */
static bool run_round(struct book_fixture *fixture, int first, long kill_at)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(write_until_killed(fixture, first, kill_at));
	return wait_for_child(child) == 128 + SIGKILL;
}

static void killed_writer_leaves_a_book_that_agrees(void **state)
{
	struct book_fixture *fixture = *state;
	int kills = 0;

	close_store(fixture);
	for (long round = 1; round <= ROUNDS; round++) {
		int first = 0;

		while (first < ORDERS_COUNT && has_cert(fixture, first))
			first++;
		if (first == ORDERS_COUNT)
			break;
		kills += run_round(fixture, first, 1 + round * 7 % 23);
		open_again(fixture);
		assert_agreement(fixture);
		close_store(fixture);
	}
	assert_true(kills >= 20);
	/* What is left over is finished; a newOrder that was sent twice without an answer has become another order, and cost the account a second one. */
	open_again(fixture);
	for (int i = 0; i < ORDERS_COUNT; i++) {
		if (!has_cert(fixture, i))
			DO(carry_out(&fixture->book, i, &err));
	}
	assert_agreement(fixture);
	assert_domain(fixture, 0, "12 0 38");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_writer_leaves_a_book_that_agrees, set_up_book, tear_down_book),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
