/* SPDX-License-Identifier: MIT */
#ifndef VIEW_EVENTS_H
#define VIEW_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

struct context;
struct err;
struct viewer;

/* What happened, as the caller may see it: of another user's app only that something did. */
struct view_event {
	int64_t id;     /* grows */
	int64_t at;
	char *app;      /* "" = of no app */
	char *cause;    /* "enable", "auto-renew", … */
	char *decision; /* "issue", … */
	char *result;   /* may have several lines */
	char *next;     /* "" = none */
};
struct view_events {
	struct view_event *items; /* oldest first */
	size_t count;
};
void view_events_done(struct view_events *events);
/* The latest `limit`; app NULL: of all. */
bool view_events(struct context *context, const struct viewer *viewer, const char *app, size_t limit, struct view_events *ret_events,
		 struct err *err) MUST_USE;
/* Those after the one with this id. */
bool view_events_after(struct context *context, const struct viewer *viewer, const char *app, int64_t after_id, struct view_events *ret_events,
		       struct err *err) MUST_USE;

#endif
