/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/actions.h"

#define GLOBAL "lib/data/letsencrypt/--global/"
#define NOW 1800000000

static int64_t desk_now(void *ctx)
{
	(void)ctx;
	return NOW;
}

static void use_clock(struct desk *desk)
{
	desk->context.clock = (struct clock){ .now_at = desk_now };
	desk_set_clock(desk, "0 1000000");
}

static void it_is_on_and_is_switched_and_the_crontab_written(void **state)
{
	struct desk *desk = *state;
	bool is_enabled = false;

	folder_write(&desk->tree->folder, "lib/plugins/enabled/cron/scheduler-cron-write", "", 0755);
	assert_true(cron_status(&desk->context, &is_enabled, &desk->err));
	assert_true(is_enabled);
	assert_true(cron_switch(&desk->context, false, &desk->err));
	assert_true(cron_switch(&desk->context, false, &desk->err));
	assert_true(desk_has(desk, GLOBAL "no-schedule"));
	assert_true(cron_status(&desk->context, &is_enabled, &desk->err));
	assert_false(is_enabled);
	assert_true(cron_switch(&desk->context, true, &desk->err));
	assert_true(desk_has(desk, GLOBAL "autorenew"));
	assert_false(desk_has(desk, GLOBAL "no-schedule"));
	assert_triggers(desk, "trigger scheduler-cron-write\ntrigger scheduler-cron-write\ntrigger scheduler-cron-write\n");
}

static void a_failed_write_says_what_holds(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "plugn.d/scheduler-cron-write", "echo broken crontab >&2; exit 1\n", 0755);
	folder_write(&desk->tree->folder, "plugn.d/cron-write", "echo broken crontab >&2; exit 1\n", 0755);
	assert_false(cron_switch(&desk->context, false, &desk->err));
	assert_non_null(strstr(desk->err.text, "The choice is kept"));
	assert_non_null(strstr(desk->err.text, "broken crontab"));
	assert_true(desk_has(desk, GLOBAL "no-schedule"));
}

static void it_is_described(void **state)
{
	struct desk *desk = *state;
	struct cron_view view;

	use_clock(desk);
	folder_write(&desk->tree->folder, GLOBAL "schedule", "30 1799990000 systemd\n", 0600);
	assert_true(cron_describe(&desk->context, &view, &desk->err));
	assert_true(view.is_enabled && view.is_by_platform && !view.is_by_systemd && !view.is_by_nothing);
	assert_int_equal(view.minute, 30);
	assert_int_equal(view.last_at, 0);
	assert_int_equal(view.next_at, NOW + 1800);
	folder_write(&desk->tree->folder, "lib/config/scheduler/--global/selected", "null", 0600);
	folder_write(&desk->tree->folder, GLOBAL "last-run", "1799998200 1799998201 1 host\n", 0600);
	assert_true(cron_describe(&desk->context, &view, &desk->err));
	assert_true(!view.is_by_platform && view.is_by_systemd && !view.is_by_nothing);
	assert_int_equal(view.last_at, 1799998200);
	assert_int_equal(view.last_exit, 1);
	assert_false(view.is_last_by_platform);
	folder_write(&desk->tree->folder, GLOBAL "schedule", "30 1799990000 cron.d\n", 0600);
	assert_true(cron_describe(&desk->context, &view, &desk->err));
	assert_true(!view.is_by_platform && !view.is_by_systemd && !view.is_by_nothing);
	folder_write(&desk->tree->folder, GLOBAL "schedule", "30 1799990000 none\n", 0600);
	assert_true(cron_describe(&desk->context, &view, &desk->err));
	assert_true(view.is_by_nothing);
	assert_int_equal(view.next_at, 0);
}

static void that_it_has_stopped_is_told(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *none = NULL;
	AUTO_FREE char *text = NULL;

	use_clock(desk);
	folder_write(&desk->tree->folder, GLOBAL "schedule", "30 1799990000 none\n", 0600);
	folder_write(&desk->tree->folder, GLOBAL "last-run", "1799998200 1799998201 0 host\n", 0600);
	assert_true(cron_forgotten(&desk->context, &none, &desk->err));
	assert_null(none);
	folder_write(&desk->tree->folder, GLOBAL "last-run", "1799992000 1799992001 0 host\n", 0600);
	assert_true(cron_forgotten(&desk->context, &text, &desk->err));
	assert_non_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(it_is_on_and_is_switched_and_the_crontab_written),
		DESK_TEST(a_failed_write_says_what_holds),
		DESK_TEST(it_is_described),
		DESK_TEST(that_it_has_stopped_is_told),
	};

	return cmocka_run_group_tests_name("flow/cron", tests, NULL, NULL);
}
