/* SPDX-License-Identifier: MIT */
#include "tests/unit/platform/tree.h"

/* What this process was told by its environment, what children are told, and our data folder. */

static void opens_what_the_environment_names(void **state)
{
	struct tree *tree = *state;
	AUTO_FREE char *root = folder_path(&tree->folder, "home");
	AUTO_FREE char *lib = folder_path(&tree->folder, "lib");
	AUTO_FREE char *global = folder_path(&tree->folder, "lib/data/letsencrypt/--global/x.db");
	AUTO_FREE char *global_path = platform_global_path(tree->platform, "x.db");

	assert_string_equal(platform_root(tree->platform), root);
	assert_string_equal(platform_lib_root(tree->platform), lib);
	assert_string_equal(platform_logs_dir(tree->platform), "/var/log/dokku");
	assert_string_equal(global_path, global);
	assert_null(platform_app_option(tree->platform));
	assert_false(platform_is_reentered(tree->platform) || platform_is_quiet(tree->platform));
	assert_false(platform_is_forced(tree->platform) || platform_is_tracing(tree->platform));
}

static void reads_the_flags(void **state)
{
	struct tree *tree = *state;

	strs_add(&tree->env, "DOKKU_APP_NAME=blog");
	strs_add(&tree->env, "DOKKU_QUIET_OUTPUT=1");
	strs_add(&tree->env, "DOKKU_APPS_FORCE_DELETE=1");
	strs_add(&tree->env, "DOKKU_TRACE=1");
	strs_add(&tree->env, "LETSENCRYPT_ACTING=1");
	strs_add(&tree->env, "DOKKU_DISTRO=raspbian");
	tree_open(tree);
	assert_string_equal(platform_app_option(tree->platform), "blog");
	assert_string_equal(platform_distro(tree->platform), "raspbian");
	assert_true(platform_is_reentered(tree->platform) && platform_is_quiet(tree->platform));
	assert_true(platform_is_forced(tree->platform) && platform_is_tracing(tree->platform));
}

static void says_when_there_is_no_platform(void **state)
{
	struct tree *tree = *state;
	char *const environment[] = { (char[]){ "DOKKU_ROOT=/nonexistent/home" }, NULL };

	assert_null(platform_open(tree->loop, environment, &tree->err));
	assert_non_null(strstr(tree->err.text, "/nonexistent/home"));
	assert_non_null(strstr(tree->err.text, "DOKKU_ROOT"));
}

static const char *child_value(const struct tree *tree, const char *name)
{
	for (const char *const *item = platform_child_env(tree->platform); *item != NULL; item++) {
		if (text_starts(*item, name) && (*item)[strlen(name)] == '=')
			return *item + strlen(name) + 1;
	}
	return NULL;
}

static void children_get_core_s_defaults(void **state)
{
	struct tree *tree = *state;
	AUTO_FREE char *enabled = folder_path(&tree->folder, "lib/plugins/enabled");
	AUTO_FREE char *core = folder_path(&tree->folder, "lib/core-plugins/available");
	AUTO_FREE char *root = folder_path(&tree->folder, "home");

	assert_string_equal(child_value(tree, "PLUGIN_ENABLED_PATH"), enabled);
	assert_string_equal(child_value(tree, "PLUGIN_CORE_AVAILABLE_PATH"), core);
	assert_string_equal(child_value(tree, "DOKKU_HOST_ROOT"), root);
	assert_string_equal(child_value(tree, "HOME"), root);
	assert_string_equal(child_value(tree, "DOKKU_NOT_IMPLEMENTED_EXIT"), "10");
	assert_string_equal(child_value(tree, "DOKKU_EVENTS_LOGFILE"), "/var/log/dokku/events.log");
	assert_string_equal(child_value(tree, "DOCKER_BIN"), "docker");
	assert_string_equal(child_value(tree, "LANG"), "C.UTF-8");
	assert_string_equal(child_value(tree, "LETSENCRYPT_ACTING"), "1");
	assert_string_not_equal(child_value(tree, "DOKKU_DISTRO"), "");
	assert_null(child_value(tree, "DOKKU_INIT_SYSTEM"));
}

static void children_get_nothing_else(void **state)
{
	static const char *const dropped[] = {
		"DOKKU_BUILD_ID", "DOKKU_APP_NAME", "DOKKU_APPS_FORCE_DELETE", "DOKKU_REDIRECT_OUTPUT", "DOKKU_GLOBAL_FLAGS", "DOKKU_QUIET_OUTPUT",
		"DOKKU_TRACE", "TMPDIR", "GIT_DIR", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "LD_PRELOAD", "BASH_ENV", "LC_ALL", "http_proxy",
	};
	struct tree *tree = *state;

	for (size_t i = 0; i < COUNT(dropped); i++)
		strs_addf(&tree->env, "%s=x", dropped[i]);
	strs_add(&tree->env, "DOKKU_INIT_SYSTEM=sv");
	strs_add(&tree->env, "LANG=de_DE");
	strs_add(&tree->env, "SSH_NAME=alice");
	tree_open(tree);
	for (size_t i = 0; i < COUNT(dropped); i++)
		assert_null(child_value(tree, dropped[i]));
	assert_string_equal(child_value(tree, "DOKKU_INIT_SYSTEM"), "sv");
	assert_string_equal(child_value(tree, "LANG"), "C.UTF-8");
	assert_string_equal(child_value(tree, "SSH_NAME"), "alice");
}

static void makes_the_data_folder(void **state)
{
	struct tree *tree = *state;
	int data_fd = platform_data_fd(tree->platform, &tree->err);
	int global_fd = platform_global_fd(tree->platform, &tree->err);

	assert_true(data_fd >= 0 && global_fd >= 0);
	assert_int_equal(platform_data_fd(tree->platform, &tree->err), data_fd);
	assert_int_equal(folder_mode(&tree->folder, "lib/data/letsencrypt"), 0755);
	assert_int_equal(folder_mode(&tree->folder, "lib/data/letsencrypt/--global"), 0755);
	assert_true(file_replace_fast(global_fd, "here", "x", 1, 0600, &tree->err));
	AUTO_FREE char *content = folder_read(&tree->folder, "lib/data/letsencrypt/--global/here");
	assert_string_equal(content, "x");
}

static void takes_a_data_folder_that_is_a_link(void **state)
{
	struct tree *tree = *state;
	AUTO_FREE char *volume = folder_path(&tree->folder, "volume");
	AUTO_FREE char *data = folder_path(&tree->folder, "lib/data");

	folder_make(&tree->folder, "volume");
	assert_int_equal(symlink(volume, data), 0);
	assert_true(platform_global_fd(tree->platform, &tree->err) >= 0);
	assert_int_equal(folder_mode(&tree->folder, "volume/letsencrypt/--global"), 0755);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(opens_what_the_environment_names),
		TREE_TEST(reads_the_flags),
		TREE_TEST(says_when_there_is_no_platform),
		TREE_TEST(children_get_core_s_defaults),
		TREE_TEST(children_get_nothing_else),
		TREE_TEST(makes_the_data_folder),
		TREE_TEST(takes_a_data_folder_that_is_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
