/* SPDX-License-Identifier: MIT */
#ifndef VIEW_BUDGET_H
#define VIEW_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;

/* What the books of the CAs say, as the caller may see it. Moments are whole seconds, not before the unit is really there. */

/* Who used units of a bucket. */
struct view_use {
	char *app;       /* "" = nobody uses that certificate any more */
	int64_t count;
	int64_t last_at; /* the latest of these */
};
/* Who waits. */
struct view_waiting {
	char *app;
	char *why;        /* for people, without the moment */
	int64_t until_at; /* INT64_MAX: nobody knows */
	int64_t place;    /* from 1; 0: nobody stands in line for that */
};
struct view_waits {
	struct view_waiting *items; /* by place, then by moment */
	size_t count;
};

struct view_bucket {
	const char *limit;    /* "CertificatesPerDomain" …; "Share": the cap of a group */
	char *bucket;         /* as the book names it */
	char *title;          /* "new certificates for example.com" */
	struct strs names;    /* of an exact set; empty = not known any more */
	int64_t size;         /* units of a full one … */
	int64_t count;        /* … and how many come back … */
	int64_t period_s;     /* … in so long */
	int64_t used, reserved;
	int64_t free;         /* neither used nor reserved … */
	int64_t kept;         /* … of which so many are for renewals only */
	int64_t next_unit_at; /* 0: it is full */
	int64_t full_at;      /* 0: it is full */
	int64_t last_at;      /* of failed validations: the latest one, 0 = not known */
	struct view_use *uses; /* who used most first */
	size_t use_count;
	int64_t unknown_count; /* used by what this host does not know */
	struct view_waits waits;
};

struct view_ca {
	char *name;
	char *server;
	bool has_limits;            /* else it publishes none, and only its refusals are remembered */
	char *origin;               /* where the limits are read: "the plugin", a file, a property … */
	struct strs sources;        /* … and the pages that they are from */
	char *date;                 /* of those, "" = not known */
	int64_t exception_count;    /* limits of single domains, accounts … that differ: set by property, or learned from refusals */
	struct view_bucket *buckets; /* the one with the least room first */
	size_t bucket_count;
	struct view_waits waits;    /* for what is none of the buckets: a refusal, a pause */
};

/* A group of apps with a cap. */
struct view_group {
	char *name;
	struct strs globs;
	int64_t units;
	bool is_percent;
};

struct view_budget {
	struct view_ca *cas;
	size_t ca_count;
	struct view_group *groups;
	size_t group_count;
	bool is_of_app; /* of one app: what its certificate needs */
};
void view_budget_done(struct view_budget *budget);

/*
 * word NULL: what is not full of the CAs in use. An app: what its certificate would need, full ones too. A domain: what concerns its registered domain.
 * ERR_NO_APP: it is neither.
 */
bool view_budget(struct context *context, const char *word, struct view_budget *ret_budget, struct err *err) MUST_USE;

#endif
