/* SPDX-License-Identifier: MIT */
/*
 * The log of decisions and results, for people: kept for 90 days or to the number of 10 000, whichever is more.
 */
#include "store/store.h"

#include <stdlib.h>

#include "store/db.h"
#include "store/inner.h"
#include "util/err.h"
#include "util/when.h"

#define KEPT_S (90 * WHEN_DAY)
#define KEPT_COUNT 10000
/* Old rows are looked for at one insertion in so many. */
#define PRUNE_EACH 256

void store_event_done(struct store_event *event)
{
	free(event->app);
	free(event->cause);
	free(event->decision);
	free(event->result);
	free(event->next);
	*event = (struct store_event){ 0 };
}

void store_events_done(struct store_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		store_event_done(&events->items[i]);
	free(events->items);
	*events = (struct store_events){ 0 };
}

static bool insert(struct store *store, const struct store_event *event, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "INSERT INTO events (at, app, cause, decision, result, next_step) VALUES (?, ?, ?, ?, ?, ?)");

	query_bind_int(&query, event->at != 0 ? event->at : store_now(store));
	query_bind_text(&query, event->app);
	query_bind_text(&query, event->cause);
	query_bind_text(&query, event->decision);
	query_bind_text(&query, event->result);
	query_bind_text(&query, event->next);
	return query_end(&query, err);
}

static bool prune(struct store *store, int64_t last_id, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "DELETE FROM events WHERE id <= ? AND at < ?");

	query_bind_int(&query, last_id - KEPT_COUNT);
	query_bind_int(&query, store_now(store) - KEPT_S);
	return query_end(&query, err);
}

bool store_event_add(struct store *store, const struct store_event *event, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);
	int64_t id;

	if (!transaction || !insert(store, event, err))
		return false;
	id = db_last_id(store->db);
	if (id % PRUNE_EACH == 0 && !prune(store, id, err))
		return false;
	return db_commit(&transaction, err);
}

static void read_event(struct query *query, struct store_event *ret_event)
{
	ret_event->id = query_read_int(query);
	ret_event->at = query_read_int(query);
	ret_event->app = query_read_text(query);
	ret_event->cause = query_read_text(query);
	ret_event->decision = query_read_text(query);
	ret_event->result = query_read_text(query);
	ret_event->next = query_read_text(query);
}

static bool read_events(struct query *query, struct store_events *ret_events, struct err *err)
{
	AUTO(store_events_done) struct store_events events = { 0 };

	while (query_step(query)) {
		events.items = items_grow(events.items, events.count, sizeof(*events.items));
		events.items[events.count] = (struct store_event){ 0 };
		read_event(query, &events.items[events.count++]);
	}
	if (!query_end(query, err))
		return false;
	*ret_events = events;
	events = (struct store_events){ 0 };
	return true;
}

#define COLUMNS "SELECT id, at, app, cause, decision, result, next_step FROM "

bool store_event_list(struct store *store, const char *app, size_t limit, struct store_events *ret_events, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		app ? COLUMNS "(SELECT * FROM events WHERE app = ?2 ORDER BY id DESC LIMIT ?1) ORDER BY id"
		    : COLUMNS "(SELECT * FROM events ORDER BY id DESC LIMIT ?1) ORDER BY id");

	query_bind_int(&query, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
	if (app)
		query_bind_text(&query, app);
	return read_events(&query, ret_events, err);
}

bool store_event_list_after(struct store *store, const char *app, int64_t after_id, struct store_events *ret_events, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, app ? COLUMNS "events WHERE id > ?1 AND app = ?2 ORDER BY id" : COLUMNS "events WHERE id > ?1 ORDER BY id");

	query_bind_int(&query, after_id);
	if (app)
		query_bind_text(&query, app);
	return read_events(&query, ret_events, err);
}
