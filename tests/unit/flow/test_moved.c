/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include <unistd.h>

#include "flow/actions.h"

/* "blog" is cloned or renamed to "shop": what the platform's copy brought along, and what it did not. */

#define LATER ((int64_t)4000000000)
#define CONFIG "lib/config/letsencrypt/"

static void copy_file(struct desk *desk, const char *name)
{
	AUTO_FREE char *from = mem_fmt("home/blog/%s", name);
	AUTO_FREE char *to = mem_fmt("home/shop/%s", name);
	AUTO_FREE char *content = folder_read(&desk->tree->folder, from);

	folder_write(&desk->tree->folder, to, content, 0640);
}

/* As the platform copies an app with a certificate and properties. */
static void copy(struct desk *desk, bool is_ours, const char *domains)
{
	desk_install(desk, "blog", LATER, is_ours);
	folder_write(&desk->tree->folder, "home/blog/tls/server.letsencrypt.crt", "x", 0640);
	folder_write(&desk->tree->folder, CONFIG "blog/enabled", "true", 0600);
	folder_write(&desk->tree->folder, CONFIG "blog/graceperiod", "1728000", 0600);
	folder_write(&desk->tree->folder, "home/shop/VHOST", domains, 0644);
	folder_write(&desk->tree->folder, "home/shop/nginx.conf.d/letsencrypt.conf", "x", 0644);
	folder_write(&desk->tree->folder, "home/shop/nginx.conf.d/own.conf", "x", 0644);
	folder_write(&desk->tree->folder, "home/shop/letsencrypt/certs/x/config", "x", 0644);
	AUTO_FREE char *target = mem_fmt("%s/home/blog/letsencrypt/certs/x", desk->tree->folder.path);
	AUTO_FREE char *link = folder_path(&desk->tree->folder, "home/shop/letsencrypt/certs/current");
	assert_int_equal(symlink(target, link), 0);
	copy_file(desk, "tls/server.crt");
	copy_file(desk, "tls/server.key");
	copy_file(desk, "tls/server.letsencrypt.crt");
}

static void assert_property(struct desk *desk, const char *app, const char *key, const char *expected)
{
	AUTO_FREE char *value = NULL;

	assert_true(platform_property(desk->context.platform, "letsencrypt", app, key, &value, &desk->err));
	assert_string_equal(value ? value : "", expected);
}

static void assert_uses(struct desk *desk, const char *app, bool uses_one)
{
	AUTO(store_app_done) struct store_app known = { 0 };

	assert_true(store_app_get(desk->context.store, app, &known, &desk->err));
	assert_int_equal(*known.leaf != '\0', uses_one);
}

static void assert_jobs(struct desk *desk, size_t expected)
{
	size_t count = 0;

	assert_true(store_job_count(desk->context.store, &count, &desk->err));
	assert_int_equal(count, expected);
}

static void a_clone_has_properties_and_no_certificate(void **state)
{
	struct desk *desk = *state;

	copy(desk, true, "shop.example.com\n");
	assert_true(app_was_cloned(&desk->context, "blog", "shop", &desk->err));
	assert_false(desk_has(desk, "home/shop/tls") || desk_has(desk, "home/shop/letsencrypt") || desk_has(desk, "home/shop/nginx.conf.d/letsencrypt.conf"));
	assert_true(desk_has(desk, "home/shop/nginx.conf.d/own.conf"));
	assert_property(desk, "shop", "graceperiod", "1728000");
	assert_property(desk, "shop", "enabled", "");
	assert_uses(desk, "blog", true);
	assert_uses(desk, "shop", false);
	assert_jobs(desk, 0);
	assert_triggers(desk, "");
	assert_said(desk, "");
}

/* Else nginx would refuse the whole host's configuration. */
static void a_server_block_that_names_what_is_gone_is_built_anew(void **state)
{
	struct desk *desk = *state;

	copy(desk, true, "shop.example.com\n");
	AUTO_FREE char *conf = mem_fmt("ssl_certificate %s/home/shop/tls/server.crt;\n", desk->tree->folder.path);
	folder_write(&desk->tree->folder, "home/shop/nginx.conf", conf, 0644);
	assert_true(app_was_cloned(&desk->context, "blog", "shop", &desk->err));
	assert_triggers(desk, "trigger proxy-build-config shop\n");
}

static void a_certificate_of_somebody_else_stays_with_the_clone(void **state)
{
	struct desk *desk = *state;

	copy(desk, false, "shop.example.com\n");
	assert_true(app_was_cloned(&desk->context, "blog", "shop", &desk->err));
	assert_true(desk_has(desk, "home/shop/tls/server.crt") && desk_has(desk, "home/shop/tls/server.key"));
	assert_false(desk_has(desk, "home/shop/letsencrypt") || desk_has(desk, "home/shop/nginx.conf.d/letsencrypt.conf"));
}

static void files_of_others_stay_beside_a_removed_certificate(void **state)
{
	struct desk *desk = *state;

	copy(desk, true, "shop.example.com\n");
	folder_write(&desk->tree->folder, "home/shop/tls/server.csr", "x", 0644);
	assert_true(app_was_cloned(&desk->context, "blog", "shop", &desk->err));
	assert_true(desk_has(desk, "home/shop/tls/server.csr"));
	assert_false(desk_has(desk, "home/shop/tls/server.crt"));
}

static void a_renamed_app_keeps_what_covers_one_of_its_names(void **state)
{
	struct desk *desk = *state;

	copy(desk, true, "shop.example.com\nblog.example.com\n");
	assert_true(app_was_renamed(&desk->context, "blog", "shop", &desk->err));
	assert_true(desk_has(desk, "home/shop/tls/server.crt"));
	assert_property(desk, "shop", "enabled", "true");
	assert_property(desk, "shop", "graceperiod", "1728000");
	assert_uses(desk, "shop", true);
	assert_uses(desk, "blog", false);
	assert_jobs(desk, 1);
	AUTO_FREE char *link = folder_path(&desk->tree->folder, "home/shop/letsencrypt/certs/current");
	AUTO_FREE char *expected = mem_fmt("%s/home/shop/letsencrypt/certs/x", desk->tree->folder.path);
	char target[4096] = "";
	assert_true(readlink(link, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, expected);
}

static void a_renamed_app_gives_up_what_covers_none(void **state)
{
	struct desk *desk = *state;

	copy(desk, true, "shop.example.com\n");
	assert_true(app_was_renamed(&desk->context, "blog", "shop", &desk->err));
	assert_false(desk_has(desk, "home/shop/tls") || desk_has(desk, "home/shop/letsencrypt"));
	assert_property(desk, "shop", "enabled", "true");
	assert_uses(desk, "shop", false);
	assert_jobs(desk, 1);
}

static void a_renamed_app_of_others_is_left_as_it_is(void **state)
{
	struct desk *desk = *state;

	copy(desk, false, "shop.example.com\n");
	assert_true(store_app_hold(context_store(&desk->context, &desk->err), "blog", "by hand", &desk->err));
	assert_true(app_was_renamed(&desk->context, "blog", "shop", &desk->err));
	assert_true(desk_has(desk, "home/shop/tls/server.crt") && desk_has(desk, "home/shop/letsencrypt"));
	AUTO(store_app_done) struct store_app known = { 0 };
	assert_true(store_app_get(desk->context.store, "shop", &known, &desk->err));
	assert_string_equal(known.held_back_reason, "by hand");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(a_clone_has_properties_and_no_certificate),
		DESK_TEST(a_server_block_that_names_what_is_gone_is_built_anew),
		DESK_TEST(a_certificate_of_somebody_else_stays_with_the_clone),
		DESK_TEST(files_of_others_stay_beside_a_removed_certificate),
		DESK_TEST(a_renamed_app_keeps_what_covers_one_of_its_names),
		DESK_TEST(a_renamed_app_gives_up_what_covers_none),
		DESK_TEST(a_renamed_app_of_others_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
