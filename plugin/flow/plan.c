/* SPDX-License-Identifier: MIT */
/* Asks the budget for all who want something of a CA, in the order in which they are served. */
#include "flow/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/budget.h"
#include "flow/ca.h"
#include "flow/context.h"
#include "flow/engine.h"
#include "flow/order.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

/* A request that no run has asked for since then is not waiting any more. */
#define FORGOTTEN_S (2 * WHEN_DAY)
/* So long before now a group's turn is remembered. */
#define SERVED_S (30 * WHEN_DAY)

void planned_done(struct planned *planned)
{
	app_done(&planned->app);
	decision_done(&planned->decision);
	free(planned->group);
	free(planned->account_url);
	free(planned->waited_for);
	book_wait_done(&planned->wait);
	*planned = (struct planned){ 0 };
}

enum decision_cause plan_cause(const char *reason, bool is_forced)
{
	if (is_forced)
		return CAUSE_FORCED;
	return strcmp(reason, "enable") == 0 ? CAUSE_TYPED : CAUSE_SCHEDULE;
}

bool plan_read(struct context *context, const char *app, const char *reason, bool is_forced, struct planned *ret_planned, struct err *err)
{
	AUTO(planned_done) struct planned planned = { .reason = reason, .is_forced = is_forced };

	if (!app_read(context, app, &planned.app, err) ||
	    !engine_decide(context, &planned.app, plan_cause(reason, is_forced), &planned.decision, err))
		return false;
	*ret_planned = planned;
	planned = (struct planned){ 0 };
	return true;
}

/* ---- who asks ---- */

/* One request: of a planned app, or of another one that waits. */
struct ask {
	struct planned *planned; /* NULL: another's */
	struct budget *budget;
	struct budget_request request;
	int64_t since_at;
};

struct asks {
	struct context *context;
	struct store_waits waits;  /* sorted by app */
	const char **planned_apps; /* sorted */
	size_t planned_count;
	char *account_of;          /* server and e-mail for which the account was last looked up … */
	char *account_url;         /* … and what was found */
	struct ask *items;
	size_t count;
};

static void asks_done(struct asks *asks)
{
	for (size_t i = 0; i < asks->count; i++)
		budget_request_done(&asks->items[i].request);
	free(asks->items);
	free(asks->planned_apps);
	free(asks->account_of);
	free(asks->account_url);
	store_waits_done(&asks->waits);
}

static bool is_asking(const struct decision *decision)
{
	return decision->kind == DECISION_CONTINUE || decision->kind == DECISION_RENEW_ARI || decision->kind == DECISION_RENEW || decision->kind == DECISION_ISSUE;
}

static int by_app(const void *a, const void *b)
{
	const struct store_wait *left = a;
	const struct store_wait *right = b;

	return strcmp(left->app, right->app);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Most apps have the same account. */
static bool find_account(struct asks *asks, const struct settings *settings, char **ret_url, struct err *err)
{
	AUTO_FREE char *of = mem_fmt("%s %s", settings->server, settings->email);

	if (!asks->account_of || strcmp(asks->account_of, of) != 0) {
		free(mem_take(&asks->account_of));
		free(mem_take(&asks->account_url));
		if (!account_known(asks->context, settings, &asks->account_url, err))
			return false;
		asks->account_of = mem_take(&of);
	}
	*ret_url = mem_strdup(asks->account_url);
	return true;
}

/* What makes no sense concerns this app alone. */
static bool refuse(struct planned *planned, const struct err *reason)
{
	if (reason->kind != ERR_CONFIG && reason->kind != ERR_REFUSED)
		return false;
	planned->decision.kind = DECISION_REFUSE;
	(void)snprintf(planned->decision.why, sizeof(planned->decision.why), "%.*s", (int)sizeof(planned->decision.why) - 1, reason->text);
	return true;
}

static bool add_planned(struct asks *asks, struct planned *planned, struct err *err)
{
	struct context *context = asks->context;
	const struct settings *settings = &planned->app.wanted.settings;
	struct ask *ask = &asks->items[asks->count];
	const struct store_wait wanted = { .app = planned->app.name };
	const struct store_wait *known =
		asks->waits.count > 0 ? bsearch(&wanted, asks->waits.items, asks->waits.count, sizeof(wanted), by_app) : NULL;
	int64_t now_at = clock_now(&context->clock);

	*ask = (struct ask){ .planned = planned, .since_at = known ? known->since_at : now_at };
	ask->budget = budget_open(context, settings->server, err);
	if (!ask->budget)
		return refuse(planned, err);
	if (!find_account(asks, settings, &planned->account_url, err))
		return refuse(planned, err);
	planned->asks = true;
	planned->asked = planned->decision.kind;
	planned->since_at = ask->since_at;
	planned->waited_for = mem_strdup(known ? known->bucket : "");
	planned->urgency = urgency_of(&planned->app, &planned->decision, planned->is_forced, now_at);
	planned->is_by_graceperiod = settings->has_graceperiod && planned->decision.kind == DECISION_RENEW && !planned->is_forced;
	order_describe(&planned->app, &planned->decision, planned->account_url, &ask->request.order);
	budget_request_fill(ask->budget, planned->urgency, planned->is_by_graceperiod, &ask->request);
	ask->request.window_start_at = planned->app.held.known.window_start_at;
	ask->request.window_end_at = planned->app.held.known.window_end_at;
	planned->group = mem_strdup(ask->request.group);
	asks->count++;
	return true;
}

/* One whose limits make no sense any more holds no place. */
static bool add_waiting(struct asks *asks, const struct store_wait *wait, struct err *err)
{
	struct ask *ask = &asks->items[asks->count];
	struct store_order *order = &ask->request.order;

	*ask = (struct ask){ .since_at = wait->since_at };
	ask->budget = budget_open(asks->context, wait->server, err);
	if (!ask->budget)
		return err->kind == ERR_CONFIG;
	*order = (struct store_order){
		.app = mem_strdup(wait->app),
		.server = mem_strdup(wait->server),
		.account_url = mem_strdup(wait->account_url),
		.profile = mem_strdup(wait->profile),
		.key_type = mem_strdup(wait->key_type),
		.replaces = mem_strdup(wait->replaces),
	};
	strs_add_all(&order->names, &wait->names);
	budget_request_fill(ask->budget, (enum urgency)wait->urgency, wait->is_by_graceperiod, &ask->request);
	asks->count++;
	return true;
}

static bool is_planned(const struct asks *asks, const char *app)
{
	return asks->planned_count > 0 && bsearch(&app, asks->planned_apps, asks->planned_count, sizeof(const char *), by_text);
}

static bool collect(struct asks *asks, struct planned *items, size_t count, struct err *err)
{
	int64_t forgotten_at = clock_now(&asks->context->clock) - FORGOTTEN_S;

	if (!store_wait_list(asks->context->store, &asks->waits, err))
		return false;
	if (asks->waits.count > 1)
		qsort(asks->waits.items, asks->waits.count, sizeof(*asks->waits.items), by_app);
	asks->items = mem_new(count + asks->waits.count + 1, sizeof(*asks->items));
	asks->planned_apps = mem_new(count + 1, sizeof(const char *));
	for (size_t i = 0; i < count; i++)
		asks->planned_apps[asks->planned_count++] = items[i].app.name;
	qsort(asks->planned_apps, asks->planned_count, sizeof(const char *), by_text);
	for (size_t i = 0; i < count; i++)
		if (is_asking(&items[i].decision) && !add_planned(asks, &items[i], err))
			return false;
	for (size_t i = 0; i < asks->waits.count; i++) {
		const struct store_wait *wait = &asks->waits.items[i];

		if (wait->seen_at >= forgotten_at && !is_planned(asks, wait->app) && !add_waiting(asks, wait, err))
			return false;
	}
	return true;
}

/* ---- whose turn it is ---- */

/* A group, or an app that is one of its own, and when it was served last. */
struct served {
	const char *group;
	int64_t at_ns;
};

static int by_name(const void *a, const void *b)
{
	const struct served *left = a;
	const struct served *right = b;

	return strcmp(left->group, right->group);
}

static const char *group_of(const struct context *context, const char *app)
{
	const struct group *group = rules_group(&context->budgets->rules, app);

	return group ? group->name : app;
}

static void note_uses(const struct context *context, const struct book_uses *uses, struct served *groups, size_t count)
{
	for (size_t i = 0; i < uses->count; i++) {
		const struct served wanted = { .group = group_of(context, uses->items[i].app) };
		struct served *group = bsearch(&wanted, groups, count, sizeof(*groups), by_name);

		if (group && uses->items[i].is_new && uses->items[i].issued_ns > group->at_ns)
			group->at_ns = uses->items[i].issued_ns;
	}
}

static bool find_served(const struct asks *asks, struct served *groups, size_t count, struct err *err)
{
	for (const struct budget *budget = asks->context->budgets ? asks->context->budgets->first : NULL; budget; budget = budget->next) {
		AUTO(book_uses_done) struct book_uses uses = { 0 };

		if (!book_used(&budget->book, budget_now(budget, 0).admit_ns - SERVED_S * NS_PER_S, &uses, err))
			return false;
		note_uses(asks->context, &uses, groups, count);
	}
	return true;
}

static bool sort(const struct asks *asks, struct turn *turns, struct err *err)
{
	AUTO_FREE struct served *groups = mem_new(asks->count + 1, sizeof(*groups));

	for (size_t i = 0; i < asks->count; i++)
		groups[i].group = group_of(asks->context, asks->items[i].request.order.app);
	qsort(groups, asks->count, sizeof(*groups), by_name);
	if (!find_served(asks, groups, asks->count, err))
		return false;
	for (size_t i = 0; i < asks->count; i++) {
		const struct ask *ask = &asks->items[i];
		const struct served wanted = { .group = group_of(asks->context, ask->request.order.app) };
		const struct served *group = bsearch(&wanted, groups, asks->count, sizeof(*groups), by_name);

		turns[i] = (struct turn){
			.index = i,
			.urgency = ask->request.urgency,
			.group = wanted.group,
			.served_at = group ? group->at_ns / NS_PER_S : 0,
			.since_at = ask->since_at,
			.app = ask->request.order.app,
		};
	}
	turn_sort(turns, asks->count);
	return true;
}

/* ---- asking ---- */

/* The first whole second at which it may be asked again. */
static int64_t wait_at(const struct book_wait *wait)
{
	return wait->at_ns == INT64_MAX ? INT64_MAX : ns_add(wait->at_ns, NS_PER_S - 1) / NS_PER_S;
}

void plan_conclude(struct planned *planned, struct book_wait *wait)
{
	book_wait_done(&planned->wait);
	planned->wait = *wait;
	*wait = (struct book_wait){ 0 };
	planned->decision.kind = DECISION_WAIT;
	planned->decision.at = wait_at(&planned->wait);
	(void)snprintf(planned->decision.why, sizeof(planned->decision.why), "%s", planned->wait.message);
}

static bool ask_one(struct ask *ask, size_t turn, struct err *err)
{
	struct budget_now now = budget_now(ask->budget, 0);
	AUTO(book_wait_done) struct book_wait wait = { 0 };
	enum order_as as = ORDER_NEW;
	bool would = false;

	budget_request_at(&now, &ask->request);
	if (!book_ask(&ask->budget->book, &ask->request.book, &would, &as, &wait, err))
		return ask->planned ? refuse(ask->planned, err) : err->kind == ERR_REFUSED;
	if (!ask->planned)
		return true;
	ask->planned->as = as;
	ask->planned->turn = turn;
	if (!would && wait.at_ns > ns_add(now.admit_ns, BUDGET_PATIENCE_S * NS_PER_S))
		plan_conclude(ask->planned, &wait);
	return true;
}

bool plan_budget(struct context *context, struct planned *items, size_t count, struct err *err)
{
	AUTO(asks_done) struct asks asks = { .context = context };
	AUTO_FREE struct turn *turns = NULL;

	if (!context_store(context, err) || !collect(&asks, items, count, err))
		return false;
	turns = mem_new(asks.count + 1, sizeof(*turns));
	if (asks.count == 0)
		return true;
	if (!sort(&asks, turns, err) || !book_plan(&asks.items[0].budget->book, err))
		return false;
	for (size_t i = 0; i < asks.count; i++)
		if (!ask_one(&asks.items[turns[i].index], i, err))
			return false;
	return true;
}

/* ---- keeping ---- */

static void fill_row(const struct planned *planned, struct store_wait *row)
{
	const struct book_wait *wait = &planned->wait;
	AUTO(store_order_done) struct store_order order = { 0 };

	order_describe(&planned->app, &planned->decision, planned->account_url, &order);
	*row = (struct store_wait){
		.app = mem_take(&order.app),
		.names = strs_take(&order.names),
		.server = mem_take(&order.server),
		.account_url = mem_take(&order.account_url),
		.profile = mem_take(&order.profile),
		.key_type = mem_take(&order.key_type),
		.replaces = mem_take(&order.replaces),
		.is_by_graceperiod = planned->is_by_graceperiod,
		.reason = mem_strdup(planned->reason),
		.is_forced = planned->is_forced,
		.urgency = (int64_t)planned->urgency,
		.since_at = planned->since_at,
		.until_at = wait->message ? planned->decision.at : 0,
		.limit_name = mem_strdup(!wait->message ? "" : wait->is_share ? "Share" : limit_name(wait->limit)),
		.bucket = mem_strdup(wait->message ? wait->bucket : ""),
		.message = mem_strdup(wait->message ? wait->message : ""),
		.place = (int64_t)wait->place,
	};
}

bool plan_keep(struct context *context, const struct planned *items, size_t count, struct err *err)
{
	AUTO(store_waits_done) struct store_waits rows = { .items = mem_new(count + 1, sizeof(struct store_wait)) };

	for (size_t i = 0; i < count; i++)
		if (items[i].asks)
			fill_row(&items[i], &rows.items[rows.count++]);
	return rows.count == 0 || store_wait_put(context->store, rows.items, rows.count, err);
}

bool plan_drop(struct context *context, const char *app, struct err *err)
{
	return store_wait_drop(context->store, app, err);
}
