/* SPDX-License-Identifier: MIT */
#ifndef FLOW_DECIDE_H
#define FLOW_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/strs.h"

struct app;
struct store_certs;
struct store_orders;

/* The one place that decides (design 3): no I/O, no clock. */

enum decision_kind {
	DECISION_NOTHING,   /* what is held is good */
	DECISION_INSTALL,   /* `leaf` was issued or is owned: install it */
	DECISION_CONTINUE,  /* an order is open for exactly this */
	DECISION_RENEW_ARI, /* renew inside the CA's window: `replaces` */
	DECISION_RENEW,     /* the same names again */
	DECISION_ISSUE,     /* names that no certificate of this app has */
	DECISION_WAIT,      /* until `at` */
	DECISION_REFUSE     /* because of `why` */
};

enum decision_cause {
	CAUSE_TYPED,    /* somebody typed enable */
	CAUSE_FORCED,   /* … with --force */
	CAUSE_SCHEDULE  /* auto-renew, the hooks */
};

struct decide_input {
	const struct app *app;
	const struct store_certs *owned;      /* all certificates of ours */
	const struct strs *in_use_elsewhere;  /* leaves that other apps use */
	const struct store_orders *open;      /* of this app */
	const struct strs *failed_names;      /* whose validation failed within the last day */
	enum decision_cause cause;
	int64_t now_at;
};

struct decision {
	enum decision_kind kind;
	struct strs names;     /* to be in the certificate */
	struct strs left_out;  /* wanted, but left out because their validation failed lately */
	char leaf[65];         /* DECISION_INSTALL */
	char replaces[200];    /* DECISION_RENEW_ARI: ARI id */
	int64_t at;            /* DECISION_WAIT: until then; DECISION_NOTHING: when it will be renewed, 0 = never */
	char why[1024];        /* for people: "not due before …" */
};
void decision_done(struct decision *decision);
void decide(const struct decide_input *input, struct decision *ret_decision);
/* Its certificates are another program's business (proxy, k3s), or need DNS-01. */
bool decide_is_out_of_reach(const struct app *app);
/* "nothing", "install", "continue", "renew (ARI)", "renew", "issue", "wait", "refuse". */
const char *decision_name(enum decision_kind kind);

#endif
