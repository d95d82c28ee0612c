/* SPDX-License-Identifier: MIT */
#include "helper.h"

#define SERVER "https://ca.test/directory"

static int64_t last_failure(struct fixture *fixture, const char *server, const char *name)
{
	struct store_validation validation = { .failed_at = -1 };

	DO(store_validation_get(fixture->store, server, name, &validation, &err));
	return validation.failed_at;
}

static bool is_daily(struct fixture *fixture, const char *name)
{
	struct store_validation validation = { 0 };

	DO(store_validation_get(fixture->store, SERVER, name, &validation, &err));
	return validation.is_daily;
}

/* One order for `names`, of which a.example.com fails `after_s` seconds later. */
static void fail_once(struct fixture *fixture, int64_t after_s)
{
	struct book book = book_without_limits(fixture->store);
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com b.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };

	fixture->now += after_s;
	DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
	DO(book_failed(&book, order.id, "a.example.com", NS(0), &err));
	DO(book_dead(&book, order.id, "its validation failed", BOOK_UNUSED, NS(0), &err));
}

static void four_failures_within_an_hour_leave_one_attempt_a_day(void **state)
{
	struct fixture *fixture = *state;

	fail_once(fixture, 0);
	/* The first is an hour ago when the fourth comes: not within one. */
	fail_once(fixture, 3500);
	fail_once(fixture, 50);
	fail_once(fixture, 50);
	assert_false(is_daily(fixture, "a.example.com"));
	fail_once(fixture, 3400);
	assert_true(is_daily(fixture, "a.example.com"));
	assert_false(is_daily(fixture, "b.example.com"));
	/* A day later there is one: no reason for four more. */
	fail_once(fixture, 86400);
	assert_true(is_daily(fixture, "a.example.com"));
}

static void a_success_forgets_failures(void **state)
{
	struct fixture *fixture = *state;
	struct book book = book_without_limits(fixture->store);
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com b.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };

	for (int i = 0; i < 4; i++)
		fail_once(fixture, 10);
	DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
	DO(book_valid(&book, order.id, &wanted.names, &err));
	assert_false(is_daily(fixture, "a.example.com"));
	assert_int_equal(last_failure(fixture, SERVER, "a.example.com"), 0);
	DO(book_dead(&book, order.id, "another reason", BOOK_UNUSED, NS(0), &err));
	fail_once(fixture, 10);
	assert_false(is_daily(fixture, "a.example.com"));
}

static void latest_failed_validation_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct book book = book_without_limits(fixture->store);
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com b.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };

	assert_string_equal(wanted.server, SERVER);
	DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
	assert_int_equal(last_failure(fixture, SERVER, "a.example.com"), 0);
	for (int twice = 0; twice < 2; twice++) {
		fixture->now += 10;
		DO(book_failed(&book, order.id, "a.example.com", NS(0), &err));
		assert_int_equal(last_failure(fixture, SERVER, "a.example.com"), fixture->now);
	}
	assert_int_equal(last_failure(fixture, SERVER, "b.example.com"), 0);
	assert_int_equal(last_failure(fixture, "https://other.test/directory", "a.example.com"), 0);
	DO(store_validation_forget(fixture->store, order.id, "a.example.com", &err));
	assert_int_equal(last_failure(fixture, SERVER, "a.example.com"), 0);
}

static void lease_is_one_hosts_at_a_time(void **state)
{
	struct fixture *fixture = *state;
	struct store *other = open_as_other_host(fixture);
	bool is_ours = false;
	int64_t until = 0;

	DO(store_lease(fixture->store, "worker", START + 60, &is_ours, &until, &err));
	assert_true(is_ours);
	assert_int_equal(until, START + 60);
	DO(store_lease(other, "worker", START + 90, &is_ours, &until, &err));
	assert_false(is_ours);
	assert_int_equal(until, START + 60);
	DO(store_lease(other, "another", START + 90, &is_ours, &until, &err));
	assert_true(is_ours);
	fixture->now += 30;
	DO(store_lease(fixture->store, "worker", START + 120, &is_ours, &until, &err));
	assert_true(is_ours);
	assert_int_equal(until, START + 120);
	fixture->now = START + 120;
	DO(store_lease(other, "worker", START + 200, &is_ours, &until, &err));
	assert_true(is_ours);
	DO(store_lease(fixture->store, "worker", START + 300, &is_ours, &until, &err));
	assert_false(is_ours);
	assert_int_equal(until, START + 200);
	store_close(other);
}

/* NULL: none was found. */
static void assert_directory(struct fixture *fixture, int64_t max_age_s, const char *wanted)
{
	AUTO_FREE char *text = NULL;

	DO(store_directory_get(fixture->store, SERVER, max_age_s, &text, &err));
	if (wanted)
		assert_string_equal(text, wanted);
	else
		assert_null(text);
}

static void directory_is_kept_while_it_is_young(void **state)
{
	struct fixture *fixture = *state;

	assert_directory(fixture, 3600, NULL);
	DO(store_directory_put(fixture->store, SERVER, "{\"old\":1}", &err));
	DO(store_directory_put(fixture->store, SERVER, "{\"newNonce\":\"x\"}", &err));
	assert_directory(fixture, 3600, "{\"newNonce\":\"x\"}");
	fixture->now += 3600;
	assert_directory(fixture, 3600, "{\"newNonce\":\"x\"}");
	fixture->now += 1;
	assert_directory(fixture, 3600, NULL);
	assert_directory(fixture, 3601, "{\"newNonce\":\"x\"}");
	/* Fetched in the future: the clock was wrong, then or now. */
	fixture->now = START - 1;
	assert_directory(fixture, 3600, NULL);
	fixture->now = START;
	DO(store_directory_put(fixture->store, SERVER, NULL, &err));
	DO(store_directory_put(fixture->store, SERVER, NULL, &err));
	assert_directory(fixture, 3600, NULL);
}

static void mark_keeps_its_moment(void **state)
{
	struct fixture *fixture = *state;
	int64_t at = -1;

	DO(store_mark_get(fixture->store, "told", &at, &err));
	assert_int_equal(at, 0);
	DO(store_mark_set(fixture->store, "told", START, &err));
	DO(store_mark_set(fixture->store, "told", START + 5, &err));
	DO(store_mark_get(fixture->store, "told", &at, &err));
	assert_int_equal(at, START + 5);
	DO(store_mark_get(fixture->store, "other", &at, &err));
	assert_int_equal(at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(latest_failed_validation_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(four_failures_within_an_hour_leave_one_attempt_a_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_success_forgets_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lease_is_one_hosts_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(directory_is_kept_while_it_is_young, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mark_keeps_its_moment, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
