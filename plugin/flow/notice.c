/* SPDX-License-Identifier: MIT */
/* Which state an app is in for those who are not looking, and whether it is news: the state that was told last is in the app's row. */
#include "flow/notice.h"

#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "flow/notify.h"
#include "flow/state.h"
#include "platform/platform.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

/* A program that hangs is ended sooner. */
#define LOCK_MS 15000

/* As it is told and stored; "" = good, or none. */
static const char *notice_name(enum notice_kind kind)
{
	switch (kind) {
	case NOTICE_FAILING:
		return "failing";
	case NOTICE_ENDING:
		return "ending";
	case NOTICE_EXPIRED:
		return "expired";
	case NOTICE_HELD_BACK:
		return "held-back";
	case NOTICE_PAUSED:
		return "paused";
	case NOTICE_NONE:
	case NOTICE_GOOD:
		break;
	}
	return "";
}

/* ---- which state ---- */

static bool is_ending(const struct notice_facts *facts, int64_t now_at)
{
	int64_t grace_s = facts->expires_at - facts->renew_at;

	return grace_s > 0 && facts->expires_at - now_at <= grace_s / 3;
}

/* Why there is no newer certificate. */
static const char *why_not_renewed(const struct notice_facts *facts)
{
	const char *const causes[] = { facts->held_back, facts->cannot, facts->paused, facts->failed, facts->waits };

	for (size_t i = 0; i < COUNT(causes); i++)
		if (*causes[i])
			return causes[i];
	return "no run has renewed it: is the schedule on (dokku letsencrypt:cron-job)?";
}

enum notice_kind notice_of(const struct notice_facts *facts, int64_t now_at, const char **ret_cause)
{
	*ret_cause = "";
	if (!facts->is_wanted)
		return NOTICE_NONE;
	if (facts->has_certificate && (now_at >= facts->expires_at || is_ending(facts, now_at))) {
		*ret_cause = why_not_renewed(facts);
		return now_at >= facts->expires_at ? NOTICE_EXPIRED : NOTICE_ENDING;
	}
	const struct {
		enum notice_kind kind;
		const char *cause;
	} troubles[] = { { NOTICE_HELD_BACK, facts->held_back }, { NOTICE_PAUSED, facts->paused }, { NOTICE_FAILING, facts->failed } };
	for (size_t i = 0; i < COUNT(troubles); i++) {
		if (!*troubles[i].cause)
			continue;
		*ret_cause = troubles[i].cause;
		return troubles[i].kind;
	}
	return NOTICE_GOOD;
}

/* The caller frees it. */
static char *next_step(const char *app, enum notice_kind kind)
{
	switch (kind) {
	case NOTICE_FAILING:
		return mem_fmt("the next run tries again; what was done: dokku letsencrypt:events %s", app);
	case NOTICE_ENDING:
	case NOTICE_EXPIRED:
		return mem_fmt("mend the cause, then: dokku letsencrypt:enable %s", app);
	case NOTICE_HELD_BACK:
		return mem_fmt("to have a certificate again: dokku letsencrypt:enable %s", app);
	case NOTICE_PAUSED:
		return mem_fmt("what the CA asks for: dokku letsencrypt:budget %s", app);
	case NOTICE_NONE:
	case NOTICE_GOOD:
		break;
	}
	return mem_strdup("");
}

/* ---- an app ---- */

struct subject {
	struct app app;
	struct store_wait wait;
	struct err broken; /* why its settings cannot be read */
};

static void subject_done(struct subject *subject)
{
	app_done(&subject->app);
	store_wait_done(&subject->wait);
}

/* Settings that make no sense are a cause of trouble, not a reason to say nothing about it. */
static bool read_subject(struct context *context, const char *app, struct subject *subject, struct err *err)
{
	bool is_found = false;

	if (app_read(context, app, &subject->app, &subject->broken)) {
		subject->broken = (struct err){ 0 };
	} else {
		if (subject->broken.kind != ERR_CONFIG || !app_read_held(context, app, &subject->app.held, err))
			return false;
		subject->app.name = mem_strdup(app);
		subject->app.wanted.settings.enabled = -1;
	}
	return store_wait_get(context->store, app, &is_found, &subject->wait, err);
}

static bool holds_wildcard(const struct app_held *held)
{
	for (size_t i = 0; i < held->cert.names.count; i++)
		if (*held->cert.names.items[i] == '*')
			return true;
	return false;
}

static struct notice_facts facts_of(const struct subject *subject)
{
	const struct app_held *held = &subject->app.held;
	const struct settings *settings = &subject->app.wanted.settings;
	const struct store_wait *wait = &subject->wait;
	bool needs_dns = (settings->dns_provider && *settings->dns_provider) || holds_wildcard(held);
	bool is_paused = wait->message && wait->until_at == INT64_MAX;

	return (struct notice_facts){
		.is_wanted = settings->enabled != 0 && (settings->enabled == 1 || held->is_ours || held->app.held_back_at > 0),
		.has_certificate = held->is_ours,
		.expires_at = held->cert.not_after_at,
		.renew_at = held->is_ours ? app_renew_at(settings, held) : 0,
		.held_back = held->app.held_back_at > 0 ? held->app.held_back_reason : "",
		.paused = is_paused ? wait->message : "",
		.failed = *subject->broken.text ? subject->broken.text : held->app.failed_at > 0 ? held->app.failed_reason : "",
		.cannot = needs_dns ? "it needs the DNS-01 challenge, which is not available yet" : "",
		.waits = wait->message && !is_paused ? wait->message : "",
	};
}

static void note_failure(struct context *context, const char *app, const char *state, const struct err *cause)
{
	struct store_event event = {
		.app = mem_strdup(app),
		.cause = mem_strdup("notify"),
		.decision = mem_strdup(state),
		.result = mem_fmt("failed: %s", cause->text),
		.next = mem_strdup("told by the next run"),
	};
	struct err ignored;

	(void)!store_event_add(context->store, &event, &ignored);
	store_event_done(&event);
}

static bool send(struct context *context, const struct subject *subject, const struct notice_facts *facts, enum notice_kind kind, const char *cause)
{
	const char *app = subject->app.name;
	AUTO_FREE char *next = next_step(app, kind);
	const struct notification notification = {
		.app = app,
		.state = kind == NOTICE_GOOD ? "mended" : notice_name(kind),
		.before = subject->app.held.app.notice,
		.cause = cause,
		.next = next,
		.names = facts->has_certificate ? &subject->app.held.cert.names : &subject->app.wanted.names,
		.expires_at = facts->has_certificate ? facts->expires_at : 0,
	};
	bool is_told = false;
	struct err err;

	if (!context->is_unheard && notify(context, &notification, &is_told, &err))
		return is_told;
	if (!context->is_unheard && err.kind != ERR_STOPPED)
		note_failure(context, app, notification.state, &err);
	context->is_unheard = true;
	/* So that the next run looks at the app, whatever else there is to do for it. */
	state_forget(context, app);
	return false;
}

static bool tell_one(struct context *context, const char *app, struct err *err)
{
	AUTO(subject_done) struct subject subject = { 0 };
	struct notice_facts facts;
	const char *cause = "";
	const char *told = NULL;
	enum notice_kind kind;

	if (!read_subject(context, app, &subject, err))
		return false;
	told = subject.app.held.app.notice;
	facts = facts_of(&subject);
	kind = notice_of(&facts, clock_now(&context->clock), &cause);
	if (strcmp(told, notice_name(kind)) == 0)
		return true;
	if (kind != NOTICE_NONE && !send(context, &subject, &facts, kind, cause))
		return true;
	return store_app_noticed(context->store, app, notice_name(kind), err);
}

/* So that the next run tells of them, whatever else there is to do. */
static void leave_to_next_run(struct context *context, const struct strs *apps)
{
	for (size_t i = 0; i < apps->count; i++)
		state_forget(context, apps->items[i]);
}

/* One process at a time: what one is just telling another must not tell as well. */
void notice_tell(struct context *context, const struct strs *apps)
{
	struct err err;
	int global_fd = apps->count > 0 ? platform_global_fd(context->platform, &err) : -1;
	AUTO_FD lock_fd = -1;

	if (global_fd < 0 || !context_store(context, &err))
		return;
	lock_fd = lock_take(context->loop, global_fd, "notice.lock", loop_now_ms(context->loop) + LOCK_MS, &err);
	if (lock_fd < 0) {
		leave_to_next_run(context, apps);
		return;
	}
	/* An app that is gone has nothing to be told of; a store that is gone was said before. */
	for (size_t i = 0; i < apps->count; i++)
		(void)tell_one(context, apps->items[i], &err);
}
