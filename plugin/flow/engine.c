/* SPDX-License-Identifier: MIT */
/* What decide() needs to know, from the store, and what is refused before anything is asked. */
#include "flow/engine.h"

#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "flow/names.h"
#include "store/store.h"
#include "util/err.h"
#include "util/when.h"

/* What lately failed, of the names that are wanted. */
struct failures {
	struct strs names;
	struct strs daily;
	int64_t daily_at;
};

static void failures_done(struct failures *failures)
{
	strs_done(&failures->names);
	strs_done(&failures->daily);
}

static void note_failure(struct failures *failures, const char *name, const struct store_validation *validation, int64_t now_at)
{
	int64_t again_at = when_add(validation->failed_at, WHEN_DAY);

	if (again_at <= now_at)
		return;
	strs_add(&failures->names, name);
	if (!validation->is_daily)
		return;
	strs_add(&failures->daily, name);
	if (failures->daily_at == 0 || again_at < failures->daily_at)
		failures->daily_at = again_at;
}

static bool find_failures(struct context *context, const struct app *app, struct failures *ret_failures, struct err *err)
{
	int64_t now_at = clock_now(&context->clock);

	for (size_t i = 0; i < app->wanted.names.count; i++) {
		const char *name = app->wanted.names.items[i];
		struct store_validation validation;

		if (!store_validation_get(context->store, app->wanted.settings.server, name, &validation, err))
			return false;
		note_failure(ret_failures, name, &validation, now_at);
	}
	return true;
}

/* What we own matters only to those who would get a certificate: a thousand apps with nothing to do do not read a thousand certificates each. */
static bool needs_owned(const struct decision *decision)
{
	return decision->kind == DECISION_CONTINUE || decision->kind == DECISION_RENEW_ARI || decision->kind == DECISION_RENEW || decision->kind == DECISION_ISSUE;
}

/* One that another certificate has to have: what is not in the one in use is in few others. */
static const char *telling_name(const struct app_held *held, const struct strs *names)
{
	for (size_t i = 0; held->is_readable && i < names->count; i++)
		if (!names_cover(&held->cert.names, names->items[i]))
			return names->items[i];
	return names->items[0];
}

bool engine_decide(struct context *context, const struct app *app, enum decision_cause cause, struct decision *ret_decision, struct err *err)
{
	AUTO(store_certs_done) struct store_certs owned = { 0 };
	AUTO(store_orders_done) struct store_orders open = { 0 };
	AUTO(decision_done) struct decision decision = { 0 };
	AUTO(failures_done) struct failures failures = { 0 };
	struct decide_input input = { .app = app, .owned = &owned, .open = &open, .failed_names = &failures.names, .daily_names = &failures.daily, .cause = cause };

	if (!context_store(context, err) || !store_order_list_open(context->store, app->name, &open, err) || !find_failures(context, app, &failures, err))
		return false;
	input.now_at = clock_now(&context->clock);
	input.daily_at = failures.daily_at;
	decide(&input, &decision);
	if (needs_owned(&decision)) {
		if (!store_cert_list_free(context->store, app->name, telling_name(&app->held, &decision.names), &owned, err))
			return false;
		decision_done(&decision);
		decide(&input, &decision);
	}
	*ret_decision = decision;
	decision = (struct decision){ 0 };
	return true;
}

/* Each name with its reason, and how to get one that can be in a certificate. */
static bool refuse(const struct app *app, const struct decision *decision, struct err *err)
{
	const struct app_wanted *wanted = &app->wanted;

	err_record(err, ERR_REFUSED, 0, "%s", decision->why);
	if (wanted->names.count > 0)
		return false;
	for (size_t i = 0; i < wanted->refused.count; i++)
		err_append(err, "Domain '%s' %s", wanted->refused.items[i], wanted->reasons.items[i]);
	err_append(err, "  Add one with: dokku domains:add %s <domain>", app->name);
	return false;
}

bool engine_check(const struct app *app, const struct decision *decision, struct err *err)
{
	if (decision->kind == DECISION_REFUSE)
		return refuse(app, decision, err);
	if (decision->kind == DECISION_NOTHING || decision->kind == DECISION_INSTALL || decision->kind == DECISION_WAIT || *app->wanted.settings.email)
		return true;
	return err_set(err, ERR_CONFIG,
		       "ERROR: Cannot request a certificate without an e-mail address!\n"
		       "  Provide your e-mail address for this app using 'dokku letsencrypt:set %s email <e-mail>'\n"
		       "  or for all apps using 'dokku letsencrypt:set --global email <e-mail>'",
		       app->name);
}
