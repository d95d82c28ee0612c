/* SPDX-License-Identifier: MIT */
#include "flow/outcome.h"

#include <string.h>

#include "flow/actions.h"
#include "flow/automatic.h"
#include "flow/context.h"
#include "flow/plan.h"
#include "flow/talk.h"
#include "store/store.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"
#include "util/when.h"

#define LINE_MAX_SIZE 400

static void tell_rate_limit(const struct outcome *outcome, const struct err *err)
{
	if (err->kind != ERR_RATE_LIMITED)
		return;
	talk_say(outcome->talk, TALK_WARN, outcome->app, "Let's Encrypt rate-limited this request.");
	talk_say(outcome->talk, TALK_WARN, outcome->app, "See https://letsencrypt.org/docs/rate-limits/ for the limits and when they end;");
	talk_say(outcome->talk, TALK_WARN, outcome->app, "to try things out without them: dokku letsencrypt:set %s server staging", outcome->app);
}

/* Waiting for the same as before is no news. */
static bool is_news(const struct outcome *outcome)
{
	const struct planned *planned = outcome->planned;

	return !planned->wait.message || !planned->waited_for || strcmp(planned->waited_for, planned->wait.bucket) != 0;
}

static void tell_wait(const struct outcome *outcome, const struct err *err)
{
	AUTO_FREE char *until = err->retry_at == INT64_MAX ? mem_strdup("somebody lifts that") : when_human(err->retry_at);
	size_t place = outcome->planned->wait.place;
	AUTO_FREE char *behind = place > 1 ? mem_fmt(" (place %zu in the queue)", place) : mem_strdup("");
	bool is_scheduled = false;
	struct err ignored;

	talk_say(outcome->talk, TALK_INFO1, outcome->app, "%s waits until %s%s: %s", outcome->app, until, behind, err->text);
	if (automatic_is(outcome->reason) || !outcome->planned->asks || !is_news(outcome) || !cron_status(outcome->context, &is_scheduled, &ignored))
		return;
	talk_say(outcome->talk, TALK_VERBOSE, outcome->app, is_scheduled ? "It goes on by itself then; who waits and for what: dokku letsencrypt:budget %s"
								       : "Then it goes on with dokku letsencrypt:auto-renew (by itself: dokku letsencrypt:cron-job --add); "
									 "who waits and for what: dokku letsencrypt:budget %s", outcome->app);
}

/* A hook's job fails at each deploy: its story is told once. */
static bool is_told(const struct outcome *outcome, const struct err *err)
{
	AUTO(store_app_done) struct store_app known = { 0 };
	struct err ignored;

	return automatic_is(outcome->reason) && outcome->context->store && store_app_get(outcome->context->store, outcome->app, &known, &ignored) &&
	       strcmp(known.failed_reason, err->text) == 0;
}

/* Nothing was ordered: whoever deploys need not read more than a line of that. */
static bool is_refusal(const struct outcome *outcome, const struct err *err)
{
	return automatic_is(outcome->reason) &&
	       (!outcome->has_asked_ca || err->kind == ERR_REFUSED || err->kind == ERR_CONFIG || err->kind == ERR_RATE_LIMITED);
}

/* All of it is among the events. */
static void tell_in_one_line(const struct outcome *outcome, const struct err *err)
{
	AUTO_BUF cut = BUF_MAX(LINE_MAX_SIZE);
	AUTO_STRS lines = { 0 };
	AUTO_FREE char *line = NULL;

	text_lines(err->text, &lines);
	line = strs_join(&lines, " ");
	text_escape(&cut, line, false);
	talk_say(outcome->talk, TALK_WARN, outcome->app, "%s: %s%s (dokku letsencrypt:events %s)", outcome->app, buf_text(&cut), cut.is_full ? "…" : "", outcome->app);
}

static void tell_failure(const struct outcome *outcome, const struct err *err)
{
	const char *app = outcome->app;

	if (err->kind == ERR_WAITS) {
		tell_wait(outcome, err);
		return;
	}
	if (is_refusal(outcome, err)) {
		tell_in_one_line(outcome, err);
		return;
	}
	if (outcome->has_asked_ca)
		talk_say(outcome->talk, TALK_INFO1, app, "Certificate retrieval failed!");
	talk_err(outcome->talk, app, err);
	tell_rate_limit(outcome, err);
	if (outcome->has_asked_ca)
		talk_say(outcome->talk, TALK_WARN, app, "Failed to setup letsencrypt");
}

static void write_event(const struct outcome *outcome, const char *result, const char *text, const char *next)
{
	const struct planned *planned = outcome->planned;
	AUTO_FREE char *told = text ? mem_fmt("%s: %s", result, text) : mem_strdup(result);
	struct store_event event = {
		.app = mem_strdup(outcome->app),
		.cause = mem_strdup(outcome->reason),
		.decision = mem_strdup(decision_name(planned->asks ? planned->asked : planned->decision.kind)),
		.result = mem_take(&told),
		.next = mem_strdup(next),
	};
	struct err ignored;

	(void)!store_event_add(outcome->context->store, &event, &ignored);
	store_event_done(&event);
}

static void remember_failure(const struct outcome *outcome, const struct err *err)
{
	AUTO_FREE char *after = err->retry_at > 0 && err->retry_at < INT64_MAX ? when_rfc3339(err->retry_at) : NULL;
	AUTO_FREE char *next = after ? mem_fmt("the first run after %s", after) : mem_strdup("the next run");
	struct err ignored;

	if (err->kind == ERR_NO_APP || err->kind == ERR_STOPPED || !outcome->context->store)
		return;
	if (err->kind == ERR_WAITS) {
		if (is_news(outcome))
			write_event(outcome, "waits", err->text, next);
		return;
	}
	(void)!store_app_failed(outcome->context->store, outcome->app, err->text, &ignored);
	write_event(outcome, "failed", err->text, next);
}

/* The CA refused for the rate, and told until when: from now on it waits like others. */
static void tell_waits_from_now_on(const struct outcome *outcome)
{
	struct err waits;

	err_record(&waits, ERR_WAITS, 0, "%s", outcome->planned->wait.message);
	waits.retry_at = outcome->planned->decision.at;
	tell_wait(outcome, &waits);
}

int outcome_failed(const struct outcome *outcome, const struct err *err)
{
	bool will_wait = err->kind == ERR_RATE_LIMITED && outcome->planned->wait.message;

	if (is_told(outcome, err)) {
		talk_say(outcome->talk, TALK_WARN, outcome->app, "%s: %.*s, as before (dokku letsencrypt:events %s)", outcome->app, (int)strcspn(err->text, "\n"),
			 err->text, outcome->app);
		return err_exit_status(err->kind);
	}
	/* The line about what it waits for says it all to whoever deploys. */
	if (!will_wait || !automatic_is(outcome->reason))
		tell_failure(outcome, err);
	remember_failure(outcome, err);
	if (!will_wait)
		return err_exit_status(err->kind);
	tell_waits_from_now_on(outcome);
	return err_exit_status(ERR_WAITS);
}

void outcome_installed(const struct outcome *outcome)
{
	write_event(outcome, "installed", NULL, "");
}

void outcome_is_well(const struct outcome *outcome)
{
	struct err ignored;

	(void)!store_app_failed(outcome->context->store, outcome->app, NULL, &ignored);
}
