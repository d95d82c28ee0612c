/* SPDX-License-Identifier: MIT */
/*
 * What is known of each app: the certificate it uses, whether the proxy serves it, why nothing is issued for it, how the last attempt failed. Statements
 * that would change nothing write nothing.
 */
#include "store/store.h"

#include <stdlib.h>

#include "store/db.h"
#include "store/inner.h"
#include "util/err.h"
#include "util/mem.h"

#define SELECT_APPS \
	"SELECT app, leaf, installed_at, unserved_at, unserved_reason, held_back_at, held_back_reason, failed_at, failed_reason FROM apps "

void store_app_done(struct store_app *app)
{
	free(app->app);
	free(app->leaf);
	free(app->unserved_reason);
	free(app->held_back_reason);
	free(app->failed_reason);
	*app = (struct store_app){ 0 };
}

void store_apps_done(struct store_apps *apps)
{
	for (size_t i = 0; i < apps->count; i++)
		store_app_done(&apps->items[i]);
	free(apps->items);
	*apps = (struct store_apps){ 0 };
}

static void read_app(struct query *query, struct store_app *ret_app)
{
	ret_app->app = query_read_text(query);
	ret_app->leaf = query_read_text(query);
	ret_app->installed_at = query_read_int(query);
	ret_app->unserved_at = query_read_int(query);
	ret_app->unserved_reason = query_read_text(query);
	ret_app->held_back_at = query_read_int(query);
	ret_app->held_back_reason = query_read_text(query);
	ret_app->failed_at = query_read_int(query);
	ret_app->failed_reason = query_read_text(query);
}

static struct store_app unknown_app(const char *name)
{
	return (struct store_app){
		.app = mem_strdup(name),
		.leaf = mem_strdup(""),
		.unserved_reason = mem_strdup(""),
		.held_back_reason = mem_strdup(""),
		.failed_reason = mem_strdup(""),
	};
}

bool store_app_get(struct store *store, const char *app, struct store_app *ret_app, struct err *err)
{
	AUTO(store_app_done) struct store_app known = { 0 };
	AUTO_QUERY query = db_query(store->db, SELECT_APPS "WHERE app = ?");

	query_bind_text(&query, app);
	if (query_step(&query))
		read_app(&query, &known);
	if (!query_end(&query, err))
		return false;
	*ret_app = known.app ? known : unknown_app(app);
	known = (struct store_app){ 0 };
	return true;
}

bool store_app_list(struct store *store, struct store_apps *ret_apps, struct err *err)
{
	AUTO(store_apps_done) struct store_apps apps = { 0 };
	AUTO_QUERY query = db_query(store->db, SELECT_APPS "ORDER BY app");

	while (query_step(&query)) {
		apps.items = items_grow(apps.items, apps.count, sizeof(*apps.items));
		apps.items[apps.count] = (struct store_app){ 0 };
		read_app(&query, &apps.items[apps.count++]);
	}
	if (!query_end(&query, err))
		return false;
	*ret_apps = apps;
	apps = (struct store_apps){ 0 };
	return true;
}

/* A statement whose only parameter is the app. */
static bool run_for(struct store *store, const char *sql, const char *app, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, sql);

	query_bind_text(&query, app);
	return query_end(&query, err);
}

/* A statement with the app, this moment and a reason. */
static bool run_with_reason(struct store *store, const char *sql, const char *app, const char *reason, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, sql);

	query_bind_text(&query, app);
	query_bind_int(&query, store_now(store));
	query_bind_text(&query, reason);
	return query_end(&query, err);
}

static bool write_uses_none(struct store *store, const char *app, struct err *err)
{
	return run_for(store,
		       "UPDATE apps SET leaf = NULL, installed_at = 0, unserved_at = 0, unserved_reason = '', failed_at = 0, failed_reason = ''"
		       " WHERE app = ? AND (leaf IS NOT NULL OR unserved_at <> 0 OR failed_at <> 0)",
		       app, err);
}

bool app_write_uses(struct store *store, const char *app, const char *leaf, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		"INSERT INTO apps (app, leaf, installed_at) VALUES (?, ?, ?)"
		" ON CONFLICT (app) DO UPDATE SET leaf = excluded.leaf, installed_at = iif(leaf IS excluded.leaf, installed_at, excluded.installed_at),"
		" unserved_at = 0, unserved_reason = '', failed_at = 0, failed_reason = ''"
		" WHERE leaf IS NOT excluded.leaf OR unserved_at <> 0 OR failed_at <> 0");

	query_bind_text(&query, app);
	query_bind_key(&query, leaf);
	query_bind_int(&query, store_now(store));
	return query_end(&query, err) || err_wrap(err, "certificate '%s' of app '%s'", leaf, app);
}

bool store_app_uses(struct store *store, const char *app, const char *leaf, struct err *err)
{
	return leaf && *leaf ? app_write_uses(store, app, leaf, err) : write_uses_none(store, app, err);
}

bool store_app_unserved(struct store *store, const char *app, const char *reason, struct err *err)
{
	if (!reason)
		return run_for(store, "UPDATE apps SET unserved_at = 0, unserved_reason = '' WHERE app = ? AND unserved_at <> 0", app, err);
	return run_with_reason(store,
			       "INSERT INTO apps (app, unserved_at, unserved_reason) VALUES (?, ?, ?)"
			       " ON CONFLICT (app) DO UPDATE SET unserved_at = iif(unserved_at, unserved_at, excluded.unserved_at), unserved_reason = excluded.unserved_reason"
			       " WHERE unserved_at = 0 OR unserved_reason <> excluded.unserved_reason",
			       app, reason, err);
}

bool store_app_hold(struct store *store, const char *app, const char *reason, struct err *err)
{
	if (!reason)
		return run_for(store, "UPDATE apps SET held_back_at = 0, held_back_reason = '' WHERE app = ? AND held_back_at <> 0", app, err);
	return run_with_reason(store,
			       "INSERT INTO apps (app, held_back_at, held_back_reason) VALUES (?, ?, ?)"
			       " ON CONFLICT (app) DO UPDATE SET held_back_at = excluded.held_back_at, held_back_reason = excluded.held_back_reason"
			       " WHERE held_back_at = 0 OR held_back_reason <> excluded.held_back_reason",
			       app, reason, err);
}

bool store_app_failed(struct store *store, const char *app, const char *reason, struct err *err)
{
	if (!reason)
		return run_for(store, "UPDATE apps SET failed_at = 0, failed_reason = '' WHERE app = ? AND failed_at <> 0", app, err);
	return run_with_reason(store,
			       "INSERT INTO apps (app, failed_at, failed_reason) VALUES (?, ?, ?)"
			       " ON CONFLICT (app) DO UPDATE SET failed_at = excluded.failed_at, failed_reason = excluded.failed_reason",
			       app, reason, err);
}

/* A statement whose parameters are the old name and the new one. */
static bool run_for_both(struct store *store, const char *sql, const char *app, const char *new_name, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, sql);

	query_bind_text(&query, app);
	query_bind_text(&query, new_name);
	return query_end(&query, err);
}

bool store_app_rename(struct store *store, const char *app, const char *new_name, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);

	return transaction && run_for_both(store, "UPDATE OR REPLACE apps SET app = ?2 WHERE app = ?1", app, new_name, err) &&
	       run_for_both(store, "UPDATE OR REPLACE waits SET app = ?2 WHERE app = ?1", app, new_name, err) &&
	       run_for_both(store, "UPDATE jobs SET app = ?2 WHERE app = ?1 AND state = 'waiting'", app, new_name, err) && db_commit(&transaction, err);
}

bool store_app_forget(struct store *store, const char *app, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);

	return transaction && run_for(store, "DELETE FROM apps WHERE app = ?", app, err) && run_for(store, "DELETE FROM jobs WHERE app = ?", app, err) &&
	       run_for(store, "DELETE FROM waits WHERE app = ?", app, err) &&
	       /* Reservations of one that is finalizing stay: a certificate may yet come of it. */
	       run_for(store, "DELETE FROM admissions WHERE order_id IN (SELECT id FROM orders WHERE state IN ('intended', 'placed') AND app = ?)", app, err) &&
	       run_for(store,
		       "UPDATE orders SET state = 'dead', dead_reason = 'the app is gone' WHERE state IN ('intended', 'placed', 'finalizing', 'issued') AND app = ?", app,
		       err) &&
	       db_commit(&transaction, err);
}
