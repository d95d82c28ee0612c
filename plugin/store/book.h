/* SPDX-License-Identifier: MIT */
#ifndef STORE_BOOK_H
#define STORE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/charge.h"
#include "budget/ledger.h"
#include "store/store.h"
#include "util/attr.h"
#include "util/strs.h"

struct err;

/*
 * The book of a CA's budget (design 4): its buckets as the CA counts them, and beside them what our own open orders have reserved: free = units - reservations; a
 * reservation never touches a bucket. Each function is one transaction of the store. Moments are Unix nanoseconds where the name ends in _ns.
 */
struct book {
	struct store *store;
	const char *ca; /* the buckets' owner: struct limits.name, or the server's host for a CA without published limits */
	struct charge_rules rules; /* rules.limits NULL: no limits are known, only refusals are remembered */
	int64_t unproven_ns; /* a book from before was lost then (store_lost_at): every bucket counts as used up at that moment; 0: none was */
};

/* ---- admission ---- */

/* Units that a request leaves free of each bucket (never all that a full one has). */
struct book_keep {
	int64_t domain;  /* of the certificates of a registered domain: the reserve */
	int64_t set;     /* of the certificates of an exact set */
	int64_t failure; /* of the failed validations of a name */
};

/* A cap of our own for a group of apps, on the new certificates of each registered domain. */
struct book_share {
	const char *group; /* NULL: none */
	int64_t units;
	bool is_percent;   /* of what the CA gives the domain; at least one */
	bool is_passed;    /* counted, but it stops nobody: the most urgent, and forced ones */
};
struct book_shares {
	const struct book_share *items;
	size_t count;
};

struct book_request {
	const struct store_order *order; /* wanted: app, names, server, account_url, profile, key_type, replaces */
	const char *account;             /* as the CA's overrides call it: the last part of its URL */
	bool is_ari;                     /* `replaces` inside its window */
	struct book_keep keep;
	struct book_share share;
	int64_t now_ns;                  /* for admission: the earlier clock */
	int64_t spend_ns;                /* for booking: the later clock */
	int64_t lease_until;
};

/* What a request waits for: of the buckets without room the one that has it last. */
struct book_wait {
	enum limit limit;
	char *bucket;  /* for a refusal the name */
	bool is_share; /* the cap of a group: limit is LIMIT_DOMAIN */
	int64_t at_ns; /* the earliest moment with room for it, reservations and what is kept free counted; INT64_MAX: until somebody lifts a pause */
	size_t place;  /* of book_ask: in the queue for that bucket, from 1; 0: of a refusal, for which nobody stands in line */
	char *message; /* for people, without the moment: "the 50 new certificates for example.com within 7 days are used up (45 used, 0 reserved, 5 kept …)" */
};
void book_wait_done(struct book_wait *wait);

/*
 * In one transaction the open order (intended, placed or finalizing) for exactly these names, server, account, profile, key type and `replaces` is taken over for
 * this host, or, if every bucket has room, a new one is intended with its reservations, and its unit of the account's orders is booked. Both leased until
 * `lease_until`. An order that another host, or another app with the same names, holds: ERR_LOCKED with retry_at. One that is intended and still unplaced is
 * judged again, and its second sending booked too; once sent twice it is marked dead and a new one made. *ret_admitted false: nothing was written, *ret_wait says
 * why.
 */
bool book_admit(const struct book *book, const struct book_request *request, bool *ret_admitted, struct store_order *ret_order, enum order_as *ret_as,
		struct book_wait *ret_wait, struct err *err) MUST_USE;
/*
 * The same question without writing, for plans: what book_ask lets in is assumed by the questions that follow, on this store, until book_plan forgets it. What has
 * to wait keeps its place in the bucket that it waits for (not in those where it would find room): later questions come after it there.
 */
bool book_plan(const struct book *book, struct err *err) MUST_USE;
bool book_ask(const struct book *book, const struct book_request *request, bool *ret_would, enum order_as *ret_as, struct book_wait *ret_wait,
	      struct err *err) MUST_USE;

/* ---- settling: each may be run again with the same result. Buckets are those reserved at the admission, whatever the rules say now ---- */

/* The CA has answered newOrder, by `answered_ns` at the latest: the order is placed, and its unit was spent no later than that. */
bool book_placed(const struct book *book, int64_t order_id, const char *url, int64_t expires_at, int64_t answered_ns, struct err *err) MUST_USE;
/* A validation of `name` failed: spent, its reservation goes; also remembered for store_validation_get. Before book_dead. */
bool book_failed(const struct book *book, int64_t order_id, const char *name, int64_t now_ns, struct err *err) MUST_USE;
/* These succeeded: they can fail no more, and what failed before is forgotten. One transaction. */
bool book_valid(const struct book *book, int64_t order_id, const struct strs *names, struct err *err) MUST_USE;
/*
 * The certificate is on disk: its row and the order's state; the buckets are spent as the CA spends them, the reservations go. A dead order (its app was forgotten
 * meanwhile) stays dead; the row is kept.
 */
bool book_issued(const struct book *book, int64_t order_id, const struct store_cert *cert, int64_t issued_ns, struct err *err) MUST_USE;

enum book_end {
	BOOK_UNUSED,  /* no certificate came of it */
	BOOK_REFUSED, /* the CA refused newOrder: its unit of the account's orders comes back as well, unless the order was placed */
	BOOK_SPENT    /* what became of it is not known (finalizing, its URL gone): spent like an issued one */
};
/* The order is dead, and the reservations go. Of several reasons the first is kept. */
bool book_dead(const struct book *book, int64_t order_id, const char *reason, enum book_end end, int64_t now_ns, struct err *err) MUST_USE;

/* ---- learning from refusals (acme-facts C6) ---- */

/*
 * The CA denied: the bucket has a unit at retry_at_ns and not before. `burst` and `period_ns` are the CA's numbers, 0 = not told; where they differ from the limit
 * that is known, or none is, they are kept for the bucket's account, domain or address (book_learned), not for exact sets. Without any number nothing is remembered:
 * use book_refused.
 */
bool book_learn(const struct book *book, enum limit limit, const char *bucket, int64_t burst, int64_t period_ns, int64_t retry_at_ns, struct err *err) MUST_USE;
/* Puts what was learned of this CA into limits as read from a file. */
bool book_learned(struct store *store, const char *ca, struct limits *limits, struct err *err) MUST_USE;
/*
 * For what names no bucket (a CA without published limits, a pause): these names are not asked for again before then. `link` = where a person lifts it, "" = nobody
 * can.
 */
bool book_refused(const struct book *book, const char *account, const struct strs *names, int64_t until_ns, const char *link, const char *why,
		  struct err *err) MUST_USE;
/* A person says that all pauses of the account are lifted. */
bool book_unpause(const struct book *book, const char *account, int64_t now_ns, struct err *err) MUST_USE;

/* ---- starting a book from certificates that exist (design 4: time of issuance) ---- */

struct book_found {
	const char *leaf;
	const struct strs *names;
	int64_t not_before_ns;
	int64_t issued_ns;
};
/* Books those that are not booked yet, oldest first, in one transaction. `is_rebuild`: instead of what the book knows of issued certificates; all else stays. */
bool book_adopt(const struct book *book, const struct book_found *certs, size_t count, bool is_rebuild, int64_t now_ns, struct err *err) MUST_USE;

/* ---- looking ---- */

struct book_bucket {
	enum limit limit;
	bool is_share;           /* the cap of a group: limit is LIMIT_DOMAIN, bucket is group ":" registered domain */
	char *bucket;
	struct rate rate;
	int64_t used;            /* units spent and not come back */
	int64_t reserved;
	int64_t free;            /* never below 0 */
	int64_t next_unit_at_ns; /* one unit more, reservations aside; now when full */
	int64_t full_at_ns;
};
struct book_buckets {
	struct book_bucket *items; /* by limit, the caps of groups after it, then by bytes of bucket */
	size_t count;
};
void book_buckets_done(struct book_buckets *buckets);
/*
 * All that are not full or have reservations; `like` not NULL: those whose bucket is it, or ends in it after a dot or colon ("example.com", a hash). Caps of groups only
 * for the `shares` (each with its group).
 */
bool book_list(const struct book *book, const char *like, const struct book_shares *shares, int64_t now_ns, struct book_buckets *ret_buckets,
	       struct err *err) MUST_USE;

struct book_use {
	char *leaf;
	char *app;          /* who ordered it, else who uses it; "" = nobody any more */
	struct strs names;  /* empty = not known any more */
	bool is_new;        /* admitted under the rule 'new', not as a renewal; false for one that was found on disk */
	int64_t issued_ns;
};
struct book_uses {
	struct book_use *items; /* oldest first */
	size_t count;
};
void book_uses_done(struct book_uses *uses);
/* The certificates that the buckets know, issued then or later. */
bool book_used(const struct book *book, int64_t since_ns, struct book_uses *ret_uses, struct err *err) MUST_USE;
/* Drops what has not mattered for long: a clock that is ahead by days costs nothing. Settles orders that died with their app. Called now and then. */
bool book_sweep(const struct book *book, int64_t now_ns, struct err *err) MUST_USE;

/* ---- the CA's own ledger on this store, for build/ledger-trace; `ctx` is a struct book ---- */

const struct ledger_store *book_ledger_store(void);
/* All operations from book_begin to book_commit are one transaction; closing the store in between takes them back. */
bool book_begin(const struct book *book, struct err *err) MUST_USE;
/* `applied`: how many operations the book has seen by now. */
bool book_commit(const struct book *book, int64_t applied, struct err *err) MUST_USE;
bool book_applied(const struct book *book, int64_t *ret_applied, struct err *err) MUST_USE;

#endif
