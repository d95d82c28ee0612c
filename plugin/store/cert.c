/* SPDX-License-Identifier: MIT */
/*
 * What is known of each certificate: where it came from, its dates, its revocation and its renewal window (RFC 9773). The certificate itself is a file
 * (certs.c).
 */
#include "store/store.h"

#include <stdlib.h>

#include "store/db.h"
#include "store/inner.h"
#include "util/err.h"
#include "util/mem.h"

#define SELECT_CERTS \
	"SELECT leaf, server, account_url, profile, key_type, names, issuer, ari_id, not_before_at, not_after_at, issued_at, revoked_at," \
	" window_start_at, window_end_at, window_chosen_at, window_retry_at, window_url FROM certs "

void store_cert_done(struct store_cert *cert)
{
	free(cert->leaf);
	free(cert->server);
	free(cert->account_url);
	free(cert->profile);
	free(cert->key_type);
	strs_done(&cert->names);
	free(cert->issuer);
	free(cert->ari_id);
	free(cert->window_url);
	*cert = (struct store_cert){ 0 };
}

void store_certs_done(struct store_certs *certs)
{
	for (size_t i = 0; i < certs->count; i++)
		store_cert_done(&certs->items[i]);
	free(certs->items);
	*certs = (struct store_certs){ 0 };
}

static void read_cert(struct query *query, struct store_cert *ret_cert)
{
	ret_cert->leaf = query_read_text(query);
	ret_cert->server = query_read_text(query);
	ret_cert->account_url = query_read_text(query);
	ret_cert->profile = query_read_text(query);
	ret_cert->key_type = query_read_text(query);
	ret_cert->names = names_read(query);
	ret_cert->issuer = query_read_text(query);
	ret_cert->ari_id = query_read_text(query);
	ret_cert->not_before_at = query_read_int(query);
	ret_cert->not_after_at = query_read_int(query);
	ret_cert->issued_at = query_read_int(query);
	ret_cert->revoked_at = query_read_int(query);
	ret_cert->window_start_at = query_read_int(query);
	ret_cert->window_end_at = query_read_int(query);
	ret_cert->window_chosen_at = query_read_int(query);
	ret_cert->window_retry_at = query_read_int(query);
	ret_cert->window_url = query_read_text(query);
}

/* The row without revocation and window. Writes only if something differs. */
static bool write_issue(struct store *store, const struct store_cert *cert, struct err *err)
{
	AUTO_FREE char *names = names_pack(&cert->names);
	AUTO_QUERY query = db_query(store->db,
		"INSERT INTO certs (leaf, server, account_url, profile, key_type, names, issuer, ari_id, not_before_at, not_after_at, issued_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (leaf) DO UPDATE SET (server, account_url, profile, key_type, names, issuer, ari_id, not_before_at, not_after_at, issued_at) ="
		" (excluded.server, excluded.account_url, excluded.profile, excluded.key_type, excluded.names, excluded.issuer, excluded.ari_id,"
		" excluded.not_before_at, excluded.not_after_at, excluded.issued_at)"
		" WHERE (server, account_url, profile, key_type, names, issuer, ari_id, not_before_at, not_after_at, issued_at) <>"
		" (excluded.server, excluded.account_url, excluded.profile, excluded.key_type, excluded.names, excluded.issuer, excluded.ari_id,"
		" excluded.not_before_at, excluded.not_after_at, excluded.issued_at)");

	query_bind_text(&query, cert->leaf);
	query_bind_text(&query, cert->server);
	query_bind_text(&query, cert->account_url);
	query_bind_text(&query, cert->profile);
	query_bind_text(&query, cert->key_type);
	query_bind_text(&query, names);
	query_bind_text(&query, cert->issuer);
	query_bind_text(&query, cert->ari_id);
	query_bind_int(&query, cert->not_before_at);
	query_bind_int(&query, cert->not_after_at);
	query_bind_int(&query, cert->issued_at);
	return query_end(&query, err);
}

/* What a certificate names does not change. */
static bool write_name(struct store *store, const char *leaf, const char *name, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "INSERT OR IGNORE INTO cert_names (name, leaf) VALUES (?, ?)");

	query_bind_text(&query, name);
	query_bind_text(&query, leaf);
	return query_end(&query, err);
}

static bool write_names(struct store *store, const struct store_cert *cert, struct err *err)
{
	for (size_t i = 0; i < cert->names.count; i++)
		if (!write_name(store, cert->leaf, cert->names.items[i], err))
			return false;
	return true;
}

static bool cert_exists(struct store *store, const char *leaf, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT 1 FROM certs WHERE leaf = ?");
	bool is_there;

	query_bind_text(&query, leaf);
	is_there = query_step(&query);
	if (!query_end(&query, err))
		return false;
	return is_there || err_set(err, ERR_STORE, "'%s' knows no certificate '%s'; list it again with the next run", db_path(store->db), leaf);
}

static bool write_revoked(struct store *store, const char *leaf, int64_t at, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "UPDATE certs SET revoked_at = ? WHERE leaf = ? AND revoked_at = 0");

	query_bind_int(&query, at);
	query_bind_text(&query, leaf);
	return query_end(&query, err);
}

static bool write_window(struct store *store, const char *leaf, int64_t start_at, int64_t end_at, int64_t chosen_at, int64_t retry_at, const char *url,
			 struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		"UPDATE certs SET window_start_at = ?1, window_end_at = ?2, window_chosen_at = ?3, window_retry_at = ?4, window_url = ?5 WHERE leaf = ?6"
		" AND (window_start_at, window_end_at, window_chosen_at, window_retry_at, window_url) <> (?1, ?2, ?3, ?4, ?5)");

	query_bind_int(&query, start_at);
	query_bind_int(&query, end_at);
	query_bind_int(&query, chosen_at);
	query_bind_int(&query, retry_at);
	query_bind_text(&query, url);
	query_bind_text(&query, leaf);
	return query_end(&query, err);
}

bool cert_write(struct store *store, const struct store_cert *cert, struct err *err)
{
	bool has_window = cert->window_start_at != 0 || cert->window_retry_at != 0;

	if (!write_issue(store, cert, err) || !write_names(store, cert, err))
		return false;
	if (cert->revoked_at != 0 && !write_revoked(store, cert->leaf, cert->revoked_at, err))
		return false;
	return !has_window || write_window(store, cert->leaf, cert->window_start_at, cert->window_end_at, cert->window_chosen_at, cert->window_retry_at,
					   cert->window_url, err);
}

bool store_cert_put(struct store *store, const struct store_cert *cert, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);

	return transaction && cert_write(store, cert, err) && db_commit(&transaction, err);
}

bool store_cert_get(struct store *store, const char *leaf, bool *ret_found, struct store_cert *ret_cert, struct err *err)
{
	AUTO(store_cert_done) struct store_cert cert = { 0 };
	AUTO_QUERY query = db_query(store->db, SELECT_CERTS "WHERE leaf = ?");
	bool is_found;

	query_bind_text(&query, leaf);
	is_found = query_step(&query);
	if (is_found)
		read_cert(&query, &cert);
	if (!query_end(&query, err))
		return false;
	*ret_found = is_found;
	if (is_found) {
		*ret_cert = cert;
		cert = (struct store_cert){ 0 };
	}
	return true;
}

static bool read_certs(struct query *query, struct store_certs *ret_certs, struct err *err)
{
	AUTO(store_certs_done) struct store_certs certs = { 0 };

	while (query_step(query)) {
		certs.items = items_grow(certs.items, certs.count, sizeof(*certs.items));
		certs.items[certs.count] = (struct store_cert){ 0 };
		read_cert(query, &certs.items[certs.count++]);
	}
	if (!query_end(query, err))
		return false;
	*ret_certs = certs;
	certs = (struct store_certs){ 0 };
	return true;
}

bool store_cert_list(struct store *store, struct store_certs *ret_certs, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, SELECT_CERTS "ORDER BY not_before_at DESC, leaf");

	return read_certs(&query, ret_certs, err);
}

bool store_cert_list_free(struct store *store, const char *app, const char *name, struct store_certs *ret_certs, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		/* Not "name IN (…, …)": a plan asks this ten thousand times, and that takes twice as long. */
		SELECT_CERTS "WHERE leaf IN (SELECT leaf FROM cert_names WHERE name = ?1"
			     " UNION ALL SELECT leaf FROM cert_names WHERE name = '*' || substr(?1, instr(?1, '.')))"
		" AND NOT EXISTS (SELECT 1 FROM apps WHERE apps.leaf = certs.leaf AND apps.app <> ?2) ORDER BY not_before_at DESC, leaf");

	query_bind_text(&query, name);
	query_bind_text(&query, app);
	return read_certs(&query, ret_certs, err);
}

bool store_cert_revoked(struct store *store, const char *leaf, int64_t at, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);

	return transaction && cert_exists(store, leaf, err) && write_revoked(store, leaf, at, err) && db_commit(&transaction, err);
}

bool store_cert_window(struct store *store, const char *leaf, int64_t start_at, int64_t end_at, int64_t chosen_at, int64_t retry_at, const char *url,
		       struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);

	return transaction && cert_exists(store, leaf, err) && write_window(store, leaf, start_at, end_at, chosen_at, retry_at, url, err) &&
	       db_commit(&transaction, err);
}
