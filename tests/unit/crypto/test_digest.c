/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/digest.h"

#define TWO_BLOCKS "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"

/* FIPS 180-4 examples. */
static const struct {
	const char *text;
	const char *sha1;
	const char *sha256;
} cases[] = {
	{ "", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "a9993e364706816aba3e25717850c26c9cd0d89d", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ TWO_BLOCKS, "84983e441c3bd26ebaae4aa1f95129e5e54670f1", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void test_known_digests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sha1[41];
		char sha256[65];
		digest_sha1_hex(cases[i].text, strlen(cases[i].text), sha1);
		digest_sha256_hex(cases[i].text, strlen(cases[i].text), sha256);
		assert_string_equal(sha1, cases[i].sha1);
		assert_string_equal(sha256, cases[i].sha256);
	}
}

static void test_raw_digest(void **state)
{
	(void)state;
	static const unsigned char start[] = { 0xba, 0x78, 0x16, 0xbf };
	static const unsigned char end[] = { 0xf2, 0x00, 0x15, 0xad };
	unsigned char digest[32];
	digest_sha256("abc", 3, digest);
	assert_memory_equal(digest, start, sizeof(start));
	assert_memory_equal(digest + 28, end, sizeof(end));
}

static void test_random_fills_everything(void **state)
{
	(void)state;
	unsigned char a[64] = { 0 };
	unsigned char b[64] = { 0 };
	static const unsigned char zeros[8] = { 0 };
	digest_random(a, sizeof(a));
	digest_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i += sizeof(zeros))
		assert_memory_not_equal(a + i, zeros, sizeof(zeros));
	unsigned char untouched = 7;
	digest_random(&untouched, 0);
	assert_int_equal(untouched, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_digests),
		cmocka_unit_test(test_raw_digest),
		cmocka_unit_test(test_random_fills_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
