/* SPDX-License-Identifier: MIT */
/* What became of an admitted order: its reservations are spent or released together with the step of the order, in one transaction. */
#include "store/book_inner.h"

#include <stdlib.h>
#include <string.h>

#include "budget/names.h"
#include "util/err.h"
#include "util/mem.h"

static const char *const rule_words[] = { [ORDER_NEW] = "new", [ORDER_RENEWAL] = "renewal", [ORDER_ARI] = "ari" };

/* ---- admissions ---- */

static bool write_reservation(const struct book *book, int64_t order_id, const struct need *need, struct err *err)
{
	AUTO_QUERY query = book_query(book,
		"INSERT INTO reservations (ca, limit_name, bucket, order_id, units, interval_ns, capacity_ns) VALUES (?, ?, ?, ?, ?, ?, ?)", need_name(need),
		need->bucket);

	query_bind_int(&query, order_id);
	query_bind_int(&query, need->units);
	query_bind_int(&query, need->rate.interval_ns);
	query_bind_int(&query, need->rate.capacity_ns);
	return query_end(&query, err);
}

bool admission_write(const struct book *book, int64_t order_id, const char *account, enum order_as as, const struct needs *needs, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db, "INSERT INTO admissions (order_id, ca, account, rule) VALUES (?, ?, ?, ?)");

	query_bind_int(&query, order_id);
	query_bind_text(&query, book->ca);
	query_bind_text(&query, account);
	query_bind_text(&query, rule_words[as]);
	if (!query_end(&query, err))
		return false;
	for (size_t i = 0; i < needs->count; i++) {
		if (!write_reservation(book, order_id, &needs->items[i], err))
			return false;
	}
	return true;
}

void admission_done(struct admission *admission)
{
	free(admission->account);
}

bool admission_read(const struct book *book, int64_t order_id, struct admission *ret_admission, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db, "SELECT account, rule FROM admissions WHERE order_id = ?");

	query_bind_int(&query, order_id);
	ret_admission->is_there = query_step(&query);
	if (ret_admission->is_there) {
		ret_admission->account = query_read_text(&query);
		ret_admission->as = query_read_word(&query, rule_words, COUNT(rule_words));
	}
	return query_end(&query, err);
}

bool admission_drop(struct store *store, int64_t order_id, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "DELETE FROM admissions WHERE order_id = ?");

	query_bind_int(&query, order_id);
	return query_end(&query, err);
}

/* ---- what was reserved ---- */

struct reserved {
	char *limit_name;
	char *bucket;
	struct rate rate; /* interval and capacity */
};

static void reserved_done(struct reserved *reserved)
{
	free(reserved->limit_name);
	free(reserved->bucket);
}

static struct query reserved_query(const struct book *book, int64_t order_id)
{
	struct query query = db_query(book->store->db, "SELECT limit_name, bucket, interval_ns, capacity_ns FROM reservations WHERE order_id = ?");

	query_bind_int(&query, order_id);
	return query;
}

static struct reserved reserved_read(struct query *query)
{
	struct reserved reserved = { .limit_name = query_read_text(query), .bucket = query_read_text(query) };

	reserved.rate.interval_ns = query_read_int(query);
	reserved.rate.capacity_ns = query_read_int(query);
	return reserved;
}

static bool refund(const struct book *book, const struct reserved *reserved, int64_t now_ns, struct err *err)
{
	int64_t tat_ns;

	return tat_read(book, reserved->limit_name, reserved->bucket, &tat_ns, err) &&
	       tat_write(book, reserved->limit_name, reserved->bucket, gcra_refund(&reserved->rate, tat_ns, now_ns), err);
}

bool admission_refund(const struct book *book, int64_t order_id, int64_t now_ns, struct err *err)
{
	AUTO_QUERY query = reserved_query(book, order_id);

	while (query_step(&query)) {
		AUTO(reserved_done) struct reserved reserved = reserved_read(&query);

		if (strcmp(reserved.limit_name, limit_name(LIMIT_ORDERS)) == 0 && !refund(book, &reserved, now_ns, err))
			return false;
	}
	return query_end(&query, err);
}

/* What a certificate spends: its exact set, and unless that was issued before its domains, and the group's share of them. */
static bool is_spent_by_certificate(const char *name, bool is_renewal)
{
	bool is_domain = strcmp(name, limit_name(LIMIT_DOMAIN)) == 0 || strcmp(name, limit_name(LIMIT_DOMAIN_OF_ACCOUNT)) == 0 || strcmp(name, SHARE) == 0;

	return strcmp(name, limit_name(LIMIT_SET)) == 0 || (is_domain && !is_renewal);
}

bool admission_spend(const struct book *book, int64_t order_id, const struct names *names, int64_t at_ns, struct err *err)
{
	struct ledger ledger = book_ledger(book);
	AUTO_QUERY query = reserved_query(book, order_id);
	bool is_renewal;

	if (!ledger_is_renewal(&ledger, at_ns, names, &is_renewal, err))
		return false;
	while (query_step(&query)) {
		AUTO(reserved_done) struct reserved reserved = reserved_read(&query);

		if (is_spent_by_certificate(reserved.limit_name, is_renewal) &&
		    !tat_spend(book, reserved.limit_name, reserved.bucket, &reserved.rate, at_ns, at_ns, err))
			return false;
	}
	return query_end(&query, err);
}

/* ---- orders that died without us ---- */

struct orphan {
	int64_t order_id;
	struct strs names;
};

static void orphan_done(struct orphan *orphan)
{
	strs_done(&orphan->names);
}

/* The oldest one; order_id 0: none. Whoever is still at work on it settles it itself. */
static bool find_orphan(const struct book *book, struct orphan *ret_orphan, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db,
		"SELECT order_id, names FROM admissions JOIN orders ON id = order_id"
		" WHERE ca = ? AND lease_until <= ? AND state NOT IN ('intended', 'placed', 'finalizing') ORDER BY order_id LIMIT 1");

	query_bind_text(&query, book->ca);
	query_bind_int(&query, store_now(book->store));
	if (query_step(&query)) {
		ret_orphan->order_id = query_read_int(&query);
		ret_orphan->names = names_read(&query);
	}
	return query_end(&query, err);
}

static bool spend_order(const struct book *book, int64_t order_id, const struct strs *list, int64_t at_ns, struct err *err)
{
	AUTO(names_done) struct names names = { 0 };

	return names_make(list, &names, err) && admission_spend(book, order_id, &names, at_ns, err);
}

bool admissions_mend(const struct book *book, int64_t at_ns, struct err *err)
{
	for (;;) {
		AUTO(orphan_done) struct orphan orphan = { 0 };

		if (!find_orphan(book, &orphan, err))
			return false;
		if (orphan.order_id == 0)
			return true;
		if (!spend_order(book, orphan.order_id, &orphan.names, at_ns, err) || !admission_drop(book->store, orphan.order_id, err))
			return false;
	}
}

/* ---- placed ---- */

/* The request may have been on its way for long: a bucket that was full when it was admitted is empty by a unit only since it was answered. */
static bool book_later(const struct book *book, const struct reserved *reserved, int64_t answered_ns, struct err *err)
{
	int64_t least_ns = gcra_spend(&reserved->rate, GCRA_UNTOUCHED, answered_ns);
	int64_t tat_ns;

	if (strcmp(reserved->limit_name, limit_name(LIMIT_ORDERS)) != 0)
		return true;
	return tat_read(book, reserved->limit_name, reserved->bucket, &tat_ns, err) &&
	       (tat_ns >= least_ns || tat_write(book, reserved->limit_name, reserved->bucket, least_ns, err));
}

static bool settle_placed(const struct book *book, int64_t order_id, int64_t answered_ns, struct err *err)
{
	AUTO_QUERY query = reserved_query(book, order_id);

	while (query_step(&query)) {
		AUTO(reserved_done) struct reserved reserved = reserved_read(&query);

		if (!book_later(book, &reserved, answered_ns, err))
			return false;
	}
	return query_end(&query, err);
}

bool book_placed(const struct book *book, int64_t order_id, const char *url, int64_t expires_at, int64_t answered_ns, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);

	return transaction && order_write_placed(book->store, order_id, url, expires_at, err) && settle_placed(book, order_id, answered_ns, err) &&
	       db_commit(&transaction, err);
}

/* ---- validations ---- */

/* Deletes the reservation for a failure of `name`; *ret_was_there false: that was settled before. */
static bool release_failure(const struct book *book, int64_t order_id, const char *bucket, bool *ret_was_there, struct err *err)
{
	AUTO_QUERY query = book_query(book, "DELETE FROM reservations WHERE ca = ? AND limit_name = ? AND bucket = ? AND order_id = ? RETURNING 1",
		limit_name(LIMIT_FAILURES), bucket);

	query_bind_int(&query, order_id);
	*ret_was_there = query_step(&query);
	return query_end(&query, err);
}

/* The CA's rules, by which a failure is spent, know nothing of a book that was lost. */
static bool write_unproven(const struct book *book, const char *bucket, struct err *err)
{
	const struct rate *rate = bucket_rate(book, LIMIT_FAILURES, bucket);
	int64_t tat_ns;

	if (book->unproven_ns == 0 || !rate)
		return true;
	return tat_read(book, limit_name(LIMIT_FAILURES), bucket, &tat_ns, err) &&
	       tat_write(book, limit_name(LIMIT_FAILURES), bucket, tat_unproven(book, rate, tat_ns), err);
}

static bool settle_failure(const struct book *book, int64_t order_id, const char *name, int64_t now_ns, struct err *err)
{
	struct ledger ledger = book_ledger(book);
	AUTO(admission_done) struct admission admission = { 0 };
	bool was_there, is_paused;

	if (!admission_read(book, order_id, &admission, err))
		return false;
	if (!admission.is_there || !book->rules.limits)
		return true;
	AUTO_FREE char *bucket = mem_fmt("%s:%s", admission.account, name);
	if (!release_failure(book, order_id, bucket, &was_there, err))
		return false;
	return !was_there || (write_unproven(book, bucket, err) && ledger_failed(&ledger, now_ns, admission.account, name, &is_paused, err));
}

bool book_failed(const struct book *book, int64_t order_id, const char *name, int64_t now_ns, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);

	return transaction && validation_failed(book->store, order_id, name, err) && settle_failure(book, order_id, name, now_ns, err) &&
	       db_commit(&transaction, err);
}

static bool settle_success(const struct book *book, int64_t order_id, const char *account, const char *name, struct err *err)
{
	struct ledger ledger = book_ledger(book);
	AUTO_FREE char *bucket = mem_fmt("%s:%s", account, name);
	bool was_there;

	return release_failure(book, order_id, bucket, &was_there, err) && (!was_there || ledger_valid(&ledger, account, name, err));
}

bool book_valid(const struct book *book, int64_t order_id, const struct strs *names, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);
	AUTO(admission_done) struct admission admission = { 0 };

	if (!transaction || !admission_read(book, order_id, &admission, err))
		return false;
	for (size_t i = 0; i < names->count; i++) {
		if (!validation_succeeded(book->store, order_id, names->items[i], err) ||
		    (admission.is_there && book->rules.limits && !settle_success(book, order_id, admission.account, names->items[i], err)))
			return false;
	}
	return db_commit(&transaction, err);
}

/* ---- the end ---- */

static bool settle_issued(const struct book *book, int64_t order_id, const struct store_cert *cert, int64_t issued_ns, struct err *err)
{
	AUTO(admission_done) struct admission admission = { 0 };
	struct book_found found = {
		.leaf = cert->leaf, .names = &cert->names, .not_before_ns = ns_from_s(cert->not_before_at), .issued_ns = issued_ns,
	};

	if (!admission_read(book, order_id, &admission, err))
		return false;
	return cert_book(book, &found, admission.is_there ? order_id : 0, issued_ns, err) && admission_drop(book->store, order_id, err);
}

bool book_issued(const struct book *book, int64_t order_id, const struct store_cert *cert, int64_t issued_ns, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);

	return transaction && order_write_issued(book->store, order_id, cert, err) && settle_issued(book, order_id, cert, issued_ns, err) &&
	       db_commit(&transaction, err);
}

static bool settle_dead(const struct book *book, const struct store_order *before, enum book_end end, int64_t now_ns, struct err *err)
{
	if (end == BOOK_REFUSED && before->state == ORDER_INTENDED && !admission_refund(book, before->id, now_ns, err))
		return false;
	if (end == BOOK_SPENT && !spend_order(book, before->id, &before->names, now_ns, err))
		return false;
	return admission_drop(book->store, before->id, err);
}

bool book_dead(const struct book *book, int64_t order_id, const char *reason, enum book_end end, int64_t now_ns, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);
	AUTO(store_order_done) struct store_order before = { 0 };

	return transaction && order_write_dead(book->store, order_id, reason, &before, err) && settle_dead(book, &before, end, now_ns, err) &&
	       db_commit(&transaction, err);
}
