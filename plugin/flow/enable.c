/* SPDX-License-Identifier: MIT */
/* enable: what needs nothing ends at once; the rest goes to the worker. */
#include <string.h>

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/context.h"
#include "flow/engine.h"
#include "flow/intake.h"
#include "flow/legacy.h"
#include "flow/ports.h"
#include "flow/talk.h"
#include "flow/worker.h"
#include "platform/platform.h"
#include "util/err.h"
#include "util/mem.h"

#define TIMEOUT_S 120
#define TIMEOUT_EACH_S 10
#define TOLD_MARK "told auto-enable"

/* The apps of one command on their way. */
struct enabling {
	struct context *context;
	bool is_forced;
	struct request *requests;
	size_t count;
	int exit_status;
};

static void raise_exit(struct enabling *enabling, int status)
{
	if (status == 1 || enabling->exit_status == 0)
		enabling->exit_status = status;
}

static bool mark_enabled(struct context *context, const struct app *app, struct err *err)
{
	if (app->wanted.settings.enabled != 1 && !platform_setting_write(context->platform, app->name, "enabled", "true", err))
		return false;
	return app->held.app.held_back_at == 0 || store_app_hold(context->store, app->name, NULL, err);
}

static void tell_still_valid(const struct context *context, const struct app *app)
{
	talk_say(&context->talk, TALK_INFO1, app->name, "Certificate is still valid for %s, skipping certificate request", app->name);
	talk_say(&context->talk, TALK_INFO1, app->name, "Pass --force to letsencrypt:enable to request a new certificate anyway");
}

static bool asks_ca(const struct decision *decision)
{
	return decision->kind != DECISION_NOTHING && decision->kind != DECISION_INSTALL;
}

/* True with a request added, or with nothing to do; false: this app cannot be enabled. */
static bool consider(struct enabling *enabling, const char *name, struct err *err)
{
	struct context *context = enabling->context;
	AUTO(app_done) struct app app = { 0 };
	AUTO(decision_done) struct decision decision = { 0 };

	talk_say(&context->talk, TALK_INFO2, name, "Enabling letsencrypt for %s", name);
	if (!app_read(context, name, &app, err) || !engine_decide(context, &app, enabling->is_forced ? CAUSE_FORCED : CAUSE_TYPED, &decision, err) ||
	    !engine_check(&app, &decision, err) || (asks_ca(&decision) && !ports_check_http(context, name, err)) || !mark_enabled(context, &app, err))
		return false;
	if (decision.kind == DECISION_NOTHING && app.held.app.unserved_at == 0) {
		tell_still_valid(context, &app);
		if (!legacy_is_behind(context, &app, true)) {
			talk_say(&context->talk, TALK_END, name, "%s", "");
			return true;
		}
	}
	enabling->requests[enabling->count++] = (struct request){ .app = name, .reason = "enable", .is_forced = enabling->is_forced };
	return true;
}

static bool carry_out(struct enabling *enabling, struct err *err)
{
	AUTO_FREE int *exits = mem_new(enabling->count + 1, sizeof(*exits));

	if (enabling->count == 0)
		return true;
	if (!worker_do(enabling->context, enabling->requests, enabling->count, TIMEOUT_S + TIMEOUT_EACH_S * (int64_t)(enabling->count - 1), exits, err))
		return false;
	for (size_t i = 0; i < enabling->count; i++)
		raise_exit(enabling, exits[i]);
	return true;
}

/* Once a host, to who does not use it yet. */
static void tell_newcomer(struct context *context, const char *app)
{
	AUTO_FREE char *value = NULL;
	int64_t told_at = 0;
	struct err ignored;

	if (!context_store(context, &ignored) || !store_mark_get(context->store, TOLD_MARK, &told_at, &ignored) || told_at > 0 ||
	    !platform_property(context->platform, "letsencrypt", "--global", "auto-enable", &value, &ignored) || value ||
	    !store_mark_set(context->store, TOLD_MARK, clock_now(&context->clock), &ignored))
		return;
	talk_say(&context->talk, TALK_VERBOSE, app, "Apps can get theirs when they are deployed: dokku letsencrypt:set --global auto-enable true");
}

bool enable_apps(struct context *context, const struct strs *apps, bool is_forced, int *ret_exit, struct err *err)
{
	AUTO_FREE struct request *requests = mem_new(apps->count + 1, sizeof(*requests));
	struct enabling enabling = { .context = context, .is_forced = is_forced, .requests = requests };

	if (!intake_spool(context, err))
		return false;
	for (size_t i = 0; i < apps->count; i++) {
		if (consider(&enabling, apps->items[i], err))
			continue;
		if (err->kind == ERR_STORE || apps->count == 1)
			return false;
		talk_err(&context->talk, apps->items[i], err);
		talk_say(&context->talk, TALK_END, apps->items[i], "%s", "");
		raise_exit(&enabling, 1);
	}
	if (!carry_out(&enabling, err))
		return false;
	if (enabling.exit_status == 0 && apps->count == 1)
		tell_newcomer(context, apps->items[0]);
	*ret_exit = enabling.exit_status;
	return true;
}

/* Apps that --all leaves alone, each with a line. One that cannot be read fails alone, later. */
static bool is_skipped(struct context *context, const char *name)
{
	AUTO(app_done) struct app app = { 0 };
	const char *reason = NULL;
	struct err ignored;

	if (!app_read(context, name, &app, &ignored))
		return false;
	if (app.wanted.settings.enabled == 0)
		reason = "it is disabled";
	else if (app.held.app.held_back_at > 0)
		reason = app.held.app.held_back_reason;
	else if (strcmp(app.wanted.facts.proxy_type, "nginx") != 0)
		reason = "another proxy serves it";
	else if (strcmp(app.wanted.facts.scheduler, "k3s") == 0)
		reason = "it runs on k3s";
	else if (!app.wanted.facts.proxy_is_enabled)
		reason = "its proxy is disabled";
	else if (app.wanted.names.count == 0)
		reason = "it has no domain that can be in a certificate";
	if (reason)
		talk_say(&context->talk, TALK_VERBOSE, NULL, "Skipping %s: %s", name, reason);
	return reason != NULL;
}

bool enable_all(struct context *context, bool is_forced, int *ret_exit, struct err *err)
{
	AUTO_STRS apps = { 0 };
	AUTO_STRS chosen = { 0 };

	if (!platform_visible_apps(context->platform, &apps, err))
		return false;
	for (size_t i = 0; i < apps.count; i++)
		if (!is_skipped(context, apps.items[i]))
			strs_add(&chosen, apps.items[i]);
	return enable_apps(context, &chosen, is_forced, ret_exit, err);
}
