/* SPDX-License-Identifier: MIT */
#include "helper.h"

static struct store_app get_app(struct fixture *fixture, const char *name)
{
	struct store_app app = { 0 };

	DO(store_app_get(fixture->store, name, &app, &err));
	return app;
}

static void unknown_app_is_empty(void **state)
{
	AUTO(store_app_done) struct store_app app = get_app(*state, "blog");

	assert_string_equal(app.app, "blog");
	assert_string_equal(app.leaf, "");
	assert_string_equal(app.unserved_reason, "");
	assert_string_equal(app.held_back_reason, "");
	assert_string_equal(app.failed_reason, "");
	assert_int_equal(app.installed_at + app.unserved_at + app.held_back_at + app.failed_at, 0);
}

static void use_clears_what_was_wrong_but_not_the_hold(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_app_done) struct store_app app = { 0 };

	put_cert(fixture, LEAF_A);
	DO(store_app_unserved(fixture->store, "blog", "port 443 is taken", &err));
	DO(store_app_failed(fixture->store, "blog", "no DNS", &err));
	DO(store_app_hold(fixture->store, "blog", "revoked", &err));
	fixture->now += 10;
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	app = get_app(fixture, "blog");
	assert_string_equal(app.leaf, LEAF_A);
	assert_int_equal(app.installed_at, START + 10);
	assert_int_equal(app.unserved_at, 0);
	assert_string_equal(app.unserved_reason, "");
	assert_int_equal(app.failed_at, 0);
	assert_string_equal(app.failed_reason, "");
	assert_int_equal(app.held_back_at, START);
	assert_string_equal(app.held_back_reason, "revoked");
}

static void same_use_again_keeps_its_moment(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_app_done) struct store_app app = { 0 };

	put_cert(fixture, LEAF_A);
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	fixture->now += 10;
	DO(store_app_failed(fixture->store, "blog", "no DNS", &err));
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	app = get_app(fixture, "blog");
	assert_int_equal(app.installed_at, START);
	assert_int_equal(app.failed_at, 0);
}

static void another_use_has_its_own_moment(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_app_done) struct store_app app = { 0 };

	put_cert(fixture, LEAF_A);
	put_cert(fixture, LEAF_B);
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	fixture->now += 10;
	DO(store_app_uses(fixture->store, "blog", LEAF_B, &err));
	app = get_app(fixture, "blog");
	assert_string_equal(app.leaf, LEAF_B);
	assert_int_equal(app.installed_at, START + 10);
}

static void use_can_end(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_app_done) struct store_app app = { 0 };

	put_cert(fixture, LEAF_A);
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	DO(store_app_unserved(fixture->store, "blog", "port 443 is taken", &err));
	DO(store_app_uses(fixture->store, "blog", NULL, &err));
	DO(store_app_uses(fixture->store, "nobody", NULL, &err));
	app = get_app(fixture, "blog");
	assert_string_equal(app.leaf, "");
	assert_int_equal(app.installed_at, 0);
	assert_int_equal(app.unserved_at, 0);
	assert_sql(fixture, "SELECT count(*) FROM apps", "1");
}

static void use_of_an_unknown_certificate_is_refused(void **state)
{
	struct fixture *fixture = *state;

	FAILS(store_app_uses(fixture->store, "blog", LEAF_A, &err), ERR_STORE, LEAF_A);
}

static void unserved_keeps_its_first_moment(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_app_done) struct store_app app = { 0 };

	DO(store_app_unserved(fixture->store, "blog", "one", &err));
	fixture->now += 10;
	DO(store_app_unserved(fixture->store, "blog", "two", &err));
	app = get_app(fixture, "blog");
	assert_int_equal(app.unserved_at, START);
	assert_string_equal(app.unserved_reason, "two");
	store_app_done(&app);
	DO(store_app_unserved(fixture->store, "blog", NULL, &err));
	app = get_app(fixture, "blog");
	assert_int_equal(app.unserved_at, 0);
	assert_string_equal(app.unserved_reason, "");
}

static void hold_is_kept_until_it_is_lifted(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_app_done) struct store_app app = { 0 };

	DO(store_app_hold(fixture->store, "blog", "revoked", &err));
	fixture->now += 10;
	DO(store_app_hold(fixture->store, "blog", "revoked", &err));
	app = get_app(fixture, "blog");
	assert_int_equal(app.held_back_at, START);
	assert_string_equal(app.held_back_reason, "revoked");
	store_app_done(&app);
	DO(store_app_hold(fixture->store, "blog", "installed by hand", &err));
	app = get_app(fixture, "blog");
	assert_int_equal(app.held_back_at, START + 10);
	assert_string_equal(app.held_back_reason, "installed by hand");
	store_app_done(&app);
	DO(store_app_hold(fixture->store, "blog", NULL, &err));
	app = get_app(fixture, "blog");
	assert_int_equal(app.held_back_at, 0);
	assert_string_equal(app.held_back_reason, "");
}

static void failure_has_its_latest_moment(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_app_done) struct store_app app = { 0 };

	DO(store_app_failed(fixture->store, "blog", "no DNS", &err));
	fixture->now += 10;
	DO(store_app_failed(fixture->store, "blog", "no DNS", &err));
	app = get_app(fixture, "blog");
	assert_int_equal(app.failed_at, START + 10);
	assert_string_equal(app.failed_reason, "no DNS");
	store_app_done(&app);
	DO(store_app_failed(fixture->store, "blog", NULL, &err));
	app = get_app(fixture, "blog");
	assert_int_equal(app.failed_at, 0);
}

static void list_is_sorted(void **state)
{
	static const char *const names[] = { "zoo", "a-b", "a", "a.b", "m" };
	static const char *const sorted[] = { "a", "a-b", "a.b", "m", "zoo" };
	struct fixture *fixture = *state;
	AUTO(store_apps_done) struct store_apps apps = { 0 };

	for (size_t i = 0; i < COUNT(names); i++)
		DO(store_app_failed(fixture->store, names[i], "x", &err));
	DO(store_app_list(fixture->store, &apps, &err));
	assert_int_equal(apps.count, COUNT(sorted));
	for (size_t i = 0; i < COUNT(sorted); i++)
		assert_string_equal(apps.items[i].app, sorted[i]);
}

static void forgotten_app_leaves_only_its_certificate(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com");
	AUTO(store_order_done) struct store_order other = make_order("shop", "b.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO(store_orders_done) struct store_orders orders = { 0 };
	struct store_wait waits[] = { { .app = mem_strdup("blog") }, { .app = mem_strdup("shop") } };
	size_t job_count;
	int64_t id;

	put_cert(fixture, LEAF_A);
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
	store_order_done(&order);
	DO(begin_order(fixture->store, &other, START + 60, &order, &err));
	DO(store_job_add(fixture->store, "blog", "enable", false, 0, &id, &err));
	DO(store_job_add(fixture->store, "shop", "enable", false, 0, &id, &err));
	DO(store_wait_put(fixture->store, waits, COUNT(waits), &err));
	DO(store_app_forget(fixture->store, "blog", &err));
	DO(store_app_forget(fixture->store, "blog", &err));
	DO(store_order_list_open(fixture->store, NULL, &orders, &err));
	assert_int_equal(orders.count, 1);
	assert_string_equal(orders.items[0].app, "shop");
	DO(store_job_count(fixture->store, &job_count, &err));
	assert_int_equal(job_count, 1);
	assert_sql(fixture, "SELECT group_concat(app) FROM waits", "shop");
	assert_sql(fixture, "SELECT state || ' ' || dead_reason FROM orders WHERE app = 'blog'", "dead the app is gone");
	assert_sql(fixture, "SELECT count(*) FROM apps", "0");
	assert_sql(fixture, "SELECT count(*) FROM certs", "1");
	for (size_t i = 0; i < COUNT(waits); i++)
		store_wait_done(&waits[i]);
}

/* Also a second time, after a crash; and over what another app of that name left. */
static void renamed_app_takes_all_but_its_orders_along(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };
	struct store_wait waits[] = { { .app = mem_strdup("blog") }, { .app = mem_strdup("shop") } };
	int64_t id;

	put_cert(fixture, LEAF_A);
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	DO(store_app_hold(fixture->store, "blog", "by hand", &err));
	DO(store_app_failed(fixture->store, "shop", "an older one", &err));
	DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
	DO(store_job_add(fixture->store, "blog", "enable", false, 0, &id, &err));
	DO(store_wait_put(fixture->store, waits, COUNT(waits), &err));
	DO(store_app_rename(fixture->store, "blog", "shop", &err));
	DO(store_app_rename(fixture->store, "blog", "shop", &err));
	assert_sql(fixture, "SELECT app || ' ' || leaf || ' ' || held_back_reason || failed_reason FROM apps", "shop " LEAF_A " by hand");
	assert_sql(fixture, "SELECT group_concat(app) FROM jobs", "shop");
	assert_sql(fixture, "SELECT group_concat(app) FROM waits", "shop");
	assert_sql(fixture, "SELECT group_concat(app) FROM orders", "blog");
	for (size_t i = 0; i < COUNT(waits); i++)
		store_wait_done(&waits[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unknown_app_is_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(use_clears_what_was_wrong_but_not_the_hold, set_up, tear_down),
		cmocka_unit_test_setup_teardown(same_use_again_keeps_its_moment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_use_has_its_own_moment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(use_can_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(use_of_an_unknown_certificate_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unserved_keeps_its_first_moment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hold_is_kept_until_it_is_lifted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(failure_has_its_latest_moment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(list_is_sorted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgotten_app_leaves_only_its_certificate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(renamed_app_takes_all_but_its_orders_along, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
