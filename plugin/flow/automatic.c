/* SPDX-License-Identifier: MIT */
#include "flow/automatic.h"

#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "flow/decide.h"
#include "flow/settings.h"
#include "flow/talk.h"
#include "platform/platform.h"
#include "sys/clock.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/when.h"

#define BOOT_S (10 * WHEN_MINUTE)

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

	return uptime_s >= BOOT_S ? 0 : when_add(clock_now(&context->clock), BOOT_S - uptime_s);
}

bool automatic_leaves(const struct app *app)
{
	return decide_is_out_of_reach(app) || !app->wanted.facts.has_nginx_conf || app->wanted.settings.enabled == 0 || app->held.app.held_back_at > 0;
}

/* What `auto-enable` is about, without looking at certificates. */
static bool is_asked_for(struct context *context, const char *app, bool *ret_is, struct err *err)
{
	AUTO(settings_done) struct settings settings = { 0 };
	AUTO_FREE char *deployed = NULL;

	if (!settings_read(context->platform, app, &settings, err) || !platform_property(context->platform, "common", app, "deployed", &deployed, err))
		return false;
	*ret_is = settings.auto_enable && settings.enabled < 0 && deployed && text_starts(deployed, "true");
	return true;
}

bool automatic_enable(struct context *context, const char *app, const struct talk *talk, struct err *err)
{
	AUTO(app_done) struct app known = { 0 };
	bool is_asked = false;

	if (!is_asked_for(context, app, &is_asked, err))
		return false;
	if (!is_asked)
		return true;
	if (!app_read(context, app, &known, err))
		return false;
	if (automatic_leaves(&known) || (known.held.has_tls && !known.held.is_ours) || known.wanted.names.count == 0)
		return true;
	talk_say(talk, TALK_INFO2, app, "Enabling letsencrypt for %s", app);
	return platform_setting_write(context->platform, app, "enabled", "true", err);
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
