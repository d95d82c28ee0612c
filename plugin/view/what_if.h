/* SPDX-License-Identifier: MIT */
#ifndef VIEW_WHAT_IF_H
#define VIEW_WHAT_IF_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"
#include "view/plan.h"

struct planned;

/* What would come of more apps, after those of a plan that plan_budget has just asked for. */
void view_what_if_done(struct view_what_if *what_if);
bool view_what_if(struct context *context, const struct view_plan_wish *wish, const struct planned *planned, size_t count,
		  struct view_what_if *ret_what_if, struct err *err) MUST_USE;

#endif
