/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/app.h"
#include "flow/automatic.h"

/* Jobs that nobody typed: which they are, when they may start, whom they leave alone, whom they enable. */

#define LATER ((int64_t)4000000000)

static void reasons_of_hooks_are_known(void **state)
{
	(void)state;
	assert_false(automatic_is("enable"));
	assert_false(automatic_is("auto-renew"));
	assert_true(automatic_is("deploy"));
	assert_true(automatic_awaits_proxy("domains"));
	assert_true(automatic_awaits_proxy("rename"));
	assert_false(automatic_awaits_proxy("deploy"));
}

static void nothing_starts_within_ten_minutes_of_boot(void **state)
{
	struct desk *desk = *state;

	desk_set_clock(desk, "1000 0\n");
	assert_int_equal(automatic_not_before(&desk->context), 1600);
	desk_set_clock(desk, "1000 599\n");
	assert_int_equal(automatic_not_before(&desk->context), 1001);
	desk_set_clock(desk, "1000 600\n");
	assert_int_equal(automatic_not_before(&desk->context), 0);
	desk_set_clock(desk, "1000\n");
	assert_int_equal(automatic_not_before(&desk->context), 0);
}

static void set(struct desk *desk, const char *plugin, const char *app, const char *key, const char *value)
{
	AUTO_FREE char *name = mem_fmt("lib/config/%s/%s/%s", plugin, app, key);

	folder_write(&desk->tree->folder, name, value, 0600);
}

static bool leaves(struct desk *desk)
{
	AUTO(app_done) struct app app = { 0 };

	assert_true(app_read(&desk->context, "blog", &app, &desk->err));
	return automatic_leaves(&app);
}

static void who_is_no_business_of_ours_is_left_alone(void **state)
{
	static const char *const settings[][3] = {
		{ "letsencrypt", "enabled", "false" }, { "letsencrypt", "dns-provider", "cloudflare" }, { "proxy", "type", "traefik" }, { "proxy", "disabled", "true" },
		{ "scheduler", "selected", "k3s" },
	};
	struct desk *desk = *state;

	assert_true(leaves(desk));
	folder_write(&desk->tree->folder, "home/blog/nginx.conf", "", 0644);
	assert_false(leaves(desk));
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		set(desk, settings[i][0], "blog", settings[i][1], settings[i][2]);
		assert_true(leaves(desk));
		set(desk, settings[i][0], "blog", settings[i][1], "");
		assert_false(leaves(desk));
	}
	assert_true(store_app_hold(desk->context.store, "blog", "revoked", &desk->err));
	assert_true(leaves(desk));
}

static bool enables(struct desk *desk)
{
	AUTO_FREE char *value = NULL;

	assert_true(automatic_prepare(&desk->context, "blog", &desk->context.talk, &desk->err));
	assert_true(platform_property(desk->context.platform, "letsencrypt", "blog", "enabled", &value, &desk->err));
	return value && strcmp(value, "true") == 0;
}

static void a_deployed_app_is_enabled_if_that_is_wanted(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "home/blog/nginx.conf", "", 0644);
	assert_false(enables(desk));
	set(desk, "letsencrypt", "--global", "auto-enable", "true");
	assert_false(enables(desk));
	set(desk, "common", "blog", "deployed", "true");
	set(desk, "letsencrypt", "blog", "auto-enable", "false");
	assert_false(enables(desk));
	set(desk, "letsencrypt", "blog", "auto-enable", "true");
	desk_install(desk, "blog", LATER, false);
	assert_false(enables(desk));
	desk_install(desk, "blog", LATER, true);
	assert_true(enables(desk));
	assert_said(desk, "info2 blog: Enabling letsencrypt for blog");
}

static void an_owner_s_no_stays(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "home/blog/nginx.conf", "", 0644);
	set(desk, "letsencrypt", "--global", "auto-enable", "true");
	set(desk, "common", "blog", "deployed", "true");
	set(desk, "letsencrypt", "blog", "enabled", "false");
	assert_false(enables(desk));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_of_hooks_are_known),
		DESK_TEST(nothing_starts_within_ten_minutes_of_boot),
		DESK_TEST(who_is_no_business_of_ours_is_left_alone),
		DESK_TEST(a_deployed_app_is_enabled_if_that_is_wanted),
		DESK_TEST(an_owner_s_no_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
