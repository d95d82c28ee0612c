/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include <unistd.h>

#include "flow/gone.h"

/* "blog" exists; "old" did, and went while no hook could tell. */

#define CONFIG "lib/config/letsencrypt/"
#define DATA "lib/data/letsencrypt/"
#define STATE DATA "--global/state/"
#define LATER ((int64_t)4000000000)

static void write_for(struct desk *desk, const char *before, const char *app, const char *after)
{
	AUTO_FREE char *name = mem_fmt("%s%s%s", before, app, after);

	folder_write(&desk->tree->folder, name, "true", 0600);
}

static bool has_for(struct desk *desk, const char *before, const char *app)
{
	AUTO_FREE char *name = mem_fmt("%s%s", before, app);

	return desk_has(desk, name);
}

static struct store *store_of(struct desk *desk)
{
	struct store *store = context_store(&desk->context, &desk->err);

	assert_non_null(store);
	return store;
}

static void remove_app(struct desk *desk, const char *app)
{
	AUTO_FREE char *home = folder_path(&desk->tree->folder, "home");
	AUTO_FD home_fd = dir_open(home, &desk->err);

	assert_true(dir_remove_tree(home_fd, app, &desk->err));
}

static void put_wait(struct desk *desk, char *app)
{
	char empty[] = "";
	const struct store_wait wait = {
		.app = app, .server = empty, .account_url = empty, .profile = empty, .key_type = empty, .replaces = empty, .reason = empty,
		.limit_name = empty, .bucket = empty, .message = empty,
	};

	assert_true(store_wait_put(store_of(desk), &wait, 1, &desk->err));
}

static void leave_traces(struct desk *desk, const char *app)
{
	write_for(desk, CONFIG, app, "/enabled");
	write_for(desk, DATA, app, "/.well-known/acme-challenge/token");
	write_for(desk, STATE, app, "");
	assert_true(store_app_hold(store_of(desk), app, "revoked", &desk->err));
}

static void assert_traces(struct desk *desk, const char *app, bool expected)
{
	AUTO(store_app_done) struct store_app row = { 0 };

	assert_int_equal(has_for(desk, CONFIG, app), expected);
	assert_int_equal(has_for(desk, DATA, app), expected);
	assert_int_equal(has_for(desk, STATE, app), expected);
	assert_true(store_app_get(store_of(desk), app, &row, &desk->err));
	assert_int_equal(row.held_back_at > 0, expected);
}

static size_t count_events(struct desk *desk)
{
	AUTO(store_events_done) struct store_events events = { 0 };

	assert_true(store_event_list(store_of(desk), "old", 10, &events, &desk->err));
	return events.count;
}

static void forget(struct desk *desk)
{
	AUTO_STRS apps = { 0 };

	assert_true(platform_apps(desk->context.platform, &apps, &desk->err));
	assert_non_null(store_of(desk));
	gone_forget(&desk->context, &apps);
}

static void what_is_left_of_an_app_goes_and_its_certificate_stays(void **state)
{
	struct desk *desk = *state;
	AUTO(store_certs_done) struct store_certs certs = { 0 };

	desk_install(desk, "old", LATER, true);
	leave_traces(desk, "old");
	leave_traces(desk, "blog");
	write_for(desk, CONFIG, "--global", "/email");
	/* Of the older plugin, or of the operator, and no app's. */
	write_for(desk, DATA, "autorenew", "");
	write_for(desk, DATA, "accounts", "/ca.test/a@b.test/keys/a@b.test.key");
	write_for(desk, DATA, "scripts", "/exec-dns.sh");
	write_for(desk, DATA, "scripts", "/.well-known");
	remove_app(desk, "old");
	forget(desk);
	forget(desk);
	assert_traces(desk, "old", false);
	assert_traces(desk, "blog", true);
	assert_true(desk_has(desk, CONFIG "--global/email") && desk_has(desk, DATA "autorenew"));
	assert_true(desk_has(desk, DATA "accounts/ca.test/a@b.test/keys/a@b.test.key") && desk_has(desk, DATA "scripts/exec-dns.sh"));
	assert_int_equal(count_events(desk), 1);
	assert_said(desk, "info1 -: old does not exist any more: its properties are removed");
	assert_true(store_cert_list(store_of(desk), &certs, &desk->err));
	assert_int_equal(certs.count, 1);
}

/* Any one trace is enough. */
static void each_place_is_looked_at(void **state)
{
	struct desk *desk = *state;
	char waiting[] = "e";

	write_for(desk, CONFIG, "a", "/enabled");
	write_for(desk, DATA, "b", "/.well-known/acme-challenge/token");
	write_for(desk, STATE, "c", "");
	assert_true(store_app_hold(store_of(desk), "d", "revoked", &desk->err));
	put_wait(desk, waiting);
	forget(desk);
	assert_said(desk, "info1 -: a does not exist any more: its properties are removed\n"
			  "info1 -: b does not exist any more: its properties are removed\n"
			  "info1 -: c does not exist any more: its properties are removed\n"
			  "info1 -: d does not exist any more: its properties are removed\n"
			  "info1 -: e does not exist any more: its properties are removed");
	forget(desk);
	assert_int_equal(desk->said.count, 5);
}

/* The volume of the apps, or of this one, may not be mounted. */
static void what_cannot_be_seen_is_there(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *link = folder_path(&desk->tree->folder, "home/far");

	leave_traces(desk, "far");
	assert_int_equal(symlink("/nowhere/far", link), 0);
	forget(desk);
	assert_traces(desk, "far", true);
	remove_app(desk, "blog");
	leave_traces(desk, "old");
	forget(desk);
	assert_traces(desk, "old", true);
	assert_int_equal(desk->said.count, 0);
}

static void a_host_without_any_setting_is_tidy(void **state)
{
	struct desk *desk = *state;

	forget(desk);
	assert_int_equal(desk->said.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(what_is_left_of_an_app_goes_and_its_certificate_stays),
		DESK_TEST(each_place_is_looked_at),
		DESK_TEST(what_cannot_be_seen_is_there),
		DESK_TEST(a_host_without_any_setting_is_tidy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
