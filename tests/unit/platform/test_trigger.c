/* SPDX-License-Identifier: MIT */
#include "tests/unit/platform/tree.h"

#include "sys/spawn.h"

/* What plugn is asked, in which surroundings, and what comes of its answers; the port mappings with it. */

static void passes_words_as_they_are(void **state)
{
	struct tree *tree = *state;
	AUTO(spawn_result_done) struct spawn_result result = { 0 };

	folder_write(&tree->folder, "plugn.d/echo", "printf '%s|' \"$@\"\n", 0644);
	assert_true(platform_trigger(tree->platform, (const char *const[]){ "echo", "two words", "$x", "", NULL }, &result, &tree->err));
	assert_string_equal(buf_text(&result.out), "trigger|echo|two words|$x||");
}

static void children_know_that_we_act(void **state)
{
	struct tree *tree = *state;

	strs_add(&tree->env, "DOKKU_PID=1");
	strs_add(&tree->env, "GIT_DIR=/nowhere");
	tree_open(tree);
	assert_true(platform_trigger(tree->platform, (const char *const[]){ "any", NULL }, NULL, &tree->err));
	AUTO_FREE char *env = folder_read(&tree->folder, "env");
	AUTO_FREE char *cwd = folder_read(&tree->folder, "cwd");
	assert_non_null(strstr(env, "LETSENCRYPT_ACTING=1\n"));
	assert_non_null(strstr(env, "PLUGIN_ENABLED_PATH="));
	AUTO_FREE char *own_pid = mem_fmt("DOKKU_PID=%ld\n", (long)getpid());
	assert_non_null(strstr(env, own_pid));
	assert_null(strstr(env, "DOKKU_PID=1\n"));
	assert_null(strstr(env, "GIT_DIR="));
	assert_string_equal(cwd, "/\n");
}

static void a_failure_has_the_trigger_s_words(void **state)
{
	struct tree *tree = *state;

	folder_make(&tree->folder, "home/blog");
	folder_write(&tree->folder, "plugn.d/proxy-build-config", "echo progress; echo ' !     no such upstream' >&2; exit 3\n", 0644);
	assert_false(platform_build_config(tree->platform, "blog", &tree->err));
	assert_int_equal(tree->err.kind, ERR_CHILD);
	assert_non_null(strstr(tree->err.text, "no such upstream"));
	assert_non_null(strstr(tree->err.text, "proxy-build-config blog"));
}

static void tells_what_changed(void **state)
{
	struct tree *tree = *state;

	folder_make(&tree->folder, "home/blog");
	assert_true(platform_build_config(tree->platform, "blog", &tree->err));
	assert_true(platform_certs_updated(tree->platform, "blog", &tree->err));
	assert_true(platform_domains_updated(tree->platform, "blog", &tree->err));
	assert_true(platform_certs_removed(tree->platform, "blog", &tree->err));
	assert_false(platform_domains_updated(tree->platform, "gone", &tree->err));
	AUTO_FREE char *calls = folder_read(&tree->folder, "calls");
	assert_string_equal(calls, "trigger proxy-build-config blog\ntrigger post-certs-update blog\ntrigger post-domains-update blog\ntrigger post-certs-remove blog\n");
}

static void writes_cron_by_its_name_of_the_day(void **state)
{
	struct tree *tree = *state;

	assert_true(platform_write_cron(tree->platform, &tree->err));
	folder_write(&tree->folder, "lib/plugins/enabled/cron/scheduler-cron-write", "", 0755);
	assert_true(platform_write_cron(tree->platform, &tree->err));
	AUTO_FREE char *calls = folder_read(&tree->folder, "calls");
	assert_string_equal(calls, "trigger cron-write\ntrigger scheduler-cron-write\n");
}

static void looks_into_the_crontab(void **state)
{
	struct tree *tree = *state;
	bool has = true;

	folder_write(&tree->folder, "bin/crontab", "#!/bin/sh\necho \"$*\"; exit 1\n", 0755);
	assert_true(platform_crontab_has(tree->platform, "-l", &has, &tree->err));
	assert_false(has);
	folder_write(&tree->folder, "bin/crontab", "#!/bin/sh\necho 7 '* * * *' dokku \"$*\"\n", 0755);
	assert_true(platform_crontab_has(tree->platform, "dokku -l", &has, &tree->err));
	assert_true(has);
	assert_true(platform_crontab_has(tree->platform, "dokku -r", &has, &tree->err));
	assert_false(has);
}

static void reads_the_effective_ports(void **state)
{
	struct tree *tree = *state;
	AUTO(platform_ports_done) struct platform_ports ports = { 0 };

	folder_make(&tree->folder, "home/blog");
	folder_write(&tree->folder, "plugn.d/ports-get", "echo http:80:5000; echo https:443:5000; echo nonsense; echo http:0:1; echo http:99999:1\n", 0644);
	assert_true(platform_ports(tree->platform, "blog", &ports, &tree->err));
	assert_int_equal(ports.count, 2);
	assert_string_equal(ports.items[1].scheme, "https");
	assert_int_equal(ports.items[1].host_port, 443);
	assert_int_equal(ports.items[1].container_port, 5000);
}

static void adds_a_port_to_the_explicit_map(void **state)
{
	struct tree *tree = *state;

	folder_make(&tree->folder, "home/blog");
	folder_write(&tree->folder, "lib/config/ports/blog/map", "http:8080:3000\nhttps:443:3000\n", 0600);
	folder_write(&tree->folder, "plugn.d/ports-get", "exit 1\n", 0644);
	assert_true(platform_add_http_port(tree->platform, "blog", 3000, &tree->err));
	AUTO_FREE char *map = folder_read(&tree->folder, "lib/config/ports/blog/map");
	AUTO_FREE char *calls = folder_read(&tree->folder, "calls");
	assert_string_equal(map, "http:8080:3000\nhttps:443:3000\nhttp:80:3000\n");
	assert_int_equal(folder_mode(&tree->folder, "lib/config/ports/blog/map"), 0600);
	assert_string_equal(calls, "trigger post-proxy-ports-update blog add\n");
	/* There already: nothing to tell. */
	assert_true(platform_add_http_port(tree->platform, "blog", 3000, &tree->err));
	AUTO_FREE char *later_calls = folder_read(&tree->folder, "calls");
	assert_string_equal(later_calls, calls);
}

/* With a certificate they are in effect as https:3000:3000, but nobody said so. */
static void keeps_what_was_only_detected(void **state)
{
	struct tree *tree = *state;

	folder_write(&tree->folder, "lib/config/ports/blog/map-detected", "http:3000:3000\n", 0600);
	folder_make(&tree->folder, "home/blog");
	folder_write(&tree->folder, "plugn.d/ports-get", "exit 1\n", 0644);
	assert_true(platform_add_http_port(tree->platform, "blog", 3000, &tree->err));
	AUTO_FREE char *map = folder_read(&tree->folder, "lib/config/ports/blog/map");
	assert_string_equal(map, "http:3000:3000\nhttp:80:3000\n");
}

static void keeps_what_is_only_in_effect(void **state)
{
	struct tree *tree = *state;

	folder_make(&tree->folder, "home/blog");
	folder_write(&tree->folder, "plugn.d/ports-get", "echo http:3000:3000; echo ' !     a warning'; echo http:4000:4000\n", 0644);
	assert_true(platform_add_http_port(tree->platform, "blog", 3000, &tree->err));
	AUTO_FREE char *map = folder_read(&tree->folder, "lib/config/ports/blog/map");
	assert_string_equal(map, "http:3000:3000\nhttp:4000:4000\nhttp:80:3000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(passes_words_as_they_are),
		TREE_TEST(children_know_that_we_act),
		TREE_TEST(a_failure_has_the_trigger_s_words),
		TREE_TEST(tells_what_changed),
		TREE_TEST(writes_cron_by_its_name_of_the_day),
		TREE_TEST(looks_into_the_crontab),
		TREE_TEST(reads_the_effective_ports),
		TREE_TEST(adds_a_port_to_the_explicit_map),
		TREE_TEST(keeps_what_was_only_detected),
		TREE_TEST(keeps_what_is_only_in_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
