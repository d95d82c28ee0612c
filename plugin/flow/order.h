/* SPDX-License-Identifier: MIT */
#ifndef FLOW_ORDER_H
#define FLOW_ORDER_H

#include <stdbool.h>

#include "util/attr.h"
#include "util/strs.h"

struct account;
struct app;
struct budget;
struct ca;
struct challenge;
struct decision;
struct err;
struct planned;
struct store_order;
struct talk;
struct worker;

/* The order that this decision would place: names sorted, state and id 0. */
void order_describe(const struct app *app, const struct decision *decision, const char *account_url, struct store_order *ret_order);

struct obtain {
	struct worker *worker;
	struct ca *ca;
	struct account *account;
	struct budget *budget;
	struct planned *planned; /* app, names, `replaces`, urgency; takes what it has to wait for */
	struct challenge *challenge; /* after its self-test */
	const struct talk *talk;
};

/*
 * From an order to a certificate on disk, each state kept before the request that it permits (design 4): an open order for exactly this is continued, else one is
 * placed if the budget admits it. *ret_leaf names the certificate in the folder certs. On failure ret_failed has the names whose validation failed; ERR_WAITS with
 * retry_at: the budget has no room, or the CA said so.
 */
bool order_obtain(const struct obtain *obtain, char ret_leaf[static 65], struct strs *ret_failed, struct err *err) MUST_USE;

#endif
