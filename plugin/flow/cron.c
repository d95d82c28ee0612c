/* SPDX-License-Identifier: MIT */
/* The schedule as people see it: whether it is on, what starts it, what came of the last run, and switching it. */
#include <stddef.h>
#include <string.h>

#include "flow/actions.h"
#include "flow/context.h"
#include "platform/platform.h"
#include "sys/clock.h"
#include "sys/schedule.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

bool cron_status(struct context *context, bool *ret_is_enabled, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);

	if (global_fd < 0)
		return false;
	*ret_is_enabled = schedule_is_on(global_fd);
	return true;
}

bool cron_describe(struct context *context, struct cron_view *ret_view, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);
	int64_t now_at = clock_now(&context->clock);
	struct cron_view view = { 0 };
	struct schedule schedule;
	struct schedule_run last;

	if (global_fd < 0 || !schedule_open(global_fd, now_at, NULL, &schedule, err))
		return false;
	last = schedule_last_run(global_fd);
	view.is_enabled = schedule_is_on(global_fd);
	view.is_by_platform = schedule_in_charge(platform_lib_root(context->platform)) == SCHEDULE_BY_CRON_ENTRIES;
	view.is_by_systemd = !view.is_by_platform && strcmp(schedule.host, "systemd") == 0;
	view.is_by_nothing = !view.is_by_platform && strcmp(schedule.host, "none") == 0;
	view.logs_dir = platform_logs_dir(context->platform);
	view.minute = schedule.minute;
	view.last_at = last.started_at;
	view.last_exit = last.exit_status;
	view.is_last_by_platform = last.by == SCHEDULE_BY_CRON_ENTRIES;
	view.next_at = view.is_by_nothing ? 0 : schedule_next_at(&schedule, now_at, clock_uptime_s());
	*ret_view = view;
	return true;
}

bool cron_forgotten(struct context *context, char **ret_text, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);
	int64_t since_at = 0;

	if (global_fd < 0)
		return false;
	since_at = schedule_forgotten_since(global_fd, clock_now(&context->clock), clock_uptime_s());
	*ret_text = since_at > 0 ? schedule_forgotten_text(since_at, platform_logs_dir(context->platform)) : NULL;
	return true;
}

bool cron_switch(struct context *context, bool on, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);

	if (global_fd < 0 || !schedule_switch(global_fd, on, clock_now(&context->clock), err))
		return false;
	if (platform_write_cron(context->platform, err))
		return true;
	return err_wrap(err, "The choice is kept, but dokku's crontab could not be written (the next deploy of any app writes it)");
}
