/* SPDX-License-Identifier: MIT */
/* The story of one app's certificate: decide, prepare, order, install. Everything that starts here is also told here. */
#include "flow/issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/automatic.h"
#include "flow/budget.h"
#include "flow/challenge.h"
#include "flow/context.h"
#include "flow/engine.h"
#include "flow/install.h"
#include "flow/intake.h"
#include "flow/legacy.h"
#include "flow/leftovers.h"
#include "flow/mend.h"
#include "flow/names.h"
#include "flow/order.h"
#include "flow/outcome.h"
#include "flow/ports.h"
#include "flow/settings.h"
#include "flow/state.h"
#include "flow/talk.h"
#include "flow/worker.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

struct issue {
	struct worker *worker;
	int64_t job_id;
	char *name;
	char *reason;
	bool is_forced;
	const struct talk *talk;
	struct planned planned;
	struct account account;
	struct ca *ca;
	struct budget *budget;
	struct strs refused;      /* names that this run found to be no good … */
	struct strs reasons;      /* … and why */
	struct challenge challenge;
	bool expects_snippet;     /* still to be joined or forgotten */
	bool expects_renewal;
	char leaf[65];
};

static void forget_batches(struct issue *issue)
{
	if (issue->expects_snippet)
		batch_forget(&issue->worker->snippets);
	if (issue->expects_renewal)
		batch_forget(&issue->worker->renewals);
	issue->expects_snippet = false;
	issue->expects_renewal = false;
}

struct issue *issue_new(struct worker *worker, const struct store_job *job, const struct talk *talk)
{
	struct issue *issue = mem_new(1, sizeof(*issue));

	issue->worker = worker;
	issue->talk = talk;
	issue->job_id = job->id;
	issue->name = mem_strdup(job->app);
	issue->reason = mem_strdup(job->reason);
	issue->is_forced = job->is_forced;
	return issue;
}

void issue_free(struct issue *issue)
{
	if (!issue)
		return;
	planned_done(&issue->planned);
	account_done(&issue->account);
	strs_done(&issue->refused);
	strs_done(&issue->reasons);
	free(issue->reason);
	free(issue->name);
	free(issue);
}

struct planned *issue_planned(struct issue *issue)
{
	return &issue->planned;
}

void issue_expect(struct issue *issue)
{
	batch_expect(&issue->worker->snippets);
	batch_expect(&issue->worker->renewals);
	issue->expects_snippet = true;
	issue->expects_renewal = true;
}

static bool is_typed(const struct issue *issue)
{
	return strcmp(issue->reason, "enable") == 0;
}

/*
 * Its app was destroyed since, and its job forgotten with all that was known of it: what comes of it now is of no concern to an app that may have got the name.
 */
static bool is_void(const struct issue *issue)
{
	struct context *context = issue->worker->context;
	AUTO(store_job_done) struct store_job job = { 0 };
	bool is_found = true;
	struct err ignored;

	return context->store && intake_spool(context, &ignored) && store_job_get(context->store, issue->job_id, &is_found, &job, &ignored) && !is_found;
}

static void record_void(const struct issue *issue, struct err *ret_err)
{
	err_record(ret_err, ERR_NO_APP, 0, "%s was destroyed meanwhile", issue->name);
}

/* ---- preparing ---- */

static void tell_ignored(const struct issue *issue)
{
	const struct strs *ignored = &issue->planned.app.wanted.settings.ignored;
	AUTO_FREE char *words = strs_join(ignored, " ");

	if (ignored->count > 0)
		talk_say(issue->talk, TALK_WARN, issue->name, "Ignored in lego-args or lego-docker-options, which this plugin does not need: %s", words);
}

static bool open_ca(struct issue *issue, struct err *err)
{
	const struct settings *settings = &issue->planned.app.wanted.settings;
	const char *app = issue->name;
	AUTO_FREE char *terms_url = NULL;

	talk_say(issue->talk, TALK_STEP, app, "account");
	issue->budget = budget_open(issue->worker->context, settings->server, err);
	if (!issue->budget)
		return false;
	issue->ca = ca_open(&issue->worker->cas, settings, err);
	if (!issue->ca)
		return false;
	acme_warm_up(issue->ca->acme);
	if (*settings->profile && acme_profiles(issue->ca->acme)->count > 0 && !strs_has(acme_profiles(issue->ca->acme), settings->profile)) {
		AUTO_FREE char *known = strs_join(acme_profiles(issue->ca->acme), ", ");

		return err_set(err, ERR_CONFIG, "%s has no profile '%s': it offers %s (dokku letsencrypt:set %s profile <name>)", settings->server, settings->profile,
			       known, app);
	}
	if (!account_get(issue->ca, issue->worker->context, app, settings, &issue->account, &terms_url, err))
		return false;
	if (terms_url)
		talk_say(issue->talk, TALK_INFO1, app, "Made an account for %s at %s, agreeing to its terms: %s", settings->email, issue->ca->server, terms_url);
	return true;
}

static bool prepare_proxy(struct issue *issue, struct err *err)
{
	struct context *context = issue->worker->context;
	const char *app = issue->name;

	talk_say(issue->talk, TALK_STEP, app, "proxy");
	if (!ports_ensure_http(context, app, issue->talk, err))
		return false;
	if (!issue->planned.app.wanted.facts.has_nginx_conf && is_typed(issue)) {
		bool is_built = false;

		if (!gate_enter(context->loop, &issue->worker->rebuilds, LOOP_NEVER))
			return err_set(err, ERR_STOPPED, "stopped before the proxy configuration of %s was built", app);
		is_built = platform_build_config(context->platform, app, err);
		gate_leave(context->loop, &issue->worker->rebuilds);
		if (!is_built)
			return false;
	}
	issue->expects_snippet = false;
	issue->challenge.thumbprint = issue->account.acme.thumbprint;
	issue->challenge.awaits_proxy = automatic_awaits_proxy(issue->reason);
	return challenge_prepare(issue->worker, &issue->planned.app, issue->talk, &issue->challenge, err);
}

/* ---- names that turn out to be no good ---- */

/*
 * A renewal never drops a wanted name that the held certificate covers while more than a quarter of its life is left, unless somebody typed enable (design 3).
 */
static bool may_drop(const struct issue *issue, const char *name)
{
	const struct app_held *held = &issue->planned.app.held;
	int64_t now_at = clock_now(&issue->worker->context->clock);
	int64_t quarter_s = (held->cert.not_after_at - held->cert.not_before_at) / 4;

	if (is_typed(issue) || !held->is_ours || held->cert.not_after_at - now_at <= quarter_s)
		return true;
	return !names_cover(&held->cert.names, name);
}

/* What is left is in the certificate in use, which is good, as set and not due: another one would bring nothing. */
static bool holds_the_rest(const struct issue *issue)
{
	const struct app_held *held = &issue->planned.app.held;
	const struct settings *settings = &issue->planned.app.wanted.settings;
	int64_t now_at = clock_now(&issue->worker->context->clock);

	if (issue->is_forced || !held->is_ours || !held->is_known || held->known.revoked_at > 0 || now_at >= app_renew_at(settings, held) ||
	    (*held->known.server && strcmp(held->known.server, settings->server) != 0) || strcmp(held->known.profile, settings->profile) != 0 ||
	    strcmp(held->known.key_type, key_type_name(settings->key_type)) != 0)
		return false;
	for (size_t i = 0; i < issue->planned.decision.names.count; i++)
		if (!names_cover(&held->cert.names, issue->planned.decision.names.items[i]))
			return false;
	return true;
}

/* Takes the names out of what is ordered; fails when one must not be dropped, or when nothing is left that is worth an order. */
static bool drop_names(struct issue *issue, const struct strs *names, struct err *err)
{
	for (size_t i = 0; i < names->count; i++) {
		size_t at = strs_find(&issue->planned.decision.names, names->items[i]);

		if (!may_drop(issue, names->items[i]))
			return false;
		if (at != SIZE_MAX)
			strs_remove_at(&issue->planned.decision.names, at);
	}
	if (issue->planned.decision.names.count == 0 || holds_the_rest(issue))
		return false;
	talk_err(issue->talk, issue->name, err);
	return true;
}

static bool self_test(struct issue *issue, struct err *err)
{
	AUTO_STRS wrong = { 0 };
	AUTO_STRS reasons = { 0 };

	talk_say(issue->talk, TALK_STEP, issue->name, "self-test");
	if (!challenge_self_test(issue->worker, &issue->planned.app, &issue->planned.decision.names, &issue->challenge, issue->talk, &wrong, &reasons, err))
		return false;
	if (wrong.count == 0)
		return true;
	(void)err_set(err, ERR_REFUSED, "%s: %s", wrong.items[0], reasons.items[0]);
	for (size_t i = 1; i < wrong.count; i++)
		err_append(err, "%s: %s", wrong.items[i], reasons.items[i]);
	strs_add_all(&issue->refused, &wrong);
	return drop_names(issue, &wrong, err);
}

/* ---- ordering ---- */

static void tell_names(const struct issue *issue)
{
	talk_say(issue->talk, TALK_INFO1, issue->name, "Getting letsencrypt certificate for %s via HTTP-01", issue->name);
	for (size_t i = 0; i < issue->planned.decision.names.count; i++)
		talk_say(issue->talk, TALK_VERBOSE, issue->name, " - Domain '%s'", issue->planned.decision.names.items[i]);
}

static bool obtain_once(struct issue *issue, struct strs *ret_failed, struct err *err)
{
	const struct obtain obtain = {
		.worker = issue->worker,
		.ca = issue->ca,
		.account = &issue->account,
		.budget = issue->budget,
		.planned = &issue->planned,
		.challenge = &issue->challenge,
		.talk = issue->talk,
	};

	if (!acme_has_ari(issue->ca->acme))
		*issue->planned.decision.replaces = '\0';
	return order_obtain(&obtain, issue->leaf, ret_failed, err);
}

/* Names whose validation failed are left out of a second order, where they may be. */
static bool obtain(struct issue *issue, struct err *err)
{
	AUTO_STRS failed = { 0 };

	tell_names(issue);
	if (obtain_once(issue, &failed, err))
		return true;
	if (failed.count == 0)
		return false;
	strs_add_all(&issue->refused, &failed);
	if (!drop_names(issue, &failed, err))
		return false;
	talk_say(issue->talk, TALK_INFO1, issue->name, "Trying again without them");
	strs_done(&failed);
	tell_names(issue);
	return obtain_once(issue, &failed, err);
}

static bool get_certificate(struct issue *issue, struct err *err)
{
	if (!open_ca(issue, err) || !prepare_proxy(issue, err) || !self_test(issue, err) || !obtain(issue, err))
		return false;
	talk_say(issue->talk, TALK_INFO1, issue->name, "Certificate retrieved successfully.");
	return true;
}

/* ---- installing ---- */

static bool mark_installed(struct issue *issue, struct err *err)
{
	AUTO(store_orders_done) struct store_orders open = { 0 };
	struct store *store = issue->worker->context->store;

	if (!store_order_list_open(store, issue->name, &open, err))
		return false;
	for (size_t i = 0; i < open.count; i++)
		if (open.items[i].state == ORDER_ISSUED && strcmp(open.items[i].leaf, issue->leaf) == 0 && !store_order_installed(store, open.items[i].id, err))
			return false;
	return true;
}

static void tell_success(const struct issue *issue)
{
	AUTO(app_held_done) struct app_held held = { 0 };
	AUTO_FREE char *expiry = NULL;
	bool is_scheduled = false;
	struct err ignored;

	if (!app_read_held(issue->worker->context, issue->name, &held, &ignored) || !cron_status(issue->worker->context, &is_scheduled, &ignored))
		return;
	expiry = when_human(held.cert.not_after_at);
	talk_say(issue->talk, TALK_VERBOSE, issue->name, "https://%s is served until %s%s", issue->planned.decision.names.items[0], expiry,
		 is_scheduled ? " and renews by itself" : "; let it renew by itself with: dokku letsencrypt:cron-job --add");
}

/* The CA has taken its time. A certificate that nobody wants any more stays among ours. */
static bool is_wanted_still(const struct issue *issue, struct err *err)
{
	AUTO(settings_done) struct settings settings = { 0 };

	if (is_void(issue)) {
		record_void(issue, err);
		return false;
	}
	if (!settings_read(issue->worker->context->platform, issue->name, &settings, err))
		return false;
	return settings.enabled != 0 || err_set(err, ERR_STOPPED, "%s was disabled meanwhile: its certificate is kept, and not installed", issue->name);
}

static bool install(struct issue *issue, struct err *err)
{
	if (issue->expects_snippet)
		batch_forget(&issue->worker->snippets);
	issue->expects_snippet = false;
	talk_say(issue->talk, TALK_STEP, issue->name, "installing");
	talk_say(issue->talk, TALK_INFO1, issue->name, "Installing let's encrypt certificates");
	issue->expects_renewal = false;
	if (!is_wanted_still(issue, err))
		return false;
	if (!install_certificate(issue->worker, &issue->planned.app, issue->leaf, issue->talk, err) || !mark_installed(issue, err))
		return false;
	tell_success(issue);
	talk_say(issue->talk, TALK_INFO1, issue->name, "Done");
	return true;
}

/* ---- the job ---- */

/* What is only there for going back is no reason to fail. */
static void follow(const struct issue *issue)
{
	struct err err;

	if (issue->planned.app.held.is_ours && !legacy_follow(issue->worker->context, &issue->planned.app, is_typed(issue), &err))
		talk_err(issue->talk, issue->name, &err);
}

static bool carry_out_decision(struct issue *issue, struct err *err)
{
	switch (issue->planned.decision.kind) {
	case DECISION_NOTHING:
		if (issue->planned.app.held.app.unserved_at > 0 && issue->planned.app.held.is_ours) {
			issue->expects_renewal = false;
			return install_serve(issue->worker, &issue->planned.app, issue->talk, err);
		}
		follow(issue);
		return true;
	case DECISION_REFUSE:
		err_record(err, ERR_REFUSED, 0, "%s", issue->planned.decision.why);
		return false;
	case DECISION_WAIT:
		err_record(err, ERR_WAITS, 0, "%s", issue->planned.wait.message ? issue->planned.wait.message : issue->planned.decision.why);
		err->retry_at = issue->planned.decision.at;
		return false;
	case DECISION_INSTALL:
		(void)snprintf(issue->leaf, sizeof(issue->leaf), "%s", issue->planned.decision.leaf);
		return install(issue, err);
	case DECISION_CONTINUE:
	case DECISION_RENEW_ARI:
	case DECISION_RENEW:
	case DECISION_ISSUE:
		return get_certificate(issue, err) && install(issue, err);
	}
	return err_set(err, ERR_BUG, "'%s' was not refused", issue->name);
}

static void tell_refused_names(const struct issue *issue)
{
	const struct app_wanted *wanted = &issue->planned.app.wanted;

	for (size_t i = 0; i < wanted->refused.count; i++)
		talk_say(issue->talk, TALK_WARN, issue->name, "Domain '%s' is left out: it %s", wanted->refused.items[i], wanted->reasons.items[i]);
	for (size_t i = 0; i < issue->planned.decision.left_out.count; i++)
		talk_say(issue->talk, TALK_WARN, issue->name, "Domain '%s' is left out for now: its validation failed within the last day", issue->planned.decision.left_out.items[i]);
}

/* What somebody who types it hears at once; of a hook's job only when something follows. */
static void tell_left_out(const struct issue *issue)
{
	tell_ignored(issue);
	if (issue->planned.decision.kind != DECISION_NOTHING)
		tell_refused_names(issue);
}

/* Something is ordered or installed. */
static bool acts(const struct issue *issue)
{
	enum decision_kind kind = issue->planned.decision.kind;

	return kind != DECISION_NOTHING && kind != DECISION_WAIT && kind != DECISION_REFUSE;
}

/* Nobody sees what a hook's job leaves undone, so it also looks whether the certificate is served at all. */
static bool carry_out(struct issue *issue, struct err *err)
{
	const struct app *app = &issue->planned.app;

	if (automatic_is(issue->reason) && acts(issue))
		tell_left_out(issue);
	if (automatic_is(issue->reason) && !mend_await_build(issue->worker->context, issue->name, err))
		return false;
	if (!carry_out_decision(issue, err))
		return false;
	if (!automatic_is(issue->reason) || !(*issue->leaf || app->held.is_ours))
		return true;
	return mend_proxy(issue->worker, app, *issue->leaf ? issue->leaf : app->held.cert.leaf_sha256, issue->talk, err);
}

/* While it waits it keeps its place; else it is asked for no more. */
static void settle_place(struct issue *issue)
{
	struct context *context = issue->worker->context;
	struct err ignored;

	if (!context->store)
		return;
	if (issue->planned.wait.message)
		(void)!plan_keep(context, &issue->planned, 1, &ignored);
	else
		(void)!plan_drop(context, issue->name, &ignored);
}

static struct outcome outcome_of(const struct issue *issue)
{
	return (struct outcome){
		.context = issue->worker->context,
		.app = issue->name,
		.reason = issue->reason,
		.planned = &issue->planned,
		.talk = issue->talk,
		.has_asked_ca = issue->ca && !*issue->leaf,
	};
}

/* A hook's job has looked at all of it: names, certificate and proxy. */
static bool is_well(const struct issue *issue)
{
	return automatic_is(issue->reason) && issue->planned.app.held.is_ours && issue->planned.decision.left_out.count == 0;
}

static void end(struct issue *issue, bool is_done, const struct err *err, int *ret_exit)
{
	const struct outcome outcome = outcome_of(issue);
	bool is_over = !is_done && is_void(issue);
	struct err gone;

	if (is_over)
		record_void(issue, &gone);
	if (!is_done) {
		*ret_exit = outcome_failed(&outcome, is_over ? &gone : err);
	} else {
		if (issue->planned.decision.kind != DECISION_NOTHING)
			outcome_installed(&outcome);
		else if (is_well(issue))
			outcome_is_well(&outcome);
		*ret_exit = issue->refused.count > 0 ? 1 : 0;
	}
	if (!is_over)
		settle_place(issue);
	forget_batches(issue);
	if (is_done)
		state_settle(issue->worker->context, issue->name);
	else
		state_forget(issue->worker->context, issue->name);
}

/* domains:reset takes all domains away before it writes the new ones, and a hook tells of each step. */
static bool has_lost_domains(const struct issue *issue)
{
	const struct app_wanted *wanted = &issue->planned.app.wanted;

	return automatic_awaits_proxy(issue->reason) && wanted->names.count == 0 && wanted->refused.count == 0;
}

/* What a hook's job has nothing to do with ends without a word. */
static bool is_left_alone(const struct issue *issue, const struct err *err)
{
	return automatic_is(issue->reason) &&
	       (err->kind == ERR_NO_APP || (issue->planned.app.name && (automatic_leaves(&issue->planned.app) || has_lost_domains(issue))));
}

static bool begin(struct issue *issue, struct err *err)
{
	if (automatic_is(issue->reason) && !automatic_prepare(issue->worker->context, issue->name, issue->talk, err))
		return false;
	if (!plan_read(issue->worker->context, issue->name, issue->reason, issue->is_forced, &issue->planned, err))
		return false;
	if (is_left_alone(issue, err))
		return false;
	if (issue->planned.decision.kind != DECISION_NOTHING)
		leftovers_sweep_app(issue->worker->context, issue->name);
	if (!automatic_is(issue->reason))
		tell_left_out(issue);
	return engine_check(&issue->planned.app, &issue->planned.decision, err);
}

bool issue_begin(struct issue *issue, int *ret_exit)
{
	struct err err = { 0 };

	if (begin(issue, &err))
		return true;
	if (is_left_alone(issue, &err)) {
		*ret_exit = 0;
		settle_place(issue);
		state_settle(issue->worker->context, issue->name);
		return false;
	}
	end(issue, false, &err, ret_exit);
	return false;
}

void issue_run(struct issue *issue, int *ret_exit)
{
	struct err err = { 0 };
	bool is_done = carry_out(issue, &err);

	end(issue, is_done, &err, ret_exit);
}
