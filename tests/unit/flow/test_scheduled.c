/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"
#include "tests/unit/stopping.h"

#include "flow/actions.h"
#include "sys/schedule.h"

/* Which of the starts is carried out. What a run does is seen elsewhere: here no app is due, so it says its two lines. */

#define GLOBAL "lib/data/letsencrypt/--global/"
#define RUN "info2 -: Auto-renewing all apps...\ninfo2 -: Finished auto-renewal"
#define LINE "7 * * * * dokku letsencrypt:auto-renew --scheduled --by cron-entries &>> /var/log/dokku/letsencrypt.log"

static int64_t now_at;

static int64_t desk_now(void *ctx)
{
	(void)ctx;
	return now_at;
}

static int scheduled_setup(void **state)
{
	int status = desk_setup(state);
	struct desk *desk = *state;

	now_at = 1800000000;
	desk->context.clock = (struct clock){ .now_at = desk_now };
	desk_set_clock(desk, "0 1000000");
	folder_write(&desk->tree->folder, "bin/crontab", "#!/bin/sh\ncat ${0%/bin/crontab}/var/crontab\n", 0755);
	folder_write(&desk->tree->folder, "plugn.d/scheduler-cron-write", "echo '" LINE "' >$here/var/crontab\n", 0755);
	folder_write(&desk->tree->folder, "lib/plugins/enabled/cron/scheduler-cron-write", "", 0755);
	folder_make(&desk->tree->folder, "var");
	folder_write(&desk->tree->folder, "home/blog/VHOST", "", 0644);
	return status;
}

#define SCHEDULED_TEST(function) cmocka_unit_test_setup_teardown(function, scheduled_setup, desk_teardown)

/* Whether a start by that mechanism became a run. */
static bool starts(struct desk *desk, const char *by)
{
	int exit_status = -1;

	strs_done(&desk->said);
	if (!auto_renew_scheduled(&desk->context, by, &exit_status, &desk->err))
		fail_msg("%s", desk->err.text);
	assert_int_equal(exit_status, 0);
	if (desk->said.count == 0)
		return false;
	assert_said(desk, RUN);
	return true;
}

static void of_two_starts_in_an_hour_one_is_carried_out(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "var/crontab", LINE "\n", 0644);
	assert_false(starts(desk, "host"));
	/* It would have kept out the other, which starts at the same minute. */
	assert_false(desk_has(desk, GLOBAL "auto-renew.lock"));
	assert_true(starts(desk, "cron-entries"));
	now_at += 60;
	assert_false(starts(desk, "cron-entries"));
	assert_false(starts(desk, "host"));
	now_at += 3540;
	assert_true(starts(desk, "cron-entries"));
	assert_triggers(desk, "");
	AUTO_FREE char *last = folder_read(&desk->tree->folder, GLOBAL "last-run");
	assert_string_equal(last, "1800003600 1800003600 0 cron-entries\n");
}

static void without_a_scheduler_that_has_cron_the_host_starts_it(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "var/crontab", LINE "\n", 0644);
	folder_write(&desk->tree->folder, "lib/config/scheduler/--global/selected", "null", 0600);
	assert_false(starts(desk, "cron-entries"));
	assert_true(starts(desk, "host"));
	assert_false(starts(desk, "host"));
	assert_triggers(desk, "");
}

/* Nobody told the platform to write the crontab anew. */
static void a_crontab_without_the_line_is_written_and_stood_in_for(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "var/crontab", "PATH=/bin\n", 0644);
	assert_true(starts(desk, "host"));
	assert_triggers(desk, "trigger scheduler-cron-write\n");
	now_at += 3600;
	assert_false(starts(desk, "host"));
	assert_true(starts(desk, "cron-entries"));
	assert_triggers(desk, "trigger scheduler-cron-write\n");
}

static void a_crontab_that_cannot_be_written_stops_no_run(void **state)
{
	struct desk *desk = *state;
	int exit_status = -1;

	folder_write(&desk->tree->folder, "plugn.d/scheduler-cron-write", "echo no space left >&2; exit 1\n", 0755);
	assert_true(auto_renew_scheduled(&desk->context, "host", &exit_status, &desk->err));
	assert_int_equal(desk->said.count, 3);
	assert_non_null(strstr(desk->said.items[0], "no space left"));
}

static void without_a_program_crontab_the_host_stands_in(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "bin/crontab", "#!/nowhere/sh\n", 0755);
	assert_true(starts(desk, "host"));
}

static bool is_stopped_while_it_waits(void *arg)
{
	struct desk *desk = arg;
	int exit_status = -1;

	return !auto_renew_scheduled(&desk->context, "cron-entries", &exit_status, &desk->err) && desk->err.kind == ERR_STOPPED && desk->said.count == 0;
}

static void a_booting_host_is_waited_for(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, "var/crontab", LINE "\n", 0644);
	desk_set_clock(desk, "0 599");
	assert_false(starts(desk, "host"));
	assert_true(holds_after_a_signal(is_stopped_while_it_waits, desk));
	desk_set_clock(desk, "0 600");
	assert_true(starts(desk, "cron-entries"));
}

static void switched_off_nothing_starts_it(void **state)
{
	struct desk *desk = *state;

	folder_write(&desk->tree->folder, GLOBAL "no-schedule", "", 0644);
	assert_false(starts(desk, "cron-entries"));
	assert_false(starts(desk, "host"));
}

static void a_start_beside_a_run_ends_at_once(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *path = folder_path(&desk->tree->folder, GLOBAL ".");

	folder_make(&desk->tree->folder, GLOBAL "state");
	AUTO_FD global_fd = dir_open(path, &desk->err);
	AUTO_FD lock_fd = schedule_lock(global_fd, &desk->err);
	assert_true(lock_fd >= 0);
	assert_false(starts(desk, "cron-entries"));
	fd_done(&lock_fd);
	assert_true(starts(desk, "cron-entries"));
}

static void an_unknown_mechanism_is_refused(void **state)
{
	struct desk *desk = *state;
	int exit_status = -1;

	assert_false(auto_renew_scheduled(&desk->context, "moon", &exit_status, &desk->err));
	assert_int_equal(desk->err.kind, ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCHEDULED_TEST(of_two_starts_in_an_hour_one_is_carried_out),
		SCHEDULED_TEST(without_a_scheduler_that_has_cron_the_host_starts_it),
		SCHEDULED_TEST(a_crontab_without_the_line_is_written_and_stood_in_for),
		SCHEDULED_TEST(a_crontab_that_cannot_be_written_stops_no_run),
		SCHEDULED_TEST(without_a_program_crontab_the_host_stands_in),
		SCHEDULED_TEST(a_booting_host_is_waited_for),
		SCHEDULED_TEST(switched_off_nothing_starts_it),
		SCHEDULED_TEST(a_start_beside_a_run_ends_at_once),
		SCHEDULED_TEST(an_unknown_mechanism_is_refused),
	};

	return cmocka_run_group_tests_name("flow/scheduled", tests, NULL, NULL);
}
