/* SPDX-License-Identifier: MIT */
/* Hashes and random bytes. None of it fails on a working machine, so none of it reports an error: without a provider or entropy the program ends. */
#include "crypto/digest.h"

#include <assert.h>
#include <limits.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#define SHA1_SIZE 20
#define SHA256_SIZE 32

static void digest(const char *name, const void *data, size_t size, unsigned char *ret_digest, size_t expected_size)
{
	size_t digest_size = 0;
	int is_done = EVP_Q_digest(NULL, name, NULL, data, size, ret_digest, &digest_size);
	assert(is_done == 1 && digest_size == expected_size);
}

static void to_hex(const unsigned char *bytes, size_t size, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < size; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[2 * size] = '\0';
}

void digest_sha256(const void *data, size_t size, unsigned char ret_digest[static 32])
{
	digest("SHA256", data, size, ret_digest, SHA256_SIZE);
}

void digest_sha256_hex(const void *data, size_t size, char ret_hex[static 65])
{
	unsigned char bytes[SHA256_SIZE];
	digest("SHA256", data, size, bytes, sizeof(bytes));
	to_hex(bytes, sizeof(bytes), ret_hex);
}

void digest_sha1_hex(const void *data, size_t size, char ret_hex[static 41])
{
	unsigned char bytes[SHA1_SIZE];
	digest("SHA1", data, size, bytes, sizeof(bytes));
	to_hex(bytes, sizeof(bytes), ret_hex);
}

void digest_random(void *data, size_t size)
{
	assert(size <= INT_MAX);
	int is_done = RAND_bytes(data, (int)size);
	assert(is_done == 1);
}
