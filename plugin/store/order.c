/* SPDX-License-Identifier: MIT */
/*
 * Orders and their states, each kept before the request that it permits. A step is taken only by the host that holds the order; taken again it changes nothing.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/inner.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

/* newOrder goes out once, and once more after an answer that was lost: a CA without a list of orders cannot tell what became of the first. */
#define SENT_MAX 2

#define SELECT_ORDERS \
	"SELECT id, state, app, names, server, account_url, profile, key_type, replaces, url, expires_at, intended_at, sent_count, leaf, host, lease_until" \
	" FROM orders "

static const char *const state_words[] = {
	[ORDER_INTENDED] = "intended", [ORDER_PLACED] = "placed",       [ORDER_FINALIZING] = "finalizing",
	[ORDER_ISSUED] = "issued",     [ORDER_INSTALLED] = "installed", [ORDER_DEAD] = "dead",
};

void store_order_done(struct store_order *order)
{
	free(order->app);
	strs_done(&order->names);
	free(order->server);
	free(order->account_url);
	free(order->profile);
	free(order->key_type);
	free(order->replaces);
	free(order->url);
	free(order->leaf);
	free(order->host);
	*order = (struct store_order){ 0 };
}

void store_orders_done(struct store_orders *orders)
{
	for (size_t i = 0; i < orders->count; i++)
		store_order_done(&orders->items[i]);
	free(orders->items);
	*orders = (struct store_orders){ 0 };
}

static void read_order(struct query *query, struct store_order *ret_order)
{
	ret_order->id = query_read_int(query);
	ret_order->state = query_read_word(query, state_words, COUNT(state_words));
	ret_order->app = query_read_text(query);
	ret_order->names = names_read(query);
	ret_order->server = query_read_text(query);
	ret_order->account_url = query_read_text(query);
	ret_order->profile = query_read_text(query);
	ret_order->key_type = query_read_text(query);
	ret_order->replaces = query_read_text(query);
	ret_order->url = query_read_text(query);
	ret_order->expires_at = query_read_int(query);
	ret_order->intended_at = query_read_int(query);
	ret_order->sent_count = query_read_int(query);
	ret_order->leaf = query_read_text(query);
	ret_order->host = query_read_text(query);
	ret_order->lease_until = query_read_int(query);
}

/* ---- begin ---- */

/* Reads the only row of a query whose parameters are bound; none: ret_order stays as it is. */
static bool read_one(struct query *query, bool *ret_found, struct store_order *ret_order, struct err *err)
{
	*ret_found = query_step(query);
	if (*ret_found)
		read_order(query, ret_order);
	return query_end(query, err);
}

bool order_under_way(struct store *store, const struct store_order *wanted, bool *ret_found, struct store_order *ret_order, struct err *err)
{
	AUTO_FREE char *names = names_pack(&wanted->names);
	AUTO_QUERY query = db_query(store->db,
		SELECT_ORDERS "WHERE names = ? AND server = ? AND account_url = ? AND profile = ? AND key_type = ? AND replaces = ?"
			      " AND state IN ('intended', 'placed', 'finalizing')");

	query_bind_text(&query, names);
	query_bind_text(&query, wanted->server);
	query_bind_text(&query, wanted->account_url);
	query_bind_text(&query, wanted->profile);
	query_bind_text(&query, wanted->key_type);
	query_bind_text(&query, wanted->replaces);
	return read_one(&query, ret_found, ret_order, err);
}

static bool insert_intended(struct store *store, const struct store_order *wanted, int64_t lease_until, int64_t *ret_id, struct err *err)
{
	AUTO_FREE char *names = names_pack(&wanted->names);
	AUTO_QUERY query = db_query(store->db,
		"INSERT INTO orders (state, app, names, server, account_url, profile, key_type, replaces, intended_at, host, lease_until)"
		" VALUES ('intended', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	query_bind_text(&query, wanted->app);
	query_bind_text(&query, names);
	query_bind_text(&query, wanted->server);
	query_bind_text(&query, wanted->account_url);
	query_bind_text(&query, wanted->profile);
	query_bind_text(&query, wanted->key_type);
	query_bind_text(&query, wanted->replaces);
	query_bind_int(&query, store_now(store));
	query_bind_text(&query, store->host);
	query_bind_int(&query, lease_until);
	if (!query_end(&query, err))
		return false;
	*ret_id = db_last_id(store->db);
	return true;
}

static bool take_over(struct store *store, int64_t id, const char *app, int64_t lease_until, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "UPDATE orders SET app = ?, host = ?, lease_until = ? WHERE id = ?");

	query_bind_text(&query, app);
	query_bind_text(&query, store->host);
	query_bind_int(&query, lease_until);
	query_bind_int(&query, id);
	return query_end(&query, err);
}

static bool write_dead(struct store *store, int64_t id, const char *reason, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "UPDATE orders SET state = 'dead', dead_reason = ? WHERE id = ?");

	query_bind_text(&query, reason);
	query_bind_int(&query, id);
	return query_end(&query, err);
}

/* Somebody else is at work on it: another host, or another app with the same names. */
static bool check_is_free(const struct store *store, const struct store_order *order, const char *app, struct err *err)
{
	AUTO_FREE char *until = when_human(order->lease_until);
	AUTO_FREE char *names = strs_join(&order->names, " ");
	bool is_ours = strcmp(order->host, store->host) == 0 && strcmp(order->app, app) == 0;

	if (is_ours || order->lease_until <= store_now(store))
		return true;
	(void)err_set(err, ERR_LOCKED, "%s: an order for these names is being carried out for app '%s' on host %s; try again after %s", names, order->app, order->host,
		      until);
	err->retry_at = order->lease_until;
	return false;
}

static bool read_by_id(struct store *store, int64_t id, bool *ret_found, struct store_order *ret_order, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, SELECT_ORDERS "WHERE id = ?");

	query_bind_int(&query, id);
	return read_one(&query, ret_found, ret_order, err);
}

bool order_claim(struct store *store, const struct store_order *wanted, int64_t lease_until, bool *ret_found, struct store_order *ret_order, struct err *err)
{
	AUTO(store_order_done) struct store_order known = { 0 };
	bool is_found;

	if (!order_under_way(store, wanted, &is_found, &known, err))
		return false;
	*ret_found = false;
	if (!is_found)
		return true;
	if (!check_is_free(store, &known, wanted->app, err))
		return false;
	if (known.state == ORDER_INTENDED && known.sent_count >= SENT_MAX)
		return write_dead(store, known.id, "newOrder was sent twice and no answer kept", err) && admission_drop(store, known.id, err);
	return take_over(store, known.id, wanted->app, lease_until, err) && read_by_id(store, known.id, ret_found, ret_order, err);
}

bool order_intend(struct store *store, const struct store_order *wanted, int64_t lease_until, struct store_order *ret_order, struct err *err)
{
	bool is_found;
	int64_t id;

	return insert_intended(store, wanted, lease_until, &id, err) && read_by_id(store, id, &is_found, ret_order, err);
}

/* ---- steps ---- */

/* Within a transaction: the order as it is, if this host holds it and it is in one of the states `allowed` (bits). */
static bool load_for_step(struct store *store, int64_t id, unsigned allowed, const char *step, struct store_order *ret_order, struct err *err)
{
	bool is_found;

	if (!read_by_id(store, id, &is_found, ret_order, err))
		return false;
	if (!is_found)
		return err_set(err, ERR_STORE, "order %lld is not in '%s'; begin it again", (long long)id, db_path(store->db));
	if (strcmp(ret_order->host, store->host) != 0)
		return err_set(err, ERR_STORE, "order %lld was taken over by host %s; it goes on there", (long long)id, ret_order->host);
	if (!(allowed & 1u << ret_order->state))
		return err_set(err, ERR_STORE, "order %lld is %s already and cannot become %s; begin a new one", (long long)id, state_words[ret_order->state], step);
	return true;
}

#define IN(state) (1u << (state))

bool store_order_sending(struct store *store, int64_t id, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO_QUERY query = db_query(store->db, "UPDATE orders SET sent_count = sent_count + 1 WHERE id = ?");

	if (!transaction || !load_for_step(store, id, IN(ORDER_INTENDED), "sent", &order, err))
		return false;
	query_bind_int(&query, id);
	return query_end(&query, err) && db_commit(&transaction, err);
}

bool order_write_placed(struct store *store, int64_t id, const char *url, int64_t expires_at, struct err *err)
{
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO_QUERY query = db_query(store->db, "UPDATE orders SET state = 'placed', url = ?, expires_at = ? WHERE id = ?");

	if (!load_for_step(store, id, IN(ORDER_INTENDED) | IN(ORDER_PLACED), "placed", &order, err))
		return false;
	query_bind_text(&query, url);
	query_bind_int(&query, expires_at);
	query_bind_int(&query, id);
	return query_end(&query, err);
}

bool store_order_finalizing(struct store *store, int64_t id, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO_QUERY query = db_query(store->db, "UPDATE orders SET state = 'finalizing' WHERE id = ? AND state = 'placed'");

	if (!transaction || !load_for_step(store, id, IN(ORDER_PLACED) | IN(ORDER_FINALIZING), "finalizing", &order, err))
		return false;
	query_bind_int(&query, id);
	return query_end(&query, err) && db_commit(&transaction, err);
}

/*
 * An order that died meanwhile (its app was destroyed) stays dead, one that is installed stays installed; what was bought is known all the same.
 */
bool order_write_issued(struct store *store, int64_t id, const struct store_cert *cert, struct err *err)
{
	unsigned allowed = IN(ORDER_PLACED) | IN(ORDER_FINALIZING) | IN(ORDER_ISSUED) | IN(ORDER_INSTALLED) | IN(ORDER_DEAD);
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO_QUERY query = db_query(store->db, "UPDATE orders SET leaf = ?, state = iif(state IN ('placed', 'finalizing'), 'issued', state) WHERE id = ?");

	if (!load_for_step(store, id, allowed, "issued", &order, err) || !cert_write(store, cert, err))
		return false;
	query_bind_key(&query, cert->leaf);
	query_bind_int(&query, id);
	return query_end(&query, err);
}

bool store_order_installed(struct store *store, int64_t id, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO_QUERY query = db_query(store->db, "UPDATE orders SET state = 'installed' WHERE id = ?");

	if (!transaction || !load_for_step(store, id, IN(ORDER_ISSUED) | IN(ORDER_INSTALLED), "installed", &order, err))
		return false;
	/* Once more after a crash: the app may use a newer one by now. */
	if (order.state == ORDER_INSTALLED)
		return true;
	query_bind_int(&query, id);
	return query_end(&query, err) && app_write_uses(store, order.app, order.leaf, err) && db_commit(&transaction, err);
}

bool order_write_dead(struct store *store, int64_t id, const char *reason, struct store_order *ret_before, struct err *err)
{
	if (!load_for_step(store, id, ~IN(ORDER_INSTALLED), "dead", ret_before, err))
		return false;
	/* The first reason is the cause. */
	return ret_before->state == ORDER_DEAD || write_dead(store, id, reason, err);
}

bool store_order_list_open(struct store *store, const char *app, struct store_orders *ret_orders, struct err *err)
{
	AUTO(store_orders_done) struct store_orders orders = { 0 };
	AUTO_QUERY query = db_query(store->db,
		SELECT_ORDERS "WHERE state IN ('intended', 'placed', 'finalizing', 'issued') AND (app = ?1 OR ?1 = '') ORDER BY id");

	query_bind_text(&query, app);
	while (query_step(&query)) {
		orders.items = items_grow(orders.items, orders.count, sizeof(*orders.items));
		orders.items[orders.count] = (struct store_order){ 0 };
		read_order(&query, &orders.items[orders.count++]);
	}
	if (!query_end(&query, err))
		return false;
	*ret_orders = orders;
	orders = (struct store_orders){ 0 };
	return true;
}
