/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/actions.h"

/* disable takes what is ours, and nothing else. */

#define LATER ((int64_t)4000000000)

static char *enabled_of(struct desk *desk)
{
	return folder_read(&desk->tree->folder, "lib/config/letsencrypt/blog/enabled");
}

static void all_of_ours_goes(void **state)
{
	struct desk *desk = *state;

	desk_install(desk, "blog", LATER, true);
	folder_write(&desk->tree->folder, "home/blog/letsencrypt/certs/x/config", "x", 0644);
	folder_write(&desk->tree->folder, "home/blog/nginx.conf.d/letsencrypt.conf", "x", 0644);
	folder_write(&desk->tree->folder, "home/blog/nginx.conf.d/mine.conf", "x", 0644);
	assert_true(disable_app(&desk->context, "blog", &desk->err));
	assert_false(desk_has(desk, "home/blog/tls") || desk_has(desk, "home/blog/letsencrypt"));
	assert_false(desk_has(desk, "home/blog/nginx.conf.d/letsencrypt.conf"));
	assert_true(desk_has(desk, "home/blog/nginx.conf.d/mine.conf"));
	assert_triggers(desk, "trigger post-certs-remove blog\ntrigger post-domains-update blog\n");
	AUTO_FREE char *enabled = enabled_of(desk);
	assert_string_equal(enabled, "false");
	assert_string_equal(desk->said.items[0], "info1 blog: Disabling letsencrypt for app");
	assert_string_equal(desk->said.items[1], "verbose blog: Removing letsencrypt files for blog");
	assert_string_equal(desk->said.items[2], "verbose blog: Removing SSL endpoint from blog");
	assert_non_null(strstr(desk->said.items[3], "HSTS"));
	assert_string_equal(desk->said.items[4], "info1 blog: Done");
	struct store_app app = { 0 };
	assert_true(store_app_get(desk->context.store, "blog", &app, &desk->err));
	assert_string_equal(app.leaf, "");
	store_app_done(&app);
	bool is_active = true;
	assert_true(active_app(&desk->context, "blog", &is_active, &desk->err));
	assert_false(is_active);
}

static void files_of_others_stay_in_tls(void **state)
{
	struct desk *desk = *state;

	desk_install(desk, "blog", LATER, true);
	folder_write(&desk->tree->folder, "home/blog/tls/server.csr", "x", 0644);
	assert_true(disable_app(&desk->context, "blog", &desk->err));
	assert_true(desk_has(desk, "home/blog/tls/server.csr"));
	assert_false(desk_has(desk, "home/blog/tls/server.crt") || desk_has(desk, "home/blog/tls/server.key"));
	assert_false(desk_has(desk, "home/blog/tls/server.letsencrypt.crt"));
	assert_true(strs_has(&desk->said, "verbose blog: Files of others stay in tls/: server.csr"));
}

/* Its https ports stay too: no post-certs-remove. */
static void a_user_s_certificate_stays(void **state)
{
	struct desk *desk = *state;

	desk_install(desk, "blog", LATER, false);
	folder_write(&desk->tree->folder, "home/blog/tls/server.letsencrypt.crt", "an older one", 0640);
	folder_write(&desk->tree->folder, "home/blog/nginx.conf.d/letsencrypt.conf", "x", 0644);
	assert_true(disable_app(&desk->context, "blog", &desk->err));
	assert_true(desk_has(desk, "home/blog/tls/server.crt") && desk_has(desk, "home/blog/tls/server.key"));
	assert_false(desk_has(desk, "home/blog/tls/server.letsencrypt.crt"));
	assert_triggers(desk, "trigger post-domains-update blog\n");
	AUTO_FREE char *said = strs_join(&desk->said, "\n");
	assert_non_null(strstr(said, "warn blog: The certificate in use was not installed by letsencrypt: it stays"));
	assert_null(strstr(said, "HSTS"));
}

/* The platform builds no nginx.conf for it any more; the one that is there must not name what is gone. */
static void what_a_left_nginx_conf_names_stays(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *conf = mem_fmt("server { ssl_certificate %s/blog/tls/server.crt; }\n", platform_root(desk->context.platform));

	desk_install(desk, "blog", LATER, true);
	folder_write(&desk->tree->folder, "lib/config/proxy/blog/type", "traefik", 0600);
	folder_write(&desk->tree->folder, "home/blog/nginx.conf", conf, 0644);
	folder_write(&desk->tree->folder, "home/blog/nginx.conf.d/letsencrypt.conf", "x", 0644);
	assert_true(disable_app(&desk->context, "blog", &desk->err));
	assert_true(desk_has(desk, "home/blog/tls/server.crt") && desk_has(desk, "home/blog/tls/server.key"));
	assert_false(desk_has(desk, "home/blog/nginx.conf.d/letsencrypt.conf"));
	assert_triggers(desk, "trigger post-domains-update blog\n");
	/* Nor does it matter once it is gone. */
	folder_write(&desk->tree->folder, "home/blog/nginx.conf", "", 0644);
	desk_install(desk, "blog", LATER, true);
	assert_true(disable_app(&desk->context, "blog", &desk->err));
	assert_false(desk_has(desk, "home/blog/tls"));
}

static void nothing_to_take_is_success(void **state)
{
	struct desk *desk = *state;

	assert_true(disable_app(&desk->context, "blog", &desk->err));
	assert_triggers(desk, "");
	AUTO_FREE char *enabled = enabled_of(desk);
	assert_string_equal(enabled, "false");
}

/* The platform could not be told: said so, and the next run tells it. */
static void a_failure_is_taken_up_again(void **state)
{
	struct desk *desk = *state;

	desk_install(desk, "blog", LATER, true);
	folder_write(&desk->tree->folder, "plugn.d/post-certs-remove", "exit 3\n", 0755);
	assert_false(disable_app(&desk->context, "blog", &desk->err));
	assert_non_null(strstr(desk->err.text, "run the command again"));
	folder_write(&desk->tree->folder, "plugn.d/post-certs-remove", "exit 0\n", 0755);
	assert_true(disable_app(&desk->context, "blog", &desk->err));
	assert_false(desk_has(desk, "home/blog/tls"));
	assert_triggers(desk, "trigger post-certs-remove blog\ntrigger post-certs-remove blog\ntrigger post-domains-update blog\n");
}

static void a_missing_app_is_core_s_error(void **state)
{
	struct desk *desk = *state;

	assert_false(disable_app(&desk->context, "nope", &desk->err));
	assert_int_equal(desk->err.kind, ERR_NO_APP);
	assert_string_equal(desk->err.text, "App nope does not exist");
	assert_false(desk_has(desk, "lib/config/letsencrypt/nope"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(all_of_ours_goes),
		DESK_TEST(files_of_others_stay_in_tls),
		DESK_TEST(a_user_s_certificate_stays),
		DESK_TEST(what_a_left_nginx_conf_names_stays),
		DESK_TEST(nothing_to_take_is_success),
		DESK_TEST(a_failure_is_taken_up_again),
		DESK_TEST(a_missing_app_is_core_s_error),
	};

	return cmocka_run_group_tests_name("flow/disable", tests, NULL, NULL);
}
