/* SPDX-License-Identifier: MIT */
#include "tests/unit/platform/tree.h"

/* Apps, their domains and facts, as files tell them. */

static void lists_folders_that_are_apps(void **state)
{
	struct tree *tree = *state;
	AUTO_STRS apps = { 0 };

	folder_make(&tree->folder, "home/blog");
	folder_make(&tree->folder, "home/api");
	folder_make(&tree->folder, "home/old_app");
	folder_make(&tree->folder, "home/.ssh");
	folder_make(&tree->folder, "home/Upper");
	folder_write(&tree->folder, "home/dokkurc", "", 0644);
	assert_true(platform_apps(tree->platform, &apps, &tree->err));
	assert_words(&apps, "api blog old_app");
}

static void unknown_apps_fail_with_core_s_words(void **state)
{
	static const char *const names[] = { "gone", "", "../home", "a/b", "UP" };
	struct tree *tree = *state;

	for (size_t i = 0; i < COUNT(names); i++) {
		AUTO_FREE char *words = mem_fmt("App %s does not exist", names[i]);

		assert_false(platform_check_app(tree->platform, names[i], &tree->err));
		assert_int_equal(tree->err.kind, ERR_NO_APP);
		assert_string_equal(tree->err.text, words);
		assert_int_equal(platform_app_fd(tree->platform, names[i], &tree->err), -1);
	}
	folder_make(&tree->folder, "home/blog");
	assert_true(platform_check_app(tree->platform, "blog", &tree->err));
}

static void an_app_may_be_a_link(void **state)
{
	struct tree *tree = *state;
	AUTO_FREE char *volume = folder_path(&tree->folder, "volume/blog");
	AUTO_FREE char *link = folder_path(&tree->folder, "home/blog");
	AUTO_STRS apps = { 0 };
	AUTO_STRS domains = { 0 };

	folder_write(&tree->folder, "volume/blog/VHOST", "blog.example.com\n", 0644);
	assert_int_equal(symlink(volume, link), 0);
	assert_true(platform_apps(tree->platform, &apps, &tree->err));
	assert_words(&apps, "blog");
	assert_true(platform_domains(tree->platform, "blog", &domains, &tree->err));
	assert_words(&domains, "blog.example.com");
}

static void shows_a_user_only_what_a_plugin_lets_through(void **state)
{
	struct tree *tree = *state;
	AUTO_STRS all = { 0 };
	AUTO_STRS some = { 0 };

	folder_make(&tree->folder, "home/api");
	folder_make(&tree->folder, "home/blog");
	/* The log of events implements everything and filters nothing. */
	folder_write(&tree->folder, "lib/plugins/enabled/20_events/user-auth-app", "", 0755);
	folder_write(&tree->folder, "plugn.d/app-list", "echo blog; echo '-----> words of somebody'\n", 0644);
	assert_true(platform_visible_apps(tree->platform, &all, &tree->err));
	assert_words(&all, "api blog");
	folder_write(&tree->folder, "lib/plugins/enabled/acl/user-auth-app", "", 0755);
	assert_true(platform_visible_apps(tree->platform, &some, &tree->err));
	assert_words(&some, "blog");
}

static void reads_domains_as_written(void **state)
{
	static const struct {
		const char *vhost, *env, *expected;
	} cases[] = {
		{ "blog.example.com\nwww.example.com\n", NULL, "blog.example.com www.example.com" },
		{ "b.example\n_\nB.example\nb.example", NULL, "b.example _ B.example b.example" },
		{ "\n\n  a.example  \r\n", NULL, "a.example" },
		{ "a.example\n", "export OTHER='x'\nexport NO_VHOST='1'\n", "" },
		{ "a.example\n", "export NO_VHOST='0'\n", "a.example" },
		{ "a.example\n", "NO_VHOST=\"1\"\n", "" },
		{ "a.example\n", "export NOTE='NO_VHOST=1'\nexport XNO_VHOST='1'\n", "a.example" },
		{ NULL, NULL, "" },
	};
	struct tree *tree = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *app = mem_fmt("app%zu", i);
		AUTO_FREE char *vhost = mem_fmt("home/%s/VHOST", app);
		AUTO_FREE char *env = mem_fmt("lib/config/%s/ENV", app);
		AUTO_FREE char *folder = mem_fmt("home/%s", app);
		AUTO_STRS domains = { 0 };

		folder_make(&tree->folder, folder);
		if (cases[i].vhost != NULL)
			folder_write(&tree->folder, vhost, cases[i].vhost, 0644);
		if (cases[i].env != NULL)
			folder_write(&tree->folder, env, cases[i].env, 0600);
		assert_true(platform_domains(tree->platform, app, &domains, &tree->err));
		assert_words(&domains, cases[i].expected);
	}
}

static void reads_redirect_sources(void **state)
{
	struct tree *tree = *state;
	AUTO_STRS none = { 0 };
	AUTO_STRS names = { 0 };

	folder_make(&tree->folder, "home/api");
	assert_true(platform_redirect_sources(tree->platform, "api", &none, &tree->err));
	assert_int_equal(none.count, 0);
	folder_write(&tree->folder, "home/blog/REDIRECTS", "www.a.example:a.example\n\nold.example:a.example:302\nnonsense\n:x\n", 0644);
	assert_true(platform_redirect_sources(tree->platform, "blog", &names, &tree->err));
	assert_words(&names, "www.a.example old.example");
}

static void reads_the_configuration_as_a_shell_would(void **state)
{
	static const struct {
		const char *name, *expected;
	} cases[] = {
		{ "PLAIN", "a@b.example" }, { "SINGLE", "it's" }, { "DOUBLE", "a \"b\" \\" }, { "EMPTY", "" }, { "CR", "x" }, { "LAST", "y z" }, { "PLAI", NULL }, { "MISSING", NULL },
	};
	struct tree *tree = *state;

	folder_write(&tree->folder, "lib/config/blog/ENV",
		     "export PLAIN=a@b.example\nexport SINGLE='it'\\''s'\nexport DOUBLE=\"a \\\"b\\\" \\\\\"\nexport EMPTY=''\nexport\n  export CR='x'\r\n\nLAST=\"y z\"", 0600);
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *value = NULL;

		assert_true(platform_config(tree->platform, "blog", cases[i].name, &value, &tree->err));
		if (cases[i].expected)
			assert_string_equal(value, cases[i].expected);
		else
			assert_null(value);
	}
	AUTO_FREE char *none = NULL;
	assert_true(platform_config(tree->platform, "--global", "PLAIN", &none, &tree->err));
	assert_null(none);
}

static void assert_facts(struct tree *tree, const char *app, const char *proxy_type, bool is_enabled, const char *scheduler, bool has_conf)
{
	AUTO(platform_app_facts_done) struct platform_app_facts facts = { 0 };

	assert_true(platform_app_facts(tree->platform, app, &facts, &tree->err));
	assert_string_equal(facts.proxy_type, proxy_type);
	assert_string_equal(facts.scheduler, scheduler);
	assert_int_equal(facts.proxy_is_enabled, is_enabled);
	assert_int_equal(facts.has_nginx_conf, has_conf);
}

static void reads_facts(void **state)
{
	struct tree *tree = *state;

	folder_make(&tree->folder, "home/plain");
	assert_facts(tree, "plain", "nginx", true, "docker-local", false);
	folder_write(&tree->folder, "home/blog/nginx.conf", "", 0644);
	folder_write(&tree->folder, "lib/config/proxy/--global/type", "traefik", 0600);
	folder_write(&tree->folder, "lib/config/proxy/blog/type", "caddy\n", 0600);
	folder_write(&tree->folder, "lib/config/proxy/blog/disabled", "true", 0600);
	folder_write(&tree->folder, "lib/config/scheduler/--global/selected", "k3s", 0600);
	folder_write(&tree->folder, "lib/config/scheduler/blog/selected", "null", 0600);
	assert_facts(tree, "blog", "caddy", false, "null", true);
	assert_facts(tree, "plain", "traefik", true, "k3s", false);
	folder_write(&tree->folder, "lib/config/proxy/blog/type", "", 0600);
	folder_write(&tree->folder, "lib/config/proxy/blog/disabled", "false", 0600);
	assert_facts(tree, "blog", "traefik", true, "null", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(lists_folders_that_are_apps),
		TREE_TEST(unknown_apps_fail_with_core_s_words),
		TREE_TEST(an_app_may_be_a_link),
		TREE_TEST(shows_a_user_only_what_a_plugin_lets_through),
		TREE_TEST(reads_domains_as_written),
		TREE_TEST(reads_redirect_sources),
		TREE_TEST(reads_the_configuration_as_a_shell_would),
		TREE_TEST(reads_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
