/* SPDX-License-Identifier: MIT */
#ifndef ACME_CHAIN_H
#define ACME_CHAIN_H

#include <stdbool.h>

#include "util/attr.h"

struct acme;
struct acme_order_request;
struct buf;
struct err;

/*
 * Downloads the certificate, RFC 8555 §7.4.2. Only with a preferred chain that the first one is not are the alternates fetched; `*ret_not_found`: none ends in
 * that root, so it is the first one.
 */
bool acme_chain_fetch(struct acme *acme, const struct acme_order_request *order, const char *url, struct buf *ret_pem, bool *ret_not_found,
		      struct err *err) MUST_USE;

#endif
