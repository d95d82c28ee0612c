/* SPDX-License-Identifier: MIT */
/* What the book learns from others than its own orders: refusals of the CA, certificates that were there before it; and what it forgets again. */
#include "store/book_inner.h"

#include <stdlib.h>
#include <string.h>

#include "budget/names.h"
#include "util/err.h"
#include "util/mem.h"

#define DAY_NS (86400 * NS_PER_S)
/* Nothing is dropped earlier than so long after it ceased to matter: the host's clock may be ahead. */
#define GRACE_NS (30 * DAY_NS)
/* After that a set is new again, its bucket long full, and no certificate of it valid. */
#define SET_LIFE_NS (120 * DAY_NS)
#define CERT_LIFE_NS (400 * DAY_NS)

/* ---- denials ---- */

/* For whom the CA's number holds, in the form that limits_override takes; NULL: that cannot be told from the bucket. */
static char *override_id(enum limit limit, const char *bucket)
{
	switch (limit) {
	case LIMIT_FAILURES:
	case LIMIT_DOMAIN_OF_ACCOUNT:
	case LIMIT_PAUSING: return mem_strndup(bucket, strcspn(bucket, ":"));
	case LIMIT_DOMAIN: return mem_strndup(bucket, strcspn(bucket, "/"));
	case LIMIT_ACCOUNTS_PER_ADDRESS:
	case LIMIT_ACCOUNTS_PER_RANGE:
	case LIMIT_ORDERS: return mem_strdup(bucket);
	case LIMIT_SET:
	case LIMIT_COUNT: break;
	}
	return NULL;
}

const struct rate *bucket_rate(const struct book *book, enum limit limit, const char *bucket)
{
	AUTO_FREE char *whose = limit == LIMIT_DOMAIN ? mem_strdup(bucket) : override_id(limit, bucket);

	return book->rules.limits ? limits_rate(book->rules.limits, limit, whose ? whose : bucket) : NULL;
}

static bool learn_rate(const struct book *book, enum limit limit, const char *bucket, const struct rate *rate, struct err *err)
{
	AUTO_FREE char *id = override_id(limit, bucket);

	if (!id)
		return true;
	AUTO_QUERY query = book_query(book,
		"INSERT INTO learned (ca, limit_name, id, burst, period_ns) VALUES (?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET burst = excluded.burst, period_ns = excluded.period_ns", limit_name(limit), id);
	query_bind_int(&query, rate->burst);
	query_bind_int(&query, rate->period_ns);
	return query_end(&query, err);
}

/* The rate by which the CA denied: what it told, or else what is known. False: neither makes one. */
static bool denial_rate(const struct rate *known, int64_t burst, int64_t period_ns, struct rate *ret_rate, bool *ret_is_new)
{
	const char *reason;

	*ret_is_new = false;
	if (known)
		*ret_rate = *known;
	if (known && (burst <= 0 || burst == known->burst) && (period_ns <= 0 || period_ns == known->period_ns))
		return true;
	/* The count is not told; with Let's Encrypt it is mostly the burst. */
	*ret_is_new = rate_make(burst, burst, period_ns > 0 || !known ? period_ns : known->period_ns, ret_rate, &reason);
	return *ret_is_new || known;
}

bool book_learn(const struct book *book, enum limit limit, const char *bucket, int64_t burst, int64_t period_ns, int64_t retry_at_ns, struct err *err)
{
	AUTO_TRANSACTION transaction = NULL;
	struct rate rate;
	bool is_new;

	if (!denial_rate(bucket_rate(book, limit, bucket), burst, period_ns, &rate, &is_new))
		return true;
	transaction = db_begin(book->store->db, err);
	return transaction && (!is_new || learn_rate(book, limit, bucket, &rate, err)) &&
	       tat_write(book, limit_name(limit), bucket, ns_add(retry_at_ns, rate.capacity_ns - rate.interval_ns), err) && db_commit(&transaction, err);
}

bool book_learned(struct store *store, const char *ca, struct limits *limits, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT limit_name, id, burst, period_ns FROM learned WHERE ca = ?");

	query_bind_text(&query, ca);
	while (query_step(&query)) {
		AUTO_FREE char *name = query_read_text(&query);
		AUTO_FREE char *id = query_read_text(&query);
		int64_t burst = query_read_int(&query);
		int64_t period_ns = query_read_int(&query);
		struct rate rate;
		const char *reason;
		enum limit limit;

		/* Rows of a later version, which knows more limits, say nothing to this one. */
		if (limit_find(name, &limit) && rate_make(burst, burst, period_ns, &rate, &reason) && !limits_override(limits, limit, id, &rate, err))
			return false;
	}
	return query_end(&query, err);
}

/* ---- refusals that name no bucket ---- */

static bool write_refusal(const struct book *book, const char *account, const char *name, int64_t until_ns, const char *link, const char *why, struct err *err)
{
	AUTO_QUERY query = book_query(book,
		"INSERT INTO refusals (ca, account, name, until_ns, link, why) VALUES (?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO UPDATE SET (until_ns, link, why) = (excluded.until_ns, excluded.link, excluded.why)", account, name);

	query_bind_int(&query, until_ns);
	query_bind_text(&query, link);
	query_bind_text(&query, why);
	return query_end(&query, err);
}

bool book_refused(const struct book *book, const char *account, const struct strs *names, int64_t until_ns, const char *link, const char *why,
		  struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);

	if (!transaction)
		return false;
	for (size_t i = 0; i < names->count; i++) {
		if (!write_refusal(book, account, names->items[i], until_ns, link, why, err))
			return false;
	}
	return db_commit(&transaction, err);
}

static bool forget_paused(const struct book *book, const char *account, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db, "DELETE FROM refusals WHERE ca = ? AND account = ? AND link <> ''");

	query_bind_text(&query, book->ca);
	query_bind_text(&query, account);
	return query_end(&query, err);
}

bool book_unpause(const struct book *book, const char *account, int64_t now_ns, struct err *err)
{
	struct ledger ledger = book_ledger(book);
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);
	int64_t count;

	return transaction && ledger_unpause(&ledger, now_ns, account, &count, err) && forget_paused(book, account, err) && db_commit(&transaction, err);
}

/* ---- certificates ---- */

/* In place of the moment of issuance, while a book is rebuilt: not found yet. Who ordered it is not to be found on disk. */
#define MISSING_NS INT64_MIN

static bool mark_booked(const struct book *book, const struct book_found *cert, int64_t order_id, bool *ret_is_new, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db,
		"INSERT INTO booked (ca, leaf, issued_ns, app, rule) VALUES (?1, ?2, ?3,"
		" ifnull((SELECT app FROM orders WHERE id = ?4), ''), ifnull((SELECT rule FROM admissions WHERE order_id = ?4), ''))"
		" ON CONFLICT DO UPDATE SET issued_ns = excluded.issued_ns WHERE issued_ns = ?5 RETURNING 1");

	query_bind_text(&query, book->ca);
	query_bind_text(&query, cert->leaf);
	query_bind_int(&query, cert->issued_ns);
	query_bind_int(&query, order_id);
	query_bind_int(&query, MISSING_NS);
	*ret_is_new = query_step(&query);
	return query_end(&query, err);
}

/* By whatever account: an override for a single one is not charged. */
static bool spend_found(const struct book *book, const struct names *names, const struct book_found *cert, int64_t now_ns, struct err *err)
{
	struct book counted = *book;
	struct ledger ledger = book_ledger(book);
	AUTO_CHARGES charges = { 0 };
	bool is_renewal;

	/* All that was issued before an earlier book was lost counts already. */
	if (cert->issued_ns <= book->unproven_ns)
		counted.unproven_ns = 0;

	if (!ledger_is_renewal(&ledger, cert->issued_ns, names, &is_renewal, err))
		return false;
	if (book->rules.limits)
		charges_certificate(&book->rules, "", names, is_renewal, &charges);
	for (size_t i = 0; i < charges.count; i++) {
		const struct charge *charge = &charges.items[i];

		if (!tat_spend(&counted, limit_name(charge->limit), charge->bucket, &charge->rate, cert->issued_ns, now_ns, err))
			return false;
	}
	return true;
}

bool cert_book(const struct book *book, const struct book_found *cert, int64_t order_id, int64_t now_ns, struct err *err)
{
	AUTO(names_done) struct names names = { 0 };
	bool is_new;

	if (!mark_booked(book, cert, order_id, &is_new, err))
		return false;
	if (!is_new)
		return true;
	/* Names that this CA does not issue for are in none of its books. */
	struct err ignored;
	if (!names_make(cert->names, &names, &ignored))
		return true;
	if (order_id != 0 ? !admission_spend(book, order_id, &names, cert->issued_ns, err)
			  : !spend_found(book, &names, cert, now_ns > cert->issued_ns ? now_ns : cert->issued_ns, err))
		return false;
	return set_remember(book, names.hash, cert->not_before_ns, err);
}

static int by_issuance(const void *a, const void *b)
{
	const struct book_found *left = *(const struct book_found *const *)a;
	const struct book_found *right = *(const struct book_found *const *)b;

	if (left->issued_ns != right->issued_ns)
		return left->issued_ns < right->issued_ns ? -1 : 1;
	return strcmp(left->leaf, right->leaf);
}

/* A statement with the CA and what stands for a certificate that is missing. */
static bool run_missing(const struct book *book, const char *sql, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db, sql);

	query_bind_text(&query, book->ca);
	query_bind_int(&query, MISSING_NS);
	return query_end(&query, err);
}

static bool forget_issued(const struct book *book, struct err *err)
{
	static const char *const statements[] = {
		"DELETE FROM buckets WHERE ca = ? AND limit_name IN ('CertificatesPerDomain', 'CertificatesPerDomainPerAccount', 'CertificatesPerFQDNSet', '" SHARE "')",
		"DELETE FROM sets WHERE ca = ?",
	};

	for (size_t i = 0; i < COUNT(statements); i++) {
		AUTO_QUERY query = db_query(book->store->db, statements[i]);

		query_bind_text(&query, book->ca);
		if (!query_end(&query, err))
			return false;
	}
	return run_missing(book, "UPDATE booked SET issued_ns = ?2 WHERE ca = ?1", err);
}

static bool book_all(const struct book *book, const struct book_found *const *certs, size_t count, int64_t now_ns, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!cert_book(book, certs[i], 0, now_ns, err))
			return false;
	}
	return true;
}

bool book_adopt(const struct book *book, const struct book_found *certs, size_t count, bool is_rebuild, int64_t now_ns, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);
	AUTO_FREE const struct book_found **sorted = mem_new(count + 1, sizeof(const struct book_found *));

	if (!transaction || (is_rebuild && !forget_issued(book, err)))
		return false;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &certs[i];
	qsort(sorted, count, sizeof(const struct book_found *), by_issuance);
	return book_all(book, sorted, count, now_ns, err) &&
	       (!is_rebuild || run_missing(book, "DELETE FROM booked WHERE ca = ? AND issued_ns = ?", err)) && db_commit(&transaction, err);
}

/* ---- forgetting ---- */

static bool drop_before(const struct book *book, const char *sql, int64_t before_ns, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db, sql);

	query_bind_text(&query, book->ca);
	query_bind_int(&query, before_ns);
	return query_end(&query, err);
}

bool book_sweep(const struct book *book, int64_t now_ns, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);
	int64_t past_ns = ns_sub(now_ns, GRACE_NS);

	return transaction && admissions_mend(book, now_ns, err) && drop_before(book, "DELETE FROM buckets WHERE ca = ? AND tat_ns <= ?", past_ns, err) &&
	       drop_before(book, "DELETE FROM sets WHERE ca = ? AND not_before_ns <= ?", ns_sub(past_ns, SET_LIFE_NS), err) &&
	       drop_before(book, "DELETE FROM booked WHERE ca = ? AND issued_ns <= ?", ns_sub(past_ns, CERT_LIFE_NS), err) &&
	       drop_before(book, "DELETE FROM refusals WHERE ca = ? AND until_ns <= ?", past_ns, err) && db_commit(&transaction, err);
}
