/* SPDX-License-Identifier: MIT */
#ifndef VIEW_BUCKET_H
#define VIEW_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/charge.h"
#include "store/book.h"
#include "util/attr.h"
#include "util/strs.h"
#include "view/budget.h"

struct budget;
struct context;
struct err;
struct viewer;

/* Of view/budget: buckets of one CA's book while they are gathered. */

/* What the cap of a group is called in place of a limit. */
#define VIEW_SHARE "Share"

struct view_row {
	enum limit limit;
	bool is_share;
	struct view_bucket view;
};
struct view_rows {
	struct view_row *items; /* sorted by limit, caps of groups after it, and by bytes of bucket, until they are ranked */
	size_t count;
	size_t room;
};
void view_rows_done(struct view_rows *rows);
void view_bucket_done(struct view_bucket *bucket);

/* All of the book that are not full. */
bool view_rows_read(const struct budget *budget, const struct book_shares *shares, struct view_rows *ret_rows, struct err *err) MUST_USE;
/* Adds those that the book does not have since they are full: of these charges, and the cap of the share (may be NULL) for each domain among them. */
void view_rows_fill(struct view_rows *rows, const struct charges *charges, const struct book_share *share);
/* NULL = none. Borrowed. */
struct view_row *view_rows_find(const struct view_rows *rows, enum limit limit, bool is_share, const char *bucket);
/* What of the bucket's key says whose it is: without account or group. Borrowed. */
const char *view_row_whose(const struct view_row *row);

/* Says who used the units. */
bool view_rows_note_uses(const struct budget *budget, const struct viewer *viewer, struct view_rows *rows, struct err *err) MUST_USE;

/* Who waits for the budget of any CA, and for what. */
struct view_asker {
	char *app;
	char *server;
	char *limit;   /* its name, or VIEW_SHARE */
	char *bucket;
	char *why;
	int64_t until_at;
	int64_t place; /* 0: nobody stands in line for that */
};
struct view_askers {
	struct view_asker *items;
	size_t count;
};
void view_askers_done(struct view_askers *askers);
/* As it is now; what is known of apps that are not here (of another host) is what they wrote down. */
bool view_askers_read(struct context *context, struct view_askers *ret_askers, struct err *err) MUST_USE;
/* Says who waits for which bucket. *ret_others: who waits for something else of this CA. */
void view_rows_note_waits(const struct budget *budget, const struct viewer *viewer, const struct view_askers *askers, struct view_rows *rows,
			  struct view_waits *ret_others);
/* Says since when validations fail. */
bool view_rows_note_failures(const struct budget *budget, struct view_rows *rows, struct err *err) MUST_USE;
/* Titles, what is kept, and the one with the least room first. */
void view_rows_finish(const struct budget *budget, struct view_rows *rows);

#endif
