/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ct.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/cert.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "tests/unit/crypto/keys.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

/* RFC 9773, appendix A. */
#define CERT_RFC9773 \
	"-----BEGIN CERTIFICATE-----\n" \
	"MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt\n" \
	"cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS\n" \
	"BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu\n" \
	"7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf\n" \
	"qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B\n" \
	"yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb\n" \
	"+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK\n" \
	"-----END CERTIFICATE-----\n"

#define NOT_BEFORE_AT 1767225600 /* 2026-01-01 00:00:00 */
#define NOT_AFTER_AT 1775001600  /* 2026-04-01 00:00:00 */

/* A certificate to be made: what is left out is left out there as well. */
struct wish {
	const char *cn;      /* of the subject */
	const char *san;     /* in the form of openssl.cnf */
	const unsigned char *raw_san; /* or its DER */
	int raw_san_size;
	bool is_ca;
	int64_t sct_ms[3];   /* timestamps of the embedded SCTs, 0 = no more */
	const X509 *issuer;  /* NULL: self-signed */
	const char *issuer_key_pem;
	const char *key_pem;
	const char *issuer_org; /* of the issuer's name when self-signed */
	const unsigned char *serial;
	int serial_size;
};

static EVP_PKEY *load(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(pkey);
	return pkey;
}

static void add_extension(X509 *cert, const X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)(issuer ? issuer : cert), cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void add_raw_extension(X509 *cert, int nid, const unsigned char *der, int size)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	assert_int_equal(ASN1_OCTET_STRING_set(value, der, size), 1);
	X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, nid, 0, value);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
}

static void add_scts(X509 *cert, const int64_t *sct_ms)
{
	STACK_OF(SCT) *list = sk_SCT_new_null();
	for (size_t i = 0; i < 3 && sct_ms[i]; i++) {
		static const unsigned char log_id[32] = { 1 };
		static const unsigned char signature[] = { 0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01 };
		SCT *sct = SCT_new();
		assert_int_equal(SCT_set_version(sct, SCT_VERSION_V1), 1);
		assert_int_equal(SCT_set1_log_id(sct, log_id, sizeof(log_id)), 1);
		SCT_set_timestamp(sct, (uint64_t)sct_ms[i]);
		assert_int_equal(SCT_set_signature_nid(sct, NID_ecdsa_with_SHA256), 1);
		assert_int_equal(SCT_set1_signature(sct, signature, sizeof(signature)), 1);
		sk_SCT_push(list, sct);
	}
	assert_int_equal(X509_add1_ext_i2d(cert, NID_ct_precert_scts, list, 0, 0), 1);
	SCT_LIST_free(list);
}

static void add_name_part(X509_NAME *name, const char *part, const char *value)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0), 1);
}

static void set_names(X509 *cert, const struct wish *wish)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	if (wish->issuer_org) {
		add_name_part(subject, "C", "US");
		add_name_part(subject, "O", wish->issuer_org);
	}
	if (wish->cn)
		add_name_part(subject, "CN", wish->cn);
	assert_int_equal(X509_set_issuer_name(cert, wish->issuer ? X509_get_subject_name(wish->issuer) : subject), 1);
}

static X509 *make(const struct wish *wish)
{
	static const unsigned char default_serial[] = { 0x01 };
	X509 *cert = X509_new();
	EVP_PKEY *own = load(wish->key_pem);
	EVP_PKEY *signer = load(wish->issuer ? wish->issuer_key_pem : wish->key_pem);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	BIGNUM *serial = BN_bin2bn(wish->serial ? wish->serial : default_serial, wish->serial ? wish->serial_size : 1, NULL);
	assert_non_null(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)));
	BN_free(serial);
	ASN1_TIME_set(X509_getm_notBefore(cert), NOT_BEFORE_AT);
	ASN1_TIME_set(X509_getm_notAfter(cert), NOT_AFTER_AT);
	set_names(cert, wish);
	assert_int_equal(X509_set_pubkey(cert, own), 1);
	add_extension(cert, NULL, NID_subject_key_identifier, "hash");
	if (wish->is_ca)
		add_extension(cert, NULL, NID_basic_constraints, "critical,CA:TRUE");
	if (wish->issuer)
		add_extension(cert, wish->issuer, NID_authority_key_identifier, "keyid");
	if (wish->san)
		add_extension(cert, NULL, NID_subject_alt_name, wish->san);
	if (wish->raw_san)
		add_raw_extension(cert, NID_subject_alt_name, wish->raw_san, wish->raw_san_size);
	if (wish->sct_ms[0])
		add_scts(cert, wish->sct_ms);
	assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);
	EVP_PKEY_free(own);
	EVP_PKEY_free(signer);
	return cert;
}

/* The caller frees it. */
static char *pem_of(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	char *text = NULL;
	long size = BIO_get_mem_data(bio, &text);
	char *pem = mem_strndup(text, (size_t)size);
	BIO_free(bio);
	return pem;
}

static char *make_pem(const struct wish *wish)
{
	X509 *cert = make(wish);
	char *pem = pem_of(cert);
	X509_free(cert);
	return pem;
}

/* root -> intermediate -> leaf, and another root with the name of the first but with another key. */
struct ca {
	char *root;
	char *impostor;
	char *intermediate;
	char *leaf;
	char *chain;
};

static int make_ca(void **state)
{
	struct ca *ca = mem_new(1, sizeof(*ca));
	static const unsigned char serial[] = { 0x04, 0x0f, 0xab, 0xcd, 0xef };
	X509 *root = make(&(struct wish){ .cn = "Root X1", .issuer_org = "Let's Encrypt", .is_ca = true, .key_pem = KEY_ZERO_X });
	X509 *intermediate = make(
		&(struct wish){ .cn = "R11", .issuer_org = "Let's Encrypt", .is_ca = true, .key_pem = KEY_ZERO_Y, .issuer = root, .issuer_key_pem = KEY_ZERO_X });
	ca->root = pem_of(root);
	ca->impostor = make_pem(&(struct wish){ .cn = "R11", .issuer_org = "Let's Encrypt", .is_ca = true, .key_pem = KEY_RFC7517_RSA });
	ca->intermediate = pem_of(intermediate);
	ca->leaf = make_pem(&(struct wish){
		.san = "DNS:b.example.com,DNS:A.Example.com,DNS:*.apps.example.com,IP:192.0.2.1,IP:2001:db8::1,email:x@example.com",
		.sct_ms = { 1767222000500, 1767222003999, 1767222001000 },
		.issuer = intermediate,
		.issuer_key_pem = KEY_ZERO_Y,
		.key_pem = KEY_RFC7515,
		.serial = serial,
		.serial_size = sizeof(serial),
	});
	ca->chain = mem_fmt("%s%s", ca->leaf, ca->intermediate);
	X509_free(root);
	X509_free(intermediate);
	*state = ca;
	return 0;
}

static int free_ca(void **state)
{
	struct ca *ca = *state;
	free(ca->root);
	free(ca->impostor);
	free(ca->intermediate);
	free(ca->leaf);
	free(ca->chain);
	free(ca);
	return 0;
}

#define AUTO_CERT AUTO(cert_done) struct cert

static void test_reads_everything(void **state)
{
	const struct ca *ca = *state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	assert_true(cert_read(ca->chain, &cert, &err));
	AUTO_FREE char *names = strs_join(&cert.names, " ");
	assert_string_equal(names, "*.apps.example.com 192.0.2.1 2001:db8::1 a.example.com b.example.com");
	assert_true(cert.not_before_at == NOT_BEFORE_AT);
	assert_true(cert.not_after_at == NOT_AFTER_AT);
	assert_true(cert.sct_at == 1767222003);
	assert_string_equal(cert.issuer, "CN=R11, O=Let's Encrypt, C=US");
	assert_string_equal(cert.issuer_cn, "R11");
	assert_string_equal(cert.issuer_org, "Let's Encrypt");
	assert_string_equal(cert.root_cn, "Root X1");
	assert_string_equal(cert.serial, "040fabcdef");
	assert_int_equal(cert.chain_count, 2);
	assert_false(cert.is_self_signed);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_hashes_are_of_the_der(void **state)
{
	const struct ca *ca = *state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	AUTO_BUF der = BUF_MAX(8192);
	char sha1[41];
	char sha256[65];
	char leaf[65];
	assert_true(cert_read(ca->chain, &cert, &err));
	assert_true(cert_leaf_der(ca->chain, &der, &err));
	assert_int_equal((unsigned char)der.data[0], 0x30);
	digest_sha1_hex(der.data, der.size, sha1);
	digest_sha256_hex(der.data, der.size, sha256);
	assert_string_equal(cert.leaf_sha1, sha1);
	assert_string_equal(cert.leaf_sha256, sha256);
	assert_true(cert_leaf_sha256(ca->chain, leaf, &err));
	assert_string_equal(leaf, sha256);
	AUTO_BUF small = BUF_MAX(100);
	assert_false(cert_leaf_der(ca->chain, &small, &err));
	assert_int_equal(small.size, 0);
}

/* Bytes behind the certificate in its own block: OpenSSL, and so the proxy, goes by what stands before them. */
static void test_hash_is_of_what_is_served(void **state)
{
	const struct ca *ca = *state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	AUTO_BUF der = BUF_MAX(8192);
	char leaf[65];
	char *pem = NULL;
	assert_true(cert_leaf_der(ca->leaf, &der, &err));
	assert_true(buf_add(&der, "\0\0x", 3));
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio(bio, PEM_STRING_X509, "", (const unsigned char *)der.data, (long)der.size) > 0);
	long size = BIO_get_mem_data(bio, &pem);
	AUTO_FREE char *text = mem_strndup(pem, (size_t)size);
	BIO_free(bio);
	assert_true(cert_read(text, &cert, &err));
	assert_true(cert_leaf_sha256(text, leaf, &err));
	assert_string_equal(leaf, cert.leaf_sha256);
}

/* Whatever follows it. */
static void test_leaf_alone(void **state)
{
	const struct ca *ca = *state;
	static const char *const behind[] = { "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" };
	for (size_t i = 0; i < COUNT(behind); i++) {
		AUTO_FREE char *text = mem_fmt("%s%s", ca->chain, behind[i]);
		struct err err = { 0 };
		AUTO_CERT whole = { 0 };
		AUTO_CERT leaf = { 0 };
		assert_true(cert_read(ca->chain, &whole, &err));
		assert_true(cert_read_leaf(text, &leaf, &err));
		assert_string_equal(leaf.leaf_sha256, whole.leaf_sha256);
		assert_true(leaf.sct_at == whole.sct_at);
		assert_int_equal(leaf.chain_count, 1);
		assert_string_equal(leaf.root_cn, leaf.issuer_cn);
	}
}

static void test_example_of_rfc9773(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	assert_true(cert_read(CERT_RFC9773, &cert, &err));
	assert_string_equal(cert.ari_id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
	assert_string_equal(cert.serial, "87654321");
	assert_string_equal(cert.issuer, "CN=Example CA");
	assert_string_equal(cert.issuer_org, "");
	assert_int_equal(cert.names.count, 1);
	assert_string_equal(cert.names.items[0], "example.com");
	assert_true(cert.not_after_at == -62135596800);
	assert_true(cert.sct_at == 0);
	assert_int_equal(cert.chain_count, 1);
}

static void test_self_signed(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	AUTO_FREE char *pem = make_pem(&(struct wish){ .cn = "App.Example.com", .issuer_org = "Ünsere, Firma", .key_pem = KEY_RFC7515 });
	assert_true(cert_read(pem, &cert, &err));
	assert_true(cert.is_self_signed);
	assert_string_equal(cert.ari_id, "");
	assert_string_equal(cert.issuer, "CN=App.Example.com, O=Ünsere\\, Firma, C=US");
	assert_string_equal(cert.issuer_org, "Ünsere, Firma");
	assert_string_equal(cert.root_cn, "App.Example.com");
	assert_int_equal(cert.names.count, 1);
	assert_string_equal(cert.names.items[0], "app.example.com");
}

static void test_common_name_counts_only_without_san(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	AUTO_FREE char *pem = make_pem(&(struct wish){ .cn = "cn.example.com", .san = "DNS:san.example.com,DNS:san.example.com", .key_pem = KEY_RFC7515 });
	assert_true(cert_read(pem, &cert, &err));
	assert_int_equal(cert.names.count, 1);
	assert_string_equal(cert.names.items[0], "san.example.com");
}

static void test_nothing_in_it(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	AUTO_FREE char *pem = make_pem(&(struct wish){ .key_pem = KEY_RFC7515 });
	assert_true(cert_read(pem, &cert, &err));
	assert_int_equal(cert.names.count, 0);
	assert_string_equal(cert.issuer, "");
	assert_string_equal(cert.issuer_cn, "");
	assert_string_equal(cert.root_cn, "");
}

#define RAW(bytes) (const unsigned char *)(bytes), (int)sizeof(bytes) - 1

static void test_misleading_names_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const unsigned char *san;
		int size;
	} cases[] = {
		{ "embedded NUL", RAW("\x30\x0d\x82\x0b" "a.com\0b.com") },
		{ "line feed", RAW("\x30\x08\x82\x06" "a.com\n") },
		{ "blank", RAW("\x30\x08\x82\x06" "a .com") },
		{ "byte beyond ASCII", RAW("\x30\x08\x82\x06" "\xe4.com.") },
		{ "empty name", RAW("\x30\x02\x82\x00") },
		{ "address of five bytes", RAW("\x30\x07\x87\x05\x01\x02\x03\x04\x05") },
		{ "no DER at all", RAW("\x30\x7f") },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		AUTO_CERT cert = { 0 };
		AUTO_FREE char *pem = make_pem(&(struct wish){ .cn = "a.com", .raw_san = cases[i].san, .raw_san_size = cases[i].size, .key_pem = KEY_RFC7515 });
		if (cert_read(pem, &cert, &err))
			fail_msg("%s was accepted", cases[i].what);
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_int_equal(cert.names.count, 0);
		assert_null(cert.issuer);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void test_a_list_of_scts_that_cannot_be_read_counts_as_none(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	X509 *made = make(&(struct wish){ .cn = "a.example.com", .key_pem = KEY_RFC7515 });
	add_raw_extension(made, NID_ct_precert_scts, (const unsigned char *)"\x04\x03\x00\xff\x00", 5);
	EVP_PKEY *pkey = load(KEY_RFC7515);
	assert_true(X509_sign(made, pkey, EVP_sha256()) > 0);
	AUTO_FREE char *pem = pem_of(made);
	EVP_PKEY_free(pkey);
	X509_free(made);
	assert_true(cert_read(pem, &cert, &err));
	assert_true(cert.sct_at == 0);
}

static void test_serial_for_ari_is_der(void **state)
{
	const struct ca *ca = *state;
	static const struct {
		const char *bytes;
		int size;
		const char *hex;
		const char *encoded;
	} cases[] = {
		{ "\x7f", 1, "7f", ".fw" },
		{ "\x80", 1, "80", ".AIA" },
		{ "\x00\x01", 2, "01", ".AQ" },
		{ "\xff\xee\xdd", 3, "ffeedd", ".AP_u3Q" },
	};
	BIO *bio = BIO_new_mem_buf(ca->intermediate, -1);
	X509 *issuer = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		AUTO_CERT cert = { 0 };
		AUTO_FREE char *pem = make_pem(&(struct wish){ .san = "DNS:a.example.com", .key_pem = KEY_RFC7515, .issuer = issuer, .issuer_key_pem = KEY_ZERO_Y,
			.serial = (const unsigned char *)cases[i].bytes, .serial_size = cases[i].size });
		assert_true(cert_read(pem, &cert, &err));
		assert_string_equal(cert.serial, cases[i].hex);
		assert_true(text_ends(cert.ari_id, cases[i].encoded));
		assert_int_equal(strlen(cert.ari_id), 27 + strlen(cases[i].encoded));
	}
	X509_free(issuer);
	BIO_free(bio);
}

static void test_what_stands_around_certificates(void **state)
{
	const struct ca *ca = *state;
	const struct {
		char *pem;
		size_t count;
	} cases[] = {
		{ mem_fmt("%strailing words\n", ca->chain), 2 },
		{ mem_fmt("subject=CN = a.example.com\n%s\n\n%s\n", ca->leaf, ca->intermediate), 2 },
		{ mem_fmt("%s%s", ca->chain, KEY_RFC7515), 2 },
		{ mem_fmt("%s%s%s", KEY_ENCRYPTED_PKCS8, KEY_ENCRYPTED_SEC1, ca->chain), 2 },
		{ mem_fmt("%s%s", ca->chain, ca->root), 3 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		AUTO_CERT cert = { 0 };
		assert_true(cert_read(cases[i].pem, &cert, &err));
		assert_int_equal(cert.chain_count, cases[i].count);
		assert_string_equal(cert.serial, "040fabcdef");
		assert_true(cert_check_chain(cases[i].pem, &err));
		assert_int_equal(ERR_peek_error(), 0);
		free(cases[i].pem);
	}
}

/* Every function refuses what is no certificate. A second one that is broken is seen by those that read the chain only. */
static void test_what_is_no_certificate_is_refused(void **state)
{
	const struct ca *ca = *state;
	const struct {
		char *pem;
		bool is_leaf_good;
		const char *text;
	} cases[] = {
		{ mem_strdup(""), false, "there is no certificate" },
		{ mem_strdup("garbage"), false, "there is no certificate" },
		{ mem_strdup(KEY_RFC7515), false, "there is no certificate" },
		{ mem_strdup("-----BEGIN CERTIFICATE-----\n"), false, "certificate 1 of the chain cannot be read" },
		{ mem_strdup("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"), false, "certificate 1 of the chain cannot be read" },
		{ mem_strdup("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"), false, "certificate 1 of the chain cannot be read" },
		{ mem_strndup(ca->leaf, strlen(ca->leaf) / 2), false, "certificate 1 of the chain cannot be read" },
		{ mem_strndup(ca->chain, strlen(ca->chain) - 100), true, "certificate 2 of the chain cannot be read" },
		{ mem_fmt("%s-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", ca->leaf), true, "certificate 2 of the chain cannot be read" },
	};
	struct err ignored = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &ignored);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		struct err chain_err = { 0 };
		AUTO_CERT cert = { 0 };
		AUTO_BUF der = BUF_MAX(8192);
		char sha256[65] = "untouched";
		assert_false(cert_read(cases[i].pem, &cert, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_true(text_starts(err.text, cases[i].text));
		assert_false(cert_check_chain(cases[i].pem, &chain_err));
		assert_string_equal(chain_err.text, err.text);
		assert_int_equal(cert_check_key(cases[i].pem, key, &err), cases[i].is_leaf_good);
		assert_int_equal(cert_leaf_der(cases[i].pem, &der, &err), cases[i].is_leaf_good);
		assert_int_equal(cert_leaf_sha256(cases[i].pem, sha256, &err), cases[i].is_leaf_good);
		assert_int_equal(strcmp(sha256, "untouched") != 0, cases[i].is_leaf_good);
		assert_int_equal(ERR_peek_error(), 0);
		free(cases[i].pem);
	}
}

static void test_key_belongs_to_leaf(void **state)
{
	const struct ca *ca = *state;
	static const char *const others[] = { KEY_ZERO_Y, KEY_RFC7517_RSA, KEY_ED25519 };
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	assert_true(cert_check_key(ca->chain, key, &err));
	for (size_t i = 0; i < COUNT(others); i++) {
		AUTO_KEY *other = key_from_pem(others[i], &err);
		assert_false(cert_check_key(ca->chain, other, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_true(text_starts(err.text, "the private key does not belong to the certificate"));
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void test_links_of_the_chain(void **state)
{
	const struct ca *ca = *state;
	AUTO_FREE char *renamed = make_pem(&(struct wish){ .cn = "R12", .is_ca = true, .key_pem = KEY_ZERO_Y });
	const struct {
		char *pem;
		const char *text; /* NULL: it is whole */
	} cases[] = {
		{ mem_strdup(ca->leaf), NULL },
		{ mem_strdup(ca->chain), NULL },
		{ mem_fmt("%s%s", ca->chain, ca->root), NULL },
		{ mem_fmt("%s%s", ca->leaf, ca->root),
			"the chain is broken: certificate 2 ('CN=Root X1, O=Let's Encrypt, C=US') did not sign certificate 1, which was issued by 'CN=R11, O=Let's Encrypt, C=US'" },
		{ mem_fmt("%s%s", ca->leaf, ca->impostor), "the chain is broken: certificate 2 ('CN=R11, O=Let's Encrypt, C=US') did not sign certificate 1" },
		{ mem_fmt("%s%s", ca->leaf, renamed), "the chain is broken: certificate 2 ('CN=R12') did not sign certificate 1" },
		{ mem_fmt("%s%s", ca->chain, ca->leaf), "the chain is broken: certificate 3 ('') did not sign certificate 2" },
		{ mem_fmt("%s%s", ca->intermediate, ca->leaf), "the chain is broken: certificate 2 ('') did not sign certificate 1" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		assert_int_equal(cert_check_chain(cases[i].pem, &err), cases[i].text == NULL);
		if (cases[i].text) {
			assert_int_equal(err.kind, ERR_CONFIG);
			assert_true(text_starts(err.text, cases[i].text));
		}
		assert_int_equal(ERR_peek_error(), 0);
		free(cases[i].pem);
	}
}

/* A signature that does not verify, although all names and identifiers fit. */
static void test_forged_signature_breaks_the_chain(void **state)
{
	const struct ca *ca = *state;
	struct err err = { 0 };
	BIO *bio = BIO_new_mem_buf(ca->intermediate, -1);
	X509 *issuer = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	AUTO_FREE char *forged = make_pem(&(struct wish){ .san = "DNS:a.example.com", .key_pem = KEY_RFC7515, .issuer = issuer, .issuer_key_pem = KEY_ZERO_X });
	AUTO_FREE char *chain = mem_fmt("%s%s", forged, ca->intermediate);
	assert_false(cert_check_chain(chain, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	X509_free(issuer);
	BIO_free(bio);
}

static void test_names_that_are_covered(void **state)
{
	const struct ca *ca = *state;
	static const struct {
		const char *names;
		bool is_covered;
	} cases[] = {
		{ "", true },
		{ "a.example.com", true },
		{ "a.example.com b.example.com x.apps.example.com 192.0.2.1 2001:db8::1", true },
		{ "2001:db8:0:0:0:0:0:1", true },
		{ "*.apps.example.com", true },
		{ "apps.example.com", false },
		{ "x.y.apps.example.com", false },
		{ "c.example.com", false },
		{ "a.example.com c.example.com", false },
		{ "192.0.2.2", false },
		{ "2001:db8::2", false },
	};
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	assert_true(cert_read(ca->chain, &cert, &err));
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_STRS names = { 0 };
		strs_split(&names, cases[i].names, " ");
		assert_int_equal(cert_covers(&cert, &names), cases[i].is_covered);
	}
}

static void test_a_wildcard_covers_no_address(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_CERT cert = { 0 };
	AUTO_STRS names = { 0 };
	strs_add(&names, "192.0.2.1");
	AUTO_FREE char *pem = make_pem(&(struct wish){ .san = "DNS:*.0.2.1", .key_pem = KEY_RFC7515 });
	assert_true(cert_read(pem, &cert, &err));
	assert_false(cert_covers(&cert, &names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_everything),
		cmocka_unit_test(test_hashes_are_of_the_der),
		cmocka_unit_test(test_hash_is_of_what_is_served),
		cmocka_unit_test(test_leaf_alone),
		cmocka_unit_test(test_example_of_rfc9773),
		cmocka_unit_test(test_self_signed),
		cmocka_unit_test(test_common_name_counts_only_without_san),
		cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_misleading_names_are_refused),
		cmocka_unit_test(test_a_list_of_scts_that_cannot_be_read_counts_as_none),
		cmocka_unit_test(test_serial_for_ari_is_der),
		cmocka_unit_test(test_what_stands_around_certificates),
		cmocka_unit_test(test_what_is_no_certificate_is_refused),
		cmocka_unit_test(test_key_belongs_to_leaf),
		cmocka_unit_test(test_links_of_the_chain),
		cmocka_unit_test(test_forged_signature_breaks_the_chain),
		cmocka_unit_test(test_names_that_are_covered),
		cmocka_unit_test(test_a_wildcard_covers_no_address),
	};
	return cmocka_run_group_tests(tests, make_ca, free_ca);
}
