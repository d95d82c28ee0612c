/* SPDX-License-Identifier: MIT */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/strs.h"

struct buf;
struct err;
struct key;

/* What a chain in PEM says of its leaf. Plain data; cert_done releases it. */
struct cert {
	struct strs names;     /* DNS names (lower case) and addresses of subjectAltName, sorted; the subject's CN only when there is no SAN */
	int64_t not_before_at;
	int64_t not_after_at;
	int64_t sct_at;        /* latest embedded SCT, 0 = none (RFC 6962 §3.3) */
	char *issuer;          /* one line: "CN=R11, O=Let's Encrypt, C=US" */
	char *issuer_cn;       /* common name of the issuer, "" if none */
	char *issuer_org;      /* organization of the issuer, "" if none */
	char *root_cn;         /* common name of the issuer of the last certificate of the chain, "" if none: for preferred chains */
	char *serial;          /* lower-case hex */
	char *ari_id;          /* base64url(AKI) "." base64url(serial), RFC 9773 §4.1; "" when it has no authority key identifier */
	char leaf_sha256[65];  /* lower-case hex of SHA-256 of the leaf's DER */
	char leaf_sha1[41];    /* of the same */
	size_t chain_count;    /* certificates in the chain, leaf included */
	bool is_self_signed;
};
void cert_done(struct cert *cert);

/* Reads a chain, leaf first. ERR_CONFIG when it is not one. */
bool cert_read(const char *pem, struct cert *ret_cert, struct err *err) MUST_USE;
/* The same of the leaf alone, in half the time: as if nothing followed it. */
bool cert_read_leaf(const char *pem, struct cert *ret_cert, struct err *err) MUST_USE;
/* The public key of the leaf in `pem` belongs to `key`. Its failure says that they do not match. */
bool cert_check_key(const char *pem, const struct key *key, struct err *err) MUST_USE;
/* Each certificate of the chain is signed by the next (the last by nobody here). Its failure names the link that breaks. */
bool cert_check_chain(const char *pem, struct err *err) MUST_USE;
/* Every name of `names` is covered by the certificate, wildcards included. */
bool cert_covers(const struct cert *cert, const struct strs *names);
/* SHA-256 in lower-case hex of the first certificate in `pem`. */
bool cert_leaf_sha256(const char *pem, char ret_hex[static 65], struct err *err) MUST_USE;
/* DER of the leaf, appended: for revocation. */
bool cert_leaf_der(const char *pem, struct buf *ret_der, struct err *err) MUST_USE;

#endif
