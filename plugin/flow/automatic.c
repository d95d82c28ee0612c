/* SPDX-License-Identifier: MIT */
#include "flow/automatic.h"

#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "flow/decide.h"
#include "flow/intake.h"
#include "flow/settings.h"
#include "flow/talk.h"
#include "flow/windows.h"
#include "platform/platform.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/loop.h"
#include "sys/schedule.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/when.h"

#define BOOT_LOCK "boot.lock"
/* A test's clock leaps; the real one could be waited for at once. */
#define BOOT_PAUSE_MS 1000

bool automatic_is(const char *reason)
{
	return strcmp(reason, "enable") != 0 && strcmp(reason, "auto-renew") != 0;
}

bool automatic_awaits_proxy(const char *reason)
{
	return strcmp(reason, "domains") == 0 || strcmp(reason, "rename") == 0;
}

int64_t automatic_not_before(const struct context *context)
{
	int64_t uptime_s = clock_uptime_s();

	return uptime_s >= SCHEDULE_BOOT_S ? 0 : when_add(clock_now(&context->clock), SCHEDULE_BOOT_S - uptime_s);
}

bool automatic_sleep_until_booted(struct context *context, struct err *err)
{
	if (automatic_not_before(context) == 0)
		return true;
	/* Both clocks count whole seconds: one more, and each job that was put off may start. */
	while (clock_uptime_s() <= SCHEDULE_BOOT_S)
		if (loop_sleep(context->loop, BOOT_PAUSE_MS) == WAIT_STOPPED)
			return err_set(err, ERR_STOPPED, "stopped before the host was up for %d minutes; the next run does what waits", SCHEDULE_BOOT_S / WHEN_MINUTE);
	return true;
}

bool automatic_await_boot(struct context *context, bool *ret_is_over, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);
	AUTO_FD lock_fd = -1;

	*ret_is_over = automatic_not_before(context) == 0;
	if (*ret_is_over)
		return true;
	if (global_fd < 0 || !intake_spool(context, err))
		return false;
	lock_fd = lock_try(global_fd, BOOT_LOCK, err);
	if (lock_fd < 0)
		return err->kind == ERR_LOCKED;
	*ret_is_over = automatic_sleep_until_booted(context, err);
	return *ret_is_over;
}

bool automatic_leaves(const struct app *app)
{
	return decide_is_out_of_reach(app) || !app->wanted.facts.has_nginx_conf || app->wanted.settings.enabled == 0 || app->held.app.held_back_at > 0;
}

/* Under `auto-enable`, and deployed; its owner has not said otherwise in any way. */
static bool is_to_be_enabled(struct context *context, const struct app *app, bool *ret_is, struct err *err)
{
	const struct settings *settings = &app->wanted.settings;
	AUTO_FREE char *deployed = NULL;

	*ret_is = false;
	if (!settings->auto_enable || settings->enabled >= 0 || automatic_leaves(app) || (app->held.has_tls && !app->held.is_ours) || app->wanted.names.count == 0)
		return true;
	if (!platform_property(context->platform, "common", app->name, "deployed", &deployed, err))
		return false;
	*ret_is = deployed && text_starts(deployed, "true");
	return true;
}

bool automatic_prepare(struct context *context, const char *name, const struct talk *talk, struct err *err)
{
	AUTO(app_done) struct app app = { 0 };
	bool is_new = false;

	if (!app_read(context, name, &app, err) || !is_to_be_enabled(context, &app, &is_new, err))
		return false;
	if (!automatic_leaves(&app))
		windows_refresh(context, &(struct app *){ &app }, 1);
	if (!is_new)
		return true;
	talk_say(talk, TALK_INFO2, name, "Enabling letsencrypt for %s", name);
	return platform_setting_write(context->platform, name, "enabled", "true", err);
}

void automatic_failed(struct context *context, const char *command, const char *app, const struct err *failure)
{
	AUTO_FREE char *name = mem_strdup(app ? app : "");
	AUTO_FREE char *cause = mem_strdup(command);
	AUTO_FREE char *result = mem_fmt("failed: %s", failure->text);
	char decision[] = "nothing";
	char next[] = "the next run";
	const struct store_event event = { .app = name, .cause = cause, .decision = decision, .result = result, .next = next };
	struct err ignored;

	if (failure->kind == ERR_STOPPED)
		return;
	talk_err(&context->talk, app, failure);
	if (context_store(context, &ignored))
		(void)!store_event_add(context->store, &event, &ignored);
}
