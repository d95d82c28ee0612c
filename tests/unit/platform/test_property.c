/* SPDX-License-Identifier: MIT */
#include "tests/unit/platform/tree.h"

/* Properties in core's form: values, the global fallback, modes. */

static void absent_is_not_empty(void **state)
{
	struct tree *tree = *state;
	char *value = (char *)tree;

	assert_true(platform_property(tree->platform, "nginx", "blog", "hsts", &value, &tree->err));
	assert_null(value);
	folder_write(&tree->folder, "lib/config/nginx/blog/hsts", "", 0600);
	assert_true(platform_property(tree->platform, "nginx", "blog", "hsts", &value, &tree->err));
	assert_string_equal(value, "");
	free(value);
	folder_write(&tree->folder, "lib/config/nginx/--global/hsts", "a\nb\n", 0600);
	assert_true(platform_property(tree->platform, "nginx", "--global", "hsts", &value, &tree->err));
	assert_string_equal(value, "a\nb\n");
	free(value);
}

static void assert_setting(struct tree *tree, const char *app, const char *key, const char *expected)
{
	AUTO_FREE char *value = NULL;

	assert_true(platform_setting(tree->platform, app, key, &value, &tree->err));
	if (expected == NULL)
		assert_null(value);
	else
		assert_string_equal(value, expected);
}

static void the_app_s_setting_hides_the_global_one(void **state)
{
	struct tree *tree = *state;

	assert_setting(tree, "blog", "email", NULL);
	assert_true(platform_setting_write(tree->platform, "--global", "email", "all@example.com", &tree->err));
	assert_setting(tree, "blog", "email", "all@example.com");
	assert_setting(tree, "--global", "email", "all@example.com");
	assert_true(platform_setting_write(tree->platform, "blog", "email", "me@example.com", &tree->err));
	assert_setting(tree, "blog", "email", "me@example.com");
	assert_setting(tree, "api", "email", "all@example.com");
	assert_true(platform_setting_write(tree->platform, "blog", "email", NULL, &tree->err));
	assert_true(platform_setting_write(tree->platform, "blog", "email", NULL, &tree->err));
	assert_setting(tree, "blog", "email", "all@example.com");
	/* Unset by core's helper, or typed into the file. */
	folder_write(&tree->folder, "lib/config/letsencrypt/blog/email", "", 0600);
	assert_setting(tree, "blog", "email", "all@example.com");
	folder_write(&tree->folder, "lib/config/letsencrypt/blog/email", "typed@example.com\n", 0600);
	assert_setting(tree, "blog", "email", "typed@example.com");
}

static void writes_in_core_s_form(void **state)
{
	struct tree *tree = *state;

	assert_true(platform_setting_write(tree->platform, "blog", "server", "staging", &tree->err));
	AUTO_FREE char *content = folder_read(&tree->folder, "lib/config/letsencrypt/blog/server");
	assert_string_equal(content, "staging");
	assert_int_equal(folder_mode(&tree->folder, "lib/config/letsencrypt/blog/server"), 0600);
	assert_int_equal(folder_mode(&tree->folder, "lib/config/letsencrypt/blog"), 0755);
	assert_int_equal(folder_mode(&tree->folder, "lib/config/letsencrypt"), 0755);
}

static void lists_keys(void **state)
{
	struct tree *tree = *state;
	AUTO_STRS none = { 0 };
	AUTO_STRS keys = { 0 };

	assert_true(platform_setting_keys(tree->platform, "blog", &none, &tree->err));
	assert_int_equal(none.count, 0);
	folder_write(&tree->folder, "lib/config/letsencrypt/blog/server", "x", 0600);
	folder_write(&tree->folder, "lib/config/letsencrypt/blog/dns-provider-CF_TOKEN", "x", 0600);
	folder_write(&tree->folder, "lib/config/letsencrypt/blog/.server.0123456789abcdef", "x", 0600);
	assert_true(platform_setting_keys(tree->platform, "blog", &keys, &tree->err));
	assert_words(&keys, "dns-provider-CF_TOKEN server");
}

static void refuses_names_that_lead_elsewhere(void **state)
{
	static const struct {
		const char *app, *key;
		enum err_kind kind;
	} cases[] = {
		{ "../proxy", "type", ERR_NO_APP },
		{ "..", "type", ERR_NO_APP },
		{ "", "type", ERR_NO_APP },
		{ "blog", "../type", ERR_USAGE },
		{ "blog", "", ERR_USAGE },
		{ "blog", ".a", ERR_USAGE },
		{ "blog", "limit-X:../a", ERR_USAGE },
	};
	struct tree *tree = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_false(platform_setting_write(tree->platform, cases[i].app, cases[i].key, "x", &tree->err));
		assert_int_equal(tree->err.kind, cases[i].kind);
	}
}

static void a_link_in_place_of_a_value_is_not_read(void **state)
{
	struct tree *tree = *state;
	AUTO_FREE char *link = folder_path(&tree->folder, "lib/config/letsencrypt/blog/email");
	AUTO_FREE char *value = NULL;

	folder_make(&tree->folder, "lib/config/letsencrypt/blog");
	assert_int_equal(symlink("/etc/hostname", link), 0);
	assert_false(platform_setting(tree->platform, "blog", "email", &value, &tree->err));
	assert_non_null(strstr(tree->err.text, "'email'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(absent_is_not_empty),
		TREE_TEST(the_app_s_setting_hides_the_global_one),
		TREE_TEST(writes_in_core_s_form),
		TREE_TEST(lists_keys),
		TREE_TEST(refuses_names_that_lead_elsewhere),
		TREE_TEST(a_link_in_place_of_a_value_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
