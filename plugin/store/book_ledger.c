/* SPDX-License-Identifier: MIT */
/* Buckets, sets and pauses of a CA in the database, for the rules of budget/ledger. */
#include "store/book_inner.h"

#include "util/err.h"

struct query book_query(const struct book *book, const char *sql, const char *second, const char *third)
{
	struct query query = db_query(book->store->db, sql);

	query_bind_text(&query, book->ca);
	query_bind_text(&query, second);
	query_bind_text(&query, third);
	return query;
}

/* ---- buckets ---- */

bool tat_read(const struct book *book, const char *limit_name, const char *bucket, int64_t *ret_tat_ns, struct err *err)
{
	AUTO_QUERY query = book_query(book, "SELECT tat_ns FROM buckets WHERE ca = ? AND limit_name = ? AND bucket = ?", limit_name, bucket);

	*ret_tat_ns = query_step(&query) ? query_read_int(&query) : GCRA_UNTOUCHED;
	return query_end(&query, err);
}

static bool tat_forget(const struct book *book, const char *limit_name, const char *bucket, struct err *err)
{
	AUTO_QUERY query = book_query(book, "DELETE FROM buckets WHERE ca = ? AND limit_name = ? AND bucket = ?", limit_name, bucket);

	return query_end(&query, err);
}

bool tat_write(const struct book *book, const char *limit_name, const char *bucket, int64_t tat_ns, struct err *err)
{
	if (tat_ns == GCRA_UNTOUCHED)
		return tat_forget(book, limit_name, bucket, err);

	AUTO_QUERY query = book_query(book,
		"INSERT INTO buckets (ca, limit_name, bucket, tat_ns) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET tat_ns = excluded.tat_ns", limit_name, bucket);

	query_bind_int(&query, tat_ns);
	return query_end(&query, err);
}

int64_t tat_unproven(const struct book *book, const struct rate *rate, int64_t tat_ns)
{
	int64_t used_up_ns = ns_add(book->unproven_ns, rate->capacity_ns);

	return book->unproven_ns != 0 && tat_ns < used_up_ns ? used_up_ns : tat_ns;
}

bool tat_spend(const struct book *book, const char *limit_name, const char *bucket, const struct rate *rate, int64_t at_ns, int64_t now_ns, struct err *err)
{
	int64_t tat_ns;

	if (!tat_read(book, limit_name, bucket, &tat_ns, err))
		return false;
	tat_ns = tat_unproven(book, rate, tat_ns);

	int64_t empty_ns = ns_add(now_ns, rate->capacity_ns);
	int64_t spent_ns = gcra_spend(rate, tat_ns, at_ns);
	if (spent_ns > empty_ns)
		spent_ns = tat_ns > empty_ns ? tat_ns : empty_ns;
	return tat_write(book, limit_name, bucket, spent_ns, err);
}

static bool tat(void *ctx, enum limit limit, const char *bucket, int64_t *ret_tat_ns, struct err *err)
{
	return tat_read(ctx, limit_name(limit), bucket, ret_tat_ns, err);
}

static bool set_tat(void *ctx, enum limit limit, const char *bucket, int64_t tat_ns, struct err *err)
{
	return tat_write(ctx, limit_name(limit), bucket, tat_ns, err);
}

/* ---- sets ---- */

static bool newest(void *ctx, const char *set, int64_t *ret_not_before_ns, struct err *err)
{
	const struct book *book = ctx;
	AUTO_QUERY query = db_query(book->store->db, "SELECT not_before_ns FROM sets WHERE ca = ? AND hash = ?");

	query_bind_text(&query, book->ca);
	query_bind_text(&query, set);
	*ret_not_before_ns = query_step(&query) ? query_read_int(&query) : GCRA_UNTOUCHED;
	return query_end(&query, err);
}

static bool set_newest(void *ctx, const char *set, int64_t not_before_ns, struct err *err)
{
	const struct book *book = ctx;
	AUTO_QUERY query = db_query(book->store->db,
		"INSERT INTO sets (ca, hash, not_before_ns) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET not_before_ns = excluded.not_before_ns");

	query_bind_text(&query, book->ca);
	query_bind_text(&query, set);
	query_bind_int(&query, not_before_ns);
	return query_end(&query, err);
}

bool set_remember(const struct book *book, const char *hash, int64_t not_before_ns, struct err *err)
{
	struct ledger ledger = book_ledger(book);
	int64_t newest_ns;

	return newest(ledger.ctx, hash, &newest_ns, err) && (newest_ns >= not_before_ns || set_newest(ledger.ctx, hash, not_before_ns, err));
}

/* ---- pauses ---- */

static bool get_pause(void *ctx, const char *account, const char *name, struct pause *ret_pause, struct err *err)
{
	AUTO_QUERY query = book_query(ctx, "SELECT is_paused, unpaused_at_ns FROM pauses WHERE ca = ? AND account = ? AND name = ?", account, name);

	*ret_pause = (struct pause){ .unpaused_at_ns = GCRA_UNTOUCHED };
	if (query_step(&query)) {
		ret_pause->is_paused = query_read_int(&query) != 0;
		ret_pause->unpaused_at_ns = query_read_int(&query);
	}
	return query_end(&query, err);
}

static bool set_pause(void *ctx, const char *account, const char *name, const struct pause *pause, struct err *err)
{
	AUTO_QUERY query = book_query(ctx,
		"INSERT INTO pauses (ca, account, name, is_paused, unpaused_at_ns) VALUES (?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET is_paused = excluded.is_paused, unpaused_at_ns = excluded.unpaused_at_ns", account, name);

	query_bind_int(&query, pause->is_paused);
	query_bind_int(&query, pause->unpaused_at_ns);
	return query_end(&query, err);
}

static bool unpause(void *ctx, const char *account, int64_t at_ns, int64_t *ret_count, struct err *err)
{
	const struct book *book = ctx;
	AUTO_QUERY query = db_query(book->store->db,
		"UPDATE pauses SET is_paused = 0, unpaused_at_ns = ? WHERE ca = ? AND account = ? AND is_paused RETURNING 1");
	int64_t count = 0;

	query_bind_int(&query, at_ns);
	query_bind_text(&query, book->ca);
	query_bind_text(&query, account);
	while (query_step(&query))
		count++;
	*ret_count = count;
	return query_end(&query, err);
}

const struct ledger_store *book_ledger_store(void)
{
	static const struct ledger_store store = {
		.tat = tat,
		.set_tat = set_tat,
		.newest = newest,
		.set_newest = set_newest,
		.pause = get_pause,
		.set_pause = set_pause,
		.unpause = unpause,
	};

	return &store;
}

struct ledger book_ledger(const struct book *book)
{
	/* A store's functions take what they change as `void *`; the book itself is not changed by them. */
	return (struct ledger){ .rules = book->rules, .store = book_ledger_store(), .ctx = (void *)(uintptr_t)book };
}

/* ---- one transaction for many operations ---- */

bool book_begin(const struct book *book, struct err *err)
{
	return db_begin(book->store->db, err) != NULL;
}

bool book_commit(const struct book *book, int64_t applied, struct err *err)
{
	AUTO_TRANSACTION transaction = book->store->db;
	AUTO_QUERY query = db_query(book->store->db,
		"INSERT INTO applied (ca, operations) VALUES (?, ?) ON CONFLICT DO UPDATE SET operations = excluded.operations");

	query_bind_text(&query, book->ca);
	query_bind_int(&query, applied);
	return query_end(&query, err) && db_commit(&transaction, err);
}

bool book_applied(const struct book *book, int64_t *ret_applied, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db, "SELECT operations FROM applied WHERE ca = ?");

	query_bind_text(&query, book->ca);
	int64_t applied = query_step(&query) ? query_read_int(&query) : 0;
	if (!query_end(&query, err))
		return false;
	*ret_applied = applied;
	return true;
}
