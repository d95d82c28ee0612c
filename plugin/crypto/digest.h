/* SPDX-License-Identifier: MIT */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <stddef.h>

/* Hashes of `size` bytes; in hex they are lower-case and end with a NUL. */
void digest_sha256(const void *data, size_t size, unsigned char ret_digest[static 32]);
void digest_sha256_hex(const void *data, size_t size, char ret_hex[static 65]);
void digest_sha1_hex(const void *data, size_t size, char ret_hex[static 41]);
/* Random bytes from the system. Dies when there are none. */
void digest_random(void *data, size_t size);

#endif
