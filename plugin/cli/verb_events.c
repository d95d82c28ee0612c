/* SPDX-License-Identifier: MIT */
/* events: what was decided and what came of it; with --follow as it happens. */
#include <stdint.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/page.h"
#include "cli/show.h"
#include "cli/verbs.h"
#include "flow/context.h"
#include "json/write.h"
#include "sys/loop.h"
#include "util/err.h"
#include "view/events.h"
#include "view/who.h"

/* For people; JSON has all that are kept. */
#define SHOWN_MAX 100
#define POLL_MS 1000

/* One call. */
struct listing {
	struct call *call;
	struct context *context;
	const char *app;           /* NULL = all */
	struct viewer viewer;
	struct page page;
	struct event_columns columns;
	int64_t last_id;
	struct loop_event is_over; /* nobody reads any more */
};

static void listing_done(struct listing *listing)
{
	viewer_done(&listing->viewer);
}

static void print_event(struct listing *listing, const struct view_event *event)
{
	if (out_is_json(listing->call->out)) {
		AUTO_JSON *object = show_event_json(event);

		out_json(listing->call->out, object);
	} else {
		show_event(listing->call->out, &listing->page, &listing->columns, event);
	}
	listing->last_id = event->id;
}

static void print_array(struct out *out, const struct view_events *events)
{
	AUTO_JSON *list = json_new_list();

	for (size_t i = 0; i < events->count; i++)
		json_append(list, show_event_json(&events->items[i]));
	out_json(out, list);
}

/* An app that is gone is known by what happened to it. */
static bool read_first(struct listing *listing, size_t limit, struct view_events *ret_events, struct err *err)
{
	const char *app = listing->app;

	if (!viewer_open(listing->context, &listing->viewer, err) ||
	    (app && !viewer_sees(&listing->viewer, app) && !viewer_check(&listing->viewer, listing->context, app, err)) ||
	    !view_events(listing->context, &listing->viewer, app, limit, ret_events, err))
		return false;
	return !app || ret_events->count > 0 || viewer_check(&listing->viewer, listing->context, app, err);
}

static bool print_first(struct listing *listing, struct err *err)
{
	AUTO(view_events_done) struct view_events events = { 0 };
	struct out *out = listing->call->out;
	bool is_whole = out_is_json(out) && !listing->call->options.is_following;

	if (!read_first(listing, is_whole ? SIZE_MAX : SHOWN_MAX, &events, err))
		return false;
	if (is_whole) {
		print_array(out, &events);
		return true;
	}
	if (!out_is_json(out))
		listing->columns = show_events_head(out, &listing->page, &events);
	for (size_t i = 0; i < events.count; i++)
		print_event(listing, &events.items[i]);
	if (events.count == SHOWN_MAX && !listing->call->options.is_following && !listing->call->options.is_quiet)
		out_say(out, OUT_NOTE, "These are the latest %d; --format json has all that are kept.", SHOWN_MAX);
	return true;
}

/* A pipe whose reader went away, a terminal that was closed. */
static void end_listing(void *ctx, int fd, short revents)
{
	struct listing *listing = ctx;

	(void)revents;
	loop_unwatch(listing->context->loop, fd);
	loop_set(listing->context->loop, &listing->is_over);
}

static bool print_later(struct listing *listing, struct err *err)
{
	struct loop *loop = listing->context->loop;

	while (loop_wait(loop, &listing->is_over, loop_now_ms(loop) + POLL_MS) == WAIT_TIMEOUT) {
		AUTO(view_events_done) struct view_events events = { 0 };

		if (!view_events_after(listing->context, &listing->viewer, listing->app, listing->last_id, &events, err))
			return false;
		for (size_t i = 0; i < events.count; i++)
			print_event(listing, &events.items[i]);
	}
	return true;
}

/* Until a signal: that is how it ends, so it is no failure. */
static bool follow(struct listing *listing, struct err *err)
{
	struct loop *loop = listing->context->loop;
	bool is_done = false;

	loop_watch(loop, STDOUT_FILENO, 0, end_listing, listing);
	is_done = print_later(listing, err);
	if (!listing->is_over.is_set)
		loop_unwatch(loop, STDOUT_FILENO);
	return is_done;
}

bool verb_events(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	AUTO(listing_done) struct listing listing = { .call = call, .context = &context, .page = page_of_output() };

	(void)ret_exit;
	listing.app = call->words.count > 0 ? call->words.items[0] : NULL;
	if (!call_open(call, &context, err) || !print_first(&listing, err))
		return false;
	return !call->options.is_following || follow(&listing, err);
}
