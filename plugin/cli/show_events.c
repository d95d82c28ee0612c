/* SPDX-License-Identifier: MIT */
/* Events as a table: one row each, with what came of it under the row, or beside it where there is room. */
#include "cli/show.h"

#include <stddef.h>
#include <string.h>

#include "cli/out.h"
#include "cli/page.h"
#include "json/write.h"
#include "util/mem.h"
#include "util/when.h"
#include "view/events.h"

#define WHEN_WIDTH 19
#define CAUSE_WIDTH 10
#define DECISION_WIDTH 11
#define APP_MIN 8
#define APP_MAX 30
/* Beside the row stands what has at least so many columns. */
#define RESULT_MIN 40
#define INDENT "       "

/* The columns before the result, two blanks after each. */
static int row_width(const struct event_columns *columns)
{
	return WHEN_WIDTH + 2 + columns->app + 2 + CAUSE_WIDTH + 2 + DECISION_WIDTH + 2;
}

struct event_columns show_events_head(struct out *out, const struct page *page, const struct view_events *events)
{
	struct event_columns columns = { .app = APP_MIN };

	for (size_t i = 0; i < events->count; i++) {
		int width = (int)page_width(events->items[i].app);

		if (width > columns.app)
			columns.app = width > APP_MAX ? APP_MAX : width;
	}
	columns.is_beside = page->columns - row_width(&columns) >= RESULT_MIN;
	out_say(out, OUT_PLAIN_QUIET, "-----> %-*s  %-*s  %-*s  %s%s", WHEN_WIDTH - 7, "When", columns.app, "App", CAUSE_WIDTH, "Cause", "Decision",
		columns.is_beside ? "     Result" : "");
	return columns;
}

void show_event(struct out *out, const struct page *page, const struct event_columns *columns, const struct view_event *event)
{
	AUTO_FREE char *when = when_local(event->at);
	AUTO_FREE char *row = mem_fmt("%-*s  %-*s  %-*s  %-*s  ", WHEN_WIDTH, when, columns->app, event->app, CAUSE_WIDTH, event->cause, DECISION_WIDTH,
				      event->decision);
	size_t indent = columns->is_beside ? (size_t)row_width(columns) : strlen(INDENT);
	AUTO_FREE char *result = page_local(event->result);
	AUTO_FREE char *next_step = page_local(event->next);
	AUTO_FREE char *next = mem_fmt("next: %s", next_step);
	AUTO_FREE char *lead = mem_fmt("%*s", (int)indent, "");

	if (columns->is_beside) {
		page_print(out, page, row, indent, result);
	} else {
		page_print(out, page, row, indent, "");
		if (*event->result)
			page_print(out, page, lead, indent, result);
	}
	if (*event->next)
		page_print(out, page, lead, indent, next);
}

struct json *show_event_json(const struct view_event *event)
{
	AUTO_FREE char *time = when_rfc3339(event->at);
	struct json *object = json_new_object();

	json_set_int(object, "at", event->at);
	json_set_str(object, "time", time);
	json_set_str(object, "app", event->app);
	json_set_str(object, "cause", event->cause);
	json_set_str(object, "decision", event->decision);
	json_set_str(object, "result", event->result);
	json_set_str(object, "next", event->next);
	return object;
}
