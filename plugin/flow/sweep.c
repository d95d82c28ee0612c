/* SPDX-License-Identifier: MIT */
/* auto-renew: everything that is due, on every app, most urgent first; a thousand apps with nothing to do cost a thousand state lines. */
#include <stdlib.h>
#include <string.h>

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/budget.h"
#include "flow/context.h"
#include "flow/engine.h"
#include "flow/gone.h"
#include "flow/intake.h"
#include "flow/legacy.h"
#include "flow/leftovers.h"
#include "flow/notice.h"
#include "flow/plan.h"
#include "flow/state.h"
#include "flow/talk.h"
#include "flow/windows.h"
#include "flow/worker.h"
#include "platform/platform.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/schedule.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

#define TIMEOUT_S (30 * WHEN_MINUTE)
/* From here on an app that we must not touch is a failure: it will lapse. */
#define ALARM_S (30 * WHEN_DAY)

/* One app under consideration. */
struct candidate {
	struct app app;
	struct decision decision;
	const char *reason;  /* who has waited since somebody typed enable still does so for that reason */
	bool is_forced;
	bool is_due;
	uint64_t fingerprint;
	int64_t renew_at;
};

struct sweep {
	struct context *context;
	bool is_typed;
	uint64_t host;           /* of the state lines */
	struct store_waits waits;
	struct candidate *items; /* those whose state line does not say "nothing" */
	size_t count;
	struct strs unreadable;
	bool has_failed;
};

static void candidate_done(struct candidate *candidate)
{
	app_done(&candidate->app);
	decision_done(&candidate->decision);
}

static void sweep_done(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->count; i++)
		candidate_done(&sweep->items[i]);
	free(sweep->items);
	strs_done(&sweep->unreadable);
	store_waits_done(&sweep->waits);
}

static void tell_not_due(const struct sweep *sweep, const char *app, int64_t renew_at)
{
	AUTO_FREE char *left = when_difference(renew_at - clock_now(&sweep->context->clock));

	if (sweep->is_typed && renew_at > 0)
		talk_say(&sweep->context->talk, TALK_VERBOSE, NULL, "%s still has %s days left before renewal", app, left);
}

static void tell_app_err(struct sweep *sweep, const char *app, const struct err *err)
{
	talk_say(&sweep->context->talk, TALK_WARN, NULL, "%s: %s", app, err->text);
	sweep->has_failed = true;
}

/* ---- looking ---- */

static void find_reason(const struct sweep *sweep, const char *name, struct candidate *candidate)
{
	candidate->reason = "auto-renew";
	for (size_t i = 0; i < sweep->waits.count; i++) {
		if (strcmp(sweep->waits.items[i].app, name) != 0)
			continue;
		candidate->reason = sweep->waits.items[i].reason;
		candidate->is_forced = sweep->waits.items[i].is_forced;
	}
}

/* An app that cannot even be read fails alone. */
static void look(struct sweep *sweep, const char *name)
{
	struct candidate *candidate = &sweep->items[sweep->count];
	uint64_t fingerprint = state_fingerprint(sweep->context, name, sweep->host);
	struct state state = { 0 };
	struct err err;

	if (state_read(sweep->context, name, fingerprint, &state) && clock_now(&sweep->context->clock) < state.check_at) {
		tell_not_due(sweep, name, state.renew_at);
		return;
	}
	*candidate = (struct candidate){ .fingerprint = fingerprint };
	find_reason(sweep, name, candidate);
	if (app_read(sweep->context, name, &candidate->app, &err)) {
		sweep->count++;
		return;
	}
	strs_add(&sweep->unreadable, name);
	tell_app_err(sweep, name, &err);
}

static void refresh_windows(struct sweep *sweep)
{
	AUTO_FREE struct app **apps = mem_new(sweep->count + 1, sizeof(struct app *));

	for (size_t i = 0; i < sweep->count; i++)
		apps[i] = &sweep->items[i].app;
	windows_refresh(sweep->context, apps, sweep->count);
}

/* ---- deciding ---- */

/* An app that must not be touched is told when its certificate is near its end. */
static void tell_refused(struct sweep *sweep, const struct candidate *candidate)
{
	const struct app_held *held = &candidate->app.held;
	/* Nobody serves the certificate of an app without a proxy. */
	bool is_near = held->is_ours && candidate->app.wanted.facts.proxy_is_enabled && held->cert.not_after_at - clock_now(&sweep->context->clock) < ALARM_S;

	if (is_near || candidate->app.wanted.settings.enabled == 1)
		talk_say(&sweep->context->talk, TALK_WARN, NULL, "%s", candidate->decision.why);
	sweep->has_failed = sweep->has_failed || is_near;
}

/* True: the worker is wanted. */
static bool consider(struct sweep *sweep, struct candidate *candidate)
{
	struct err err = { 0 };

	if (!engine_decide(sweep->context, &candidate->app, plan_cause(candidate->reason, candidate->is_forced), &candidate->decision, &err)) {
		tell_app_err(sweep, candidate->app.name, &err);
		return false;
	}
	switch (candidate->decision.kind) {
	case DECISION_NOTHING:
		if (candidate->app.held.is_ours && (candidate->app.held.app.unserved_at > 0 || legacy_is_behind(sweep->context, &candidate->app, false)))
			return true;
		tell_not_due(sweep, candidate->app.name, candidate->app.held.is_ours ? candidate->decision.at : 0);
		state_remember(sweep->context, &candidate->app, &candidate->decision, candidate->fingerprint);
		return false;
	case DECISION_REFUSE:
		tell_refused(sweep, candidate);
		return false;
	case DECISION_WAIT:
		if (sweep->is_typed)
			talk_say(&sweep->context->talk, TALK_VERBOSE, NULL, "%s waits: %s", candidate->app.name, candidate->decision.why);
		return false;
	case DECISION_INSTALL:
	case DECISION_CONTINUE:
	case DECISION_RENEW_ARI:
	case DECISION_RENEW:
	case DECISION_ISSUE:
		break;
	}
	if (!candidate->app.wanted.facts.has_nginx_conf) {
		talk_say(&sweep->context->talk, TALK_WARN, NULL, "%s is skipped: it has no nginx.conf (stopped, or never deployed); dokku letsencrypt:enable %s makes one",
			 candidate->app.name, candidate->app.name);
		return false;
	}
	talk_say(&sweep->context->talk, TALK_INFO1, NULL, "%s needs renewal", candidate->app.name);
	return true;
}

/* Soonest expiry first; what has no certificate comes last. */
static int by_urgency(const void *a, const void *b)
{
	const struct candidate *const *left = a;
	const struct candidate *const *right = b;
	int64_t left_at = (*left)->app.held.is_ours ? (*left)->app.held.cert.not_after_at : INT64_MAX;
	int64_t right_at = (*right)->app.held.is_ours ? (*right)->app.held.cert.not_after_at : INT64_MAX;

	return left_at < right_at ? -1 : left_at > right_at;
}

static bool carry_out(struct sweep *sweep, struct candidate **due, size_t count, bool *ret_failed, struct err *err)
{
	AUTO_FREE struct request *requests = mem_new(count + 1, sizeof(*requests));
	AUTO_FREE int *exits = mem_new(count + 1, sizeof(*exits));

	if (count == 0)
		return true;
	qsort(due, count, sizeof(struct candidate *), by_urgency);
	for (size_t i = 0; i < count; i++)
		requests[i] = (struct request){ .app = due[i]->app.name, .reason = due[i]->reason, .is_forced = due[i]->is_forced };
	if (!worker_do(sweep->context, requests, count, TIMEOUT_S, exits, err))
		return false;
	for (size_t i = 0; i < count; i++)
		*ret_failed = *ret_failed || exits[i] == 1;
	return true;
}

static bool renew_due(struct sweep *sweep, struct err *err)
{
	AUTO_FREE struct candidate **due = mem_new(sweep->count + 1, sizeof(struct candidate *));
	size_t count = 0;

	refresh_windows(sweep);
	for (size_t i = 0; i < sweep->count; i++) {
		sweep->items[i].is_due = consider(sweep, &sweep->items[i]);
		if (sweep->items[i].is_due)
			due[count++] = &sweep->items[i];
	}
	return carry_out(sweep, due, count, &sweep->has_failed, err);
}

/* What hooks asked for, and no worker came to. */
static bool serve_hooks(struct context *context, struct err *err)
{
	size_t count = 0;

	return store_job_count(context->store, &count, err) && (count == 0 || worker_serve(context, err));
}

/* What time alone has done to apps that no job was for: the worker tells of the others. */
static void tell_notices(const struct sweep *sweep)
{
	AUTO_STRS apps = { 0 };

	strs_add_all(&apps, &sweep->unreadable);
	for (size_t i = 0; i < sweep->count; i++)
		if (!sweep->items[i].is_due)
			strs_add(&apps, sweep->items[i].app.name);
	notice_tell(sweep->context, &apps);
}

static bool sweep_all(struct sweep *sweep, struct err *err)
{
	struct context *context = sweep->context;
	AUTO_STRS apps = { 0 };

	if (!context_store(context, err) || !intake_spool(context, err) || !platform_apps(context->platform, &apps, err) ||
	    !store_wait_list(context->store, &sweep->waits, err))
		return false;
	gone_forget(context, &apps);
	sweep->items = mem_new(apps.count + 1, sizeof(*sweep->items));
	sweep->host = state_of_host(context);
	for (size_t i = 0; i < apps.count; i++)
		look(sweep, apps.items[i]);
	if (!renew_due(sweep, err) || !serve_hooks(context, err))
		return false;
	tell_notices(sweep);
	leftovers_sweep_unlocked(context);
	budget_tidy(context);
	return true;
}

bool auto_renew_all(struct context *context, bool is_typed, int *ret_exit, struct err *err)
{
	AUTO(sweep_done) struct sweep sweep = { .context = context, .is_typed = is_typed };
	struct err ignored;
	int global_fd = platform_global_fd(context->platform, &ignored);
	/* While somebody looks on the schedule keeps off; while the schedule does it, this one follows. */
	AUTO_FD lock_fd = is_typed && global_fd >= 0 ? schedule_lock(global_fd, &ignored) : -1;
	bool is_done = false;

	*ret_exit = 0;
	/* Monitors watch for the first and the last line, whatever happens between them. */
	talk_say(&context->talk, TALK_INFO2, NULL, "Auto-renewing all apps...");
	is_done = sweep_all(&sweep, err);
	if (is_done || err->kind != ERR_STOPPED)
		talk_say(&context->talk, TALK_INFO2, NULL, "Finished auto-renewal");
	if (!is_done || !sweep.has_failed)
		return is_done;
	*ret_exit = 1;
	return err_set(err, ERR_CHILD, "One or more apps failed to have their certificates renewed");
}

/* ---- one app, typed ---- */

bool auto_renew_app(struct context *context, const char *name, int *ret_exit, struct err *err)
{
	AUTO(sweep_done) struct sweep sweep = { .context = context, .items = mem_new(1, sizeof(struct candidate)), .count = 1 };
	struct candidate *candidate = &sweep.items[0];
	AUTO_FREE char *left = NULL;
	bool has_failed = false;

	*ret_exit = 0;
	if (!context_store(context, err) || !intake_spool(context, err) || !store_wait_list(context->store, &sweep.waits, err) ||
	    !app_read(context, name, &candidate->app, err))
		return false;
	find_reason(&sweep, name, candidate);
	if (!candidate->app.held.is_ours) {
		talk_say(&context->talk, TALK_INFO1, name, "Letsencrypt not enabled for %s", name);
		return true;
	}
	refresh_windows(&sweep);
	if (!engine_decide(context, &candidate->app, plan_cause(candidate->reason, candidate->is_forced), &candidate->decision, err))
		return false;
	if (candidate->decision.kind == DECISION_REFUSE)
		return err_set(err, ERR_REFUSED, "%s", candidate->decision.why);
	if (candidate->decision.kind == DECISION_NOTHING && candidate->app.held.app.unserved_at == 0) {
		left = when_difference(candidate->decision.at - clock_now(&context->clock));
		if (candidate->decision.at > 0)
			talk_say(&context->talk, TALK_VERBOSE, name, "%s still has %s left before renewal", name, left);
		else
			talk_say(&context->talk, TALK_VERBOSE, name, "%s", candidate->decision.why);
		return true;
	}
	talk_say(&context->talk, TALK_INFO2, name, "Auto-renew %s...", name);
	if (!carry_out(&sweep, &(struct candidate *){ candidate }, 1, &has_failed, err))
		return false;
	*ret_exit = has_failed ? 1 : 0;
	return true;
}
