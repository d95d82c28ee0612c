/* SPDX-License-Identifier: MIT */
/* Who waits for which bucket: asked anew, since what was written down at the last run has changed with each one who came since. */
#include <stdlib.h>
#include <string.h>

#include "flow/budget.h"
#include "flow/context.h"
#include "flow/plan.h"
#include "store/store.h"
#include "util/err.h"
#include "util/mem.h"
#include "view/bucket.h"
#include "view/who.h"

static void asker_done(struct view_asker *asker)
{
	free(asker->app);
	free(asker->server);
	free(asker->limit);
	free(asker->bucket);
	free(asker->why);
}

void view_askers_done(struct view_askers *askers)
{
	for (size_t i = 0; i < askers->count; i++)
		asker_done(&askers->items[i]);
	free(askers->items);
	*askers = (struct view_askers){ 0 };
}

/* The apps that have asked, as a run would read them. */
struct asking {
	struct store_waits waits;
	struct planned *items;
	size_t count;
};

static void asking_done(struct asking *asking)
{
	for (size_t i = 0; i < asking->count; i++)
		planned_done(&asking->items[i]);
	free(asking->items);
	store_waits_done(&asking->waits);
}

static void add_written(const struct store_wait *wait, struct view_askers *askers)
{
	if (wait->until_at == 0)
		return;
	askers->items[askers->count++] = (struct view_asker){
		.app = mem_strdup(wait->app),
		.server = mem_strdup(wait->server),
		.limit = mem_strdup(wait->limit_name),
		.bucket = mem_strdup(wait->bucket),
		.why = mem_strdup(wait->message),
		.until_at = wait->until_at,
		.place = wait->place,
	};
}

static void add_planned(const struct planned *planned, struct view_askers *askers)
{
	const struct book_wait *wait = &planned->wait;

	if (!wait->message)
		return;
	askers->items[askers->count++] = (struct view_asker){
		.app = mem_strdup(planned->app.name),
		.server = mem_strdup(planned->app.wanted.settings.server),
		.limit = mem_strdup(wait->is_share ? VIEW_SHARE : limit_name(wait->limit)),
		.bucket = mem_strdup(wait->bucket),
		.why = mem_strdup(wait->message),
		.until_at = planned->decision.at,
		.place = (int64_t)wait->place,
	};
}

static bool asks_ca(const struct decision *decision)
{
	return decision->kind == DECISION_CONTINUE || decision->kind == DECISION_RENEW_ARI || decision->kind == DECISION_RENEW || decision->kind == DECISION_ISSUE;
}

static void read_asking(struct context *context, struct asking *asking, struct view_askers *askers)
{
	for (size_t i = 0; i < asking->waits.count; i++) {
		const struct store_wait *wait = &asking->waits.items[i];
		struct planned *planned = &asking->items[asking->count];
		struct err ignored;

		if (!plan_read(context, wait->app, wait->reason, wait->is_forced, planned, &ignored))
			add_written(wait, askers);
		else if (asks_ca(&planned->decision))
			asking->count++;
		else
			planned_done(planned);
	}
}

bool view_askers_read(struct context *context, struct view_askers *ret_askers, struct err *err)
{
	AUTO(asking_done) struct asking asking = { 0 };
	AUTO(view_askers_done) struct view_askers askers = { 0 };
	struct store *store = context_store(context, err);

	if (!store || !store_wait_list(store, &asking.waits, err))
		return false;
	asking.items = mem_new(asking.waits.count + 1, sizeof(*asking.items));
	askers.items = mem_new(asking.waits.count + 1, sizeof(*askers.items));
	read_asking(context, &asking, &askers);
	if (!plan_budget(context, asking.items, asking.count, err))
		return false;
	for (size_t i = 0; i < asking.count; i++)
		add_planned(&asking.items[i], &askers);
	*ret_askers = askers;
	askers = (struct view_askers){ 0 };
	return true;
}

/* ---- to the buckets ---- */

static int compare_waits(const void *a, const void *b)
{
	const struct view_waiting *left = a;
	const struct view_waiting *right = b;

	if (left->place != right->place)
		return left->place < right->place ? -1 : 1;
	if (left->until_at != right->until_at)
		return left->until_at < right->until_at ? -1 : 1;
	return strcmp(left->app, right->app);
}

static void sort_waits(struct view_waits *waits)
{
	if (waits->count > 1)
		qsort(waits->items, waits->count, sizeof(*waits->items), compare_waits);
}

static bool is_of(const struct budget *budget, const char *server)
{
	if (strcmp(server, budget->server) == 0)
		return true;
	return budget->has_limits && strs_has(&budget->limits.directories, server);
}

static struct view_waits *waits_for(const struct view_rows *rows, const struct view_asker *asker, struct view_waits *others)
{
	bool is_share = strcmp(asker->limit, VIEW_SHARE) == 0;
	enum limit limit = LIMIT_DOMAIN;
	struct view_row *row = NULL;

	/* Nobody stands in line behind a refusal, which is told under the name of the pausing limit. */
	if (asker->place > 0 && (is_share || limit_find(asker->limit, &limit)))
		row = view_rows_find(rows, limit, is_share, asker->bucket);
	return row ? &row->view.waits : others;
}

static void note_wait(const struct viewer *viewer, const struct view_asker *asker, struct view_waits *waits)
{
	waits->items = mem_resize(waits->items, waits->count + 1, sizeof(*waits->items));
	waits->items[waits->count++] = (struct view_waiting){
		.app = mem_strdup(viewer_name(viewer, asker->app)),
		/* It may name domains. */
		.why = mem_strdup(viewer_sees(viewer, asker->app) ? asker->why : ""),
		.until_at = asker->until_at,
		.place = asker->place,
	};
}

void view_rows_note_waits(const struct budget *budget, const struct viewer *viewer, const struct view_askers *askers, struct view_rows *rows,
			  struct view_waits *ret_others)
{
	for (size_t i = 0; i < askers->count; i++)
		if (is_of(budget, askers->items[i].server))
			note_wait(viewer, &askers->items[i], waits_for(rows, &askers->items[i], ret_others));
	for (size_t i = 0; i < rows->count; i++)
		sort_waits(&rows->items[i].view.waits);
	sort_waits(ret_others);
}

bool view_rows_note_failures(const struct budget *budget, struct view_rows *rows, struct err *err)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct view_row *row = &rows->items[i];
		struct store_validation validation;

		if (row->limit != LIMIT_FAILURES || row->view.used == 0)
			continue;
		if (!store_validation_get(budget->context->store, budget->server, view_row_whose(row), &validation, err))
			return false;
		row->view.last_at = validation.failed_at;
	}
	return true;
}
