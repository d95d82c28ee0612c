/* SPDX-License-Identifier: MIT */
#include "helper.h"

static struct store_order begin_with(struct store *store, const char *app, const char *names, int64_t lease_until)
{
	AUTO(store_order_done) struct store_order wanted = make_order(app, names);
	struct store_order order = { 0 };

	DO(begin_order(store, &wanted, lease_until, &order, &err));
	return order;
}

static struct store_order begin(struct fixture *fixture, const char *names)
{
	return begin_with(fixture->store, "blog", names, fixture->now + 60);
}

/* A new order, brought to `state`. */
static int64_t order_in(struct fixture *fixture, enum store_order_state state)
{
	AUTO(store_order_done) struct store_order order = begin(fixture, "a.example.com");
	AUTO(store_cert_done) struct store_cert cert = make_cert(LEAF_A, "a.example.com");

	DO(store_order_sending(fixture->store, order.id, &err));
	if (state >= ORDER_PLACED)
		DO(place_order(fixture->store, order.id, "https://ca.test/order/1", START + 7 * 86400, &err));
	if (state >= ORDER_FINALIZING)
		DO(store_order_finalizing(fixture->store, order.id, &err));
	if (state >= ORDER_ISSUED && state != ORDER_DEAD)
		DO(issue_order(fixture->store, order.id, &cert, &err));
	if (state == ORDER_INSTALLED)
		DO(store_order_installed(fixture->store, order.id, &err));
	if (state == ORDER_DEAD)
		DO(end_order(fixture->store, order.id, "for the test", &err));
	return order.id;
}

static void assert_state(struct fixture *fixture, int64_t id, const char *wanted)
{
	AUTO_FREE char *statement = mem_fmt("SELECT state FROM orders WHERE id = %lld", (long long)id);

	assert_sql(fixture, statement, wanted);
}

/* ---- begin ---- */

static void new_order_is_intended_and_ours(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order order = begin(fixture, "b.example.com a.example.com");

	assert_true(order.id > 0);
	assert_int_equal(order.state, ORDER_INTENDED);
	assert_string_equal(order.app, "blog");
	assert_int_equal(order.names.count, 2);
	assert_string_equal(order.names.items[0], "a.example.com");
	assert_string_equal(order.server, "https://ca.test/directory");
	assert_string_equal(order.account_url, "https://ca.test/acct/1");
	assert_string_equal(order.profile, "");
	assert_string_equal(order.key_type, "ec256");
	assert_string_equal(order.replaces, "");
	assert_string_equal(order.url, "");
	assert_string_equal(order.leaf, "");
	assert_int_equal(order.intended_at, START);
	assert_int_equal(order.sent_count, 0);
	assert_string_equal(order.host, store_host(fixture->store));
	assert_int_equal(order.lease_until, START + 60);
}

static void same_wish_gets_the_same_order(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order first = begin(fixture, "a.example.com b.example.com");
	AUTO(store_order_done) struct store_order second = { 0 };

	DO(store_order_sending(fixture->store, first.id, &err));
	DO(place_order(fixture->store, first.id, "https://ca.test/order/1", START + 99, &err));
	fixture->now += 10;
	second = begin(fixture, "b.example.com a.example.com");
	assert_int_equal(second.id, first.id);
	assert_int_equal(second.state, ORDER_PLACED);
	assert_string_equal(second.url, "https://ca.test/order/1");
	assert_int_equal(second.expires_at, START + 99);
	assert_int_equal(second.intended_at, START);
	assert_int_equal(second.lease_until, START + 70);
}

static void replace_text(char **text, const char *value)
{
	free(*text);
	*text = mem_strdup(value);
}

static void any_difference_makes_another_order(void **state)
{
	static const size_t fields[] = { offsetof(struct store_order, server), offsetof(struct store_order, account_url), offsetof(struct store_order, profile),
					 offsetof(struct store_order, key_type), offsetof(struct store_order, replaces) };
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order first = begin(fixture, "a.example.com");
	AUTO(store_order_done) struct store_order other_names = begin(fixture, "a.example.com b.example.com");
	int64_t last_id = other_names.id;

	assert_true(other_names.id > first.id);
	for (size_t i = 0; i < COUNT(fields); i++) {
		AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com");
		AUTO(store_order_done) struct store_order order = { 0 };

		replace_text((char **)(void *)((char *)&wanted + fields[i]), "different");
		DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
		assert_true(order.id > last_id);
		last_id = order.id;
	}
}

static void intended_one_is_handed_out_once_more_only(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order first = begin(fixture, "a.example.com");
	AUTO(store_order_done) struct store_order never_sent = begin(fixture, "a.example.com");
	AUTO(store_order_done) struct store_order second = { 0 };
	AUTO(store_order_done) struct store_order third = { 0 };

	assert_int_equal(never_sent.id, first.id);
	DO(store_order_sending(fixture->store, first.id, &err));
	second = begin(fixture, "a.example.com");
	assert_int_equal(second.id, first.id);
	assert_int_equal(second.sent_count, 1);
	DO(store_order_sending(fixture->store, first.id, &err));
	third = begin(fixture, "a.example.com");
	assert_true(third.id > first.id);
	assert_int_equal(third.state, ORDER_INTENDED);
	assert_int_equal(third.sent_count, 0);
	assert_state(fixture, first.id, "dead");
}

static void placed_one_is_handed_out_however_often_it_was_sent(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order first = begin(fixture, "a.example.com");
	AUTO(store_order_done) struct store_order again = { 0 };

	DO(store_order_sending(fixture->store, first.id, &err));
	DO(store_order_sending(fixture->store, first.id, &err));
	DO(place_order(fixture->store, first.id, "https://ca.test/order/1", 0, &err));
	again = begin(fixture, "a.example.com");
	assert_int_equal(again.id, first.id);
}

static void ended_orders_are_not_handed_out(void **state)
{
	static const enum store_order_state ended[] = { ORDER_ISSUED, ORDER_INSTALLED, ORDER_DEAD };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(ended); i++) {
		int64_t id = order_in(fixture, ended[i]);
		AUTO(store_order_done) struct store_order next = begin(fixture, "a.example.com");

		assert_true(next.id > id);
		DO(end_order(fixture->store, next.id, "for the test", &err));
	}
}

static void order_of_another_host_is_locked_until_its_lease_ends(void **state)
{
	struct fixture *fixture = *state;
	struct store *other = open_as_other_host(fixture);
	AUTO(store_order_done) struct store_order theirs = begin_with(other, "blog", "a.example.com", START + 60);
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };
	struct err refusal = { 0 };

	assert_string_equal(theirs.host, OTHER_HOST);
	assert_false(begin_order(fixture->store, &wanted, START + 100, &order, &refusal));
	assert_int_equal(refusal.kind, ERR_LOCKED);
	assert_int_equal(refusal.retry_at, START + 60);
	assert_non_null(strstr(refusal.text, OTHER_HOST));
	assert_non_null(strstr(refusal.text, "a.example.com"));
	fixture->now = START + 60;
	DO(begin_order(fixture->store, &wanted, START + 100, &order, &err));
	assert_int_equal(order.id, theirs.id);
	assert_string_equal(order.host, store_host(fixture->store));
	FAILS(store_order_sending(other, theirs.id, &err), ERR_STORE, "taken over");
	FAILS(end_order(other, theirs.id, "x", &err), ERR_STORE, "taken over");
	store_close(other);
}

static void order_of_another_app_is_locked_until_its_lease_ends(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order first = begin(fixture, "a.example.com");
	AUTO(store_order_done) struct store_order wanted = make_order("shop", "a.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };

	FAILS(begin_order(fixture->store, &wanted, START + 100, &order, &err), ERR_LOCKED, "blog");
	fixture->now = START + 60;
	DO(begin_order(fixture->store, &wanted, START + 100, &order, &err));
	assert_int_equal(order.id, first.id);
	assert_string_equal(order.app, "shop");
}

/* ---- steps ---- */

static void steps_lead_to_the_app_using_it(void **state)
{
	static const char *const words[] = { "intended", "placed", "finalizing", "issued", "installed" };
	struct fixture *fixture = *state;
	AUTO(store_app_done) struct store_app app = { 0 };

	for (int i = ORDER_INTENDED; i <= ORDER_INSTALLED; i++) {
		int64_t id = order_in(fixture, (enum store_order_state)i);

		assert_state(fixture, id, words[i]);
		if (i != ORDER_INSTALLED)
			DO(end_order(fixture->store, id, "for the test", &err));
	}
	DO(store_app_get(fixture->store, "blog", &app, &err));
	assert_string_equal(app.leaf, LEAF_A);
	assert_int_equal(app.installed_at, START);
}

static void steps_can_be_taken_again(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_cert_done) struct store_cert cert = make_cert(LEAF_A, "a.example.com");
	int64_t id = order_in(fixture, ORDER_PLACED);

	DO(place_order(fixture->store, id, "https://ca.test/order/1", START + 7 * 86400, &err));
	DO(store_order_finalizing(fixture->store, id, &err));
	DO(store_order_finalizing(fixture->store, id, &err));
	DO(issue_order(fixture->store, id, &cert, &err));
	DO(issue_order(fixture->store, id, &cert, &err));
	DO(store_order_installed(fixture->store, id, &err));
	DO(issue_order(fixture->store, id, &cert, &err));
	assert_state(fixture, id, "installed");
	put_cert(fixture, LEAF_B);
	DO(store_app_uses(fixture->store, "blog", LEAF_B, &err));
	DO(store_order_installed(fixture->store, id, &err));
	assert_sql(fixture, "SELECT leaf FROM apps", LEAF_B);
	assert_sql(fixture, "SELECT count(*) FROM certs", "2");
}

/* Which step may be taken from which state. */
static void steps_out_of_turn_are_refused(void **state)
{
	enum step { SENDING, PLACED, FINALIZING, ISSUED, INSTALLED, DEAD, STEP_COUNT };
	static const bool may[][STEP_COUNT] = {
		[ORDER_INTENDED] = { [SENDING] = true, [PLACED] = true, [DEAD] = true },
		[ORDER_PLACED] = { [PLACED] = true, [FINALIZING] = true, [ISSUED] = true, [DEAD] = true },
		[ORDER_FINALIZING] = { [FINALIZING] = true, [ISSUED] = true, [DEAD] = true },
		[ORDER_ISSUED] = { [ISSUED] = true, [INSTALLED] = true, [DEAD] = true },
		[ORDER_INSTALLED] = { [ISSUED] = true, [INSTALLED] = true },
		[ORDER_DEAD] = { [ISSUED] = true, [DEAD] = true },
	};
	struct fixture *fixture = *state;
	AUTO(store_cert_done) struct store_cert cert = make_cert(LEAF_A, "a.example.com");

	for (size_t from = 0; from < COUNT(may); from++)
		for (size_t step = 0; step < STEP_COUNT; step++) {
			struct err err = { 0 };
			int64_t id = order_in(fixture, (enum store_order_state)from);
			bool is_done = step == SENDING      ? store_order_sending(fixture->store, id, &err)
				       : step == PLACED     ? place_order(fixture->store, id, "https://ca.test/order/2", 0, &err)
				       : step == FINALIZING ? store_order_finalizing(fixture->store, id, &err)
				       : step == ISSUED     ? issue_order(fixture->store, id, &cert, &err)
				       : step == INSTALLED  ? store_order_installed(fixture->store, id, &err)
							    : end_order(fixture->store, id, "x", &err);

			if (is_done != may[from][step])
				fail_msg("from %zu step %zu: %s", from, step, err.text);
			if (!is_done)
				assert_int_equal(err.kind, ERR_STORE);
			sql(fixture, "UPDATE orders SET state = 'dead'");
		}
}

static void unknown_order_is_named(void **state)
{
	struct fixture *fixture = *state;

	FAILS(place_order(fixture->store, 4711, "https://ca.test/order/1", 0, &err), ERR_STORE, "4711");
}

static void dead_order_keeps_its_reason_and_what_was_bought(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_cert_done) struct store_cert cert = make_cert(LEAF_A, "a.example.com");
	int64_t id = order_in(fixture, ORDER_FINALIZING);

	DO(end_order(fixture->store, id, "the cause", &err));
	DO(end_order(fixture->store, id, "a consequence", &err));
	DO(issue_order(fixture->store, id, &cert, &err));
	assert_sql(fixture, "SELECT state || ' ' || dead_reason || ' ' || leaf FROM orders", "dead the cause " LEAF_A);
	assert_sql(fixture, "SELECT leaf FROM certs", LEAF_A);
}

static void open_orders_are_listed_oldest_first(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_orders_done) struct store_orders all = { 0 };
	AUTO(store_orders_done) struct store_orders of_shop = { 0 };
	int64_t issued = order_in(fixture, ORDER_ISSUED);
	int64_t placed = order_in(fixture, ORDER_PLACED);
	AUTO(store_order_done) struct store_order shop = begin_with(fixture->store, "shop", "s.example.com", START + 60);

	DO(store_order_list_open(fixture->store, NULL, &all, &err));
	assert_int_equal(all.count, 3);
	assert_int_equal(all.items[0].id, issued);
	assert_int_equal(all.items[0].state, ORDER_ISSUED);
	assert_string_equal(all.items[0].leaf, LEAF_A);
	assert_int_equal(all.items[1].id, placed);
	assert_int_equal(all.items[2].id, shop.id);
	DO(store_order_installed(fixture->store, issued, &err));
	DO(end_order(fixture->store, placed, "x", &err));
	DO(store_order_list_open(fixture->store, "shop", &of_shop, &err));
	assert_int_equal(of_shop.count, 1);
	assert_int_equal(of_shop.items[0].id, shop.id);
	store_orders_done(&of_shop);
	DO(store_order_list_open(fixture->store, "blog", &of_shop, &err));
	assert_int_equal(of_shop.count, 0);
}

/* The id is the name of a folder with a key: it must not come back even if rows go. */
static void ids_never_come_back(void **state)
{
	struct fixture *fixture = *state;
	int64_t id = order_in(fixture, ORDER_DEAD);

	sql(fixture, "DELETE FROM orders");
	reopen(fixture);
	assert_true(order_in(fixture, ORDER_INTENDED) > id);
	/* A file that is made anew starts beyond those that the lost one gave out. */
	assert_true(id > START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(new_order_is_intended_and_ours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(same_wish_gets_the_same_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(any_difference_makes_another_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(intended_one_is_handed_out_once_more_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(placed_one_is_handed_out_however_often_it_was_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ended_orders_are_not_handed_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(order_of_another_host_is_locked_until_its_lease_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(order_of_another_app_is_locked_until_its_lease_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(steps_lead_to_the_app_using_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(steps_can_be_taken_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(steps_out_of_turn_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_order_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dead_order_keeps_its_reason_and_what_was_bought, set_up, tear_down),
		cmocka_unit_test_setup_teardown(open_orders_are_listed_oldest_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ids_never_come_back, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
