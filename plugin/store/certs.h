/* SPDX-License-Identifier: MIT */
#ifndef STORE_CERTS_H
#define STORE_CERTS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct buf;
struct err;

/*
 * Certificates as files: <certs>/<SHA-256 of the leaf>/{fullchain.pem,key.pem}, folders 0700, files 0600; and, while an order is open,
 * <certs>/.order-<id>/key.pem, then for a month <certs>/.issued-<id> with the leaf that it led to.
 */

/*
 * Keeps the key of an order durably before anything is asked for it. Keeps an existing one: *ret_existing says so and `io_pem` becomes it. That is also the key of
 * the certificate which the order led to already, when a kill came between certs_order_issued and book_issued.
 */
bool certs_order_key(int certs_fd, int64_t order_id, struct buf *io_pem, bool *ret_existing, struct err *err) MUST_USE;
/* Writes the chain beside the order's key and renames the folder to `leaf`. May be run again after a kill at any point. */
bool certs_order_issued(int certs_fd, int64_t order_id, const char *leaf, const struct buf *chain_pem, struct err *err) MUST_USE;
/* Drops the key of a dead order. */
bool certs_order_drop(int certs_fd, int64_t order_id, struct err *err) MUST_USE;
/* Takes over a certificate that lies elsewhere; existing is success. */
bool certs_adopt(int certs_fd, const char *leaf, const struct buf *chain_pem, const struct buf *key_pem, struct err *err) MUST_USE;
/* *ret_found false: not (completely) there. Either buf may be NULL. */
bool certs_load(int certs_fd, const char *leaf, bool *ret_found, struct buf *ret_chain_pem, struct buf *ret_key_pem, struct err *err) MUST_USE;

#endif
