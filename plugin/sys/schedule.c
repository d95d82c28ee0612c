/* SPDX-License-Identifier: MIT */
/* Small files, each one line, replaced as a whole. What cannot be read counts as absent: the next run or the next `install` writes it anew. */
#include "sys/schedule.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strs.h"
#include "util/text.h"
#include "util/when.h"

#define FILE_SETUP "schedule"
#define FILE_OFF "no-schedule"
#define FILE_FLAG "autorenew"
#define FILE_LAST_RUN "last-run"
#define FILE_LOCK "auto-renew.lock"

#define LINE_SIZE_MAX 256
#define INTERVAL_S WHEN_HOUR
#define FORGOTTEN_S (2 * INTERVAL_S)
#define SCHEDULER_WITH_CRON "docker-local"

static const char *const by_names[] = { [SCHEDULE_BY_CRON_ENTRIES] = "cron-entries", [SCHEDULE_BY_HOST] = "host" };

const char *schedule_by_name(enum schedule_by by)
{
	return by_names[by];
}

bool schedule_by_parse(const char *name, enum schedule_by *ret_by)
{
	for (size_t i = 0; i < COUNT(by_names); i++) {
		if (strcmp(by_names[i], name) != 0)
			continue;
		*ret_by = (enum schedule_by)i;
		return true;
	}
	return false;
}

/* The words of a file of one line; none when it cannot be read. */
static void read_words(int dir_fd, const char *name, struct strs *ret_words)
{
	AUTO_BUF line = BUF_MAX(LINE_SIZE_MAX);
	struct err ignored;

	if (file_read(dir_fd, name, &line, &ignored))
		strs_split(ret_words, buf_text(&line), " \n");
}

/* ---- who is in charge ---- */

/* What is selected for an app, or for "--global" where nothing said is `unset`. */
static bool has_cron(int scheduler_fd, const char *app, bool unset)
{
	struct err ignored;
	AUTO_FD app_fd = dir_open_at(scheduler_fd, app, &ignored);
	AUTO_STRS words = { 0 };

	if (app_fd >= 0)
		read_words(app_fd, "selected", &words);
	return words.count > 0 ? strcmp(words.items[0], SCHEDULER_WITH_CRON) == 0 : unset;
}

enum schedule_by schedule_in_charge(const char *lib_root)
{
	struct err ignored;
	AUTO_FREE char *path = mem_fmt("%s/config/scheduler", lib_root);
	AUTO_FD scheduler_fd = dir_open(path, &ignored);
	AUTO_STRS apps = { 0 };

	/* Nobody ever chose: docker-local is the platform's default. */
	if (scheduler_fd < 0 || has_cron(scheduler_fd, "--global", true))
		return SCHEDULE_BY_CRON_ENTRIES;
	if (!dir_list(scheduler_fd, &apps, &ignored))
		return SCHEDULE_BY_HOST;
	for (size_t i = 0; i < apps.count; i++) {
		if (has_cron(scheduler_fd, apps.items[i], false))
			return SCHEDULE_BY_CRON_ENTRIES;
	}
	return SCHEDULE_BY_HOST;
}

/* ---- how it is set up ---- */

static bool is_host(const char *name)
{
	return strcmp(name, "systemd") == 0 || strcmp(name, "cron.d") == 0 || strcmp(name, "none") == 0;
}

static bool read_setup(int global_fd, struct schedule *ret_schedule)
{
	AUTO_STRS words = { 0 };
	struct schedule schedule;

	read_words(global_fd, FILE_SETUP, &words);
	if (words.count != 3 || !parse_int(words.items[0], 1, 59, &schedule.minute) || !parse_int(words.items[1], 0, INT64_MAX, &schedule.since_at) ||
	    !is_host(words.items[2]))
		return false;
	(void)snprintf(schedule.host, sizeof(schedule.host), "%s", words.items[2]);
	*ret_schedule = schedule;
	return true;
}

static bool write_setup(int global_fd, const struct schedule *schedule, struct err *err)
{
	AUTO_FREE char *line = mem_fmt("%" PRId64 " %" PRId64 " %s\n", schedule->minute, schedule->since_at, schedule->host);

	return file_replace(global_fd, FILE_SETUP, line, strlen(line), 0600, err);
}

/* Never the full hour, when everybody's clocks strike. */
static bool draw_minute(int64_t *ret_minute, struct err *err)
{
	unsigned char drawn[2];

	if (getentropy(drawn, sizeof(drawn)) != 0)
		return err_sys(err, "draw the minute of the schedule");
	*ret_minute = 1 + (drawn[0] * 256 + drawn[1]) % 59;
	return true;
}

bool schedule_open(int global_fd, int64_t now_at, const char *host, struct schedule *ret_schedule, struct err *err)
{
	struct schedule schedule = { .since_at = now_at, .host = "none" };
	bool is_there = read_setup(global_fd, &schedule);
	bool is_same = is_there && (host == NULL || strcmp(host, schedule.host) == 0);

	if (host != NULL && !is_host(host))
		return err_set(err, ERR_USAGE, "'%s' is nothing that starts a schedule: systemd, cron.d or none", host);
	if (!is_there && !draw_minute(&schedule.minute, err))
		return false;
	if (host != NULL)
		(void)snprintf(schedule.host, sizeof(schedule.host), "%s", host);
	if (!is_same && !write_setup(global_fd, &schedule, err))
		return false;
	*ret_schedule = schedule;
	return true;
}

int64_t schedule_next_at(const struct schedule *schedule, int64_t now_at, int64_t uptime_s)
{
	int64_t next_at = when_minute_after(now_at, schedule->minute);
	int64_t booted_at = when_add(now_at, SCHEDULE_BOOT_S - uptime_s);

	return next_at > booted_at ? next_at : booted_at;
}

bool schedule_is_on(int global_fd)
{
	return !file_exists(global_fd, FILE_OFF);
}

static bool switch_on(int global_fd, int64_t now_at, struct err *err)
{
	struct schedule schedule;

	if (!schedule_open(global_fd, now_at, NULL, &schedule, err))
		return false;
	if (schedule_is_on(global_fd) && file_exists(global_fd, FILE_FLAG))
		return true;
	schedule.since_at = now_at;
	return write_setup(global_fd, &schedule, err) && file_replace(global_fd, FILE_FLAG, "", 0, 0644, err) && file_remove(global_fd, FILE_OFF, err);
}

bool schedule_switch(int global_fd, bool on, int64_t now_at, struct err *err)
{
	if (on)
		return switch_on(global_fd, now_at, err);
	return (!schedule_is_on(global_fd) || file_replace(global_fd, FILE_OFF, "", 0, 0644, err)) && file_remove(global_fd, FILE_FLAG, err);
}

/* ---- runs ---- */

struct schedule_run schedule_last_run(int global_fd)
{
	AUTO_STRS words = { 0 };
	struct schedule_run run = { 0 };

	read_words(global_fd, FILE_LAST_RUN, &words);
	if (words.count == 4 && parse_int(words.items[0], 0, INT64_MAX, &run.started_at) && parse_int(words.items[1], 0, INT64_MAX, &run.completed_at) &&
	    parse_int(words.items[2], 0, 255, &run.exit_status) && schedule_by_parse(words.items[3], &run.by))
		return run;
	return (struct schedule_run){ 0 };
}

bool schedule_note_run(int global_fd, const struct schedule_run *run, struct err *err)
{
	AUTO_FREE char *line = mem_fmt("%" PRId64 " %" PRId64 " %" PRId64 " %s\n", run->started_at, run->completed_at, run->exit_status, schedule_by_name(run->by));

	return file_replace_fast(global_fd, FILE_LAST_RUN, line, strlen(line), 0600, err);
}

int schedule_lock(int global_fd, struct err *err)
{
	return lock_try(global_fd, FILE_LOCK, err);
}

/* Within so many seconds, before or after: a clock that was set back makes nothing recent for longer than that. */
static bool is_within(int64_t at, int64_t now_at, int64_t seconds)
{
	return at <= when_add(now_at, seconds) && at >= when_add(now_at, -seconds);
}

bool schedule_has_run(const struct schedule_run *last, int64_t now_at)
{
	/* Both start at the same minute: half an hour is far from this one and from the next. */
	return is_within(last->started_at, now_at, INTERVAL_S / 2);
}

int64_t schedule_forgotten_since(int global_fd, int64_t now_at, int64_t uptime_s)
{
	int64_t completed_at = schedule_last_run(global_fd).completed_at;
	struct schedule schedule = { 0 };

	if (is_within(completed_at, now_at, FORGOTTEN_S) || uptime_s <= FORGOTTEN_S || !schedule_is_on(global_fd))
		return 0;
	if (!read_setup(global_fd, &schedule) || is_within(schedule.since_at, now_at, FORGOTTEN_S))
		return 0;
	return completed_at > schedule.since_at ? completed_at : schedule.since_at;
}

char *schedule_forgotten_text(int64_t since_at, const char *logs_dir)
{
	AUTO_FREE char *since = when_human(since_at);

	return mem_fmt("The schedule does not run: no renewal of all apps was completed since %s. What should start it: dokku letsencrypt:cron-job; "
		       "what it said: %s/letsencrypt.log", since, logs_dir);
}
