/* SPDX-License-Identifier: MIT */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdbool.h>

#include "util/attr.h"

struct json;
struct out;
struct page;
struct view_budget;
struct view_event;
struct view_events;
struct view_plan;

/* What was gathered in flow/, as words for people and as JSON. Moments in words are in the zone of the process. */

/* Widths of the columns of a list of events; later events are printed with the same. */
struct event_columns {
	int app;
	bool is_beside; /* the result stands beside the row, not under it */
};
struct event_columns show_events_head(struct out *out, const struct page *page, const struct view_events *events);
void show_event(struct out *out, const struct page *page, const struct event_columns *columns, const struct view_event *event);
/* An object; the caller frees it. */
struct json *show_event_json(const struct view_event *event) MUST_USE NEVER_NULL;

void show_plan(struct out *out, const struct page *page, const struct view_plan *plan);
struct json *show_plan_json(const struct view_plan *plan) MUST_USE NEVER_NULL;

void show_budget(struct out *out, const struct page *page, const struct view_budget *budget);
struct json *show_budget_json(const struct view_budget *budget) MUST_USE NEVER_NULL;

#endif
