/* SPDX-License-Identifier: MIT */
#ifndef VIEW_SCOPE_H
#define VIEW_SCOPE_H

#include <stdbool.h>

#include "util/attr.h"
#include "util/strs.h"

struct suffixes;
struct view_row;

/* Of view/budget: which buckets concern what was asked for, and are for the eyes of who asks. */
struct scope {
	const struct suffixes *suffixes;
	bool is_narrow;      /* only what concerns … */
	struct strs names;   /* … these names (sorted) … */
	struct strs domains; /* … and their registered domains (sorted) */
	const char *domain;  /* the registered domain that was asked for, NULL = any */
};
void scope_done(struct scope *scope);
void scope_add(struct scope *scope, const struct strs *names);
/* Not asked for, but to be seen. */
bool scope_has_domain(const struct scope *scope, const char *registered);
bool scope_has(const struct scope *scope, const struct view_row *row);

#endif
