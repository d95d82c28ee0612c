/* SPDX-License-Identifier: MIT */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include <stdbool.h>

#include "util/attr.h"

struct err;
struct key;

/*
 * Signatures of ACME requests: flattened JSON serialization, RFC 7515 §7.2.2 as RFC 8555 §6.2 wants it. ES256, ES384 and RS256 by the kind of the key.
 * NULL = failed: ERR_CONFIG for a kind of key that ACME does not know and for an HMAC key that is not base64url, ERR_PROTOCOL for a header that cannot be written
 * as JSON without escapes.
 */

/* The public JWK, members sorted, compact: RFC 7517, RFC 7518 §6. The caller frees it. */
char *jwk_public(const struct key *key, struct err *err) MUST_USE;
/* Thumbprint of the JWK, RFC 7638, base64url of SHA-256: 43 characters. The caller frees it. */
char *jwk_thumbprint(const struct key *key, struct err *err) MUST_USE;

struct jws_header {
	const char *kid;   /* account URL; NULL: the public key itself goes in as "jwk" */
	const char *nonce; /* NULL: none (inner JWS of external account binding) */
	const char *url;
};
/* The whole request body. `payload` is JSON text, "" for POST-as-GET. The caller frees it. */
char *jws_sign(const struct key *key, const struct jws_header *header, const char *payload, struct err *err) MUST_USE;
/* External account binding, RFC 8555 §7.3.4: HS256 over the account's public JWK. `hmac_key` is base64url text as the CA hands it out. The caller frees it. */
char *jws_bind_external(const struct key *account, const char *eab_kid, const char *hmac_key, const char *url, struct err *err) MUST_USE;

#endif
