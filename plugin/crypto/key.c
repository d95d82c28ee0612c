/* SPDX-License-Identifier: MIT */
/* Private keys of accounts and certificates: made, read from PEM, written in the forms that lego reads. */
#include "crypto/key.h"

#include <assert.h>
#include <stddef.h>

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "crypto/ossl.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

static const struct kind {
	const char *name;
	const char *lego_name;
	const char *group; /* OpenSSL's name of the curve; NULL: RSA */
	size_t bits;
} kinds[] = {
	[KEY_EC256] = { "ec256", "P256", "prime256v1", 256 },
	[KEY_EC384] = { "ec384", "P384", "secp384r1", 384 },
	[KEY_RSA2048] = { "rsa2048", "2048", NULL, 2048 },
	[KEY_RSA3072] = { "rsa3072", "3072", NULL, 3072 },
	[KEY_RSA4096] = { "rsa4096", "4096", NULL, 4096 },
};
_Static_assert(COUNT(kinds) == KEY_OTHER, "a row for each type that has a name of its own");

const char *key_type_name(enum key_type type)
{
	return type < KEY_OTHER ? kinds[type].name : "other";
}

bool key_type_parse(const char *text, enum key_type *ret_type)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (text_equal_nocase(text, kinds[i].name) || text_equal_nocase(text, kinds[i].lego_name)) {
			*ret_type = (enum key_type)i;
			return true;
		}
	}
	return false;
}

const char *const *key_type_names(void)
{
	static const char *const names[] = { "ec256", "ec384", "rsa2048", "rsa3072", "rsa4096", NULL };
	_Static_assert(COUNT(names) == COUNT(kinds) + 1, "the names of the table above");
	return names;
}

static bool is_of_kind(const EVP_PKEY *pkey, const struct kind *kind)
{
	char group[64];
	if (!kind->group)
		return EVP_PKEY_is_a(pkey, "RSA") == 1 && EVP_PKEY_get_bits(pkey) == (int)kind->bits;
	return EVP_PKEY_is_a(pkey, "EC") == 1 && EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
		text_equal_nocase(group, kind->group);
}

/* Takes the key over. */
static struct key *wrap(EVP_PKEY *pkey)
{
	struct key *key = mem_new(1, sizeof(*key));
	key->pkey = pkey;
	key->type = KEY_EC256;
	while (key->type < KEY_OTHER && !is_of_kind(pkey, &kinds[key->type]))
		key->type++;
	/* Parameters that a kind of key does not have are reported as errors. */
	ERR_clear_error();
	return key;
}

struct key *key_generate(enum key_type type, struct err *err)
{
	assert(type < KEY_OTHER);
	const struct kind *kind = &kinds[type];
	ERR_clear_error();
	EVP_PKEY *pkey = kind->group ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->group) : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", kind->bits);
	if (!pkey) {
		ossl_record(err, ERR_BUG, "make a key of type %s", kind->name);
		return NULL;
	}
	return wrap(pkey);
}

struct key *key_from_pem(const char *pem, struct err *err)
{
	ERR_clear_error();
	AUTO(BIO_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, ossl_no_password, NULL) : NULL;
	if (!pkey) {
		/* OpenSSL's reason would only be that of the last form it tried: "unsupported". */
		ERR_clear_error();
		err_record(err, ERR_CONFIG, 0, "this is not a private key in PEM form without a password (PKCS#8, EC PRIVATE KEY or RSA PRIVATE KEY)");
		return NULL;
	}
	return wrap(pkey);
}

bool key_to_pem(const struct key *key, struct buf *ret_pem, struct err *err)
{
	ERR_clear_error();
	/* Memory of this kind of BIO is wiped when it grows and when it is freed. */
	AUTO(BIO_freep) BIO *bio = BIO_new(BIO_s_secmem());
	if (!bio || PEM_write_bio_PrivateKey_traditional(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return ossl_set(err, ERR_BUG, "write a private key as PEM");
	char *pem = NULL;
	long size = BIO_get_mem_data(bio, &pem);
	if (size <= 0 || !buf_add(ret_pem, pem, (size_t)size))
		return err_set(err, ERR_BUG, "a private key of %ld bytes does not fit", size);
	return true;
}

enum key_type key_type(const struct key *key)
{
	return key->type;
}

void key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}
