/* SPDX-License-Identifier: MIT */
#ifndef FLOW_PLAN_H
#define FLOW_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/charge.h"
#include "flow/app.h"
#include "flow/decide.h"
#include "flow/turn.h"
#include "store/book.h"
#include "util/attr.h"

struct context;
struct err;

/* The last step of a decision (design 3, preference 7): whether the budget has room for it now, beside all others who ask. The run and the command `plan` both ask here. */
struct planned {
	struct app app;
	const char *reason;         /* "enable", "auto-renew"; borrowed, lives longer */
	bool is_forced;
	struct decision decision;   /* from engine_decide; becomes DECISION_WAIT with `at` and `why` when there is no room */
	/* filled for what asks a CA: DECISION_CONTINUE, _RENEW_ARI, _RENEW, _ISSUE before */
	bool asks;
	enum decision_kind asked;   /* what it was before it had to wait */
	enum urgency urgency;
	char *group;                /* "" = of its own */
	char *account_url;          /* "" = there is none yet */
	bool is_by_graceperiod;     /* due by the user's graceperiod */
	int64_t since_at;           /* age */
	char *waited_for;           /* bucket that it waited for before, "" = none */
	enum order_as as;
	struct book_wait wait;      /* message NULL: it need not wait */
	size_t turn;                /* 0 goes first */
};
void planned_done(struct planned *planned);

/* "enable" with or without --force, or the schedule. */
enum decision_cause plan_cause(const char *reason, bool is_forced);
/* Reads the app and decides without the budget. */
bool plan_read(struct context *context, const char *app, const char *reason, bool is_forced, struct planned *ret_planned, struct err *err) MUST_USE;
/*
 * Asks the budget for all of them together with the requests of other apps that wait already, in the order of design 4. Nothing is written. One whose limits or names
 * make no sense becomes DECISION_REFUSE.
 */
bool plan_budget(struct context *context, struct planned *items, size_t count, struct err *err) MUST_USE;
/* It has to wait after all: takes what it waits for. */
void plan_conclude(struct planned *planned, struct book_wait *wait);
/* Writes down what plan_budget found, so that other processes respect it: each request keeps its place until plan_drop. */
bool plan_keep(struct context *context, const struct planned *items, size_t count, struct err *err) MUST_USE;
bool plan_drop(struct context *context, const char *app, struct err *err) MUST_USE;

#endif
