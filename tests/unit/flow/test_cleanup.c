/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/actions.h"

#define CURRENT "00112233445566778899aabbccddeeff00112233"
#define STALE "11112233445566778899aabbccddeeff00112233"
#define WITH_ACCOUNT "22112233445566778899aabbccddeeff00112233"
#define CERTS "home/blog/letsencrypt/certs/"

static void make_link(struct desk *desk, const char *target)
{
	AUTO_FREE char *path = folder_path(&desk->tree->folder, CERTS "current");
	AUTO_FREE char *absolute = folder_path(&desk->tree->folder, target);

	assert_int_equal(symlink(absolute, path), 0);
}

static void stale_directories_go(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, CERTS CURRENT "/config", "x", 0644);
	folder_write(&desk->tree->folder, CERTS STALE "/certificates/a.key", "x", 0600);
	folder_write(&desk->tree->folder, CERTS WITH_ACCOUNT "/accounts/ca/me/keys/me.key", "x", 0600);
	folder_write(&desk->tree->folder, CERTS "notes/mine", "x", 0600);
	folder_write(&desk->tree->folder, CERTS "a-file", "x", 0600);
	make_link(desk, CERTS CURRENT);
	assert_true(cleanup_app(&desk->context, "blog", &desk->err));
	assert_true(desk_has(desk, CERTS CURRENT "/config") && desk_has(desk, CERTS "current"));
	assert_true(desk_has(desk, CERTS WITH_ACCOUNT "/accounts/ca/me/keys/me.key"));
	assert_true(desk_has(desk, CERTS "notes/mine") && desk_has(desk, CERTS "a-file"));
	assert_false(desk_has(desk, CERTS STALE));
	assert_said(desk, "info2 blog: Cleaning up stale certificate directories for blog\ninfo1 blog:   - current config hash " CURRENT
			  "\ninfo1 blog:   - stale directory " STALE "\ninfo1 blog:   - kept " WITH_ACCOUNT ": it holds an account's key");
}

/* Without knowing which one is in use nothing is removed. */
static void an_unclear_current_stops_it(void **state)
{
	static const char *const targets[] = { NULL, CERTS "gone", CERTS STALE "x", "home/other/letsencrypt/certs/" CURRENT };
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, CERTS STALE "/config", "x", 0644);
	for (size_t i = 0; i < COUNT(targets); i++) {
		AUTO_FREE char *path = folder_path(&desk->tree->folder, CERTS "current");

		(void)unlink(path);
		if (targets[i])
			make_link(desk, targets[i]);
		assert_false(cleanup_app(&desk->context, "blog", &desk->err));
		assert_ptr_equal(strstr(desk->err.text, "Cannot resolve the 'current' certificate directory!"), desk->err.text);
		assert_true(desk_has(desk, CERTS STALE "/config"));
	}
	assert_int_equal(desk->said.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(stale_directories_go),
		DESK_TEST(an_unclear_current_stops_it),
	};

	return cmocka_run_group_tests_name("flow/cleanup", tests, NULL, NULL);
}
