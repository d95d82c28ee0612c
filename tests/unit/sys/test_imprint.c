/* SPDX-License-Identifier: MIT */
#include "sys/imprint.h"

#include "sys/state_line.h"
#include "tests/unit/platform/folder.h"

/* A host's root/web and lib/; the imprint of app web. */
static uint64_t imprint(const struct folder *folder)
{
	AUTO_FREE char *root = folder_path(folder, "root");
	AUTO_FREE char *lib = folder_path(folder, "lib");

	return imprint_of_app(root, lib, "web", imprint_of_host(lib));
}

static int setup(void **state)
{
	struct folder *folder = mem_new(1, sizeof(*folder));

	folder_init(folder);
	folder_make(folder, "root/web");
	*state = folder;
	return 0;
}

static int teardown(void **state)
{
	folder_done(*state);
	free(*state);
	return 0;
}

/* Made, written anew, removed: each file counts. Removed, all is as it was before. */
static void every_file_counts(void **state)
{
	static const char *const files[] = {
		"root/web/VHOST", "root/web/REDIRECTS", "root/web/tls/server.crt", "root/web/tls/server.key", "root/web/nginx.conf.d/letsencrypt.conf",
		"lib/config/web/ENV", "lib/config/--global/ENV", "lib/config/proxy/web/type", "lib/config/proxy/--global/type", "lib/config/proxy/web/disabled",
		"lib/config/scheduler/web/selected", "lib/config/ports/web/map", "lib/config/ports/web/map-detected", "lib/config/letsencrypt/web/enabled",
		"lib/config/letsencrypt/--global/server",
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		uint64_t before = imprint(*state);
		folder_write(*state, files[i], "a", 0600);
		uint64_t made = imprint(*state);
		folder_write(*state, files[i], "b", 0600);
		uint64_t written = imprint(*state);

		if (before == made || made == written || before == written)
			fail_msg("%s does not count", files[i]);
		assert_int_equal(imprint(*state), written);
	}
}

static void what_is_not_ours_to_read_does_not_count(void **state)
{
	folder_write(*state, "root/web/VHOST", "a", 0600);
	folder_write(*state, "lib/config/letsencrypt/web/enabled", "true", 0600);
	uint64_t before = imprint(*state);

	folder_write(*state, "root/web/nginx.conf", "a", 0600);
	folder_write(*state, "root/api/VHOST", "a", 0600);
	folder_write(*state, "lib/config/letsencrypt/api/enabled", "true", 0600);
	/* What a kill left. */
	folder_write(*state, "lib/config/letsencrypt/web/.enabled.0123456789abcdef", "true", 0600);
	assert_int_equal(imprint(*state), before);
}

static void a_line_holds_for_its_imprint_only(void **state)
{
	struct err err = { 0 };
	AUTO_FREE char *path = folder_path(*state, "root");
	AUTO_FD fd = dir_open(path, &err);
	struct state found = { 0 };

	assert_false(state_line_read(fd, "web", 7, &found));
	assert_false(state_line_read(-1, "web", 7, &found));
	state_line_write(fd, "web", 7, &(struct state){ .check_at = 100, .renew_at = 90 });
	assert_true(state_line_read(fd, "web", 7, &found));
	assert_int_equal(found.check_at, 100);
	assert_int_equal(found.renew_at, 90);
	assert_false(state_line_read(fd, "web", 8, &found));
	assert_false(state_line_read(fd, "api", 7, &found));
	state_line_remove(fd, "web");
	assert_false(state_line_read(fd, "web", 7, &found));
}

static void a_line_that_is_none_does_not_hold(void **state)
{
	static const char *const lines[] = {
		"", "1", "2 0000000000000007 100 90\n", "1 0000000000000007 100\n", "1 0000000000000007 x 90\n", "1 0000000000000007 100 -1\n",
	};
	struct err err = { 0 };
	AUTO_FREE char *path = folder_path(*state, "root");
	AUTO_FD fd = dir_open(path, &err);
	struct state found = { 0 };

	for (size_t i = 0; i < COUNT(lines); i++) {
		folder_write(*state, "root/state/web", lines[i], 0600);
		assert_false(state_line_read(fd, "web", 7, &found));
	}
	folder_write(*state, "root/state/web", "1 0000000000000007 100 90\n", 0600);
	assert_true(state_line_read(fd, "web", 7, &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_file_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_ours_to_read_does_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_holds_for_its_imprint_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_that_is_none_does_not_hold, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
