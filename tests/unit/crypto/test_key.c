/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "crypto/key.h"
#include "tests/unit/crypto/keys.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/text.h"

static void test_names_of_types(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_known;
		enum key_type type;
	} cases[] = {
		{ "ec256", true, KEY_EC256 },     { "ec384", true, KEY_EC384 },     { "rsa2048", true, KEY_RSA2048 }, { "rsa3072", true, KEY_RSA3072 },
		{ "rsa4096", true, KEY_RSA4096 }, { "P256", true, KEY_EC256 },      { "P384", true, KEY_EC384 },      { "2048", true, KEY_RSA2048 },
		{ "3072", true, KEY_RSA3072 },    { "4096", true, KEY_RSA4096 },    { "EC256", true, KEY_EC256 },     { "RSA4096", true, KEY_RSA4096 },
		{ "", false, KEY_OTHER },         { "other", false, KEY_OTHER },    { "ec25", false, KEY_OTHER },     { "ec2566", false, KEY_OTHER },
		{ "1024", false, KEY_OTHER },     { "rsa8192", false, KEY_OTHER },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum key_type type = KEY_OTHER;
		assert_int_equal(key_type_parse(cases[i].text, &type), cases[i].is_known);
		assert_int_equal(type, cases[i].type);
	}
	assert_string_equal(key_type_name(KEY_OTHER), "other");
	size_t count = 0;
	for (const char *const *name = key_type_names(); *name; name++, count++) {
		enum key_type type = KEY_OTHER;
		assert_true(key_type_parse(*name, &type));
		assert_string_equal(key_type_name(type), *name);
		assert_int_equal(type, count);
	}
	assert_int_equal(count, 5);
}

static void test_two_keys_differ(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *a = key_generate(KEY_EC256, &err);
	AUTO_KEY *b = key_generate(KEY_EC256, &err);
	AUTO_BUF pem_a = BUF_SECRET(4096);
	AUTO_BUF pem_b = BUF_SECRET(4096);
	assert_true(key_to_pem(a, &pem_a, &err) && key_to_pem(b, &pem_b, &err));
	assert_string_not_equal(pem_a.data, pem_b.data);
}

static void test_known_forms_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *pem;
		enum key_type type;
		const char *written; /* what comes out again, NULL: not asked */
	} cases[] = {
		{ KEY_RFC7515, KEY_EC256, KEY_RFC7515 },
		{ KEY_RFC7515_PKCS8, KEY_EC256, KEY_RFC7515 },
		{ KEY_RFC7517_RSA, KEY_RSA2048, KEY_RFC7517_RSA },
		{ "some words\n" KEY_RFC7515 "more words\n", KEY_EC256, KEY_RFC7515 },
		{ "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" KEY_RFC7515, KEY_EC256, KEY_RFC7515 },
		{ KEY_ED25519, KEY_OTHER, NULL },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		AUTO_KEY *key = key_from_pem(cases[i].pem, &err);
		assert_non_null(key);
		assert_int_equal(key_type(key), cases[i].type);
		AUTO_BUF pem = BUF_SECRET(4096);
		if (!cases[i].written)
			continue;
		assert_true(key_to_pem(key, &pem, &err));
		assert_string_equal(pem.data, cases[i].written);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void test_what_is_no_key_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"garbage",
		"-----BEGIN EC PRIVATE KEY-----\n",
		"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n",
		"-----BEGIN EC PRIVATE KEY-----\n!!!!\n-----END EC PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		KEY_PUBLIC,
		KEY_ENCRYPTED_PKCS8,
		KEY_ENCRYPTED_SEC1,
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		AUTO_KEY *key = key_from_pem(cases[i], &err);
		assert_null(key);
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_string_equal(err.text, "this is not a private key in PEM form without a password (PKCS#8, EC PRIVATE KEY or RSA PRIVATE KEY)");
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* Without a terminal OpenSSL would read the password from stdin, and find the right one there. */
static void test_nobody_is_asked_for_a_password(void **state)
{
	(void)state;
	static const char passwords[] = "secret\nsecret\n";
	int ends[2];
	int saved = dup(STDIN_FILENO);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], passwords, sizeof(passwords) - 1), sizeof(passwords) - 1);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[1]);
	clearerr(stdin);
	struct err err = { 0 };
	AUTO_KEY *pkcs8 = key_from_pem(KEY_ENCRYPTED_PKCS8, &err);
	AUTO_KEY *sec1 = key_from_pem(KEY_ENCRYPTED_SEC1, &err);
	char left[sizeof(passwords)];
	ssize_t left_size = read(STDIN_FILENO, left, sizeof(left));
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(ends[0]);
	assert_null(pkcs8);
	assert_null(sec1);
	assert_int_equal(left_size, sizeof(passwords) - 1);
}

static void test_pem_that_does_not_fit_adds_nothing(void **state)
{
	(void)state;
	struct err err = { 0 };
	AUTO_KEY *key = key_from_pem(KEY_RFC7515, &err);
	AUTO_BUF pem = BUF_SECRET(100);
	assert_false(key_to_pem(key, &pem, &err));
	assert_int_equal(pem.size, 0);
	assert_int_equal(err.kind, ERR_BUG);
}

static void test_nothing_can_be_freed(void **state)
{
	(void)state;
	key_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_types),
		cmocka_unit_test(test_two_keys_differ),
		cmocka_unit_test(test_known_forms_are_read),
		cmocka_unit_test(test_what_is_no_key_is_refused),
		cmocka_unit_test(test_nobody_is_asked_for_a_password),
		cmocka_unit_test(test_pem_that_does_not_fit_adds_nothing),
		cmocka_unit_test(test_nothing_can_be_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
