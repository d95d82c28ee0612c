/* SPDX-License-Identifier: MIT */
/* What decide() needs to know, from the store, and what is refused before anything is asked. */
#include "flow/engine.h"

#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "store/store.h"
#include "util/err.h"
#include "util/when.h"

static bool find_failed_names(struct context *context, const struct app *app, struct strs *ret_names, struct err *err)
{
	int64_t since_at = clock_now(&context->clock) - WHEN_DAY;

	for (size_t i = 0; i < app->wanted.names.count; i++) {
		int64_t failed_at = 0;

		if (!store_validation_last(context->store, app->wanted.settings.server, app->wanted.names.items[i], &failed_at, err))
			return false;
		if (failed_at > since_at)
			strs_add(ret_names, app->wanted.names.items[i]);
	}
	return true;
}

static bool find_in_use(struct context *context, const char *app, struct strs *ret_leaves, struct err *err)
{
	AUTO(store_apps_done) struct store_apps apps = { 0 };

	if (!store_app_list(context->store, &apps, err))
		return false;
	for (size_t i = 0; i < apps.count; i++)
		if (*apps.items[i].leaf && strcmp(apps.items[i].app, app) != 0)
			strs_add(ret_leaves, apps.items[i].leaf);
	return true;
}

/* What we own matters only to those who would get a certificate: a thousand apps with nothing to do do not read a thousand certificates each. */
static bool needs_owned(const struct decision *decision)
{
	return decision->kind == DECISION_CONTINUE || decision->kind == DECISION_RENEW_ARI || decision->kind == DECISION_RENEW || decision->kind == DECISION_ISSUE;
}

bool engine_decide(struct context *context, const struct app *app, enum decision_cause cause, struct decision *ret_decision, struct err *err)
{
	AUTO(store_certs_done) struct store_certs owned = { 0 };
	AUTO(store_orders_done) struct store_orders open = { 0 };
	AUTO(decision_done) struct decision decision = { 0 };
	AUTO_STRS in_use = { 0 };
	AUTO_STRS failed = { 0 };
	struct decide_input input = { .app = app, .owned = &owned, .open = &open, .in_use_elsewhere = &in_use, .failed_names = &failed, .cause = cause };

	if (!context_store(context, err) || !store_order_list_open(context->store, app->name, &open, err) || !find_failed_names(context, app, &failed, err))
		return false;
	input.now_at = clock_now(&context->clock);
	decide(&input, &decision);
	if (needs_owned(&decision)) {
		if (!store_cert_list(context->store, &owned, err) || !find_in_use(context, app->name, &in_use, err))
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
