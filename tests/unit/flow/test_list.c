/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include <unistd.h>

#include "flow/actions.h"
#include "flow/app.h"

#define LATER ((int64_t)4000000000)

static void active_apps_are_listed_by_expiry(void **state)
{
	struct desk *desk = *state;
	AUTO(list_rows_done) struct list_rows rows = { 0 };

	folder_write(&desk->tree->folder, "home/none/VHOST", "none.example.com\n", 0644);
	folder_write(&desk->tree->folder, "home/shop/VHOST", "shop.example.com\n", 0644);
	folder_write(&desk->tree->folder, "home/theirs/VHOST", "theirs.example.com\n", 0644);
	folder_write(&desk->tree->folder, "home/also/VHOST", "also.example.com\n", 0644);
	desk_install(desk, "blog", LATER + 86400, true);
	desk_install(desk, "shop", LATER, true);
	desk_install(desk, "theirs", LATER, false);
	desk_install(desk, "also", LATER, true);
	folder_write(&desk->tree->folder, "lib/config/letsencrypt/shop/graceperiod", "86400", 0600);
	assert_true(list_certificates(&desk->context, &rows, &desk->err));
	assert_int_equal(rows.count, 3);
	assert_string_equal(rows.items[0].app, "also");
	assert_string_equal(rows.items[1].app, "shop");
	assert_string_equal(rows.items[2].app, "blog");
	assert_int_equal(rows.items[1].expires_at, LATER);
	assert_int_equal(rows.items[1].renew_at, LATER - 86400);
	assert_int_equal(rows.items[2].expires_at, LATER + 86400);
	assert_int_equal(desk->said.count, 0);
}

/* One app with a property that makes no sense hides neither itself nor others. */
static void a_broken_setting_hides_nothing(void **state)
{
	struct desk *desk = *state;
	AUTO(list_rows_done) struct list_rows rows = { 0 };

	desk_install(desk, "blog", LATER, true);
	folder_write(&desk->tree->folder, "lib/config/letsencrypt/blog/graceperiod", "soon", 0600);
	assert_true(list_certificates(&desk->context, &rows, &desk->err));
	assert_int_equal(rows.count, 1);
	assert_int_equal(desk->said.count, 1);
	assert_non_null(strstr(desk->said.items[0], "warn blog: "));
}

/* `install` names them: nobody renews them. */
static void those_by_dns_are_found(void **state)
{
	struct desk *desk = *state;
	AUTO(list_rows_done) struct list_rows rows = { 0 };

	folder_write(&desk->tree->folder, "home/shop/VHOST", "shop.example.com\n", 0644);
	folder_write(&desk->tree->folder, "home/none/VHOST", "none.example.com\n", 0644);
	folder_write(&desk->tree->folder, "lib/config/letsencrypt/shop/dns-provider", "cloudflare", 0600);
	folder_write(&desk->tree->folder, "lib/config/letsencrypt/none/dns-provider", "cloudflare", 0600);
	desk_install(desk, "blog", LATER, true);
	desk_install(desk, "shop", LATER, true);
	assert_true(list_by_dns(&desk->context, &rows, &desk->err));
	assert_int_equal(rows.count, 1);
	assert_string_equal(rows.items[0].app, "shop");
}

/* An operator's link to a folder elsewhere: not ours, and nothing that automation may replace. */
static void a_link_for_tls_is_somebody_elses(void **state)
{
	struct desk *desk = *state;
	AUTO(app_held_done) struct app_held held = { 0 };
	AUTO_FREE char *link = folder_path(&desk->tree->folder, "home/blog/tls");
	bool is_active = true;

	assert_int_equal(symlink("/etc", link), 0);
	assert_true(active_app(&desk->context, "blog", &is_active, &desk->err));
	assert_false(is_active);
	assert_true(app_read_held(&desk->context, "blog", &held, &desk->err));
	assert_true(held.has_tls && !held.is_readable);
}

static void active_means_ours(void **state)
{
	static const struct {
		bool is_installed, is_ours;
	} cases[] = { { false, false }, { true, false }, { true, true } };
	struct desk *desk = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool is_active = !cases[i].is_ours;

		if (cases[i].is_installed)
			desk_install(desk, "blog", LATER, cases[i].is_ours);
		assert_true(active_app(&desk->context, "blog", &is_active, &desk->err));
		assert_int_equal(is_active, cases[i].is_ours);
	}
}

static void apps_are_checked_all_at_once(void **state)
{
	struct desk *desk = *state;
	AUTO_STRS apps = { 0 };

	strs_add(&apps, "blog");
	assert_true(apps_check(&desk->context, &apps, &desk->err));
	strs_add(&apps, "nope");
	strs_add(&apps, "../x");
	assert_false(apps_check(&desk->context, &apps, &desk->err));
	assert_int_equal(desk->err.kind, ERR_NO_APP);
	assert_string_equal(desk->err.text, "App nope does not exist\nApp ../x does not exist");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(active_apps_are_listed_by_expiry),
		DESK_TEST(a_broken_setting_hides_nothing),
		DESK_TEST(those_by_dns_are_found),
		DESK_TEST(a_link_for_tls_is_somebody_elses),
		DESK_TEST(active_means_ours),
		DESK_TEST(apps_are_checked_all_at_once),
	};

	return cmocka_run_group_tests_name("flow/list", tests, NULL, NULL);
}
