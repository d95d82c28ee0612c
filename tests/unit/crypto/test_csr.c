/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/csr.h"
#include "crypto/key.h"
#include "tests/unit/crypto/keys.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/strs.h"

static void request_freep(X509_REQ **request)
{
	X509_REQ_free(*request);
}
#define AUTO_REQUEST AUTO(request_freep) X509_REQ

static X509_REQ *parse(const struct buf *der)
{
	const unsigned char *at = (const unsigned char *)der->data;
	X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der->size);
	assert_non_null(request);
	assert_ptr_equal(at, (const unsigned char *)der->data + der->size);
	return request;
}

/* The names as OpenSSL prints them: "DNS:a.example.com, IP Address:192.0.2.1". */
static void names_of(const X509_REQ *request, char *ret_text, size_t room)
{
	X509_REQ *mutable = X509_REQ_dup(request);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(mutable);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
	X509_EXTENSION *extension = sk_X509_EXTENSION_value(extensions, 0);
	assert_int_equal(OBJ_obj2nid(X509_EXTENSION_get_object(extension)), NID_subject_alt_name);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(X509V3_EXT_print(bio, extension, 0, 0), 1);
	char *text = NULL;
	long size = BIO_get_mem_data(bio, &text);
	assert_true((size_t)size < room);
	(void)snprintf(ret_text, room, "%.*s", (int)size, text);
	BIO_free(bio);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(mutable);
}

static void test_names_come_back(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	AUTO_STRS names = { 0 };
	strs_split(&names, "a.example.com *.example.org xn--bcher-kva.example 192.0.2.1 2001:db8::1", " ");
	AUTO_BUF der = BUF_MAX(8192);
	assert_true(csr_make(key, &names, &der, &err));
	AUTO_REQUEST *request = parse(&der);
	char text[512];
	names_of(request, text, sizeof(text));
	assert_string_equal(text, "DNS:a.example.com, DNS:*.example.org, DNS:xn--bcher-kva.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1");
	assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(request)), 0);
	assert_int_equal(X509_REQ_get_version(request), 0);
}

static void test_signed_by_its_key(void **state)
{
	(void)state;
	static const struct {
		enum key_type type;
		const char *pem;
		int signature_nid;
	} cases[] = {
		{ KEY_EC256, NULL, NID_ecdsa_with_SHA256 },
		{ KEY_EC384, NULL, NID_ecdsa_with_SHA384 },
		{ KEY_RSA2048, KEY_RFC7517_RSA, NID_sha256WithRSAEncryption },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		AUTO_KEY *key = cases[i].pem ? key_from_pem(cases[i].pem, &err) : key_generate(cases[i].type, &err);
		assert_int_equal(key_type(key), cases[i].type);
		AUTO_STRS names = { 0 };
		strs_add(&names, "a.example.com");
		AUTO_BUF der = BUF_MAX(8192);
		assert_true(csr_make(key, &names, &der, &err));
		AUTO_REQUEST *request = parse(&der);
		EVP_PKEY *public = X509_REQ_get0_pubkey(request);
		assert_int_equal(X509_REQ_verify(request, public), 1);
		assert_int_equal(X509_REQ_get_signature_nid(request), cases[i].signature_nid);
		/* It is the key that was given, not just any. */
		AUTO_BUF pem = BUF_SECRET(4096);
		assert_true(key_to_pem(key, &pem, &err));
		BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
		EVP_PKEY *own = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		assert_int_equal(EVP_PKEY_eq(own, public), 1);
		EVP_PKEY_free(own);
		BIO_free(bio);
	}
}

static void test_a_hundred_names(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	AUTO_STRS names = { 0 };
	for (int i = 0; i < 100; i++)
		strs_addf(&names, "name-%d.apps.example.com", i);
	AUTO_BUF der = BUF_MAX(8192);
	assert_true(csr_make(key, &names, &der, &err));
	AUTO_REQUEST *request = parse(&der);
	char text[4096];
	names_of(request, text, sizeof(text));
	assert_non_null(strstr(text, "DNS:name-0.apps.example.com, DNS:name-1.apps.example.com, "));
	assert_non_null(strstr(text, ", DNS:name-99.apps.example.com"));
}

static void test_appends(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	AUTO_STRS names = { 0 };
	strs_add(&names, "a.example.com");
	AUTO_BUF der = BUF_MAX(8192);
	buf_adds(&der, "before");
	assert_true(csr_make(key, &names, &der, &err));
	assert_memory_equal(der.data, "before\x30", 7);
}

static void test_bad_input_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "under_score.example.com", "localhost", "a.example.com,DNS:b.example.com", "a.example.com\n", "-.example.com", "" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = { 0 };
		AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
		AUTO_STRS names = { 0 };
		strs_add(&names, "good.example.com");
		strs_add(&names, bad[i]);
		AUTO_BUF der = BUF_MAX(8192);
		assert_false(csr_make(key, &names, &der, &err));
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_int_equal(der.size, 0);
	}
}

static void test_no_names_no_room_no_suitable_key(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	AUTO_KEY *other = key_from_pem(KEY_ED25519, &err);
	AUTO_STRS names = { 0 };
	AUTO_BUF der = BUF_MAX(8192);
	assert_false(csr_make(key, &names, &der, &err));
	assert_int_equal(err.kind, ERR_BUG);
	strs_add(&names, "a.example.com");
	assert_false(csr_make(other, &names, &der, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(ERR_peek_error(), 0);
	AUTO_BUF small = BUF_MAX(64);
	assert_false(csr_make(key, &names, &small, &err));
	assert_int_equal(small.size, 0);
	assert_int_equal(der.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_come_back),
		cmocka_unit_test(test_signed_by_its_key),
		cmocka_unit_test(test_a_hundred_names),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_bad_input_is_refused),
		cmocka_unit_test(test_no_names_no_room_no_suitable_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
