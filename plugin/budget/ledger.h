/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_LEDGER_H
#define BUDGET_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/charge.h"
#include "util/attr.h"
#include "util/strs.h"

struct err;
struct names;

/*
 * The CA's rules over a store of buckets: every operation is answered as the CA would, and leaves what the CA would keep. Who calls makes each operation one
 * transaction of the store, and holds reservations above it. All moments are Unix nanoseconds.
 */

/* What the CA remembers of a name that an account failed too often. Absent: GCRA_UNTOUCHED in both. */
struct pause {
	bool is_paused;
	int64_t unpaused_at_ns; /* GCRA_UNTOUCHED: never */
};

/* Where the ledger keeps its books: memory (budget/memory) or a database. False only with `err` set: then the operation is to be rolled back. */
struct ledger_store {
	/* GCRA_UNTOUCHED when the bucket is not there; setting that removes it. */
	bool (*tat)(void *ctx, enum limit limit, const char *bucket, int64_t *ret_tat_ns, struct err *err);
	bool (*set_tat)(void *ctx, enum limit limit, const char *bucket, int64_t tat_ns, struct err *err);
	/* The newest notBefore of the set with this hash, GCRA_UNTOUCHED for none. */
	bool (*newest)(void *ctx, const char *set, int64_t *ret_not_before_ns, struct err *err);
	bool (*set_newest)(void *ctx, const char *set, int64_t not_before_ns, struct err *err);
	bool (*pause)(void *ctx, const char *account, const char *name, struct pause *ret_pause, struct err *err);
	bool (*set_pause)(void *ctx, const char *account, const char *name, const struct pause *pause, struct err *err);
	/* Unpauses all that is paused for the account, at `at_ns`, and counts it. */
	bool (*unpause)(void *ctx, const char *account, int64_t at_ns, int64_t *ret_count, struct err *err);
};

struct ledger {
	struct charge_rules rules;
	const struct ledger_store *store;
	void *ctx; /* of the store */
};

/* `{ 0 }` is empty. */
struct verdict {
	bool is_allowed;
	enum order_as as;
	struct strs paused;    /* not empty: refused for these names, whatever the limits say */
	enum limit limit;      /* of a denial: the strictest one */
	char *bucket;
	struct rate rate;
	int64_t retry_at_ns;   /* the first moment at which that one would allow */
};

/* A new order; `replaces` stands for a certificate whose window is open and that passes the CA's checks. */
bool ledger_order(const struct ledger *ledger, int64_t now_ns, const char *account, const struct names *names, bool replaces, struct verdict *ret_verdict,
	struct err *err) MUST_USE;
/* The CA could not create the order that it had allowed as new. */
bool ledger_refund_order(const struct ledger *ledger, int64_t now_ns, const char *account, const struct names *names, struct err *err) MUST_USE;
/* A new account with a new key, from this address (canonical). */
bool ledger_account(const struct ledger *ledger, int64_t now_ns, const char *address, struct verdict *ret_verdict, struct err *err) MUST_USE;
bool ledger_refund_account(const struct ledger *ledger, int64_t now_ns, const char *address, struct err *err) MUST_USE;
/* A certificate was signed. */
bool ledger_issued(const struct ledger *ledger, int64_t now_ns, const char *account, const struct names *names, int64_t not_before_ns, enum order_as *ret_as,
	struct err *err) MUST_USE;
/* A validation of the name (with its "*.") failed, or its pending authorization was deactivated. */
bool ledger_failed(const struct ledger *ledger, int64_t now_ns, const char *account, const char *name, bool *ret_is_paused, struct err *err) MUST_USE;
bool ledger_valid(const struct ledger *ledger, const char *account, const char *name, struct err *err) MUST_USE;
/* The account's owner followed the link. */
bool ledger_unpause(const struct ledger *ledger, int64_t now_ns, const char *account, int64_t *ret_count, struct err *err) MUST_USE;
/* Whether the exact set was issued, to whomever, within 120 days. */
bool ledger_is_renewal(const struct ledger *ledger, int64_t now_ns, const struct names *names, bool *ret_is_renewal, struct err *err) MUST_USE;
/* Appends those of the names that are paused for the account, at most as many as the CA tells. */
bool ledger_paused(const struct ledger *ledger, const char *account, const struct names *names, struct strs *ret_paused, struct err *err) MUST_USE;
void verdict_done(struct verdict *verdict);
#define AUTO_VERDICT AUTO(verdict_done) struct verdict

/* A bucket to be shown. */
struct level {
	int64_t remaining;       /* never below 0 */
	int64_t next_unit_at_ns; /* one unit more than `remaining`; now when it is full */
	int64_t full_at_ns;
};
bool ledger_level(const struct ledger *ledger, int64_t now_ns, const struct charge *charge, struct level *ret_level, struct err *err) MUST_USE;

/* The window in which the CA suggests a renewal, open from start on and before end. `issued_ns` is the moment of issuance, not notBefore. */
void ledger_window(int64_t issued_ns, int64_t not_after_ns, int64_t *ret_start_ns, int64_t *ret_end_ns);

#endif
