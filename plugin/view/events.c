/* SPDX-License-Identifier: MIT */
/* The log of decisions and results, for whoever looks. */
#include "view/events.h"

#include <stdlib.h>
#include <string.h>

#include "flow/context.h"
#include "store/store.h"
#include "util/mem.h"
#include "view/who.h"

static void view_event_done(struct view_event *event)
{
	free(event->app);
	free(event->cause);
	free(event->decision);
	free(event->result);
	free(event->next);
}

void view_events_done(struct view_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		view_event_done(&events->items[i]);
	free(events->items);
	*events = (struct view_events){ 0 };
}

/* Results name domains: of another user's app only the word before the colon is told. */
static void take(const struct viewer *viewer, struct store_event *event, struct view_event *ret_event)
{
	const char *name = viewer_name(viewer, event->app);
	bool is_seen = name == event->app;

	*ret_event = (struct view_event){
		.id = event->id,
		.at = event->at,
		.app = mem_strdup(name),
		.cause = mem_take(&event->cause),
		.decision = mem_take(&event->decision),
		.result = is_seen ? mem_take(&event->result) : mem_strndup(event->result, strcspn(event->result, ":\n")),
		.next = is_seen ? mem_take(&event->next) : mem_strdup(""),
	};
}

static void take_all(const struct viewer *viewer, struct store_events *events, struct view_events *ret_events)
{
	ret_events->items = mem_new(events->count + 1, sizeof(*ret_events->items));
	ret_events->count = events->count;
	for (size_t i = 0; i < events->count; i++)
		take(viewer, &events->items[i], &ret_events->items[i]);
}

bool view_events(struct context *context, const struct viewer *viewer, const char *app, size_t limit, struct view_events *ret_events, struct err *err)
{
	AUTO(store_events_done) struct store_events events = { 0 };
	struct store *store = context_store(context, err);

	if (!store || !store_event_list(store, app, limit, &events, err))
		return false;
	take_all(viewer, &events, ret_events);
	return true;
}

bool view_events_after(struct context *context, const struct viewer *viewer, const char *app, int64_t after_id, struct view_events *ret_events,
		       struct err *err)
{
	AUTO(store_events_done) struct store_events events = { 0 };
	struct store *store = context_store(context, err);

	if (!store || !store_event_list_after(store, app, after_id, &events, err))
		return false;
	take_all(viewer, &events, ret_events);
	return true;
}
