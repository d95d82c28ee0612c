/* SPDX-License-Identifier: MIT */
/*
 * Failed validations of a name: the latest one, those of the last hour, and whether there were so many that it is tried once a day from then on.
 */
#include "store/db.h"
#include "store/inner.h"
#include "store/store.h"
#include "util/err.h"
#include "util/when.h"

bool store_validation_get(struct store *store, const char *server, const char *name, struct store_validation *ret_validation, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT failed_at, is_daily FROM validations WHERE server = ? AND name = ?");
	struct store_validation validation = { 0 };

	query_bind_text(&query, server);
	query_bind_text(&query, name);
	if (query_step(&query)) {
		validation.failed_at = query_read_int(&query);
		validation.is_daily = query_read_int(&query) != 0;
	}
	if (!query_end(&query, err))
		return false;
	*ret_validation = validation;
	return true;
}

/* Once for each order. */
static bool add_failure(struct store *store, int64_t order_id, const char *name, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "INSERT OR IGNORE INTO failures (server, name, order_id, at) SELECT server, ?2, id, ?3 FROM orders WHERE id = ?1");

	query_bind_int(&query, order_id);
	query_bind_text(&query, name);
	query_bind_int(&query, store_now(store));
	return query_end(&query, err);
}

/* Counted again within any hour: those before it matter no more. */
static bool drop_old_failures(struct store *store, const char *name, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "DELETE FROM failures WHERE name = ? AND at <= ?");

	query_bind_text(&query, name);
	query_bind_int(&query, store_now(store) - WHEN_HOUR);
	return query_end(&query, err);
}

static bool write_latest(struct store *store, int64_t order_id, const char *name, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		"INSERT INTO validations (server, name, failed_at, is_daily)"
		" SELECT server, ?2, ?3, (SELECT count(*) FROM failures WHERE failures.server = orders.server AND name = ?2) >= ?4 FROM orders WHERE id = ?1"
		" ON CONFLICT DO UPDATE SET failed_at = excluded.failed_at, is_daily = max(is_daily, excluded.is_daily)");

	query_bind_int(&query, order_id);
	query_bind_text(&query, name);
	query_bind_int(&query, store_now(store));
	query_bind_int(&query, STORE_FAILURES_MAX);
	return query_end(&query, err);
}

bool validation_failed(struct store *store, int64_t order_id, const char *name, struct err *err)
{
	return add_failure(store, order_id, name, err) && drop_old_failures(store, name, err) && write_latest(store, order_id, name, err);
}

bool store_validation_forget(struct store *store, int64_t order_id, const char *name, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "DELETE FROM validations WHERE server = (SELECT server FROM orders WHERE id = ?) AND name = ?");

	query_bind_int(&query, order_id);
	query_bind_text(&query, name);
	return query_end(&query, err);
}

bool validation_succeeded(struct store *store, int64_t order_id, const char *name, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "DELETE FROM failures WHERE server = (SELECT server FROM orders WHERE id = ?) AND name = ?");

	query_bind_int(&query, order_id);
	query_bind_text(&query, name);
	return query_end(&query, err) && store_validation_forget(store, order_id, name, err);
}
