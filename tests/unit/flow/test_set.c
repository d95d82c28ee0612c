/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/actions.h"

#define CONFIG "lib/config/letsencrypt/"

static void set_and_check(struct desk *desk, const char *app, const char *key, const char *value, const char *stored, const char *shown)
{
	AUTO_FREE char *name = mem_fmt(CONFIG "%s/%s", app, key);
	AUTO_FREE char *said = NULL;

	assert_true(setting_set(&desk->context, app, key, value, &said, &desk->err));
	AUTO_FREE char *content = folder_read(&desk->tree->folder, name);
	assert_string_equal(content, stored);
	assert_string_equal(said, shown);
	if (*stored)
		assert_int_equal(folder_mode(&desk->tree->folder, name), 0600);
	else
		assert_false(desk_has(desk, name));
}

static void values_are_stored_as_the_platform_has_them(void **state)
{
	struct desk *desk = *state;

	set_and_check(desk, "blog", "email", "me@example.com", "me@example.com", "me@example.com");
	set_and_check(desk, "--global", "graceperiod", "30d", "2592000", "2592000");
	set_and_check(desk, "blog", "email", NULL, "", "");
	set_and_check(desk, "blog", "email", "", "", "");
	set_and_check(desk, "blog", "server", "production", "default", "default");
}

static void secrets_are_not_shown(void **state)
{
	struct desk *desk = *state;

	set_and_check(desk, "blog", "dns-provider-CF_TOKEN", "hush", "hush", "****");
	set_and_check(desk, "--global", "eab-hmac-key", "aHVzaA", "aHVzaA", "****");
	set_and_check(desk, "blog", "lego-args", "--eab --hmac aHVzaA", "--eab --hmac aHVzaA", "****");
	set_and_check(desk, "blog", "lego-docker-options", "-e TOKEN=hush", "-e TOKEN=hush", "****");
	set_and_check(desk, "blog", "dns-provider-CF_TOKEN", NULL, "", "");
}

static void a_key_is_stored_in_one_form(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *shown = NULL;

	assert_true(setting_set(&desk->context, "--global", "limit-certificatesperdomain:Example.com", "300/7d", &shown, &desk->err));
	assert_true(desk_has(desk, CONFIG "--global/limit-CertificatesPerDomain:example.com"));
	set_and_check(desk, "--global", "limit-CertificatesPerDomain:example.com", "500/7d", "500/7d", "500/7d");
	AUTO_FREE char *nothing = NULL;
	assert_true(setting_set(&desk->context, "--global", "limit-CERTIFICATESPERDOMAIN:EXAMPLE.COM", NULL, &nothing, &desk->err));
	assert_false(desk_has(desk, CONFIG "--global/limit-CertificatesPerDomain:example.com"));
}

static void files_of_limits_are_read_at_once(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *path = folder_path(&desk->tree->folder, "etc/ca.json");
	AUTO_FREE char *value = mem_fmt("ca.test=%s", path);
	AUTO_FREE char *shown = NULL;

	free(desk->context.templates);
	desk->context.templates = mem_strdup("templates");
	folder_write(&desk->tree->folder, "etc/ca.json", "{\n\"limits\": [\n{\"count\": 0}]}", 0644);
	assert_false(setting_set(&desk->context, "--global", "limits", value, &shown, &desk->err));
	assert_non_null(strstr(desk->err.text, "The value for limits is not usable: "));
	assert_non_null(strstr(desk->err.text, "etc/ca.json': line 3: 'count' is not between"));
	assert_false(setting_set(&desk->context, "--global", "limits", "ca.test=letsencrpyt", &shown, &desk->err));
	assert_non_null(strstr(desk->err.text, "did you mean 'letsencrypt'?"));
	assert_false(setting_set(&desk->context, "--global", "limit-CertificatesPerDomain:www.example.com", "300/7d", &shown, &desk->err));
	assert_null(shown);
	assert_false(desk_has(desk, CONFIG "--global"));
	set_and_check(desk, "--global", "limits", "ca.test=letsencrypt  none", "ca.test=letsencrypt none", "ca.test=letsencrypt none");
}

static void refusals_change_nothing(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *shown = NULL;

	assert_false(setting_set(&desk->context, "nope", "email", "me@example.com", &shown, &desk->err));
	assert_int_equal(desk->err.kind, ERR_NO_APP);
	assert_false(setting_set(&desk->context, "blog", "emial", "me@example.com", &shown, &desk->err));
	assert_int_equal(desk->err.kind, ERR_USAGE);
	assert_false(setting_set(&desk->context, "blog", "email", "me", &shown, &desk->err));
	assert_int_equal(desk->err.kind, ERR_CONFIG);
	assert_false(setting_set(&desk->context, "blog", "enabled", "true", &shown, &desk->err));
	assert_false(setting_set(&desk->context, "blog", "reserve", "5", &shown, &desk->err));
	assert_int_equal(desk->err.kind, ERR_USAGE);
	assert_null(shown);
	assert_false(desk_has(desk, CONFIG "nope") || desk_has(desk, CONFIG "blog"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(values_are_stored_as_the_platform_has_them),
		DESK_TEST(secrets_are_not_shown),
		DESK_TEST(a_key_is_stored_in_one_form),
		DESK_TEST(files_of_limits_are_read_at_once),
		DESK_TEST(refusals_change_nothing),
	};

	return cmocka_run_group_tests_name("flow/set", tests, NULL, NULL);
}
