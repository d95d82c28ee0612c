/* SPDX-License-Identifier: MIT */
/* What a run would do, app by app: by the same functions as the run itself, without writing anything down and without asking anybody. */
#include "view/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/context.h"
#include "flow/engine.h"
#include "flow/plan.h"
#include "flow/state.h"
#include "platform/platform.h"
#include "store/store.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/when.h"
#include "view/what_if.h"
#include "view/who.h"

#define BY_SCHEDULE "auto-renew"

static void decision_free(struct view_decision *decision)
{
	free(decision->app);
	free(decision->why);
	free(decision->limit);
	free(decision->bucket);
}

void view_plan_done(struct view_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		decision_free(&plan->items[i]);
	free(plan->items);
	view_what_if_done(&plan->what_if);
	*plan = (struct view_plan){ 0 };
}

/* A plan that is being made. */
struct making {
	struct context *context;
	const struct view_plan_wish *wish;
	const char *reason;      /* "enable", "auto-renew" */
	struct store_waits waits;/* sorted by app */
	struct planned *asking;  /* those for which a CA would be asked: all that is kept of ten thousand apps */
	size_t asking_count;
	size_t asking_room;
	struct store_apps apps;  /* for `--all`: which certificate each uses … */
	struct store_certs certs;/* … and what these are, sorted by leaf */
	struct settings settings;/* … and what apps without settings of their own want */
	uint64_t host;           /* of the state lines */
	size_t room;             /* of the plan's items */
	struct view_plan *plan;
};

static void making_done(struct making *making)
{
	for (size_t i = 0; i < making->asking_count; i++)
		planned_done(&making->asking[i]);
	free(making->asking);
	store_waits_done(&making->waits);
	store_apps_done(&making->apps);
	store_certs_done(&making->certs);
	settings_done(&making->settings);
}

/* Room for one more in a list that doubles. */
static void *grow(void *items, size_t count, size_t *io_room, size_t size)
{
	if (count < *io_room)
		return items;
	*io_room = *io_room > 0 ? 2 * *io_room : 16;
	return mem_resize(items, *io_room, size);
}

static struct view_decision *add(struct making *making, const char *app, const char *decision, const char *why)
{
	struct view_plan *plan = making->plan;

	plan->items = grow(plan->items, plan->count, &making->room, sizeof(*plan->items));
	plan->items[plan->count] = (struct view_decision){
		.app = mem_strdup(app),
		.decision = decision,
		.asked = "",
		.urgency = "",
		.why = mem_strdup(why),
		.limit = mem_strdup(""),
		.bucket = mem_strdup(""),
	};
	return &plan->items[plan->count++];
}

/* ---- nothing to do ---- */

static void add_nothing(struct making *making, const char *app, int64_t renew_at, const char *why)
{
	const struct view_plan_wish *wish = making->wish;
	struct view_plan *plan = making->plan;

	if (renew_at > 0 && renew_at <= wish->until_at) {
		add(making, app, decision_name(DECISION_RENEW), "the certificate is due for renewal then")->at = renew_at;
		return;
	}
	if (wish->is_whole || wish->apps->count > 0) {
		add(making, app, decision_name(DECISION_NOTHING), why)->at = renew_at;
		return;
	}
	if (renew_at > 0)
		plan->good_count++;
	else
		plan->without_count++;
	if (renew_at > 0 && (plan->next_at == 0 || renew_at < plan->next_at))
		plan->next_at = renew_at;
}

/* ---- what needs no reading: the state line says so, as it does to a run ---- */

static int by_leaf(const void *a, const void *b)
{
	const struct store_cert *left = a;
	const struct store_cert *right = b;

	return strcmp(left->leaf, right->leaf);
}

static int by_name(const void *a, const void *b)
{
	const struct store_app *left = a;
	const struct store_app *right = b;

	return strcmp(left->app, right->app);
}

static const struct store_cert *find_used(const struct making *making, const char *name)
{
	const struct store_app wanted_app = { .app = (char *)(uintptr_t)name };
	const struct store_app *app =
		making->apps.count > 0 ? bsearch(&wanted_app, making->apps.items, making->apps.count, sizeof(wanted_app), by_name) : NULL;
	const struct store_cert wanted = { .leaf = app ? app->leaf : NULL };

	if (!app || app->failed_at > 0 || making->certs.count == 0)
		return NULL;
	return bsearch(&wanted, making->certs.items, making->certs.count, sizeof(wanted), by_leaf);
}

/* Most apps have nothing of their own but that they are enabled: they are not read. */
static bool has_own_settings(const struct making *making, const char *name)
{
	AUTO_STRS keys = { 0 };
	struct err ignored;

	return !platform_setting_keys(making->context->platform, name, &keys, &ignored) || keys.count > 1 ||
	       (keys.count == 1 && strcmp(keys.items[0], "enabled") != 0);
}

/* A run by schedule buys nothing because of changed settings, `enable` does. */
static bool is_as_set(const struct making *making, const char *name)
{
	const struct store_cert *cert = find_used(making, name);
	const struct settings *wanted = &making->settings;

	return cert && !has_own_settings(making, name) && (!*cert->server || strcmp(cert->server, wanted->server) == 0) &&
	       strcmp(cert->profile, wanted->profile) == 0 && strcmp(cert->key_type, key_type_name(wanted->key_type)) == 0;
}

/* True: nothing is to be done for this app, and it is told. What has no certificate is looked at, where its reason is to be told. */
static bool is_settled(struct making *making, const char *name)
{
	const struct view_plan_wish *wish = making->wish;
	struct state state = { 0 };

	if (wish->apps->count > 0 || !state_read_now(making->context, name, making->host, &state) ||
	    clock_now(&making->context->clock) >= state.check_at)
		return false;
	if (state.renew_at == 0 && (wish->is_whole || wish->is_all))
		return false;
	if (wish->is_all && !is_as_set(making, name))
		return false;
	AUTO_FREE char *when = when_human(state.renew_at);
	AUTO_FREE char *why = mem_fmt("the certificate is good; it is renewed on %s", when);
	add_nothing(making, name, state.renew_at, why);
	return true;
}

/* ---- what does ---- */

/* One that is in place and not served is work for a run. */
static void look_at_unserved(struct planned *planned)
{
	const struct app_held *held = &planned->app.held;
	struct decision *decision = &planned->decision;

	if (decision->kind != DECISION_NOTHING || held->app.unserved_at == 0 || !held->is_ours)
		return;
	decision->kind = DECISION_INSTALL;
	(void)snprintf(decision->why, sizeof(decision->why), "the certificate is in place, but the proxy does not serve it yet: %.400s", held->app.unserved_reason);
}

/* What stops a run beside the decision, NULL = nothing; the caller frees it. */
static char *find_refusal(const struct making *making, const struct planned *planned)
{
	const struct decision *decision = &planned->decision;
	bool acts = decision->kind != DECISION_NOTHING && decision->kind != DECISION_WAIT;
	struct err err = { 0 };

	if (!engine_check(&planned->app, decision, &err))
		return mem_strdup(err.text);
	if (acts && !planned->app.wanted.facts.has_nginx_conf && strcmp(making->reason, BY_SCHEDULE) == 0)
		return mem_fmt("it has no nginx.conf (stopped, or never deployed); dokku letsencrypt:enable %s makes one", planned->app.name);
	return NULL;
}

static int by_waiting(const void *a, const void *b)
{
	const struct store_wait *left = a;
	const struct store_wait *right = b;

	return strcmp(left->app, right->app);
}

/* Who has waited since somebody typed enable still does so for that reason, in a run by schedule too. */
static const struct store_wait *find_wait(const struct making *making, const char *name)
{
	const struct store_wait wanted = { .app = (char *)(uintptr_t)name };
	const struct store_waits *waits = &making->waits;

	if (strcmp(making->reason, BY_SCHEDULE) != 0 || waits->count == 0)
		return NULL;
	return bsearch(&wanted, waits->items, waits->count, sizeof(wanted), by_waiting);
}

static bool read_app(struct making *making, const char *name, struct planned *ret_planned, struct err *err)
{
	AUTO(planned_done) struct planned planned = { 0 };
	const struct store_wait *wait = find_wait(making, name);

	if (!plan_read(making->context, name, wait ? wait->reason : making->reason, wait && wait->is_forced, &planned, err))
		return false;
	/* `enable --all` leaves alone what automation leaves alone. */
	if (making->wish->is_all && (planned.app.wanted.settings.enabled == 0 || planned.app.held.app.held_back_at > 0)) {
		planned_done(&planned);
		if (!plan_read(making->context, name, BY_SCHEDULE, false, &planned, err))
			return false;
	}
	look_at_unserved(&planned);
	*ret_planned = planned;
	planned = (struct planned){ 0 };
	return true;
}

static bool asks_ca(const struct decision *decision)
{
	return decision->kind == DECISION_CONTINUE || decision->kind == DECISION_RENEW_ARI || decision->kind == DECISION_RENEW || decision->kind == DECISION_ISSUE;
}

/* An app that cannot even be read fails alone. */
static bool look(struct making *making, const char *name, struct err *err)
{
	AUTO(planned_done) struct planned planned = { 0 };
	AUTO_FREE char *refusal = NULL;

	making->plan->app_count++;
	if (is_settled(making, name))
		return true;
	if (!read_app(making, name, &planned, err)) {
		if (err->kind == ERR_STORE)
			return false;
		(void)add(making, name, decision_name(DECISION_REFUSE), err->text);
		return true;
	}
	refusal = find_refusal(making, &planned);
	if (refusal) {
		(void)add(making, name, decision_name(DECISION_REFUSE), refusal);
	} else if (asks_ca(&planned.decision)) {
		making->asking = grow(making->asking, making->asking_count, &making->asking_room, sizeof(*making->asking));
		making->asking[making->asking_count++] = planned;
		planned = (struct planned){ 0 };
	} else if (planned.decision.kind == DECISION_NOTHING) {
		add_nothing(making, name, planned.decision.at, planned.decision.why);
	} else {
		add(making, name, decision_name(planned.decision.kind), planned.decision.why)->at = planned.decision.at;
	}
	return true;
}

/* ---- what the budget says to it ---- */

static void add_asking(struct making *making, const struct planned *planned)
{
	struct view_decision *row = add(making, planned->app.name, decision_name(planned->decision.kind), planned->decision.why);

	row->at = planned->decision.at;
	if (!planned->asks)
		return;
	row->urgency = urgency_name(planned->urgency);
	row->turn = (int64_t)planned->turn;
	if (!planned->wait.message)
		return;
	row->asked = decision_name(planned->asked);
	row->place = (int64_t)planned->wait.place;
	free(row->limit);
	free(row->bucket);
	row->limit = mem_strdup(planned->wait.is_share ? "Share" : limit_name(planned->wait.limit));
	row->bucket = mem_strdup(planned->wait.bucket);
}

static bool ask_budget(struct making *making, struct err *err)
{
	if (!plan_budget(making->context, making->asking, making->asking_count, err))
		return false;
	for (size_t i = 0; i < making->asking_count; i++)
		add_asking(making, &making->asking[i]);
	if (making->wish->add_count == 0)
		return true;
	making->plan->has_what_if = true;
	return view_what_if(making->context, making->wish, making->asking, making->asking_count, &making->plan->what_if, err);
}

/* ---- order ---- */

/* Moments first: what is done now, then what has to wait or becomes due; what is refused, or is good, comes last. */
static int rank(const struct view_decision *row)
{
	if (strcmp(row->decision, decision_name(DECISION_NOTHING)) == 0)
		return 3;
	if (strcmp(row->decision, decision_name(DECISION_REFUSE)) == 0)
		return 2;
	return row->at > 0;
}

static int compare_numbers(int64_t left, int64_t right)
{
	return left < right ? -1 : left > right;
}

static int compare(const void *a, const void *b)
{
	const struct view_decision *left = a;
	const struct view_decision *right = b;
	const int64_t keys[][2] = {
		{ rank(left), rank(right) },
		{ left->at, right->at },
		{ left->turn, right->turn },
	};

	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i][0] != keys[i][1])
			return compare_numbers(keys[i][0], keys[i][1]);
	return strcmp(left->app, right->app);
}

/* ---- all of it ---- */

static bool open_store(struct making *making, struct err *err)
{
	struct store *store = context_store(making->context, err);

	if (!store || !store_wait_list(store, &making->waits, err))
		return false;
	if (making->waits.count > 1)
		qsort(making->waits.items, making->waits.count, sizeof(*making->waits.items), by_waiting);
	if (!making->wish->is_all)
		return true;
	if (!settings_read(making->context->platform, "--global", &making->settings, err) || !store_app_list(store, &making->apps, err) ||
	    !store_cert_list(store, &making->certs, err))
		return false;
	if (making->certs.count > 1)
		qsort(making->certs.items, making->certs.count, sizeof(*making->certs.items), by_leaf);
	return true;
}

static bool make(struct making *making, struct err *err)
{
	const struct strs *apps = making->wish->apps;
	AUTO(viewer_done) struct viewer viewer = { 0 };

	if (!viewer_open(making->context, &viewer, err) || !open_store(making, err))
		return false;
	for (size_t i = 0; i < apps->count; i++)
		if (!viewer_check(&viewer, making->context, apps->items[i], err))
			return false;
	if (apps->count == 0)
		apps = &viewer.apps;
	for (size_t i = 0; i < apps->count; i++)
		if (!look(making, apps->items[i], err))
			return false;
	if (!ask_budget(making, err))
		return false;
	if (making->plan->count > 1)
		qsort(making->plan->items, making->plan->count, sizeof(*making->plan->items), compare);
	return true;
}

bool view_plan(struct context *context, const struct view_plan_wish *wish, struct view_plan *ret_plan, struct err *err)
{
	AUTO(view_plan_done) struct view_plan plan = { 0 };
	AUTO(making_done) struct making making = {
		.context = context,
		.wish = wish,
		.reason = wish->is_all || wish->apps->count > 0 ? "enable" : BY_SCHEDULE,
		.host = state_of_host(context),
		.plan = &plan,
	};
	bool is_made = false;

	platform_remember(context->platform, true);
	is_made = make(&making, err);
	platform_remember(context->platform, false);
	if (!is_made)
		return false;
	*ret_plan = plan;
	plan = (struct view_plan){ 0 };
	return true;
}
