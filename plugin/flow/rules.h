/* SPDX-License-Identifier: MIT */
#ifndef FLOW_RULES_H
#define FLOW_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/domain.h"
#include "budget/limits.h"
#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;

/* What operators say of budgets by properties (all global): limits, limit-<name>[:<key>], group-<g>, share-<g>, reserve, public-suffix-list. */

struct group {
	char *name;
	struct strs globs;  /* of app names, as fnmatch(3) has them; none: the share of the app of that name, if it is in no group */
	bool has_share;     /* a cap for each registered domain … */
	int64_t units;      /* … of so many new certificates */
	bool is_percent;    /* … or of so much of what the CA gives it */
};
struct rules {
	struct group *groups; /* in byte order of their names */
	size_t group_count;
	int64_t reserve;      /* -1: a tenth of what the CA gives a registered domain */
	struct suffixes *suffixes; /* NULL until rules_suffixes */
};
void rules_done(struct rules *rules);
/* ERR_CONFIG names the property that makes no sense and the command that mends it. */
bool rules_read(struct context *context, struct rules *ret_rules, struct err *err) MUST_USE;

/* The first group that the app is in; NULL: it is a group of its own. Borrowed. A group of one app can have a share, too: share-<app>. */
const struct group *rules_group(const struct rules *rules, const char *app);

/*
 * The limits of a server: the file that the property `limits` assigns to it, else the one of templates/limits that names it, else the one that the property
 * gives to all others; with the overrides by properties. *ret_found false: none are published, or "none" is set. ERR_CONFIG with file and line, or property.
 */
bool rules_limits(struct context *context, const char *server, bool *ret_found, struct limits *ret_limits, struct err *err) MUST_USE;
/* The servers that templates/limits names. */
bool rules_servers(struct context *context, struct strs *ret_servers, struct err *err) MUST_USE;
/*
 * What `set` asks: whether each file that a value of `limits` names is there and makes sense; whether a domain with a limit of its own is a registered one.
 * ERR_CONFIG, its text is the reason alone.
 */
bool rules_check_limits(struct context *context, const char *key, const char *value, struct err *err) MUST_USE;
bool rules_check_override(struct context *context, const char *key, const char *value, struct err *err) MUST_USE;
/* All of templates/limits and of the property: which CA issued a certificate whose issuer has this organization; false: none that is known. */
bool rules_issuer(struct context *context, const char *issuer, bool *ret_found, char **ret_ca, struct err *err) MUST_USE;

/* The newest list of public suffixes that there is, read once; borrowed. NULL = failed: there is none. */
const struct suffixes *rules_suffixes(struct rules *rules, struct context *context, struct err *err) MUST_USE;
/* A scheduled run fetches the official list of public suffixes, at most once a month, and only if it changed. Says nothing but an event when that fails. */
void rules_fetch_suffixes(struct context *context);

#endif
