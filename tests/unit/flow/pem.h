/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FLOW_PEM_H
#define TESTS_UNIT_FLOW_PEM_H

/* Certificates for tests, signed by themselves with a key that is made for each. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ct.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "util/mem.h"

struct pem_wish {
	long serial;
	const char *name;          /* DNS name */
	const char *organization;  /* of the issuer, NULL = none */
	int64_t from_at, until_at;
	int64_t sct_ms;            /* timestamp of an embedded SCT, 0 = none */
};

static inline void pem_add_sct(X509 *cert, int64_t sct_ms)
{
	static const unsigned char log_id[32] = { 7 };
	static const unsigned char signature[8] = { 1 };
	STACK_OF(SCT) *list = sk_SCT_new_null();
	SCT *sct = SCT_new();

	assert_int_equal(SCT_set_version(sct, SCT_VERSION_V1), 1);
	assert_int_equal(SCT_set1_log_id(sct, log_id, sizeof(log_id)), 1);
	SCT_set_timestamp(sct, (uint64_t)sct_ms);
	assert_int_equal(SCT_set_signature_nid(sct, NID_ecdsa_with_SHA256), 1);
	assert_int_equal(SCT_set1_signature(sct, signature, sizeof(signature)), 1);
	assert_true(sk_SCT_push(list, sct) > 0);
	assert_int_equal(X509_add1_ext_i2d(cert, NID_ct_precert_scts, list, 0, 0), 1);
	SCT_LIST_free(list);
}

static inline void pem_add_to_name(X509_NAME *name, const char *part, const char *text)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, part, MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0), 1);
}

/* The caller frees it. */
static inline char *pem_make(const struct pem_wish *wish)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	AUTO_FREE char *san = mem_fmt("DNS:%s", wish->name);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	assert_non_null(key);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), wish->serial), 1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(cert), wish->from_at));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(cert), wish->until_at));
	pem_add_to_name(X509_get_subject_name(cert), "CN", "Test CA");
	if (wish->organization)
		pem_add_to_name(X509_get_subject_name(cert), "O", wish->organization);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	if (wish->sct_ms)
		pem_add_sct(cert, wish->sct_ms);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	long size = BIO_get_mem_data(bio, &text);
	char *pem = mem_strndup(text, (size_t)size);

	BIO_free(bio);
	X509_EXTENSION_free(extension);
	X509_free(cert);
	EVP_PKEY_free(key);
	return pem;
}

/* PEM of a certificate for one name, valid from a moment on until another; the caller frees it. */
static inline char *pem_certificate(long serial, const char *name, int64_t from_at, int64_t until_at)
{
	return pem_make(&(struct pem_wish){ .serial = serial, .name = name, .from_at = from_at, .until_at = until_at });
}

#endif
