/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/jws.h"
#include "crypto/key.h"
#include "tests/unit/crypto/keys.h"
#include "util/b64.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

#define JWK_RFC7515 "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define JWK_ZERO_X "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo\",\"y\":\"u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I\"}"
#define JWK_ZERO_Y "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"mGriUG8f8QTQQjCGHY9LSY9LxMbQCbMPdUTcEpuC0o0\",\"y\":\"ADzMwKZGDgrjKKTZfTx7YdhvxiicGJ8lJREMRBuwfpc\"}"
#define JWK_RFC7638 \
	"{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst" \
	"n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6" \
	"WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\"}"

static const struct {
	const char *pem;
	const char *jwk;
	const char *thumbprint;
} known_keys[] = {
	{ KEY_RFC7517_RSA, JWK_RFC7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },
	{ KEY_RFC7515, JWK_RFC7515, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U" },
	{ KEY_ZERO_X, JWK_ZERO_X, "7Yxe6c_3bAa6kiaK1G-BZmi9EeNsUmlcbdnrtLeuK4E" },
	{ KEY_ZERO_Y, JWK_ZERO_Y, "WZsjbh58q8kl1WsGShqtiycImZtCgGbukDn4RAacMig" },
};

static void test_public_keys_and_thumbprints(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(known_keys); i++) {
		struct err err = { 0 };
		AUTO_KEY *key = key_from_pem(known_keys[i].pem, &err);
		AUTO_FREE char *jwk = jwk_public(key, &err);
		AUTO_FREE char *thumbprint = jwk_thumbprint(key, &err);
		assert_string_equal(jwk, known_keys[i].jwk);
		assert_string_equal(thumbprint, known_keys[i].thumbprint);
	}
}

static void test_p384_has_wide_coordinates(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_generate(KEY_EC384, &err);
	AUTO_FREE char *jwk = jwk_public(key, &err);
	assert_true(text_starts(jwk, "{\"crv\":\"P-384\",\"kty\":\"EC\",\"x\":\""));
	assert_int_equal(strlen(jwk), strlen("{\"crv\":\"P-384\",\"kty\":\"EC\",\"x\":\"\",\"y\":\"\"}") + 2 * 64);
}

static void test_other_kinds_of_keys_are_refused(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_ED25519, &err);
	const struct jws_header header = { .url = "https://ca.example/new-order" };
	assert_null(jwk_public(key, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_null(jwk_thumbprint(key, &err));
	assert_null(jws_sign(key, &header, "{}", &err));
	assert_null(jws_bind_external(key, "kid", "AAAA", "https://ca.example/", &err));
}

/* The value of a member of the flattened form; the caller frees it. */
static char *member(const char *body, const char *name)
{
	AUTO_FREE char *start = mem_fmt("\"%s\":\"", name);
	const char *value = strstr(body, start);
	assert_non_null(value);
	value += strlen(start);
	return mem_strndup(value, strcspn(value, "\""));
}

static char *decoded(const char *text)
{
	AUTO_BUF out = BUF_MAX(65536);
	assert_true(b64url_decode(&out, text));
	return buf_take(&out);
}

/* OpenSSL's own opinion, over the key as OpenSSL reads it, with r and s put back into DER. */
static bool verifies(const char *pem, const char *digest, const char *body)
{
	AUTO_FREE char *protected = member(body, "protected");
	AUTO_FREE char *payload = member(body, "payload");
	AUTO_FREE char *signature = member(body, "signature");
	AUTO_FREE char *input = mem_fmt("%s.%s", protected, payload);
	AUTO_BUF raw = BUF_MAX(4096);
	assert_true(b64url_decode(&raw, signature));
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	unsigned char *der = NULL;
	int size = (int)raw.size;
	if (EVP_PKEY_is_a(pkey, "EC")) {
		int width = EVP_PKEY_get_bits(pkey) / 8;
		assert_int_equal(raw.size, 2 * width);
		ECDSA_SIG *parts = ECDSA_SIG_new();
		const unsigned char *bytes = (const unsigned char *)raw.data;
		assert_int_equal(ECDSA_SIG_set0(parts, BN_bin2bn(bytes, width, NULL), BN_bin2bn(bytes + width, width, NULL)), 1);
		size = i2d_ECDSA_SIG(parts, &der);
		ECDSA_SIG_free(parts);
	}
	const unsigned char *to_check = der ? der : (const unsigned char *)raw.data;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL), 1);
	bool is_good = EVP_DigestVerify(ctx, to_check, (size_t)size, (const unsigned char *)input, strlen(input)) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	OPENSSL_free(der);
	ERR_clear_error();
	return is_good;
}

static void test_signatures_verify(void **state)
{
	(void)state;
	static const struct {
		enum key_type type;
		const char *pem;
		const char *algorithm;
		const char *digest;
	} cases[] = {
		{ KEY_EC256, NULL, "ES256", "SHA256" },
		{ KEY_EC384, NULL, "ES384", "SHA384" },
		{ KEY_RSA2048, KEY_RFC7517_RSA, "RS256", "SHA256" },
	};
	const struct jws_header header = { .kid = "https://ca.example/account/1", .nonce = "bm9uY2U", .url = "https://ca.example/new-order" };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		AUTO_KEY *key = cases[i].pem ? key_from_pem(cases[i].pem, &err) : key_generate(cases[i].type, &err);
		assert_int_equal(key_type(key), cases[i].type);
		AUTO_BUF pem = BUF_SECRET(4096);
		assert_true(key_to_pem(key, &pem, &err));
		AUTO_FREE char *body = jws_sign(key, &header, "{\"a\":\"b\"}", &err);
		assert_non_null(body);
		assert_true(verifies(pem.data, cases[i].digest, body));
		AUTO_FREE char *protected = member(body, "protected");
		AUTO_FREE char *text = decoded(protected);
		AUTO_FREE char *expected = mem_fmt("{\"alg\":\"%s\",\"kid\":\"https://ca.example/account/1\",\"nonce\":\"bm9uY2U\",\"url\":\"https://ca.example/new-order\"}",
			cases[i].algorithm);
		assert_string_equal(text, expected);
		AUTO_FREE char *payload = member(body, "payload");
		AUTO_FREE char *payload_text = decoded(payload);
		assert_string_equal(payload_text, "{\"a\":\"b\"}");
		/* Another payload under the same signature does not verify. */
		char *at = strstr(body, payload);
		*at = *at == 'e' ? 'f' : 'e';
		assert_false(verifies(pem.data, cases[i].digest, body));
	}
}

/* In a thousand signatures about eight have an r and eight an s that starts with 00. */
static void test_each_signature_has_full_width(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_ZERO_X, &err);
	const struct jws_header header = { .kid = "https://ca.example/account/1", .nonce = "bm9uY2U", .url = "https://ca.example/new-order" };
	for (int i = 0; i < 1000; i++) {
		AUTO_FREE char *body = jws_sign(key, &header, "", &err);
		assert_true(verifies(KEY_ZERO_X, "SHA256", body));
	}
}

static void test_public_key_instead_of_account(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	const struct jws_header header = { .nonce = "bm9uY2U", .url = "https://ca.example/new-account" };
	AUTO_FREE char *body = jws_sign(key, &header, "", &err);
	AUTO_FREE char *protected = member(body, "protected");
	AUTO_FREE char *text = decoded(protected);
	AUTO_FREE char *payload = member(body, "payload");
	assert_string_equal(text, "{\"alg\":\"ES256\",\"jwk\":" JWK_RFC7515 ",\"nonce\":\"bm9uY2U\",\"url\":\"https://ca.example/new-account\"}");
	assert_string_equal(payload, "");
	assert_true(verifies(KEY_RFC7515, "SHA256", body));

	const struct jws_header inner = { .url = "https://ca.example/key-change" };
	AUTO_FREE char *inner_body = jws_sign(key, &inner, "{}", &err);
	AUTO_FREE char *inner_protected = member(inner_body, "protected");
	AUTO_FREE char *inner_text = decoded(inner_protected);
	assert_string_equal(inner_text, "{\"alg\":\"ES256\",\"jwk\":" JWK_RFC7515 ",\"url\":\"https://ca.example/key-change\"}");
}

static void test_text_that_needs_escapes_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "a\"b", "a\\b", "a\nb", "a\x7f", "a b", "a\xc3\xa4" };
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct jws_header headers[] = { { .kid = bad[i], .nonce = "n", .url = "u" }, { .nonce = bad[i], .url = "u" }, { .url = bad[i] } };
		static const char *const names[] = { "kid", "nonce", "url" };
		for (size_t j = 0; j < COUNT(headers); j++) {
			err = (struct err){ 0 };
			assert_null(jws_sign(key, &headers[j], "{}", &err));
			assert_int_equal(err.kind, ERR_PROTOCOL);
			assert_non_null(strstr(err.text, names[j]));
		}
		assert_null(jws_bind_external(key, bad[i], "AAAA", "https://ca.example/", &err));
	}
}

static void test_large_and_too_large_payloads(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	const struct jws_header header = { .kid = "k", .nonce = "n", .url = "u" };
	AUTO_FREE char *large = mem_fmt("%65536s", "x");
	AUTO_FREE char *body = jws_sign(key, &header, large, &err);
	assert_non_null(body);
	assert_true(verifies(KEY_RFC7515, "SHA256", body));
	AUTO_FREE char *too_large = mem_fmt("%1048576s", "x");
	assert_null(jws_sign(key, &header, too_large, &err));
	assert_int_equal(err.kind, ERR_BUG);
}

/* HS256 leaves no choice: computed by another implementation. */
static void test_external_account_binding(void **state)
{
	(void)state;
	static const char *const keys[] = { "YSBzZWNyZXQga2V5IG9mIHRoZSBDQSwgMzIgYnl0ZXM", "YSBzZWNyZXQga2V5IG9mIHRoZSBDQSwgMzIgYnl0ZXM=" };
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct err err = { 0 };
		AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
		AUTO_FREE char *body = jws_bind_external(key, "kid-1", keys[i], "https://ca.example/new-account", &err);
		assert_non_null(body);
		AUTO_FREE char *protected = member(body, "protected");
		AUTO_FREE char *text = decoded(protected);
		assert_string_equal(text, "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"https://ca.example/new-account\"}");
		AUTO_FREE char *payload = member(body, "payload");
		AUTO_FREE char *jwk = decoded(payload);
		assert_string_equal(jwk, JWK_RFC7515);
		AUTO_FREE char *signature = member(body, "signature");
		assert_string_equal(signature, "oyuRo16Di29mSXQOWFKcik04QVfF-FuR-AgLDKaETds");
	}
}

static void test_bad_binding_keys_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "=", "===", "a", "ab cd", "ab+/", "abc!", "ab=cd" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = { 0 };
		AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
		assert_null(jws_bind_external(key, "kid-1", bad[i], "https://ca.example/new-account", &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_non_null(strstr(err.text, "eab-hmac-key"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public_keys_and_thumbprints),
		cmocka_unit_test(test_p384_has_wide_coordinates),
		cmocka_unit_test(test_other_kinds_of_keys_are_refused),
		cmocka_unit_test(test_signatures_verify),
		cmocka_unit_test(test_each_signature_has_full_width),
		cmocka_unit_test(test_public_key_instead_of_account),
		cmocka_unit_test(test_text_that_needs_escapes_is_refused),
		cmocka_unit_test(test_large_and_too_large_payloads),
		cmocka_unit_test(test_external_account_binding),
		cmocka_unit_test(test_bad_binding_keys_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
