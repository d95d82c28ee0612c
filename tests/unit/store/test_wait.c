/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "helper.h"

static struct store_wait make_wait(const char *app, const char *names)
{
	struct store_wait wait = {
		.app = mem_strdup(app),
		.server = mem_strdup("https://ca.test/directory"),
		.account_url = mem_strdup("https://ca.test/acct/1"),
		.profile = mem_strdup("classic"),
		.key_type = mem_strdup("ec256"),
		.replaces = mem_strdup("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"),
		.is_by_graceperiod = true,
		.reason = mem_strdup("auto-renew"),
		.is_forced = true,
		.urgency = 3,
		.until_at = START + 12096,
		.limit_name = mem_strdup("CertificatesPerDomain"),
		.bucket = mem_strdup("example.com"),
		.message = mem_strdup("the 50 new certificates for example.com are used up"),
		.place = 7,
	};

	strs_split(&wait.names, names, " ");
	return wait;
}

static void put(struct fixture *fixture, const char *app, int64_t since_at)
{
	AUTO(store_wait_done) struct store_wait wait = make_wait(app, "a.example.com");

	wait.since_at = since_at;
	DO(store_wait_put(fixture->store, &wait, 1, &err));
}

static struct store_wait get(struct fixture *fixture, const char *app)
{
	struct store_wait wait = { 0 };
	bool is_found;

	DO(store_wait_get(fixture->store, app, &is_found, &wait, &err));
	assert_true(is_found);
	return wait;
}

static void what_was_put_comes_back(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_wait_done) struct store_wait wait = make_wait("blog", "b.example.com a.example.com");

	DO(store_wait_put(fixture->store, &wait, 1, &err));
	reopen(fixture);
	AUTO(store_wait_done) struct store_wait found = get(fixture, "blog");
	AUTO_FREE char *names = strs_join(&found.names, " ");
	assert_string_equal(found.app, "blog");
	assert_string_equal(names, "a.example.com b.example.com");
	assert_string_equal(found.server, wait.server);
	assert_string_equal(found.account_url, wait.account_url);
	assert_string_equal(found.profile, wait.profile);
	assert_string_equal(found.key_type, wait.key_type);
	assert_string_equal(found.replaces, wait.replaces);
	assert_true(found.is_by_graceperiod);
	assert_string_equal(found.reason, wait.reason);
	assert_true(found.is_forced);
	assert_int_equal(found.urgency, 3);
	assert_int_equal(found.since_at, START);
	assert_int_equal(found.seen_at, START);
	assert_int_equal(found.until_at, START + 12096);
	assert_string_equal(found.limit_name, wait.limit_name);
	assert_string_equal(found.bucket, wait.bucket);
	assert_string_equal(found.message, wait.message);
	assert_int_equal(found.place, 7);
}

static void second_time_replaces_all_but_the_age(void **state)
{
	struct fixture *fixture = *state;
	struct store_wait room = { .app = mem_strdup("blog"), .reason = mem_strdup("enable") };

	put(fixture, "blog", 0);
	fixture->now += 60;
	DO(store_wait_put(fixture->store, &room, 1, &err));
	AUTO(store_wait_done) struct store_wait found = get(fixture, "blog");
	assert_int_equal(found.since_at, START);
	assert_int_equal(found.seen_at, START + 60);
	assert_int_equal(found.names.count, 0);
	assert_false(found.is_by_graceperiod || found.is_forced);
	assert_string_equal(found.reason, "enable");
	assert_string_equal(found.limit_name, "");
	assert_int_equal(found.urgency + found.until_at + found.place, 0);
	/* A moment that is given holds, and with the row it goes. */
	put(fixture, "blog", START - 500);
	AUTO(store_wait_done) struct store_wait dated = get(fixture, "blog");
	assert_int_equal(dated.since_at, START - 500);
	DO(store_wait_drop(fixture->store, "blog", &err));
	put(fixture, "blog", 0);
	AUTO(store_wait_done) struct store_wait anew = get(fixture, "blog");
	assert_int_equal(anew.since_at, START + 60);
	store_wait_done(&room);
}

static void unknown_one_is_not_found(void **state)
{
	struct fixture *fixture = *state;
	struct store_wait wait = { .place = 4711 };
	bool is_found = true;

	put(fixture, "shop", 0);
	DO(store_wait_drop(fixture->store, "blog", &err));
	DO(store_wait_get(fixture->store, "blog", &is_found, &wait, &err));
	assert_false(is_found);
	assert_int_equal(wait.place, 4711);
	assert_sql(fixture, "SELECT count(*) FROM waits", "1");
}

static void list_has_the_oldest_first(void **state)
{
	static const char *const wanted[] = { "old", "a", "b", "young" };
	struct fixture *fixture = *state;
	AUTO(store_waits_done) struct store_waits waits = { 0 };

	put(fixture, "young", START + 9);
	put(fixture, "b", START);
	put(fixture, "a", START);
	put(fixture, "old", START - 9);
	DO(store_wait_list(fixture->store, &waits, &err));
	assert_int_equal(waits.count, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_string_equal(waits.items[i].app, wanted[i]);
}

/* The second row is refused by the table. */
static void many_are_put_all_or_none(void **state)
{
	struct fixture *fixture = *state;
	struct store_wait waits[] = { make_wait("a", "a.example.com"), make_wait("b", "b.example.com"), make_wait("c", "c.example.com") };

	DO(store_wait_put(fixture->store, NULL, 0, &err));
	sql(fixture, "CREATE TRIGGER refuse BEFORE INSERT ON waits WHEN NEW.app = 'b' BEGIN SELECT raise(ABORT, 'not b'); END");
	FAILS(store_wait_put(fixture->store, waits, COUNT(waits), &err), ERR_STORE, "not b");
	assert_sql(fixture, "SELECT count(*) FROM waits", "0");
	sql(fixture, "DROP TRIGGER refuse");
	DO(store_wait_put(fixture->store, waits, COUNT(waits), &err));
	assert_sql(fixture, "SELECT group_concat(app || names) FROM (SELECT * FROM waits ORDER BY app)", "aa.example.com,bb.example.com,cc.example.com");
	for (size_t i = 0; i < COUNT(waits); i++)
		store_wait_done(&waits[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_put_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(second_time_replaces_all_but_the_age, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_one_is_not_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(list_has_the_oldest_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_are_put_all_or_none, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
