/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_CHARGE_H
#define BUDGET_CHARGE_H

#include <stdbool.h>
#include <stddef.h>

#include "budget/limits.h"
#include "util/attr.h"

struct names;
struct suffixes;

/* One unit of one bucket that a request needs. */
struct charge {
	enum limit limit;
	char *bucket; /* "example.com", "1:www.example.com", … */
	struct rate rate;
	bool is_spent; /* else only looked at */
};

/* In the CA's order; without buckets for which it has no limit. `{ 0 }` is empty. */
struct charges {
	struct charge *items;
	size_t count;
	size_t room;
};

/* Under which rule an order goes. */
enum order_as {
	ORDER_NEW,
	ORDER_RENEWAL, /* the exact set was issued within 120 days */
	ORDER_ARI      /* `replaces` inside the window: no limits */
};

/* What the buckets depend on. */
struct charge_rules {
	const struct limits *limits;
	const struct suffixes *suffixes;
};

/* All of these append. `account` is what the CA's overrides call it by: the last part of its URL. */

/* Looked at, and for the account's orders spent, when an order is placed. */
void charges_order(const struct charge_rules *rules, const char *account, const struct names *names, enum order_as as, struct charges *charges);
/* Spent when the certificate is issued, each only if it has a unit. */
void charges_certificate(const struct charge_rules *rules, const char *account, const struct names *names, bool is_renewal, struct charges *charges);
/* Spent, if there is a unit, when a validation of `name` fails. */
void charges_failure(const struct charge_rules *rules, const char *account, const char *name, struct charges *charges);
/* The failures in a row: without a unit the name is paused; emptied by a success. */
void charges_pausing(const struct charge_rules *rules, const char *account, const char *name, struct charges *charges);
/* Spent for a new account from this address (canonical). */
void charges_account(const struct charge_rules *rules, const char *address, struct charges *charges);
/* Every bucket that a new order of these names, its failures and its certificate would touch, sorted by limit, then by the bytes of `bucket`. */
void charges_all(const struct charge_rules *rules, const char *account, const struct names *names, struct charges *charges);
void charges_done(struct charges *charges);
#define AUTO_CHARGES AUTO(charges_done) struct charges

#endif
