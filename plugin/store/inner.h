/* SPDX-License-Identifier: MIT */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/db.h"
#include "store/store.h"
#include "util/attr.h"

/* Of this folder only: what the files of the store share. */
struct store {
	struct db *db;
	const struct clock *clock;
	char *host;
	int64_t lost_at;
};

int64_t store_now(const struct store *store);

/* Names as they are kept: sorted, joined by one space; the caller frees it. */
char *names_pack(const struct strs *names) MUST_USE NEVER_NULL;
/* Reads such a column. */
struct strs names_read(struct query *query) MUST_USE;

/* Makes room for one more item of `size` bytes: the room doubles whenever it is used up. */
void *items_grow(void *items, size_t count, size_t size) MUST_USE NEVER_NULL;

/* For use within a transaction of the caller. */
bool cert_write(struct store *store, const struct store_cert *cert, struct err *err) MUST_USE;
bool app_write_uses(struct store *store, const char *app, const char *leaf, struct err *err) MUST_USE;
/* The open order for exactly this, whoever holds it. */
bool order_under_way(struct store *store, const struct store_order *wanted, bool *ret_found, struct store_order *ret_order, struct err *err) MUST_USE;
/* Takes it over; not found also when it was sent too often and is dead now. Another host's, or another app's: ERR_LOCKED. */
bool order_claim(struct store *store, const struct store_order *wanted, int64_t lease_until, bool *ret_found, struct store_order *ret_order,
		 struct err *err) MUST_USE;
/* A new one. */
bool order_intend(struct store *store, const struct store_order *wanted, int64_t lease_until, struct store_order *ret_order, struct err *err) MUST_USE;
/* The CA has the order. */
bool order_write_placed(struct store *store, int64_t id, const char *url, int64_t expires_at, struct err *err) MUST_USE;
/* The row of the certificate, and the order's state. */
bool order_write_issued(struct store *store, int64_t id, const struct store_cert *cert, struct err *err) MUST_USE;
/* *ret_before: the order as it was. */
bool order_write_dead(struct store *store, int64_t id, const char *reason, struct store_order *ret_before, struct err *err) MUST_USE;
/* A validation of the order failed, or succeeded: for store_validation_get. May be told again. */
bool validation_failed(struct store *store, int64_t order_id, const char *name, struct err *err) MUST_USE;
bool validation_succeeded(struct store *store, int64_t order_id, const char *name, struct err *err) MUST_USE;
/* Drops what the book (book.h) has reserved for the order, if anything. */
bool admission_drop(struct store *store, int64_t order_id, struct err *err) MUST_USE;

#endif
