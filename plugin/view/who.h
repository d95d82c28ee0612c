/* SPDX-License-Identifier: MIT */
#ifndef VIEW_WHO_H
#define VIEW_WHO_H

#include <stdbool.h>

#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;

/* Who looks (design 4): where the platform shows each user only some of the apps, the others have no name. */
struct viewer {
	bool sees_all;
	struct strs apps; /* those that are seen, sorted */
};
void viewer_done(struct viewer *viewer);
bool viewer_open(struct context *context, struct viewer *ret_viewer, struct err *err) MUST_USE;
bool viewer_sees(const struct viewer *viewer, const char *app);
/* The app, or "another app"; "" stays "". Borrowed from either. */
const char *viewer_name(const struct viewer *viewer, const char *app);
/* ERR_NO_APP with the platform's words, also for one that is there but not seen. */
bool viewer_check(const struct viewer *viewer, struct context *context, const char *app, struct err *err) MUST_USE;

#endif
