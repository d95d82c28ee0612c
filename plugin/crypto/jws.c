/* SPDX-License-Identifier: MIT */
/*
 * Public keys as JWK (RFC 7517, 7638) and signed requests as JWS (RFC 7515, 7518). The JSON is written by hand, since all of it is base64url or text that
 * needs no escapes: what would need one is refused.
 */
#include "crypto/jws.h"

#include <string.h>

#include <openssl/core_names.h>

#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/ossl.h"
#include "util/b64.h"
#include "util/buf.h"
#include "util/mem.h"

/* A certificate request or a certificate is the longest that goes out: some KiB. */
#define BODY_MAX ((size_t)1024 * 1024)
#define JWK_MAX 8192
#define HMAC_KEY_MAX ((size_t)1024)
/* The widest coordinate (P-384) and the longest modulus (16384 bits). */
#define NUMBER_MAX 2048
#define SHA256_SIZE 32

struct algorithm {
	const char *name;
	const char *digest;
	const char *curve; /* NULL: RSA */
	int width;         /* bytes of each coordinate and of r and s, RFC 7518 §3.4 and §6.2.1.2 */
};

static const struct algorithm es256 = { "ES256", "SHA256", "P-256", 32 };
static const struct algorithm es384 = { "ES384", "SHA384", "P-384", 48 };
static const struct algorithm rs256 = { "RS256", "SHA256", NULL, 0 };

/* NULL = failed. Any size of RSA will do: it is the CA that judges. */
static const struct algorithm *algorithm_of(const struct key *key, struct err *err)
{
	if (key->type == KEY_EC256)
		return &es256;
	if (key->type == KEY_EC384)
		return &es384;
	if (EVP_PKEY_is_a(key->pkey, "RSA") == 1)
		return &rs256;
	err_record(err, ERR_CONFIG, 0, "an account key has to be EC P-256, EC P-384 or RSA; this one is of another kind: move it away, then a new one is made");
	return NULL;
}

/* Appends `,"name":"base64url of the number"`, padded to `width` bytes if that is not 0. */
static bool add_number(struct buf *out, const struct key *key, const char *param, const char *member, int width)
{
	AUTO(BN_freep) BIGNUM *number = NULL;
	unsigned char bytes[NUMBER_MAX];
	if (EVP_PKEY_get_bn_param(key->pkey, param, &number) != 1)
		return false;
	int size = width ? width : BN_num_bytes(number);
	if (size > NUMBER_MAX || BN_bn2binpad(number, bytes, size) != size)
		return false;
	return buf_addf(out, "\"%s\":\"", member) && b64url_encode(out, bytes, (size_t)size) && buf_addc(out, '"');
}

char *jwk_public(const struct key *key, struct err *err)
{
	ERR_clear_error();
	const struct algorithm *algorithm = algorithm_of(key, err);
	if (!algorithm)
		return NULL;
	AUTO_BUF jwk = BUF_MAX(JWK_MAX);
	bool is_done;
	if (algorithm->curve)
		is_done = buf_addf(&jwk, "{\"crv\":\"%s\",\"kty\":\"EC\",", algorithm->curve) &&
			add_number(&jwk, key, OSSL_PKEY_PARAM_EC_PUB_X, "x", algorithm->width) && buf_addc(&jwk, ',') &&
			add_number(&jwk, key, OSSL_PKEY_PARAM_EC_PUB_Y, "y", algorithm->width) && buf_addc(&jwk, '}');
	else
		is_done = buf_addc(&jwk, '{') && add_number(&jwk, key, OSSL_PKEY_PARAM_RSA_E, "e", 0) && buf_adds(&jwk, ",\"kty\":\"RSA\",") &&
			add_number(&jwk, key, OSSL_PKEY_PARAM_RSA_N, "n", 0) && buf_addc(&jwk, '}');
	if (!is_done) {
		ossl_record(err, ERR_BUG, "write the public key as JWK");
		return NULL;
	}
	return buf_take(&jwk);
}

char *jwk_thumbprint(const struct key *key, struct err *err)
{
	AUTO_FREE char *jwk = jwk_public(key, err);
	if (!jwk)
		return NULL;
	unsigned char hash[SHA256_SIZE];
	digest_sha256(jwk, strlen(jwk), hash);
	AUTO_BUF thumbprint = BUF_MAX(64);
	(void)b64url_encode(&thumbprint, hash, sizeof(hash));
	return buf_take(&thumbprint);
}

/* ECDSA-Sig-Value in DER -> r and s side by side, each at full width (RFC 7518 §3.4). */
static bool add_plain_signature(struct buf *out, const unsigned char *der, size_t size, int width)
{
	unsigned char plain[2 * NUMBER_MAX];
	AUTO(ECDSA_SIG_freep) ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
	if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature), plain, width) != width ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(signature), plain + width, width) != width)
		return false;
	return b64url_encode(out, plain, 2 * (size_t)width);
}

/* Appends the signature over `input`, base64url. */
static bool add_signature(struct buf *out, const struct key *key, const struct algorithm *algorithm, const struct buf *input)
{
	unsigned char signature[NUMBER_MAX];
	const unsigned char *bytes = (const unsigned char *)input->data;
	size_t size = 0;
	AUTO(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, algorithm->digest, NULL, NULL, key->pkey, NULL) <= 0 ||
	    EVP_DigestSign(ctx, NULL, &size, bytes, input->size) <= 0 || size > sizeof(signature))
		return false;
	/* The first call gave the most it can be; DER varies. */
	if (EVP_DigestSign(ctx, signature, &size, bytes, input->size) <= 0)
		return false;
	return algorithm->curve ? add_plain_signature(out, signature, size, algorithm->width) : b64url_encode(out, signature, size);
}

/* Appends `,"name":"value"`, or nothing when there is no value. What cannot stand in a JSON string as it is gets refused. */
static bool add_member(struct buf *out, const char *name, const char *value, struct err *err)
{
	if (!value)
		return true;
	for (const char *c = value; *c; c++) {
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			return err_set(err, ERR_PROTOCOL, "cannot sign a request whose %s holds a character that is not allowed there", name);
	}
	return buf_addf(out, ",\"%s\":\"%s\"", name, value) || err_set(err, ERR_PROTOCOL, "cannot sign a request: its %s is too long", name);
}

/* Signing input, RFC 7515 §5.1: base64url(protected) "." base64url(payload). */
static bool make_input(struct buf *ret_input, const struct buf *protected, const char *payload, struct err *err)
{
	if (b64url_encode(ret_input, protected->data, protected->size) && buf_addc(ret_input, '.') && b64url_encode(ret_input, payload, strlen(payload)))
		return true;
	return err_set(err, ERR_BUG, "cannot sign a request of %zu bytes: too long", strlen(payload));
}

/* The flattened form of signing input and signature. NULL = failed. */
static char *flatten(const struct buf *input, const struct buf *signature, struct err *err)
{
	const char *payload = strchr(input->data, '.') + 1;
	int protected_size = (int)(payload - 1 - input->data);
	AUTO_BUF body = BUF_MAX(BODY_MAX);
	if (!buf_addf(&body, "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"%s\"}", protected_size, input->data, payload, buf_text(signature))) {
		err_record(err, ERR_BUG, 0, "cannot sign a request of %zu bytes: too long", input->size);
		return NULL;
	}
	return buf_take(&body);
}

static bool make_protected(struct buf *out, const struct key *key, const char *algorithm, const struct jws_header *header, struct err *err)
{
	(void)buf_addf(out, "{\"alg\":\"%s\"", algorithm);
	if (!header->kid) {
		AUTO_FREE char *jwk = jwk_public(key, err);
		if (!jwk)
			return false;
		(void)buf_addf(out, ",\"jwk\":%s", jwk);
	}
	if (!add_member(out, "kid", header->kid, err) || !add_member(out, "nonce", header->nonce, err) || !add_member(out, "url", header->url, err))
		return false;
	return (buf_addc(out, '}') && !out->is_full) || err_set(err, ERR_PROTOCOL, "cannot sign a request: its header is too long");
}

char *jws_sign(const struct key *key, const struct jws_header *header, const char *payload, struct err *err)
{
	ERR_clear_error();
	AUTO_BUF protected = BUF_MAX(BODY_MAX);
	AUTO_BUF input = BUF_MAX(BODY_MAX);
	AUTO_BUF signature = BUF_MAX(BODY_MAX);
	const struct algorithm *algorithm = algorithm_of(key, err);
	if (!algorithm || !make_protected(&protected, key, algorithm->name, header, err) || !make_input(&input, &protected, payload, err))
		return NULL;
	if (!add_signature(&signature, key, algorithm, &input)) {
		ossl_record(err, ERR_BUG, "sign a request with %s", algorithm->name);
		return NULL;
	}
	return flatten(&input, &signature, err);
}

/* Some CAs hand the key out with padding. */
static bool decode_hmac_key(const char *text, struct buf *ret_key, struct err *err)
{
	size_t size = strlen(text);
	while (size > 0 && text[size - 1] == '=')
		size--;
	AUTO_BUF unpadded = BUF_SECRET(2 * HMAC_KEY_MAX);
	if (size > 0 && buf_add(&unpadded, text, size) && b64url_decode(ret_key, unpadded.data))
		return true;
	return err_set(err, ERR_CONFIG, "the key for external account binding (eab-hmac-key) is not base64url: set it again as the CA shows it");
}

char *jws_bind_external(const struct key *account, const char *eab_kid, const char *hmac_key, const char *url, struct err *err)
{
	ERR_clear_error();
	AUTO_BUF mac_key = BUF_SECRET(HMAC_KEY_MAX);
	AUTO_BUF protected = BUF_MAX(BODY_MAX);
	AUTO_BUF input = BUF_MAX(BODY_MAX);
	AUTO_BUF signature = BUF_MAX(BODY_MAX);
	AUTO_FREE char *jwk = jwk_public(account, err);
	const struct jws_header header = { .kid = eab_kid, .url = url };
	if (!jwk || !decode_hmac_key(hmac_key, &mac_key, err) || !make_protected(&protected, account, "HS256", &header, err) ||
	    !make_input(&input, &protected, jwk, err))
		return NULL;
	unsigned char mac[SHA256_SIZE];
	size_t mac_size = 0;
	const unsigned char *bytes = (const unsigned char *)input.data;
	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, mac_key.data, mac_key.size, bytes, input.size, mac, sizeof(mac), &mac_size) ||
	    !b64url_encode(&signature, mac, mac_size)) {
		ossl_record(err, ERR_BUG, "sign the external account binding");
		return NULL;
	}
	return flatten(&input, &signature, err);
}
