/* SPDX-License-Identifier: MIT */
/* The book of a CA with the limits that hold for it, the clocks that it goes by, and how much a request leaves to others. */
#include "flow/budget.h"

#include <stdlib.h>
#include <string.h>

#include "budget/names.h"
#include "budget/refusal.h"
#include "flow/adopt.h"
#include "flow/context.h"
#include "net/url.h"
#include "store/store.h"
#include "util/attr.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/when.h"

/* Units of an exact set that a renewal by the user's graceperiod leaves. */
#define KEEP_SET 2
/* Four failed validations an hour, of five. */
#define KEEP_FAILURE 1
/* Of what the CA gives a registered domain, one in so many is kept for renewals. */
#define RESERVE_PART 10
/* A Date is whole seconds, and so is the host's clock. */
#define RESOLUTION_S 1
/* So long a newOrder may be on its way: the CA counts it when it comes. */
#define SENDING_S 30
/* An offset that has changed by less is not written down. */
#define OFFSET_STEP_S 2
/* A refusal that does not say until when … */
#define UNKNOWN_S WHEN_HOUR
/* … and the longest that one is believed. */
#define REFUSED_MAX_S (30 * WHEN_DAY)

/* ---- opening ---- */

static void budget_free(struct budget *budget)
{
	limits_done(&budget->limits);
	free(budget->server);
	free(budget->ca);
	free(budget);
}

void budgets_free(struct budgets *budgets)
{
	if (!budgets)
		return;
	while (budgets->first) {
		struct budget *budget = budgets->first;

		budgets->first = budget->next;
		budget_free(budget);
	}
	rules_done(&budgets->rules);
	free(budgets);
}

static struct budgets *open_budgets(struct context *context, struct err *err)
{
	struct rules rules = { 0 };

	if (context->budgets)
		return context->budgets;
	if (!context_store(context, err) || !rules_read(context, &rules, err))
		return NULL;
	context->budgets = mem_new(1, sizeof(*context->budgets));
	context->budgets->rules = rules;
	return context->budgets;
}

static char *mark_name(const char *what, const char *of)
{
	return mem_fmt("%s %s", what, of);
}

/* Without published limits those that refusals taught are all there is. */
static bool load_limits(struct budget *budget, struct err *err)
{
	struct context *context = budget->context;
	struct charge_rules *rules = &budget->book.rules;
	bool is_found = false;

	rules->limits = NULL;
	limits_done(&budget->limits);
	if (!rules_limits(budget->context, budget->server, &is_found, &budget->limits, err))
		return false;
	if (!budget->ca)
		budget->ca = is_found ? mem_strdup(budget->limits.name) : url_host_port(budget->server);
	if (!book_learned(context->store, budget->ca, &budget->limits, err))
		return false;
	budget->has_limits = is_found || budget->limits.override_count > 0;
	if (!budget->has_limits)
		return true;
	rules->suffixes = rules_suffixes(&context->budgets->rules, context, err);
	if (!rules->suffixes)
		return false;
	rules->limits = &budget->limits;
	return true;
}

/* On a host that issued before there was a book, or whose book was lost. */
static bool begin_book(struct budget *budget, struct err *err)
{
	AUTO_FREE char *mark = mark_name("book", budget->ca);
	struct store *store = budget->context->store;
	int64_t begun_at = 0;
	size_t count = 0;

	if (!budget->has_limits)
		return true;
	if (!store_mark_get(store, mark, &begun_at, err))
		return false;
	if (begun_at > 0)
		return true;
	return adopt_certificates(budget, false, &count, err) && store_mark_set(store, mark, clock_now(&budget->context->clock), err);
}

static bool fill(struct budget *budget, struct err *err)
{
	AUTO_FREE char *mark = mark_name("offset", budget->server);
	struct store *store = budget->context->store;
	int64_t lost_at = store_lost_at(store);

	if (!load_limits(budget, err) || !store_mark_get(store, mark, &budget->offset_s, err))
		return false;
	budget->kept_offset_s = budget->offset_s;
	budget->book.store = store;
	budget->book.ca = budget->ca;
	budget->book.unproven_ns = ns_from_s(lost_at);
	return begin_book(budget, err);
}

struct budget *budget_open(struct context *context, const char *server, struct err *err)
{
	struct budgets *budgets = open_budgets(context, err);
	struct budget *budget = budgets ? budgets->first : NULL;

	while (budget && strcmp(budget->server, server) != 0)
		budget = budget->next;
	if (!budgets || budget)
		return budget;
	budget = mem_new(1, sizeof(*budget));
	budget->context = context;
	budget->server = mem_strdup(server);
	if (!fill(budget, err)) {
		budget_free(budget);
		return NULL;
	}
	budget->next = budgets->first;
	budgets->first = budget;
	return budget;
}

void budget_tidy(struct context *context)
{
	struct err ignored;

	for (struct budget *budget = context->budgets ? context->budgets->first : NULL; budget; budget = budget->next)
		(void)!book_sweep(&budget->book, budget_now(budget, 0).book_ns, &ignored);
	rules_fetch_suffixes(context);
}

/* ---- time ---- */

struct budget_now budget_now(const struct budget *budget, int64_t date_at)
{
	int64_t host_at = when_add(clock_now(&budget->context->clock), budget->offset_s);
	int64_t early_at = date_at > 0 && date_at < host_at ? date_at : host_at;
	int64_t late_at = date_at > host_at ? date_at : host_at;

	return (struct budget_now){ .admit_ns = ns_from_s(early_at), .book_ns = ns_from_s(when_add(late_at, RESOLUTION_S)) };
}

bool budget_note_date(struct budget *budget, int64_t date_at, struct err *err)
{
	AUTO_FREE char *mark = mark_name("offset", budget->server);
	int64_t change_s = 0;

	if (date_at == 0)
		return true;
	budget->offset_s = date_at - clock_now(&budget->context->clock);
	change_s = budget->offset_s - budget->kept_offset_s;
	if (change_s <= OFFSET_STEP_S && change_s >= -OFFSET_STEP_S)
		return true;
	budget->kept_offset_s = budget->offset_s;
	return store_mark_set(budget->context->store, mark, budget->offset_s, err);
}

/* ---- requests ---- */

const char *budget_account(const char *url)
{
	const char *slash = strrchr(url, '/');

	return slash ? slash + 1 : url;
}

void budget_request_done(struct budget_request *request)
{
	store_order_done(&request->order);
	free(request->group);
	*request = (struct budget_request){ 0 };
}

static int64_t reserve_of(const struct budget *budget)
{
	int64_t reserve = budget->context->budgets->rules.reserve;

	if (reserve >= 0)
		return reserve;
	return budget->has_limits && budget->limits.is_limited[LIMIT_DOMAIN] ? budget->limits.rates[LIMIT_DOMAIN].burst / RESERVE_PART : 0;
}

void budget_request_fill(const struct budget *budget, enum urgency urgency, bool is_by_graceperiod, struct budget_request *io_request)
{
	const struct group *group = rules_group(&budget->context->budgets->rules, io_request->order.app);
	struct book_request *book = &io_request->book;

	io_request->urgency = urgency;
	free(io_request->group);
	io_request->group = mem_strdup(group ? group->name : "");
	*book = (struct book_request){
		.order = &io_request->order,
		.account = budget_account(io_request->order.account_url),
		.keep = {
			.domain = urgency <= URGENCY_DUE ? 0 : reserve_of(budget),
			.set = is_by_graceperiod ? KEEP_SET : 0,
			.failure = KEEP_FAILURE,
		},
	};
	if (group && group->has_share)
		book->share = (struct book_share){
			.group = group->name,
			.units = group->units,
			.is_percent = group->is_percent,
			.is_passed = urgency <= URGENCY_EXPIRES || urgency == URGENCY_FORCED,
		};
}

void budget_request_at(const struct budget_now *now, struct budget_request *io_request)
{
	bool is_open = io_request->window_end_at == 0 || (ns_from_s(io_request->window_start_at) <= now->admit_ns &&
							  now->book_ns < ns_from_s(io_request->window_end_at));

	io_request->book.is_ari = *io_request->order.replaces && is_open;
	io_request->book.now_ns = now->admit_ns;
	io_request->book.spend_ns = ns_add(now->book_ns, SENDING_S * NS_PER_S);
}

/* ---- learning ---- */

/* The bucket that the refusal is about, among those of this order; NULL: it cannot be told. The caller frees it. */
static char *refused_bucket(const struct budget *budget, const struct store_order *order, const struct names *names, struct refusal *refusal)
{
	const char *account = budget_account(order->account_url);
	AUTO_CHARGES charges = { 0 };
	char *bucket = NULL;

	if (refusal->limit == LIMIT_ORDERS)
		return mem_strdup(account);
	if (refusal->limit == LIMIT_SET)
		return mem_strdup(names->hash);
	if (budget->has_limits)
		charges_all(&budget->book.rules, account, names, &charges);
	for (size_t i = 0; i < charges.count; i++) {
		const struct charge *charge = &charges.items[i];
		bool is_kind = charge->limit == refusal->limit || (refusal->limit == LIMIT_DOMAIN && charge->limit == LIMIT_DOMAIN_OF_ACCOUNT);

		if (!is_kind || !text_ends(charge->bucket, refusal->id))
			continue;
		free(bucket);
		bucket = mem_strdup(charge->bucket);
		refusal->limit = charge->limit;
	}
	if (bucket || !*refusal->id)
		return bucket;
	if (refusal->limit == LIMIT_FAILURES)
		return mem_fmt("%s:%s", account, refusal->id);
	return refusal->limit == LIMIT_DOMAIN ? mem_strdup(refusal->id) : NULL;
}

/* The first moment at which it may be asked again. */
static int64_t refused_until_ns(const struct budget *budget, const struct err *refusal, const struct refusal *read)
{
	int64_t now_at = budget_now(budget, 0).book_ns / NS_PER_S;
	int64_t retry_at = refusal->retry_at > 0 ? refusal->retry_at : read->retry_at;

	if (retry_at == 0)
		retry_at = when_add(now_at, UNKNOWN_S);
	if (retry_at > when_add(now_at, REFUSED_MAX_S))
		retry_at = when_add(now_at, REFUSED_MAX_S);
	return ns_from_s(when_add(retry_at, RESOLUTION_S));
}

static bool learn_pause(struct budget *budget, const struct store_order *order, const struct refusal *refusal, int64_t until_ns, struct err *err)
{
	const struct strs *names = refusal->names.count > 0 ? &refusal->names : &order->names;

	return book_refused(&budget->book, budget_account(order->account_url), names, until_ns, refusal->link, "its account is paused for it", err);
}

static bool learn_limit(struct budget *budget, const struct store_order *order, struct refusal *refusal, int64_t until_ns, bool *ret_done, struct err *err)
{
	AUTO(names_done) struct names names = { 0 };
	AUTO_FREE char *bucket = NULL;

	*ret_done = false;
	if (!refusal->has_limit)
		return true;
	if (!names_make(&order->names, &names, err))
		return false;
	bucket = refused_bucket(budget, order, &names, refusal);
	*ret_done = bucket && ((refusal->burst > 0 && refusal->period_ns > 0) ||
			       (budget->has_limits && limits_rate(&budget->limits, refusal->limit, bucket)));
	if (!*ret_done)
		return true;
	return book_learn(&budget->book, refusal->limit, bucket, refusal->burst, refusal->period_ns, until_ns, err) && load_limits(budget, err);
}

bool budget_learn(struct budget *budget, const struct store_order *order, const struct err *refusal, struct err *err)
{
	AUTO(refusal_done) struct refusal read = { 0 };
	int64_t until_ns = 0;
	bool is_done = false;

	if (refusal->kind != ERR_RATE_LIMITED)
		return true;
	refusal_read(refusal->text, &read);
	if (read.is_pause)
		return learn_pause(budget, order, &read, INT64_MAX, err);
	until_ns = refused_until_ns(budget, refusal, &read);
	if (!learn_limit(budget, order, &read, until_ns, &is_done, err))
		return false;
	return is_done || book_refused(&budget->book, budget_account(order->account_url), &order->names, until_ns, "", "too many requests of this kind", err);
}
