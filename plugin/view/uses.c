/* SPDX-License-Identifier: MIT */
/* Through which certificates the units of a bucket went, and whose these are. */
#include <stdlib.h>
#include <string.h>

#include "budget/domain.h"
#include "budget/names.h"
#include "flow/budget.h"
#include "flow/context.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"
#include "view/bucket.h"
#include "view/who.h"

/* The same names within so long are a renewal. */
#define RENEWAL_NS (INT64_C(120) * WHEN_DAY * NS_PER_S)

/* The newest ones that are still in the bucket, newest first. */
static void note_use(const struct viewer *viewer, struct view_row *row, const struct book_use *use)
{
	struct view_bucket *view = row ? &row->view : NULL;
	const char *app = viewer_name(viewer, use->app);
	int64_t noted = 0;

	for (size_t i = 0; view && i < view->use_count; i++)
		noted += view->uses[i].count;
	if (!view || noted >= view->used)
		return;
	for (size_t i = 0; i < view->use_count; i++) {
		if (strcmp(view->uses[i].app, app) != 0)
			continue;
		view->uses[i].count++;
		return;
	}
	view->uses = mem_resize(view->uses, view->use_count + 1, sizeof(*view->uses));
	view->uses[view->use_count++] = (struct view_use){ .app = mem_strdup(app), .count = 1, .last_at = use->issued_ns / NS_PER_S };
}

static void note_domain(const struct budget *budget, const struct viewer *viewer, struct view_rows *rows, const struct book_use *use, const char *domain)
{
	const struct group *group = *use->app ? rules_group(&budget->context->budgets->rules, use->app) : NULL;
	AUTO_FREE char *share = mem_fmt("%s:%s", group ? group->name : "", domain);

	note_use(viewer, view_rows_find(rows, LIMIT_DOMAIN, false, domain), use);
	if (group)
		note_use(viewer, view_rows_find(rows, LIMIT_DOMAIN, true, share), use);
}

static void note_certificate(const struct budget *budget, const struct viewer *viewer, struct view_rows *rows, const struct book_use *use, bool is_renewal)
{
	AUTO(names_done) struct names names = { 0 };
	AUTO_STRS domains = { 0 };
	struct view_row *set = NULL;
	struct err ignored;

	if (!names_make(&use->names, &names, &ignored))
		return;
	set = view_rows_find(rows, LIMIT_SET, false, names.hash);
	if (set && set->view.names.count == 0)
		strs_add_all(&set->view.names, &names.list);
	note_use(viewer, set, use);
	if (is_renewal)
		return;
	domain_all(budget->book.rules.suffixes, &names, &domains);
	for (size_t i = 0; i < domains.count; i++)
		note_domain(budget, viewer, rows, use, domains.items[i]);
}

/* By names, and for the same names the oldest first. */
static int compare_uses(const void *a, const void *b)
{
	const struct book_use *left = *(const struct book_use *const *)a;
	const struct book_use *right = *(const struct book_use *const *)b;

	for (size_t i = 0; i < left->names.count && i < right->names.count; i++) {
		int order = strcmp(left->names.items[i], right->names.items[i]);

		if (order != 0)
			return order;
	}
	if (left->names.count != right->names.count)
		return left->names.count < right->names.count ? -1 : 1;
	return left->issued_ns < right->issued_ns ? -1 : left->issued_ns > right->issued_ns;
}

/* Which of the uses (oldest first) are of names that had a certificate not long before; the caller frees it. */
static bool *find_renewals(const struct book_uses *uses)
{
	AUTO_FREE const struct book_use **sorted = mem_new(uses->count + 1, sizeof(const struct book_use *));
	bool *is_renewal = mem_new(uses->count + 1, sizeof(*is_renewal));

	for (size_t i = 0; i < uses->count; i++)
		sorted[i] = &uses->items[i];
	if (uses->count > 1)
		qsort(sorted, uses->count, sizeof(const struct book_use *), compare_uses);
	for (size_t i = 1; i < uses->count; i++)
		is_renewal[sorted[i] - uses->items] = strs_equal(&sorted[i]->names, &sorted[i - 1]->names) &&
						      sorted[i]->issued_ns - sorted[i - 1]->issued_ns <= RENEWAL_NS;
	return is_renewal;
}

static int compare_counts(const void *a, const void *b)
{
	const struct view_use *left = a;
	const struct view_use *right = b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	if (left->last_at != right->last_at)
		return left->last_at > right->last_at ? -1 : 1;
	return strcmp(left->app, right->app);
}

static void finish_uses(struct view_bucket *view)
{
	int64_t noted = 0;

	for (size_t i = 0; i < view->use_count; i++)
		noted += view->uses[i].count;
	view->unknown_count = view->used - noted;
	if (view->use_count > 1)
		qsort(view->uses, view->use_count, sizeof(*view->uses), compare_counts);
}

/* What was issued longer ago than it takes to fill the emptiest bucket is in none any more. */
static int64_t longest_ns(const struct view_rows *rows)
{
	int64_t longest_s = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct view_bucket *view = &rows->items[i].view;
		int64_t capacity_s = view->period_s * view->size / view->count;

		if ((rows->items[i].limit == LIMIT_SET || rows->items[i].limit == LIMIT_DOMAIN) && capacity_s > longest_s)
			longest_s = capacity_s;
	}
	return longest_s * NS_PER_S;
}

bool view_rows_note_uses(const struct budget *budget, const struct viewer *viewer, struct view_rows *rows, struct err *err)
{
	AUTO(book_uses_done) struct book_uses uses = { 0 };
	AUTO_FREE bool *is_renewal = NULL;
	int64_t since_ns = ns_sub(budget_now(budget, 0).admit_ns, longest_ns(rows));

	if (!book_used(&budget->book, ns_sub(since_ns, RENEWAL_NS), &uses, err))
		return false;
	is_renewal = find_renewals(&uses);
	for (size_t i = uses.count; i-- > 0 && uses.items[i].issued_ns >= since_ns;)
		note_certificate(budget, viewer, rows, &uses.items[i], is_renewal[i]);
	for (size_t i = 0; i < rows->count; i++)
		if (rows->items[i].limit == LIMIT_SET || rows->items[i].limit == LIMIT_DOMAIN)
			finish_uses(&rows->items[i].view);
	return true;
}
