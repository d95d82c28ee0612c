/* SPDX-License-Identifier: MIT */
#ifndef CRYPTO_CSR_H
#define CRYPTO_CSR_H

#include <stdbool.h>

#include "util/attr.h"

struct buf;
struct err;
struct key;
struct strs;

/*
 * PKCS#10 request for these names (DNS names, wildcards, addresses) as subjectAltName, empty subject. Appends DER. RFC 8555 §7.4, RFC 8738 §3.
 * ERR_REFUSED: a name that no certificate can have. ERR_CONFIG: a kind of key that cannot sign it.
 */
bool csr_make(const struct key *key, const struct strs *names, struct buf *ret_der, struct err *err) MUST_USE;

#endif
