/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/actions.h"

#define FLAG "lib/data/letsencrypt/--global/autorenew"

static void the_flag_is_switched_and_the_crontab_written(void **state)
{
	struct desk *desk = *state;
	bool is_enabled = true;

	folder_write(&desk->tree->folder, "lib/plugins/enabled/cron/scheduler-cron-write", "", 0755);
	assert_true(cron_status(&desk->context, &is_enabled, &desk->err));
	assert_false(is_enabled);
	assert_true(cron_switch(&desk->context, true, &desk->err));
	assert_true(desk_has(desk, FLAG));
	assert_true(cron_status(&desk->context, &is_enabled, &desk->err));
	assert_true(is_enabled);
	assert_true(cron_switch(&desk->context, false, &desk->err));
	assert_true(cron_switch(&desk->context, false, &desk->err));
	assert_false(desk_has(desk, FLAG));
	assert_triggers(desk, "trigger scheduler-cron-write\ntrigger scheduler-cron-write\ntrigger scheduler-cron-write\n");
}

/* The time of day is drawn from the file: it must not change. */
static void adding_twice_keeps_the_flag(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *path = folder_path(&desk->tree->folder, FLAG);
	struct stat first, second;

	assert_true(cron_switch(&desk->context, true, &desk->err));
	assert_int_equal(stat(path, &first), 0);
	assert_true(cron_switch(&desk->context, true, &desk->err));
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(first.st_mtim.tv_nsec, second.st_mtim.tv_nsec);
}

static void a_failed_write_says_what_holds(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "plugn.d/scheduler-cron-write", "echo broken crontab >&2; exit 1\n", 0755);
	folder_write(&desk->tree->folder, "plugn.d/cron-write", "echo broken crontab >&2; exit 1\n", 0755);
	assert_false(cron_switch(&desk->context, true, &desk->err));
	assert_non_null(strstr(desk->err.text, "The choice is kept"));
	assert_non_null(strstr(desk->err.text, "broken crontab"));
	assert_true(desk_has(desk, FLAG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(the_flag_is_switched_and_the_crontab_written),
		DESK_TEST(adding_twice_keeps_the_flag),
		DESK_TEST(a_failed_write_says_what_holds),
	};

	return cmocka_run_group_tests_name("flow/cron", tests, NULL, NULL);
}
