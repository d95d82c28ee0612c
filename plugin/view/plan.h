/* SPDX-License-Identifier: MIT */
#ifndef VIEW_PLAN_H
#define VIEW_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

struct context;
struct err;
struct strs;

/* What the engine would do now and why, and what would come of more apps. Nothing is changed, and nobody but the files and the store is asked. */

struct view_decision {
	char *app;
	const char *decision; /* "issue", "wait", "nothing", … */
	const char *asked;    /* of one that waits: with what; "" else */
	const char *urgency;  /* of one that asks a CA; "" else */
	char *why;
	int64_t at;           /* when that is: 0 = now (of "nothing": never); INT64_MAX: nobody knows */
	char *limit;          /* of one that waits for the budget: "CertificatesPerDomain" …; "" else */
	char *bucket;
	int64_t place;        /* in the queue for it, from 1; 0 else */
	int64_t turn;         /* of those that ask: who goes first */
};

/* "12 more apps under example.com". */
struct view_what_if {
	int64_t count;
	char *domain;      /* as typed, or the platform's */
	char *registered;  /* what the CA counts it by */
	char *ca;
	bool is_limited;   /* else this CA publishes no limit for that */
	int64_t size, free, kept;
	int64_t taken;     /* of the free ones, by the apps of this plan */
	int64_t fit_count; /* so many get their certificate now */
	int64_t last_at;   /* when the last of them does; 0 = now */
	char *why;         /* the first that does not fit waits because of this; "" = all fit */
};

struct view_plan {
	struct view_decision *items; /* in the order in which it is done; with a date in that of the moments */
	size_t count;
	size_t app_count;     /* that were looked at */
	size_t good_count;    /* of those that are not in `items`: have a certificate that is not due … */
	size_t without_count; /* … have none, and nobody asked for one */
	int64_t next_at;      /* the first renewal of the good ones, 0 = none */
	bool has_what_if;
	struct view_what_if what_if;
};
void view_plan_done(struct view_plan *plan);

struct view_plan_wish {
	const struct strs *apps;  /* what `enable` of these would do; none: */
	bool is_all;              /* what `enable --all` would do, else what `auto-renew` would */
	bool is_whole;            /* also those with nothing to do are listed (so are those in `apps`) */
	int64_t until_at;         /* also what becomes due until then; 0 = only now */
	int64_t add_count;        /* so many more apps … */
	const char *add_domain;   /* … under this domain; NULL: the platform's */
};
bool view_plan(struct context *context, const struct view_plan_wish *wish, struct view_plan *ret_plan, struct err *err) MUST_USE;

#endif
