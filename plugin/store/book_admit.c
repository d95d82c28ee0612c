/* SPDX-License-Identifier: MIT */
/* Whether an order may be placed now: every bucket that it needs has a unit left beside the reservations of the orders under way and what is kept free. */
#include "store/book_inner.h"

#include <stdlib.h>

#include "budget/names.h"
#include "util/err.h"
#include "util/mem.h"

void book_wait_done(struct book_wait *wait)
{
	free(wait->bucket);
	free(wait->message);
	*wait = (struct book_wait){ 0 };
}

/* A request, as it is judged. */
struct judgement {
	struct names names;
	enum order_as as;
	struct needs needs;
	struct book_wait wait; /* message NULL: it need not wait */
};

static void judgement_done(struct judgement *judgement)
{
	names_done(&judgement->names);
	needs_done(&judgement->needs);
	book_wait_done(&judgement->wait);
}

#define AUTO_JUDGEMENT AUTO(judgement_done) struct judgement

/* ---- refusals and pauses ---- */

static void wait_for_refusal(struct judgement *judgement, const char *name, int64_t until_ns, const char *link, const char *why)
{
	if (judgement->wait.message && until_ns <= judgement->wait.at_ns)
		return;
	book_wait_done(&judgement->wait);
	judgement->wait = (struct book_wait){ .limit = LIMIT_PAUSING, .bucket = mem_strdup(name), .at_ns = until_ns };
	judgement->wait.message = *link ? mem_fmt("the CA has paused %s: %s; to lift it open %s", name, why, link) : mem_fmt("the CA refused %s: %s", name, why);
}

static bool look_at_refusals(const struct book *book, const struct book_request *request, struct judgement *judgement, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db, "SELECT name, until_ns, link, why FROM refusals WHERE ca = ? AND account = ? AND until_ns > ?");

	query_bind_text(&query, book->ca);
	query_bind_text(&query, request->account);
	query_bind_int(&query, request->now_ns);
	while (query_step(&query)) {
		AUTO_FREE char *name = query_read_text(&query);
		int64_t until_ns = query_read_int(&query);
		AUTO_FREE char *link = query_read_text(&query);
		AUTO_FREE char *why = query_read_text(&query);

		if (strs_has(&judgement->names.list, name))
			wait_for_refusal(judgement, name, until_ns, link, why);
	}
	return query_end(&query, err);
}

/* Names that the CA must have paused by its own rule, though it has not said so yet. */
static bool look_at_pauses(const struct book *book, const struct book_request *request, struct judgement *judgement, struct err *err)
{
	struct ledger ledger = book_ledger(book);
	AUTO_STRS paused = { 0 };

	if (!ledger_paused(&ledger, request->account, &judgement->names, &paused, err))
		return false;
	if (paused.count == 0 || judgement->wait.message)
		return true;
	judgement->wait = (struct book_wait){ .limit = LIMIT_PAUSING, .bucket = mem_strdup(paused.items[0]), .at_ns = INT64_MAX };
	judgement->wait.message = mem_fmt("the CA pauses %s for this account after so many failed validations, until its owner lifts that", paused.items[0]);
	return true;
}

/* ---- buckets ---- */

/* The moment when a bucket has, or had, `units`: those that are still missing in a full one come back as if all had been spent now. */
static int64_t units_at(const struct rate *rate, int64_t tat_ns, int64_t now_ns, int64_t units)
{
	int64_t ahead_ns;

	if (__builtin_mul_overflow(rate->interval_ns, units, &ahead_ns))
		return INT64_MAX;
	return ns_add(gcra_full_at(tat_ns, now_ns), ns_sub(ahead_ns, rate->capacity_ns));
}

/* `sql`: the bucket's moment, if it has one, its reservations, and those who wait for it. */
static bool read_stand(const struct book *book, const struct need *need, const char *sql, struct stand *ret_stand, struct err *err)
{
	AUTO_QUERY query = book_query(book, sql, need_name(need), need->bucket);

	query_bind_int(&query, GCRA_UNTOUCHED);
	if (query_step(&query)) {
		int64_t tat_ns = query_read_int(&query);

		ret_stand->tat_ns = tat_unproven(book, &need->rate, tat_ns);
		ret_stand->is_unproven = ret_stand->tat_ns != tat_ns;
		ret_stand->reserved = query_read_int(&query);
		ret_stand->waiting = query_read_int(&query);
	}
	return query_end(&query, err);
}

#define STAND \
	"SELECT ifnull((SELECT tat_ns FROM buckets WHERE ca = ?1 AND limit_name = ?2 AND bucket = ?3), ?4)," \
	" (SELECT count(*) FROM reservations WHERE ca = ?1 AND limit_name = ?2 AND bucket = ?3 AND units = 1)"
#define ASSUMED(column) "ifnull((SELECT " column " FROM temp.assumed WHERE ca = ?1 AND limit_name = ?2 AND bucket = ?3), 0)"
static const char reserved_sql[] = STAND ", 0";
static const char assumed_sql[] = STAND " + " ASSUMED("units") ", " ASSUMED("waiting");

static void wait_for(const struct need *need, const struct stand *stand, int64_t at_ns, int64_t now_ns, struct book_wait *wait)
{
	/* Of those that end together the last one, as the CA names it. */
	if (wait->message && at_ns < wait->at_ns)
		return;
	book_wait_done(wait);
	*wait = (struct book_wait){
		.limit = need->limit,
		.bucket = mem_strdup(need->bucket),
		.is_share = need->is_share,
		.at_ns = at_ns,
		.message = need_message(need, stand, now_ns),
	};
}

static bool look_at_buckets(const struct book *book, int64_t now_ns, const char *sql, struct judgement *judgement, struct err *err)
{
	for (size_t i = 0; i < judgement->needs.count; i++) {
		const struct need *need = &judgement->needs.items[i];
		struct stand stand = { 0 };

		if (!need->is_checked)
			continue;
		if (!read_stand(book, need, sql, &stand, err))
			return false;
		int64_t at_ns = units_at(&need->rate, stand.tat_ns, now_ns, ns_add(stand.reserved + stand.waiting, need->keep + 1));
		if (at_ns > now_ns)
			wait_for(need, &stand, at_ns, now_ns, &judgement->wait);
	}
	return true;
}

/* Under which rule it goes, and what it needs. The 120 days are counted by the later clock: in doubt it is new. */
static bool classify(const struct book *book, const struct book_request *request, struct judgement *judgement, struct err *err)
{
	struct ledger ledger = book_ledger(book);
	bool is_renewal;

	if (!names_make(&request->order->names, &judgement->names, err) ||
	    !ledger_is_renewal(&ledger, request->spend_ns, &judgement->names, &is_renewal, err))
		return false;
	judgement->as = request->is_ari ? ORDER_ARI : is_renewal ? ORDER_RENEWAL : ORDER_NEW;
	needs_make(request, &book->rules, &judgement->names, judgement->as, is_renewal, &judgement->needs);
	return true;
}

static bool judge(const struct book *book, const struct book_request *request, const char *sql, struct judgement *judgement, struct err *err)
{
	return classify(book, request, judgement, err) && look_at_refusals(book, request, judgement, err) && look_at_pauses(book, request, judgement, err) &&
	       look_at_buckets(book, request->now_ns, sql, judgement, err);
}

/* ---- admission ---- */

/* What is spent with newOrder, and what is reserved until the order is settled. */
static bool take(const struct book *book, const struct book_request *request, int64_t order_id, const struct judgement *judgement, struct err *err)
{
	for (size_t i = 0; i < judgement->needs.count; i++) {
		const struct need *need = &judgement->needs.items[i];

		if (need->is_spent && !tat_spend(book, need_name(need), need->bucket, &need->rate, request->spend_ns, request->spend_ns, err))
			return false;
	}
	return admission_write(book, order_id, request->account, judgement->as, &judgement->needs, err);
}

/* An order that the CA knows goes on; one from before there was a book gets its reservations now. */
static bool go_on(const struct book *book, const struct book_request *request, const struct store_order *order, struct judgement *judgement, struct err *err)
{
	AUTO(admission_done) struct admission admission = { 0 };

	if (!admission_read(book, order->id, &admission, err))
		return false;
	judgement->as = admission.as;
	return admission.is_there || (classify(book, request, judgement, err) && take(book, request, order->id, judgement, err));
}

/* A unit that was booked for a sending that never was is booked anew. After one it stays booked: the CA may have counted it. */
static bool ask_again(const struct book *book, const struct book_request *request, const struct store_order *order, struct err *err)
{
	return (order->sent_count > 0 || admission_refund(book, order->id, request->spend_ns, err)) && admission_drop(book->store, order->id, err);
}

/* *io_order is the order that is under way, or empty. */
static bool admit(const struct book *book, const struct book_request *request, struct store_order *io_order, struct judgement *judgement, struct err *err)
{
	bool is_under_way;

	if (!admissions_mend(book, request->spend_ns, err) ||
	    !order_claim(book->store, request->order, request->lease_until, &is_under_way, io_order, err))
		return false;
	if (is_under_way && io_order->state != ORDER_INTENDED)
		return go_on(book, request, io_order, judgement, err);
	if (is_under_way && !ask_again(book, request, io_order, err))
		return false;
	if (!judge(book, request, reserved_sql, judgement, err))
		return false;
	if (judgement->wait.message)
		return true;
	if (!is_under_way && !order_intend(book->store, request->order, request->lease_until, io_order, err))
		return false;
	return take(book, request, io_order->id, judgement, err);
}

bool book_admit(const struct book *book, const struct book_request *request, bool *ret_admitted, struct store_order *ret_order, enum order_as *ret_as,
		struct book_wait *ret_wait, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(book->store->db, err);
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO_JUDGEMENT judgement = { 0 };

	if (!transaction || !admit(book, request, &order, &judgement, err))
		return false;
	*ret_as = judgement.as;
	*ret_admitted = !judgement.wait.message;
	if (judgement.wait.message) {
		*ret_wait = judgement.wait;
		judgement.wait = (struct book_wait){ 0 };
		return true;
	}
	if (!db_commit(&transaction, err))
		return false;
	*ret_order = order;
	order = (struct store_order){ 0 };
	return true;
}

/* ---- the same as a question: assumptions are in a table of this connection, which lives in memory and locks nobody ---- */

static bool run(const struct book *book, const char *sql, struct err *err)
{
	AUTO_QUERY query = db_query(book->store->db, sql);

	return query_end(&query, err);
}

static bool make_assumptions(const struct book *book, struct err *err)
{
	return run(book,
		   "CREATE TEMP TABLE IF NOT EXISTS assumed (ca TEXT NOT NULL, limit_name TEXT NOT NULL, bucket TEXT NOT NULL, units INTEGER NOT NULL,"
		   " waiting INTEGER NOT NULL, PRIMARY KEY (ca, limit_name, bucket)) WITHOUT ROWID", err);
}

bool book_plan(const struct book *book, struct err *err)
{
	return make_assumptions(book, err) && run(book, "DELETE FROM temp.assumed", err);
}

static bool assume(const struct book *book, const struct needs *needs, struct err *err)
{
	for (size_t i = 0; i < needs->count; i++) {
		const struct need *need = &needs->items[i];

		if (need->units == 0 && !need->is_spent)
			continue;
		AUTO_QUERY query = book_query(book,
			"INSERT INTO temp.assumed (ca, limit_name, bucket, units, waiting) VALUES (?, ?, ?, 1, 0) ON CONFLICT DO UPDATE SET units = units + 1",
			need_name(need), need->bucket);
		if (!query_end(&query, err))
			return false;
	}
	return true;
}

/* Its place in the bucket that it waits for. For a refusal nobody stands in line. */
static bool stand_in_line(const struct book *book, struct book_wait *wait, struct err *err)
{
	if (wait->limit == LIMIT_PAUSING)
		return true;
	AUTO_QUERY query = book_query(book,
		"INSERT INTO temp.assumed (ca, limit_name, bucket, units, waiting) VALUES (?, ?, ?, 0, 1) ON CONFLICT DO UPDATE SET waiting = waiting + 1"
		" RETURNING waiting", wait->is_share ? SHARE : limit_name(wait->limit), wait->bucket);
	if (query_step(&query))
		wait->place = (size_t)query_read_int(&query);
	return query_end(&query, err);
}

/* An order that is under way has what it needs. */
static bool ask(const struct book *book, const struct book_request *request, struct judgement *judgement, struct err *err)
{
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO(admission_done) struct admission admission = { 0 };
	bool is_under_way;

	if (!order_under_way(book->store, request->order, &is_under_way, &order, err) || !admission_read(book, order.id, &admission, err))
		return false;
	if (is_under_way && admission.is_there) {
		judgement->as = admission.as;
		return true;
	}
	return judge(book, request, assumed_sql, judgement, err) &&
	       (judgement->wait.message ? stand_in_line(book, &judgement->wait, err) : assume(book, &judgement->needs, err));
}

bool book_ask(const struct book *book, const struct book_request *request, bool *ret_would, enum order_as *ret_as, struct book_wait *ret_wait,
	      struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin_reading(book->store->db, err);
	AUTO_JUDGEMENT judgement = { 0 };

	if (!transaction || !make_assumptions(book, err) || !ask(book, request, &judgement, err) || !db_commit(&transaction, err))
		return false;
	*ret_as = judgement.as;
	*ret_would = !judgement.wait.message;
	if (judgement.wait.message) {
		*ret_wait = judgement.wait;
		judgement.wait = (struct book_wait){ 0 };
	}
	return true;
}
