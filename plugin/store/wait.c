/* SPDX-License-Identifier: MIT */
/*
 * Requests that ask for budget, as the latest plan found them: a row an app, from the decision to the order's admission, so that each keeps its place whoever asks
 * next.
 */
#include "store/store.h"

#include <stdlib.h>

#include "store/db.h"
#include "store/inner.h"
#include "util/err.h"
#include "util/mem.h"

#define WAIT_COLUMNS \
	"app, names, server, account_url, profile, key_type, replaces, is_by_graceperiod, reason, is_forced, urgency, since_at, seen_at, until_at," \
	" limit_name, bucket, message, place"
#define SELECT_WAITS "SELECT " WAIT_COLUMNS " FROM waits "

void store_wait_done(struct store_wait *wait)
{
	free(wait->app);
	strs_done(&wait->names);
	free(wait->server);
	free(wait->account_url);
	free(wait->profile);
	free(wait->key_type);
	free(wait->replaces);
	free(wait->reason);
	free(wait->limit_name);
	free(wait->bucket);
	free(wait->message);
	*wait = (struct store_wait){ 0 };
}

void store_waits_done(struct store_waits *waits)
{
	for (size_t i = 0; i < waits->count; i++)
		store_wait_done(&waits->items[i]);
	free(waits->items);
	*waits = (struct store_waits){ 0 };
}

static void read_wait(struct query *query, struct store_wait *ret_wait)
{
	ret_wait->app = query_read_text(query);
	ret_wait->names = names_read(query);
	ret_wait->server = query_read_text(query);
	ret_wait->account_url = query_read_text(query);
	ret_wait->profile = query_read_text(query);
	ret_wait->key_type = query_read_text(query);
	ret_wait->replaces = query_read_text(query);
	ret_wait->is_by_graceperiod = query_read_int(query) != 0;
	ret_wait->reason = query_read_text(query);
	ret_wait->is_forced = query_read_int(query) != 0;
	ret_wait->urgency = query_read_int(query);
	ret_wait->since_at = query_read_int(query);
	ret_wait->seen_at = query_read_int(query);
	ret_wait->until_at = query_read_int(query);
	ret_wait->limit_name = query_read_text(query);
	ret_wait->bucket = query_read_text(query);
	ret_wait->message = query_read_text(query);
	ret_wait->place = query_read_int(query);
}

/* ---- writing ---- */

static void bind_request(struct query *query, const struct store_wait *wait, const char *names)
{
	query_bind_text(query, wait->app);
	query_bind_text(query, names);
	query_bind_text(query, wait->server);
	query_bind_text(query, wait->account_url);
	query_bind_text(query, wait->profile);
	query_bind_text(query, wait->key_type);
	query_bind_text(query, wait->replaces);
	query_bind_int(query, wait->is_by_graceperiod);
	query_bind_text(query, wait->reason);
	query_bind_int(query, wait->is_forced);
	query_bind_int(query, wait->urgency);
}

static bool write_wait(struct store *store, const struct store_wait *wait, struct err *err)
{
	AUTO_FREE char *names = names_pack(&wait->names);
	AUTO_QUERY query = db_query(store->db,
		"INSERT INTO waits (" WAIT_COLUMNS ")"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		"  iif(?12 <> 0, ?12, ifnull((SELECT since_at FROM waits WHERE app = ?1), ?13)), ?13, ?14, ?15, ?16, ?17, ?18)"
		" ON CONFLICT DO UPDATE SET"
		" (names, server, account_url, profile, key_type, replaces, is_by_graceperiod, reason, is_forced, urgency, since_at, seen_at, until_at,"
		"  limit_name, bucket, message, place) ="
		" (excluded.names, excluded.server, excluded.account_url, excluded.profile, excluded.key_type, excluded.replaces, excluded.is_by_graceperiod,"
		"  excluded.reason, excluded.is_forced, excluded.urgency, excluded.since_at, excluded.seen_at, excluded.until_at, excluded.limit_name,"
		"  excluded.bucket, excluded.message, excluded.place)");

	bind_request(&query, wait, names);
	query_bind_int(&query, wait->since_at);
	query_bind_int(&query, store_now(store));
	query_bind_int(&query, wait->until_at);
	query_bind_text(&query, wait->limit_name);
	query_bind_text(&query, wait->bucket);
	query_bind_text(&query, wait->message);
	query_bind_int(&query, wait->place);
	return query_end(&query, err);
}

bool store_wait_put(struct store *store, const struct store_wait *waits, size_t count, struct err *err)
{
	AUTO_TRANSACTION transaction = NULL;

	if (count == 0)
		return true;
	transaction = db_begin(store->db, err);
	if (!transaction)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!write_wait(store, &waits[i], err))
			return false;
	}
	return db_commit(&transaction, err);
}

bool store_wait_drop(struct store *store, const char *app, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "DELETE FROM waits WHERE app = ?");

	query_bind_text(&query, app);
	return query_end(&query, err);
}

/* ---- reading ---- */

bool store_wait_get(struct store *store, const char *app, bool *ret_found, struct store_wait *ret_wait, struct err *err)
{
	AUTO(store_wait_done) struct store_wait wait = { 0 };
	AUTO_QUERY query = db_query(store->db, SELECT_WAITS "WHERE app = ?");

	query_bind_text(&query, app);
	if (query_step(&query))
		read_wait(&query, &wait);
	if (!query_end(&query, err))
		return false;
	*ret_found = wait.app != NULL;
	if (*ret_found) {
		*ret_wait = wait;
		wait = (struct store_wait){ 0 };
	}
	return true;
}

bool store_wait_list(struct store *store, struct store_waits *ret_waits, struct err *err)
{
	AUTO(store_waits_done) struct store_waits waits = { 0 };
	AUTO_QUERY query = db_query(store->db, SELECT_WAITS "ORDER BY since_at, app");

	while (query_step(&query)) {
		waits.items = items_grow(waits.items, waits.count, sizeof(*waits.items));
		waits.items[waits.count] = (struct store_wait){ 0 };
		read_wait(&query, &waits.items[waits.count++]);
	}
	if (!query_end(&query, err))
		return false;
	*ret_waits = waits;
	waits = (struct store_waits){ 0 };
	return true;
}
