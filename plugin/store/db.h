/* SPDX-License-Identifier: MIT */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

struct err;
struct sqlite3_stmt;

/*
 * Of this folder only: SQLite, reduced to what the store needs. Failures are ERR_STORE in our own words, with the file and the next step. A file that turns out to
 * be corrupt is marked so (store/aside).
 */
struct db;

/*
 * Opens `path` (absolute), makes it (0600, as root with the owner of its folder) when it is missing, and brings it from whatever version it has to version
 * `count` by `migrations` (SQL), in one transaction. A file of a later version, or of somebody else, is refused and not touched.
 */
struct db *db_open(const char *path, const char *const *migrations, size_t count, struct err *err) MUST_USE;
/* A handle that changed nothing leaves no write behind either. */
void db_close(struct db *db);
static inline void db_closep(struct db **db)
{
	db_close(*db);
}
const char *db_path(const struct db *db);
/* The id that the latest insertion made. */
int64_t db_last_id(const struct db *db);

/* ---- transactions: several statements, all or none; single ones need none ---- */

/*
 * Takes the right to write at once, so that what is read inside stays true. The result ends the transaction, it owns nothing. NULL = failed, also when the file is
 * not the one any more that everybody opens.
 */
struct db *db_begin(struct db *db, struct err *err) MUST_USE;
/* One that reads what does not change meanwhile, and writes temporary tables at most: it waits for nobody and nobody for it. */
struct db *db_begin_reading(struct db *db, struct err *err) MUST_USE;
/* Also when this fails, nothing is left open. */
bool db_commit(struct db **transaction, struct err *err) MUST_USE;
void db_rollback(struct db **transaction);
/*
 * `AUTO_TRANSACTION transaction = db_begin(db, err);` takes everything back unless it was committed. Queries are declared after it, or in functions of their
 * own.
 */
#define AUTO_TRANSACTION AUTO(db_rollback) struct db *

/* ---- statements: values are bound, and columns read, from left to right; the first failure sticks and is told by query_end ---- */

struct query {
	struct db *db;
	const char *sql;
	struct sqlite3_stmt *statement;
	int bound_count; /* parameters that have their value */
	int read_count;  /* columns of this row that were read */
	int code;        /* SQLite's result, 0 while it runs */
};

/* `sql` is a literal: the statement is kept ready for the next time. */
struct query db_query(struct db *db, const char *sql) MUST_USE;
void query_done(struct query *query);
#define AUTO_QUERY AUTO(query_done) struct query

/* NULL is bound as "". The text must live until the statement has run. */
void query_bind_text(struct query *query, const char *text);
/* "" and NULL are bound as SQL's NULL: for foreign keys. */
void query_bind_key(struct query *query, const char *key);
void query_bind_int(struct query *query, int64_t value);

/* True: there is a row to be read. False: the end, or a failure. */
bool query_step(struct query *query);
/* Runs what is left, rows unseen. */
bool query_end(struct query *query, struct err *err) MUST_USE;

/* A copy, "" for NULL; the caller frees it. */
char *query_read_text(struct query *query) MUST_USE NEVER_NULL;
int64_t query_read_int(struct query *query);
/* The index among `words` of a text that can only be one of them: anything else is a corrupt file, which query_end then tells, and 0 here. */
unsigned query_read_word(struct query *query, const char *const *words, size_t count);

#endif
