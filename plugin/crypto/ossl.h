/* SPDX-License-Identifier: MIT */
#ifndef CRYPTO_OSSL_H
#define CRYPTO_OSSL_H

/* Only for the .c files of this folder: what they share about OpenSSL, so that none of it shows in the other headers. */

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ct.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/key.h"
#include "util/attr.h"
#include "util/err.h"

struct key {
	EVP_PKEY *pkey;
	enum key_type type;
};

/*
 * Records the message with the reason of the oldest error in OpenSSL's queue behind it, and empties the queue. The queue is sticky and shared by
 * everything in the thread: whoever may end here calls ERR_clear_error() first.
 */
void ossl_record(struct err *err, enum err_kind kind, const char *format, ...) PRINTF(3, 4);
/* Always false, as err_set is. */
#define ossl_set(err, kind, ...) (ossl_record((err), (kind), __VA_ARGS__), false)

/* A password callback that has none: the default one asks on the terminal. */
int ossl_no_password(char *password, int size, int is_writing, void *ctx);

/* Destructors for AUTO. */
#define OSSL_FREEP(type, release) \
	static inline void release##p(type **object) \
	{ \
		release(*object); \
	}
OSSL_FREEP(BIGNUM, BN_free)
OSSL_FREEP(BIO, BIO_free)
OSSL_FREEP(ECDSA_SIG, ECDSA_SIG_free)
OSSL_FREEP(EVP_MD_CTX, EVP_MD_CTX_free)
OSSL_FREEP(GENERAL_NAME, GENERAL_NAME_free)
OSSL_FREEP(GENERAL_NAMES, GENERAL_NAMES_free)
OSSL_FREEP(STACK_OF(SCT), SCT_LIST_free)
OSSL_FREEP(X509_REQ, X509_REQ_free)
#undef OSSL_FREEP

/* Bytes that OpenSSL allocated: i2d_… and ASN1_STRING_to_UTF8. */
static inline void ossl_bytes_freep(unsigned char **bytes)
{
	OPENSSL_free(*bytes);
}
#define AUTO_BYTES AUTO(ossl_bytes_freep) unsigned char

#endif
