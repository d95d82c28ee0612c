/* SPDX-License-Identifier: MIT */
#ifndef STORE_BOOK_INNER_H
#define STORE_BOOK_INNER_H

#include <stdbool.h>
#include <stdint.h>

#include "store/book.h"
#include "store/db.h"
#include "store/inner.h"
#include "util/attr.h"

/* Of the book's files only. Everything here is used within a transaction of the caller. */

/* In place of a limit's name: the cap of a group, its bucket is group ":" registered domain. */
#define SHARE "Share"

/* The book as the budget's rules see it. */
struct ledger book_ledger(const struct book *book);

/* A statement whose first parameters are the CA and the two texts. */
struct query book_query(const struct book *book, const char *sql, const char *second, const char *third) MUST_USE;

bool tat_read(const struct book *book, const char *limit_name, const char *bucket, int64_t *ret_tat_ns, struct err *err) MUST_USE;
bool tat_write(const struct book *book, const char *limit_name, const char *bucket, int64_t tat_ns, struct err *err) MUST_USE;
/* The bucket's moment, if that is what the book has, when it was used up at the loss of an earlier book at least. */
int64_t tat_unproven(const struct book *book, const struct rate *rate, int64_t tat_ns);
/*
 * Spends a unit at `at_ns`. The CA counts nothing beyond an empty bucket; ours, which may be ahead of the CA's, is then as empty as one can be at `now_ns`, which
 * is not before `at_ns`.
 */
bool tat_spend(const struct book *book, const char *limit_name, const char *bucket, const struct rate *rate, int64_t at_ns, int64_t now_ns,
	       struct err *err) MUST_USE;

/* A bucket that an order needs. */
struct need {
	enum limit limit;
	bool is_share;
	char *bucket;
	struct rate rate;
	int64_t keep;    /* units to be left */
	bool is_checked; /* the CA looks at it now … */
	bool is_spent;   /* … and spends of it now */
	int64_t units;   /* reserved until the order is settled: 0 or 1 */
};
struct needs {
	struct need *items; /* in the CA's order */
	size_t count;
};
void needs_make(const struct book_request *request, const struct charge_rules *rules, const struct names *names, enum order_as as, bool is_renewal,
		struct needs *ret_needs);
void needs_done(struct needs *needs);
const char *need_name(const struct need *need);
/* The rate of a group's cap for a domain with this rate. False: no rate can express it, it caps nothing. */
bool share_rate(const struct book_share *share, const struct rate *domain, struct rate *ret_rate);

/* Units at a moment, as the book sees them. */
struct stand {
	int64_t tat_ns;
	int64_t reserved;
	int64_t waiting;  /* of a plan: for those who asked before and wait for this bucket */
	bool is_unproven; /* used up since an earlier book was lost */
};
/* "50 certificates in 7 days for example.com are used up (…)"; the caller frees it. */
char *need_message(const struct need *need, const struct stand *stand, int64_t now_ns) MUST_USE NEVER_NULL;

/* The rate that is known for a bucket, NULL for none; borrowed until the limits change. */
const struct rate *bucket_rate(const struct book *book, enum limit limit, const char *bucket);

/* Remembers a notBefore of the set, if it is the newest. */
bool set_remember(const struct book *book, const char *hash, int64_t not_before_ns, struct err *err) MUST_USE;

/* Writes the order's admission and what it reserves. */
bool admission_write(const struct book *book, int64_t order_id, const char *account, enum order_as as, const struct needs *needs, struct err *err) MUST_USE;
struct admission {
	bool is_there;
	enum order_as as;
	char *account;
};
void admission_done(struct admission *admission);
bool admission_read(const struct book *book, int64_t order_id, struct admission *ret_admission, struct err *err) MUST_USE;
/* Gives back the unit of the account's orders that was booked for it. */
bool admission_refund(const struct book *book, int64_t order_id, int64_t now_ns, struct err *err) MUST_USE;
/* Spends what an issued certificate of these names would, from the buckets that were reserved. */
bool admission_spend(const struct book *book, int64_t order_id, const struct names *names, int64_t at_ns, struct err *err) MUST_USE;
/* Orders of which nobody told what became of them, since their app is gone: finalizing ones count as issued. */
bool admissions_mend(const struct book *book, int64_t at_ns, struct err *err) MUST_USE;

/* Books a certificate, once: from what was reserved for the order, or (0) by the rules as they are now. */
bool cert_book(const struct book *book, const struct book_found *cert, int64_t order_id, int64_t now_ns, struct err *err) MUST_USE;

#endif
