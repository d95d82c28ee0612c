/* SPDX-License-Identifier: MIT */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include <stdbool.h>

#include "util/attr.h"

struct buf;
struct err;

/* A private key. It stays inside the library from load to free; the only bytes outside are the PEM on its way to a file. */
struct key;

enum key_type { KEY_EC256, KEY_EC384, KEY_RSA2048, KEY_RSA3072, KEY_RSA4096, KEY_OTHER };

/* "ec256" … as the property `key-type` spells it; KEY_OTHER -> "other". */
const char *key_type_name(enum key_type type);
/* Also lego's spellings ("P256", "2048"). False: unknown. */
bool key_type_parse(const char *text, enum key_type *ret_type);
/* The five names, NULL-terminated: for messages. */
const char *const *key_type_names(void);

/* NULL = failed. */
struct key *key_generate(enum key_type type, struct err *err) MUST_USE;
/* PEM: PKCS#8, "EC PRIVATE KEY" (SEC1) or "RSA PRIVATE KEY"; never asks for a password. NULL = failed, ERR_CONFIG. */
struct key *key_from_pem(const char *pem, struct err *err) MUST_USE;
/* Appends PEM in lego's form: SEC1 for EC, PKCS#1 for RSA. Use a secret buf that has room for 4 KiB. */
bool key_to_pem(const struct key *key, struct buf *ret_pem, struct err *err) MUST_USE;
enum key_type key_type(const struct key *key);
void key_free(struct key *key);
static inline void key_freep(struct key **key)
{
	key_free(*key);
}
#define AUTO_KEY AUTO(key_freep) struct key

#endif
