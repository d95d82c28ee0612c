/* SPDX-License-Identifier: MIT */
#include "helper.h"

static void add(struct fixture *fixture, const char *app, const char *result)
{
	char cause[] = "auto-renew", decision[] = "renew (ARI)", next[] = "";
	AUTO_FREE char *app_copy = mem_strdup(app);
	AUTO_FREE char *result_copy = mem_strdup(result);
	struct store_event event = { .app = app_copy, .cause = cause, .decision = decision, .result = result_copy, .next = next };

	DO(store_event_add(fixture->store, &event, &err));
}

static void comes_back_as_it_was_added(void **state)
{
	struct fixture *fixture = *state;
	char app[] = "blog", cause[] = "enable", decision[] = "issue", result[] = "failed: no DNS", next[] = "set an A record";
	struct store_event event = { .app = app, .cause = cause, .decision = decision, .result = result, .next = next };
	struct store_event dated = event;
	AUTO(store_events_done) struct store_events events = { 0 };

	dated.at = START - 500;
	DO(store_event_add(fixture->store, &event, &err));
	DO(store_event_add(fixture->store, &dated, &err));
	DO(store_event_list(fixture->store, NULL, 10, &events, &err));
	assert_int_equal(events.count, 2);
	assert_int_equal(events.items[0].at, START);
	assert_string_equal(events.items[0].app, "blog");
	assert_string_equal(events.items[0].cause, "enable");
	assert_string_equal(events.items[0].decision, "issue");
	assert_string_equal(events.items[0].result, "failed: no DNS");
	assert_string_equal(events.items[0].next, "set an A record");
	assert_int_equal(events.items[1].at, START - 500);
}

static void latest_are_listed_oldest_first(void **state)
{
	static const struct {
		const char *app;
		size_t limit;
		const char *wanted; /* their results */
	} cases[] = {
		{ NULL, 3, "567" },    { NULL, 100, "01234567" }, { NULL, SIZE_MAX, "01234567" }, { NULL, 0, "" },
		{ "app-1", 2, "57" },  { "app-1", 9, "1357" },    { "app-9", 9, "" },
	};
	struct fixture *fixture = *state;

	for (int i = 0; i < 8; i++) {
		AUTO_FREE char *app = mem_fmt("app-%d", i % 2);
		AUTO_FREE char *result = mem_fmt("%d", i);

		add(fixture, app, result);
	}
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(store_events_done) struct store_events events = { 0 };
		char found[16] = "";

		DO(store_event_list(fixture->store, cases[i].app, cases[i].limit, &events, &err));
		for (size_t j = 0; j < events.count; j++)
			found[j] = *events.items[j].result;
		assert_string_equal(found, cases[i].wanted);
	}
}

static void those_after_one_are_listed(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_events_done) struct store_events seen = { 0 };
	AUTO(store_events_done) struct store_events later = { 0 };
	AUTO(store_events_done) struct store_events of_app = { 0 };
	AUTO(store_events_done) struct store_events none = { 0 };
	AUTO(store_events_done) struct store_events none_of_app = { 0 };

	add(fixture, "a", "0");
	add(fixture, "b", "1");
	DO(store_event_list(fixture->store, NULL, 1, &seen, &err));
	assert_int_equal(seen.count, 1);
	add(fixture, "a", "2");
	add(fixture, "b", "3");
	DO(store_event_list_after(fixture->store, NULL, seen.items[0].id, &later, &err));
	assert_int_equal(later.count, 2);
	assert_string_equal(later.items[0].result, "2");
	assert_string_equal(later.items[1].result, "3");
	DO(store_event_list_after(fixture->store, "b", 0, &of_app, &err));
	assert_int_equal(of_app.count, 2);
	assert_string_equal(of_app.items[0].result, "1");
	DO(store_event_list_after(fixture->store, NULL, later.items[1].id, &none, &err));
	assert_int_equal(none.count, 0);
	DO(store_event_list_after(fixture->store, "b", of_app.items[1].id, &none_of_app, &err));
	assert_int_equal(none_of_app.count, 0);
}

/* Puts `count` events of `age_s` there, past the store. */
static void fill(struct fixture *fixture, int count, int64_t age_s)
{
	AUTO_FREE char *statement = mem_fmt("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
					    " INSERT INTO events (at, app, cause, decision, result, next_step) SELECT %lld, '', '', '', '', '' FROM n",
					    count, (long long)(START - age_s));

	sql(fixture, statement);
}

static void assert_count(struct fixture *fixture, const char *condition, const char *wanted)
{
	AUTO_FREE char *statement = mem_fmt("SELECT count(*) FROM events WHERE %s", condition);

	assert_sql(fixture, statement, wanted);
}

static void old_ones_go_beyond_ten_thousand(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, 200, 91 * 86400);
	fill(fixture, 10000, 60);
	/* The next multiple of 256 is 10 240. */
	for (int i = 10201; i < 10240; i++)
		add(fixture, "blog", "x");
	assert_count(fixture, "1", "10239");
	add(fixture, "blog", "x");
	assert_count(fixture, "1", "10040");
	assert_count(fixture, "id <= 200", "0");
}

static void young_ones_stay_beyond_ten_thousand(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, 10751, 89 * 86400);
	add(fixture, "blog", "x");
	assert_count(fixture, "1", "10752");
}

static void old_ones_stay_up_to_ten_thousand(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, 9983, 400 * 86400);
	add(fixture, "blog", "x");
	assert_count(fixture, "1", "9984");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_back_as_it_was_added, set_up, tear_down),
		cmocka_unit_test_setup_teardown(latest_are_listed_oldest_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(those_after_one_are_listed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(old_ones_go_beyond_ten_thousand, set_up, tear_down),
		cmocka_unit_test_setup_teardown(young_ones_stay_beyond_ten_thousand, set_up, tear_down),
		cmocka_unit_test_setup_teardown(old_ones_stay_up_to_ten_thousand, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
