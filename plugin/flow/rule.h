/* SPDX-License-Identifier: MIT */
#ifndef FLOW_RULE_H
#define FLOW_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "budget/limits.h"
#include "util/attr.h"
#include "util/strs.h"

struct err;

/*
 * How the properties of budgets are written. `set` checks with the same functions that the rules are read with. Failures are ERR_CONFIG; their text is the
 * reason alone, to follow the property's name.
 */

#define RULE_LIMIT "limit-"
#define RULE_GROUP "group-"
#define RULE_SHARE "share-"
#define RULE_NO_LIMITS "none"

/*
 * Turns the reason in err into the failure of a property as it is stored (somebody edited the file: `set` would have refused it): which property, why, and the
 * command that mends it, with an example of a value.
 */
void rule_blame(const char *key, const char *example, struct err *err);
/* False, and visibly so to compilers and analyzers. */
#define rule_fail(key, example, err) (rule_blame((key), (example), (err)), false)

/* What follows "group-" and "share-": an app's name or one like it. */
bool rule_is_group(const char *name);
/* Globs on app names with blanks or commas between them, at least one; appended. */
bool rule_globs(const char *value, struct strs *ret_globs, struct err *err) MUST_USE;
/* "7" or "25%" */
bool rule_share(const char *value, int64_t *ret_units, bool *ret_is_percent, struct err *err) MUST_USE;
/* "5" */
bool rule_reserve(const char *value, int64_t *ret_units, struct err *err) MUST_USE;
/* "300/7d": so many come back in a period, and so many are in a full bucket. */
bool rule_rate(const char *value, struct rate *ret_rate, struct err *err) MUST_USE;
/*
 * A key "limit-<name>" or "limit-<name>:<for whom>", the name in any case. *ret_id is what limits_override takes, NULL = for all; the caller frees it. What
 * cannot stand in a file's name is refused.
 */
bool rule_limit(const char *key, enum limit *ret_limit, char **ret_id, struct err *err) MUST_USE;

/* The key of an override as it is stored; the caller frees it. */
char *rule_limit_key(enum limit limit, const char *id) MUST_USE NEVER_NULL;

/* The property limits: words "<server>=<limits>", or one "<limits>" alone. `{ 0 }` is empty. */
struct rule_limits {
	struct strs servers; /* same index: a directory URL or a host; "" = every server that has none yet … */
	struct strs limits;  /* … RULE_NO_LIMITS, the absolute path of a file, or the name of one in templates/limits */
};
bool rule_limits_read(const char *value, struct rule_limits *ret_limits, struct err *err) MUST_USE;
/* What is said of this server (a directory URL), NULL = nothing; "" asks for the word that stands alone. Borrowed. */
const char *rule_limits_of(const struct rule_limits *limits, const char *server);
void rule_limits_done(struct rule_limits *limits);

#endif
