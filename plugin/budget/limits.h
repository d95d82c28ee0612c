/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_LIMITS_H
#define BUDGET_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "budget/gcra.h"
#include "util/attr.h"
#include "util/strs.h"

struct err;

/* A CA's limits, by the names of Boulder, in the order in which buckets are shown. */
enum limit {
	LIMIT_ACCOUNTS_PER_ADDRESS, /* bucket: an address */
	LIMIT_ACCOUNTS_PER_RANGE,   /* an IPv6 /48 */
	LIMIT_ORDERS,               /* an account */
	LIMIT_FAILURES,             /* account ":" name; overrides: account */
	LIMIT_DOMAIN,               /* certificates of a registered domain */
	LIMIT_DOMAIN_OF_ACCOUNT,    /* account ":" registered domain; exists only where an override (account) makes it */
	LIMIT_SET,                  /* certificates of an exact set: its hash */
	LIMIT_PAUSING,              /* failures in a row: account ":" name; overrides: account */
	LIMIT_COUNT
};

/* "CertificatesPerDomain" */
const char *limit_name(enum limit limit);
/* False when no limit has that name. */
bool limit_find(const char *name, enum limit *ret_limit);

struct limit_override {
	enum limit limit;
	char *id; /* what of its bucket decides: an account, a domain, an address or block, a hash */
	struct rate rate;
};

/* "2026-08-05" */
#define LIMITS_DATE_SIZE sizeof("YYYY-MM-DD")

struct limits {
	char *name;               /* of the CA, for people */
	struct strs directories;  /* URLs for which these limits hold */
	struct strs issuers;      /* organizations in the issuer of its certificates */
	struct strs sources;      /* pages that say so, each once */
	char date[LIMITS_DATE_SIZE]; /* the newest of their dates, "" = none */
	bool is_limited[LIMIT_COUNT];
	struct rate rates[LIMIT_COUNT];
	struct limit_override *overrides; /* sorted by limit and id */
	size_t override_count;
	size_t override_room;
};

/*
 * A file of templates/limits/ (its README.md says what stands in it). ERR_CONFIG with the line for whatever is missing, unknown, said twice or absurd:
 * nothing is issued on guessed limits.
 */
bool limits_read(const char *text, size_t size, struct limits *ret_limits, struct err *err) MUST_USE;
/*
 * Another rate for one id, as an operator or the CA names it: a domain or an address (CertificatesPerDomain), an account (orders, failures, certificates of an
 * account), names joined by commas (CertificatesPerFQDNSet), an address or a block (accounts). Replaces an older one. ERR_CONFIG: not such an id.
 */
bool limits_override(struct limits *limits, enum limit limit, const char *id, const struct rate *rate, struct err *err) MUST_USE;
void limits_forget_overrides(struct limits *limits);
/* What holds for this id, NULL for no limit; borrowed until the limits change. For LIMIT_DOMAIN_OF_ACCOUNT that is an override or nothing. */
const struct rate *limits_rate(const struct limits *limits, enum limit limit, const char *id);
void limits_done(struct limits *limits);
#define AUTO_LIMITS AUTO(limits_done) struct limits

#endif
