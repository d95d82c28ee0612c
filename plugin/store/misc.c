/* SPDX-License-Identifier: MIT */
/*
 * Small tables: leases, directories of CAs, marks.
 */
#include "store/store.h"

#include "store/db.h"
#include "store/inner.h"
#include "util/err.h"
#include "util/mem.h"

/* The number that a query, whose parameters are bound, gives in its only column; 0 without a row. */
static bool read_number(struct query *query, int64_t *ret_number, struct err *err)
{
	int64_t number = query_step(query) ? query_read_int(query) : 0;

	if (!query_end(query, err))
		return false;
	*ret_number = number;
	return true;
}

/* ---- leases ---- */

static bool take_lease(struct store *store, const char *name, int64_t until_at, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		"INSERT INTO leases (name, host, until_at) VALUES (?1, ?2, ?3)"
		" ON CONFLICT DO UPDATE SET host = excluded.host, until_at = excluded.until_at WHERE host = excluded.host OR until_at <= ?4");

	query_bind_text(&query, name);
	query_bind_text(&query, store->host);
	query_bind_int(&query, until_at);
	query_bind_int(&query, store_now(store));
	return query_end(&query, err);
}

static bool read_lease(struct store *store, const char *name, bool *ret_is_ours, int64_t *ret_until, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT host = ?, until_at FROM leases WHERE name = ?");

	query_bind_text(&query, store->host);
	query_bind_text(&query, name);
	if (query_step(&query)) {
		*ret_is_ours = query_read_int(&query) != 0;
		*ret_until = query_read_int(&query);
	}
	return query_end(&query, err);
}

bool store_lease(struct store *store, const char *name, int64_t until_at, bool *ret_is_ours, int64_t *ret_until, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);
	bool is_ours = false;
	int64_t until = 0;

	if (!transaction || !take_lease(store, name, until_at, err) || !read_lease(store, name, &is_ours, &until, err) || !db_commit(&transaction, err))
		return false;
	*ret_is_ours = is_ours;
	*ret_until = until;
	return true;
}

/* ---- directories ---- */

bool store_directory_get(struct store *store, const char *url, int64_t max_age_s, char **ret_text, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT content FROM directories WHERE url = ?1 AND ?2 - fetched_at BETWEEN 0 AND ?3");
	AUTO_FREE char *text = NULL;

	query_bind_text(&query, url);
	query_bind_int(&query, store_now(store));
	query_bind_int(&query, max_age_s);
	if (query_step(&query))
		text = query_read_text(&query);
	if (!query_end(&query, err))
		return false;
	*ret_text = mem_take(&text);
	return true;
}

static bool forget_directory(struct store *store, const char *url, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "DELETE FROM directories WHERE url = ?");

	query_bind_text(&query, url);
	return query_end(&query, err);
}

static bool keep_directory(struct store *store, const char *url, const char *text, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		"INSERT INTO directories (url, content, fetched_at) VALUES (?, ?, ?)"
		" ON CONFLICT (url) DO UPDATE SET content = excluded.content, fetched_at = excluded.fetched_at");

	query_bind_text(&query, url);
	query_bind_text(&query, text);
	query_bind_int(&query, store_now(store));
	return query_end(&query, err);
}

bool store_directory_put(struct store *store, const char *url, const char *text, struct err *err)
{
	return text ? keep_directory(store, url, text, err) : forget_directory(store, url, err);
}

/* ---- marks ---- */

bool store_mark_get(struct store *store, const char *name, int64_t *ret_at, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT at FROM marks WHERE name = ?");

	query_bind_text(&query, name);
	return read_number(&query, ret_at, err);
}

bool store_mark_set(struct store *store, const char *name, int64_t at, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "INSERT INTO marks (name, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE at <> excluded.at");

	query_bind_text(&query, name);
	query_bind_int(&query, at);
	return query_end(&query, err);
}
