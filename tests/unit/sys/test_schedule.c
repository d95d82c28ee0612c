/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "sys/schedule.h"
#include "tests/unit/sys/scratch.h"
#include "util/attr.h"
#include "util/err.h"
#include "util/mem.h"

#define NOW 1800000000
#define HOUR 3600
#define LONG_UP 1000000

static void the_minute_is_drawn_once(void **state)
{
	int dir_fd = scratch_fd(state);
	struct schedule first, again;
	struct err err;

	assert_true(schedule_open(dir_fd, NOW, NULL, &first, &err));
	assert_in_range(first.minute, 1, 59);
	assert_int_equal(first.since_at, NOW);
	assert_string_equal(first.host, "none");
	assert_int_equal(scratch_mode(dir_fd, "schedule"), 0600);
	assert_true(schedule_open(dir_fd, NOW + 5, "systemd", &again, &err));
	assert_int_equal(again.minute, first.minute);
	assert_int_equal(again.since_at, NOW);
	assert_string_equal(again.host, "systemd");
	assert_true(schedule_open(dir_fd, NOW + 5, NULL, &again, &err));
	assert_string_equal(again.host, "systemd");
	assert_false(schedule_open(dir_fd, NOW, "moon", &again, &err));
	assert_int_equal(err.kind, ERR_USAGE);
}

/* Sixty hosts that all had the same minute would be no accident. */
static void hosts_differ(void **state)
{
	int dir_fd = scratch_fd(state);
	bool has_differed = false;
	struct schedule first, next;
	struct err err;

	assert_true(schedule_open(dir_fd, NOW, NULL, &first, &err));
	for (int i = 0; i < 60; i++) {
		assert_true(file_remove(dir_fd, "schedule", &err));
		assert_true(schedule_open(dir_fd, NOW, NULL, &next, &err));
		assert_in_range(next.minute, 1, 59);
		has_differed = has_differed || next.minute != first.minute;
	}
	assert_true(has_differed);
}

static void what_makes_no_sense_is_set_up_anew(void **state)
{
	static const char *const lines[] = { "", "0 1 none\n", "60 1 none\n", "7 1\n", "7 x none\n", "7 1 moon\n", "7 1 none more\n", "\377\n" };
	int dir_fd = scratch_fd(state);
	struct schedule schedule;
	struct err err;

	for (size_t i = 0; i < COUNT(lines); i++) {
		scratch_write(dir_fd, "schedule", lines[i], strlen(lines[i]));
		assert_true(schedule_open(dir_fd, NOW, NULL, &schedule, &err));
		assert_in_range(schedule.minute, 1, 59);
		assert_int_equal(schedule.since_at, NOW);
	}
	scratch_write(dir_fd, "schedule", "7 5 cron.d\n", 11);
	assert_true(schedule_open(dir_fd, NOW, NULL, &schedule, &err));
	assert_int_equal(schedule.minute, 7);
	assert_int_equal(schedule.since_at, 5);
}

static void it_is_on_until_somebody_switches_it_off(void **state)
{
	int dir_fd = scratch_fd(state);
	struct schedule schedule;
	struct err err;

	assert_true(schedule_is_on(dir_fd));
	assert_true(schedule_switch(dir_fd, false, NOW, &err));
	assert_true(schedule_switch(dir_fd, false, NOW, &err));
	assert_false(schedule_is_on(dir_fd));
	assert_false(scratch_has(dir_fd, "autorenew"));
	assert_true(schedule_switch(dir_fd, true, NOW + 10, &err));
	assert_true(schedule_is_on(dir_fd));
	assert_true(scratch_has(dir_fd, "autorenew"));
	assert_true(schedule_open(dir_fd, NOW + 20, NULL, &schedule, &err));
	assert_int_equal(schedule.since_at, NOW + 10);
	/* What was on is not on since now. */
	assert_true(schedule_switch(dir_fd, true, NOW + 30, &err));
	assert_true(schedule_open(dir_fd, NOW + 40, NULL, &schedule, &err));
	assert_int_equal(schedule.since_at, NOW + 10);
	/* The bash plugin's flag alone says nothing. */
	assert_true(schedule_switch(dir_fd, false, NOW, &err));
	scratch_write(dir_fd, "autorenew", "", 0);
	assert_false(schedule_is_on(dir_fd));
}

struct select_case {
	const char *global, *app, *other; /* what is selected; NULL = nothing */
	enum schedule_by by;
};

static void select_scheduler(int dir_fd, const char *app, const char *scheduler)
{
	AUTO_FREE char *folder = mem_fmt("config/scheduler/%s", app);
	struct err err;
	AUTO_FD app_fd = dir_make_path_at(dir_fd, folder, 0755, &err);

	assert_true(app_fd >= 0);
	if (scheduler)
		scratch_write(app_fd, "selected", scheduler, strlen(scheduler));
	else
		assert_true(file_remove(app_fd, "selected", &err));
}

static void a_scheduler_with_host_cron_puts_the_crontab_in_charge(void **state)
{
	static const struct select_case cases[] = {
		{ NULL, NULL, NULL, SCHEDULE_BY_CRON_ENTRIES },
		{ "docker-local", NULL, NULL, SCHEDULE_BY_CRON_ENTRIES },
		{ "docker-local\n", "null", "null", SCHEDULE_BY_CRON_ENTRIES },
		{ NULL, "null", "k3s", SCHEDULE_BY_CRON_ENTRIES },
		{ "", "null", "k3s", SCHEDULE_BY_CRON_ENTRIES },
		{ "null", NULL, NULL, SCHEDULE_BY_HOST },
		{ "k3s", "null", NULL, SCHEDULE_BY_HOST },
		{ "nomad", "", NULL, SCHEDULE_BY_HOST },
		{ "null", "k3s", "docker-local", SCHEDULE_BY_CRON_ENTRIES },
		{ "null", "docker-local", NULL, SCHEDULE_BY_CRON_ENTRIES },
		{ "null", "docker-local-2", NULL, SCHEDULE_BY_HOST },
	};
	const struct scratch *scratch = *state;

	assert_int_equal(schedule_in_charge(scratch->path), SCHEDULE_BY_CRON_ENTRIES);
	for (size_t i = 0; i < COUNT(cases); i++) {
		select_scheduler(scratch->fd, "--global", cases[i].global);
		select_scheduler(scratch->fd, "blog", cases[i].app);
		select_scheduler(scratch->fd, "shop", cases[i].other);
		if (schedule_in_charge(scratch->path) != cases[i].by)
			fail_msg("case %zu", i);
	}
}

static void the_last_run_is_kept(void **state)
{
	int dir_fd = scratch_fd(state);
	const struct schedule_run run = { .started_at = NOW, .completed_at = NOW - 9, .exit_status = 1, .by = SCHEDULE_BY_HOST };
	struct schedule_run last = schedule_last_run(dir_fd);
	struct err err;

	assert_int_equal(last.started_at, 0);
	assert_true(schedule_note_run(dir_fd, &run, &err));
	scratch_check(dir_fd, "last-run", "1800000000 1799999991 1 host\n");
	last = schedule_last_run(dir_fd);
	assert_int_equal(last.started_at, NOW);
	assert_int_equal(last.completed_at, NOW - 9);
	assert_int_equal(last.exit_status, 1);
	assert_int_equal(last.by, SCHEDULE_BY_HOST);
	scratch_write(dir_fd, "last-run", "1800000000 1799999991 1\n", 24);
	assert_int_equal(schedule_last_run(dir_fd).started_at, 0);
	scratch_write(dir_fd, "last-run", "1800000000 1799999991 1 moon\n", 29);
	assert_int_equal(schedule_last_run(dir_fd).started_at, 0);
}

static void the_hour_s_run_is_known_whichever_started_it(void **state)
{
	const struct schedule_run last = { .started_at = NOW };

	(void)state;
	assert_true(schedule_has_run(&last, NOW));
	assert_true(schedule_has_run(&last, NOW + 120));
	assert_true(schedule_has_run(&last, NOW - 5));
	assert_false(schedule_has_run(&last, NOW + HOUR));
	assert_false(schedule_has_run(&last, NOW + HOUR - 60));
	/* The clock was wrong then, or is now. */
	assert_false(schedule_has_run(&last, NOW - HOUR));
}

static void two_runs_exclude_each_other(void **state)
{
	int dir_fd = scratch_fd(state);
	struct err err;
	AUTO_FD first = schedule_lock(dir_fd, &err);

	assert_true(first >= 0);
	assert_int_equal(schedule_lock(dir_fd, &err), -1);
	assert_int_equal(err.kind, ERR_LOCKED);
}

static void it_is_forgotten_after_two_hours_without_a_completed_run(void **state)
{
	int dir_fd = scratch_fd(state);
	struct schedule_run run = { .started_at = NOW, .completed_at = NOW, .by = SCHEDULE_BY_CRON_ENTRIES };
	struct schedule schedule;
	struct err err;

	/* Nothing is set up: the plugin was never installed here. */
	assert_int_equal(schedule_forgotten_since(dir_fd, NOW, LONG_UP), 0);
	assert_true(schedule_open(dir_fd, NOW, NULL, &schedule, &err));
	assert_int_equal(schedule_forgotten_since(dir_fd, NOW + 2 * HOUR, LONG_UP), 0);
	assert_int_equal(schedule_forgotten_since(dir_fd, NOW + 2 * HOUR + 1, LONG_UP), NOW);
	assert_true(schedule_note_run(dir_fd, &(struct schedule_run){ .started_at = NOW + HOUR, .completed_at = NOW + HOUR }, &err));
	assert_int_equal(schedule_forgotten_since(dir_fd, NOW + 3 * HOUR, LONG_UP), 0);
	assert_int_equal(schedule_forgotten_since(dir_fd, NOW + 3 * HOUR + 1, LONG_UP), NOW + HOUR);
	/* A run that was begun and not completed is no sign of life. */
	run.started_at = NOW + 4 * HOUR;
	assert_true(schedule_note_run(dir_fd, &run, &err));
	assert_int_equal(schedule_forgotten_since(dir_fd, NOW + 4 * HOUR, LONG_UP), NOW);
	/* The host was off meanwhile. */
	assert_int_equal(schedule_forgotten_since(dir_fd, NOW + 4 * HOUR, 2 * HOUR), 0);
	/* A run of the future: the clock was set back. */
	run.completed_at = NOW + 90 * HOUR;
	assert_true(schedule_note_run(dir_fd, &run, &err));
	assert_true(schedule_forgotten_since(dir_fd, NOW + 4 * HOUR, LONG_UP) > 0);
	assert_true(schedule_switch(dir_fd, false, NOW, &err));
	assert_int_equal(schedule_forgotten_since(dir_fd, NOW + 4 * HOUR, LONG_UP), 0);
}

static void the_text_names_the_next_step(void **state)
{
	AUTO_FREE char *text = schedule_forgotten_text(NOW, "/var/log/dokku");

	(void)state;
	assert_non_null(strstr(text, "since 2027-01-15 "));
	assert_non_null(strstr(text, "dokku letsencrypt:cron-job"));
	assert_non_null(strstr(text, "/var/log/dokku/letsencrypt.log"));
}

static void the_next_run_leaves_a_booting_host_alone(void **state)
{
	const struct schedule schedule = { .minute = 30 };

	(void)state;
	/* NOW is the full hour, in every zone of whole hours. */
	assert_int_equal(schedule_next_at(&schedule, NOW, LONG_UP), NOW + 1800);
	assert_int_equal(schedule_next_at(&schedule, NOW + 1800, LONG_UP), NOW + 1800 + HOUR);
	assert_int_equal(schedule_next_at(&schedule, NOW + 1500, 300), NOW + 1800);
	assert_int_equal(schedule_next_at(&schedule, NOW + 1500, 200), NOW + 1900);
	assert_int_equal(schedule_next_at(&schedule, NOW + 1810, 599), NOW + 1800 + HOUR);
}

static void mechanisms_have_names(void **state)
{
	enum schedule_by by = SCHEDULE_BY_HOST;

	(void)state;
	assert_true(schedule_by_parse("cron-entries", &by));
	assert_int_equal(by, SCHEDULE_BY_CRON_ENTRIES);
	assert_true(schedule_by_parse("host", &by));
	assert_int_equal(by, SCHEDULE_BY_HOST);
	assert_false(schedule_by_parse("", &by));
	assert_string_equal(schedule_by_name(SCHEDULE_BY_CRON_ENTRIES), "cron-entries");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(the_minute_is_drawn_once),
		scratch_test(hosts_differ),
		scratch_test(what_makes_no_sense_is_set_up_anew),
		scratch_test(it_is_on_until_somebody_switches_it_off),
		scratch_test(a_scheduler_with_host_cron_puts_the_crontab_in_charge),
		scratch_test(the_last_run_is_kept),
		cmocka_unit_test(the_hour_s_run_is_known_whichever_started_it),
		scratch_test(two_runs_exclude_each_other),
		scratch_test(it_is_forgotten_after_two_hours_without_a_completed_run),
		cmocka_unit_test(the_text_names_the_next_step),
		cmocka_unit_test(the_next_run_leaves_a_booting_host_alone),
		cmocka_unit_test(mechanisms_have_names),
	};

	return cmocka_run_group_tests_name("sys/schedule", tests, NULL, NULL);
}
