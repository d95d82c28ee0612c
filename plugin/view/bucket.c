/* SPDX-License-Identifier: MIT */
/* Buckets as the book has them, made into what a person wants to know of each. */
#include "view/bucket.h"

#include <stdlib.h>
#include <string.h>

#include "flow/budget.h"
#include "util/err.h"
#include "util/mem.h"

/* Of an exact set so many names are told. */
#define NAMES_TOLD 3

void view_bucket_done(struct view_bucket *bucket)
{
	free(bucket->bucket);
	free(bucket->title);
	strs_done(&bucket->names);
	for (size_t i = 0; i < bucket->use_count; i++)
		free(bucket->uses[i].app);
	free(bucket->uses);
	for (size_t i = 0; i < bucket->waits.count; i++) {
		free(bucket->waits.items[i].app);
		free(bucket->waits.items[i].why);
	}
	free(bucket->waits.items);
}

void view_rows_done(struct view_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		view_bucket_done(&rows->items[i].view);
	free(rows->items);
	*rows = (struct view_rows){ 0 };
}

/* ---- from the book ---- */

/* The first whole second at which it is so. */
static int64_t second_of(int64_t at_ns)
{
	return ns_add(at_ns, NS_PER_S - 1) / NS_PER_S;
}

static int compare(const void *a, const void *b)
{
	const struct view_row *left = a;
	const struct view_row *right = b;

	if (left->limit != right->limit)
		return left->limit < right->limit ? -1 : 1;
	if (left->is_share != right->is_share)
		return left->is_share ? 1 : -1;
	return strcmp(left->view.bucket, right->view.bucket);
}

static void sort(struct view_rows *rows)
{
	if (rows->count > 1)
		qsort(rows->items, rows->count, sizeof(*rows->items), compare);
}

static struct view_bucket *add(struct view_rows *rows, enum limit limit, bool is_share, const char *bucket, const struct rate *rate)
{
	if (rows->count == rows->room) {
		rows->room = rows->room > 0 ? 2 * rows->room : 16;
		rows->items = mem_resize(rows->items, rows->room, sizeof(*rows->items));
	}
	rows->items[rows->count] = (struct view_row){
		.limit = limit,
		.is_share = is_share,
		.view = {
			.limit = is_share ? VIEW_SHARE : limit_name(limit),
			.bucket = mem_strdup(bucket),
			.size = rate->burst,
			.count = rate->count,
			.period_s = rate->period_ns / NS_PER_S,
			.free = rate->burst,
		},
	};
	return &rows->items[rows->count++].view;
}

bool view_rows_read(const struct budget *budget, const struct book_shares *shares, struct view_rows *ret_rows, struct err *err)
{
	AUTO(book_buckets_done) struct book_buckets buckets = { 0 };
	/* By the clock that units are booked by: for a second or two after it a certificate would seem to have cost two. */
	int64_t now_ns = budget_now(budget, 0).book_ns;

	if (!book_list(&budget->book, NULL, shares, now_ns, &buckets, err))
		return false;
	for (size_t i = 0; i < buckets.count; i++) {
		const struct book_bucket *bucket = &buckets.items[i];
		struct view_bucket *view = add(ret_rows, bucket->limit, bucket->is_share, bucket->bucket, &bucket->rate);

		view->used = bucket->used;
		view->reserved = bucket->reserved;
		view->free = bucket->free;
		view->next_unit_at = bucket->full_at_ns > now_ns ? second_of(bucket->next_unit_at_ns) : 0;
		view->full_at = bucket->full_at_ns > now_ns ? second_of(bucket->full_at_ns) : 0;
	}
	sort(ret_rows);
	return true;
}

struct view_row *view_rows_find(const struct view_rows *rows, enum limit limit, bool is_share, const char *bucket)
{
	const struct view_row wanted = { .limit = limit, .is_share = is_share, .view = { .bucket = (char *)(uintptr_t)bucket } };

	return rows->count > 0 ? bsearch(&wanted, rows->items, rows->count, sizeof(wanted), compare) : NULL;
}

static void fill_share(struct view_rows *rows, const struct book_share *share, const struct charge *domain)
{
	AUTO_FREE char *bucket = mem_fmt("%s:%s", share->group, domain->bucket);
	int64_t percent = domain->rate.burst * share->units / 100;
	int64_t units = share->is_percent ? percent : share->units;
	struct rate rate;
	const char *reason;

	if (rate_make(units > 0 ? units : 1, units > 0 ? units : 1, domain->rate.period_ns, &rate, &reason) &&
	    !view_rows_find(rows, LIMIT_DOMAIN, true, bucket))
		(void)add(rows, LIMIT_DOMAIN, true, bucket, &rate);
}

void view_rows_fill(struct view_rows *rows, const struct charges *charges, const struct book_share *share)
{
	for (size_t i = 0; i < charges->count; i++) {
		const struct charge *charge = &charges->items[i];

		/* A row of more than a thousand failures that did not happen tells nothing. */
		if (charge->limit != LIMIT_PAUSING && !view_rows_find(rows, charge->limit, false, charge->bucket)) {
			(void)add(rows, charge->limit, false, charge->bucket, &charge->rate);
			sort(rows);
		}
		if (charge->limit == LIMIT_DOMAIN && share && share->group) {
			fill_share(rows, share, charge);
			sort(rows);
		}
	}
}

const char *view_row_whose(const struct view_row *row)
{
	const char *colon = strchr(row->view.bucket, ':');

	switch (row->limit) {
	case LIMIT_FAILURES:
	case LIMIT_PAUSING:
	case LIMIT_DOMAIN_OF_ACCOUNT: return colon ? colon + 1 : row->view.bucket;
	case LIMIT_DOMAIN: return row->is_share && colon ? colon + 1 : row->view.bucket;
	case LIMIT_ACCOUNTS_PER_ADDRESS:
	case LIMIT_ACCOUNTS_PER_RANGE:
	case LIMIT_ORDERS:
	case LIMIT_SET:
	case LIMIT_COUNT: break;
	}
	return row->view.bucket;
}

/* ---- the rest ---- */

static char *set_title(const struct view_bucket *view)
{
	AUTO_STRS told = { 0 };
	AUTO_FREE char *joined = NULL;

	for (size_t i = 0; i < view->names.count && i < NAMES_TOLD; i++)
		strs_add(&told, view->names.items[i]);
	joined = strs_join(&told, ", ");
	if (view->names.count == 0)
		return mem_fmt("certificates for one exact set of names (%.16s)", view->bucket);
	if (view->names.count > NAMES_TOLD)
		return mem_fmt("certificates for exactly %s and %zu more", joined, view->names.count - NAMES_TOLD);
	return mem_fmt("certificates for exactly %s", joined);
}

static char *title_of(const struct view_row *row)
{
	const char *whose = view_row_whose(row);
	int prefix_size = (int)(whose - row->view.bucket) - 1; /* of the account or group before it */

	if (row->is_share)
		return mem_fmt("new certificates for %s, share of group %.*s", whose, prefix_size, row->view.bucket);
	switch (row->limit) {
	case LIMIT_ACCOUNTS_PER_ADDRESS:
	case LIMIT_ACCOUNTS_PER_RANGE: return mem_fmt("new accounts from %s", whose);
	case LIMIT_ORDERS: return mem_fmt("new orders of account %s", *whose ? whose : "(none yet)");
	case LIMIT_FAILURES: return mem_fmt("failed validations of %s", whose);
	case LIMIT_DOMAIN: return mem_fmt("new certificates for %s", whose);
	case LIMIT_DOMAIN_OF_ACCOUNT: return mem_fmt("new certificates for %s to account %.*s", whose, prefix_size, row->view.bucket);
	case LIMIT_SET: return set_title(&row->view);
	case LIMIT_PAUSING: return mem_fmt("failed validations in a row of %s", whose);
	case LIMIT_COUNT: break;
	}
	return mem_strdup(whose);
}

/* As new certificates see it: waits first, then by how much room there is. */
static int compare_room(const void *a, const void *b)
{
	const struct view_row *left = a;
	const struct view_row *right = b;
	int64_t left_room = (left->view.free - left->view.kept) * 1000 / left->view.size;
	int64_t right_room = (right->view.free - right->view.kept) * 1000 / right->view.size;

	if ((left->view.waits.count > 0) != (right->view.waits.count > 0))
		return left->view.waits.count > 0 ? -1 : 1;
	if (left_room != right_room)
		return left_room < right_room ? -1 : 1;
	return compare(a, b);
}

void view_rows_finish(const struct budget *budget, struct view_rows *rows)
{
	char nobody[] = "";
	struct budget_request request = { .order = { .app = nobody, .account_url = nobody, .replaces = nobody } };

	budget_request_fill(budget, URGENCY_NONE, false, &request);
	for (size_t i = 0; i < rows->count; i++) {
		struct view_row *row = &rows->items[i];

		row->view.title = title_of(row);
		if ((row->limit == LIMIT_DOMAIN && !row->is_share) || row->limit == LIMIT_DOMAIN_OF_ACCOUNT)
			row->view.kept = request.book.keep.domain < row->view.size ? request.book.keep.domain : row->view.size - 1;
	}
	free(request.group);
	if (rows->count > 1)
		qsort(rows->items, rows->count, sizeof(*rows->items), compare_room);
}
