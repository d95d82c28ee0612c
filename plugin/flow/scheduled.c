/* SPDX-License-Identifier: MIT */
/*
 * auto-renew as the schedule starts it: of the starts that come in an hour, by whatever mechanism, exactly one is carried out; the others end without a word.
 */
#include <stddef.h>

#include "flow/actions.h"
#include "flow/automatic.h"
#include "flow/context.h"
#include "flow/talk.h"
#include "platform/platform.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/schedule.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

/* What our line of the platform's crontab is known by. */
#define CRONTAB_WORDS "letsencrypt:auto-renew --scheduled --by cron-entries"

/* Whatever keeps it from what it should start (a dead cron daemon, a log that may not be written): nothing has come to its end for hours. */
static bool is_crontab_dead(struct context *context, int global_fd)
{
	int64_t since_at = schedule_forgotten_since(global_fd, clock_now(&context->clock), clock_uptime_s());
	AUTO_FREE char *since = when_human(since_at);

	if (since_at > 0)
		talk_say(&context->talk, TALK_WARN, NULL, "dokku's crontab has started no run since %s that came to its end; the host's own schedule does it", since);
	return since_at > 0;
}

/*
 * The platform's crontab is in charge but does not have our line: nobody tells the platform to write it anew when schedulers change, and a blank line of some
 * other plugin costs all lines. It is written then, and the host's own schedule does what that line would have done at this moment. So it does where nobody can
 * ask for the crontab, and where what the crontab starts never comes.
 */
static bool stands_in(struct context *context, int global_fd)
{
	struct err why;
	bool is_listed = false;

	if (platform_crontab_has(context->platform, CRONTAB_WORDS, &is_listed, &why) && is_listed)
		return is_crontab_dead(context, global_fd);
	if (!platform_write_cron(context->platform, &why))
		talk_say(&context->talk, TALK_WARN, NULL, "dokku's crontab, which should start this run, could not be written: %s", why.text);
	return true;
}

static bool is_in_charge(struct context *context, int global_fd, enum schedule_by by)
{
	enum schedule_by in_charge = schedule_in_charge(platform_lib_root(context->platform));

	return by == in_charge || (by == SCHEDULE_BY_HOST && stands_in(context, global_fd));
}

static bool has_run(const struct context *context, int global_fd)
{
	struct schedule_run last = schedule_last_run(global_fd);

	return schedule_has_run(&last, clock_now(&context->clock));
}

/* What it failed at as a whole is no completed run. */
static bool run(struct context *context, int global_fd, enum schedule_by by, int *ret_exit, struct err *err)
{
	struct schedule_run last = schedule_last_run(global_fd);
	struct schedule_run noted = { .started_at = clock_now(&context->clock), .completed_at = last.completed_at, .exit_status = 1, .by = by };
	bool is_done = auto_renew_all(context, false, ret_exit, err);
	struct err why;

	if (is_done || *ret_exit != 0) {
		noted.completed_at = clock_now(&context->clock);
		noted.exit_status = *ret_exit;
	}
	if (!schedule_note_run(global_fd, &noted, &why))
		talk_say(&context->talk, TALK_WARN, NULL, "This run could not be noted as the last one: %s", why.text);
	return is_done;
}

bool auto_renew_scheduled(struct context *context, const char *by_name, int *ret_exit, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);
	enum schedule_by by = schedule_in_charge(platform_lib_root(context->platform));

	*ret_exit = 0;
	if (by_name && !schedule_by_parse(by_name, &by))
		return err_set(err, ERR_USAGE, "'%s' starts no schedule: --by cron-entries (dokku's crontab) or --by host (its systemd timer or file in /etc/cron.d)",
			       by_name);
	if (global_fd < 0)
		return false;
	if (!schedule_is_on(global_fd) || has_run(context, global_fd) || !is_in_charge(context, global_fd, by))
		return true;
	/* Not before: whoever is not in charge must not keep out the one who is. */
	AUTO_FD lock_fd = schedule_lock(global_fd, err);
	if (lock_fd < 0)
		return err->kind == ERR_LOCKED;
	/* What starts so soon after boot may be what the host was off for; it waits for its time, and keeps out others meanwhile. */
	if (!automatic_sleep_until_booted(context, err))
		return false;
	return !schedule_is_on(global_fd) || has_run(context, global_fd) || run(context, global_fd, by, ret_exit, err);
}
