/* SPDX-License-Identifier: MIT */
/*
 * Certificates and chains in PEM: what they say, and whether key, names and links fit. Trust is not judged here. Names come as strings with a length: one
 * that is not plain text makes the certificate unusable, lest it read as another name.
 */
#include "crypto/cert.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/ossl.h"
#include "util/b64.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"

#define ARI_ID_MAX 512
#define SERIAL_MAX 512

static void chain_freep(STACK_OF(X509) **chain)
{
	sk_X509_pop_free(*chain, X509_free);
}
#define AUTO_CHAIN AUTO(chain_freep) STACK_OF(X509)

/* The way a PEM file without further blocks ends is an error in OpenSSL's queue like any other. */
static bool is_end_of_pem(void)
{
	unsigned long code = ERR_peek_last_error();
	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* Reads at most `max` certificates and at least one. Other blocks and text around them are skipped. */
static bool read_chain(const char *pem, int max, STACK_OF(X509) **ret_chain, struct err *err)
{
	ERR_clear_error();
	AUTO(BIO_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
	AUTO_CHAIN *chain = sk_X509_new_null();
	if (!bio || !chain)
		return ossl_set(err, ERR_BUG, "read certificates");
	int count = 0;
	for (X509 *cert; count < max && (cert = PEM_read_bio_X509(bio, NULL, ossl_no_password, NULL)); count++) {
		if (sk_X509_push(chain, cert) <= 0) {
			X509_free(cert);
			return ossl_set(err, ERR_BUG, "read certificates");
		}
	}
	if (count < max && !is_end_of_pem())
		return ossl_set(err, ERR_CONFIG, "certificate %d of the chain cannot be read", count + 1);
	ERR_clear_error();
	if (count == 0)
		return err_set(err, ERR_CONFIG, "there is no certificate in PEM form in it");
	*ret_chain = chain;
	chain = NULL;
	return true;
}

static bool read_leaf(const char *pem, STACK_OF(X509) **ret_chain, struct err *err)
{
	return read_chain(pem, 1, ret_chain, err);
}

/* Not empty and without control bytes; for a host name also without blanks and pure ASCII. */
static bool is_plain(const unsigned char *text, size_t size, bool is_name)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] < ' ' || text[i] == 0x7f || (is_name && (text[i] == ' ' || text[i] > 0x7f)))
			return false;
	}
	return size > 0;
}

/* The first value of this kind in a name; "" if there is none that is plain text. The caller frees it. */
static char *name_part(const X509_NAME *name, int nid)
{
	int index = X509_NAME_get_index_by_NID(name, nid, -1);
	AUTO_BYTES *utf8 = NULL;
	int size = index < 0 ? 0 : ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
	if (size <= 0 || !is_plain(utf8, (size_t)size, false))
		return mem_strdup("");
	return mem_strndup((const char *)utf8, (size_t)size);
}

/* "CN=R11, O=Let's Encrypt, C=US": as RFC 2253 orders and escapes it, but with blanks and with UTF-8 left readable. The caller frees it. */
static char *name_line(const X509_NAME *name)
{
	const unsigned long flags = (ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) | XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV | XN_FLAG_FN_SN;
	AUTO(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	if (!bio || X509_NAME_print_ex(bio, name, 0, flags) < 0)
		return mem_strdup("");
	char *line = NULL;
	long size = BIO_get_mem_data(bio, &line);
	return size > 0 ? mem_strndup(line, (size_t)size) : mem_strdup("");
}

static void add_lower(struct strs *names, const char *name)
{
	AUTO_FREE char *lower = text_lower(name);
	(void)strs_add_new(names, lower);
}

static bool add_dns(struct strs *names, const ASN1_STRING *value, struct err *err)
{
	const unsigned char *text = ASN1_STRING_get0_data(value);
	size_t size = (size_t)ASN1_STRING_length(value);
	if (!is_plain(text, size, true))
		return err_set(err, ERR_CONFIG, "the certificate holds a DNS name with bytes that no name has");
	AUTO_FREE char *name = mem_strndup((const char *)text, size);
	add_lower(names, name);
	return true;
}

static bool add_address(struct strs *names, const ASN1_STRING *value, struct err *err)
{
	char text[INET6_ADDRSTRLEN];
	int size = ASN1_STRING_length(value);
	if ((size != 4 && size != 16) || !inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text, sizeof(text)))
		return err_set(err, ERR_CONFIG, "the certificate holds an IP address of %d bytes", size);
	(void)strs_add_new(names, text);
	return true;
}

static bool add_alternative_names(struct strs *names, const GENERAL_NAMES *list, struct err *err)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		int type = 0;
		const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &type);
		if ((type == GEN_DNS && !add_dns(names, value, err)) || (type == GEN_IPADD && !add_address(names, value, err)))
			return false;
	}
	return true;
}

static bool read_names(const X509 *leaf, struct strs *ret_names, struct err *err)
{
	int found = 0;
	AUTO(GENERAL_NAMES_freep) GENERAL_NAMES *list = X509_get_ext_d2i(leaf, NID_subject_alt_name, &found, NULL);
	if (list) {
		if (!add_alternative_names(ret_names, list, err))
			return false;
		strs_sort(ret_names);
		return true;
	}
	if (found != -1)
		return ossl_set(err, ERR_CONFIG, "the names of the certificate (subjectAltName) cannot be read");
	AUTO_FREE char *cn = name_part(X509_get_subject_name(leaf), NID_commonName);
	if (*cn)
		add_lower(ret_names, cn);
	return true;
}

static bool read_time(const ASN1_TIME *time, int64_t *ret_at, struct err *err)
{
	struct tm parts = { 0 };
	if (ASN1_TIME_to_tm(time, &parts) != 1)
		return ossl_set(err, ERR_CONFIG, "a date of the certificate cannot be read");
	*ret_at = timegm(&parts);
	return true;
}

/* 0: none, or none that can be read. */
static int64_t latest_sct_at(const X509 *leaf)
{
	uint64_t latest_ms = 0;
	AUTO(SCT_LIST_freep) STACK_OF(SCT) *list = X509_get_ext_d2i(leaf, NID_ct_precert_scts, NULL, NULL);
	for (int i = 0; list && i < sk_SCT_num(list); i++) {
		uint64_t ms = SCT_get_timestamp(sk_SCT_value(list, i));
		latest_ms = ms > latest_ms ? ms : latest_ms;
	}
	ERR_clear_error();
	return (int64_t)(latest_ms / 1000);
}

static char *serial_hex(const X509 *leaf)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	AUTO_BUF hex = BUF_MAX(SERIAL_MAX);
	text_hex(&hex, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	return buf_take(&hex);
}

/* The serial goes in as the content of its DER INTEGER: with 00 in front where the first bit is set. */
static char *ari_id(X509 *leaf)
{
	const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(leaf);
	AUTO_BYTES *der = NULL;
	int der_size = aki ? i2d_ASN1_INTEGER(X509_get0_serialNumber(leaf), &der) : 0;
	const unsigned char *serial = der;
	long serial_size = 0;
	int tag = 0, class = 0;
	if (der_size <= 0 || ASN1_get_object(&serial, &serial_size, &tag, &class, der_size) & 0x80)
		return mem_strdup("");
	AUTO_BUF id = BUF_MAX(ARI_ID_MAX);
	if (!b64url_encode(&id, ASN1_STRING_get0_data(aki), (size_t)ASN1_STRING_length(aki)) || !buf_addc(&id, '.') ||
	    !b64url_encode(&id, serial, (size_t)serial_size))
		return mem_strdup("");
	return buf_take(&id);
}

static bool read_hashes(const X509 *leaf, struct cert *ret_cert, struct err *err)
{
	AUTO_BYTES *der = NULL;
	int size = i2d_X509(leaf, &der);
	if (size <= 0)
		return ossl_set(err, ERR_CONFIG, "the certificate cannot be encoded");
	digest_sha256_hex(der, (size_t)size, ret_cert->leaf_sha256);
	digest_sha1_hex(der, (size_t)size, ret_cert->leaf_sha1);
	return true;
}

static struct cert take(struct cert *cert)
{
	struct cert taken = *cert;
	*cert = (struct cert){ 0 };
	return taken;
}

void cert_done(struct cert *cert)
{
	strs_done(&cert->names);
	free(cert->issuer);
	free(cert->issuer_cn);
	free(cert->issuer_org);
	free(cert->root_cn);
	free(cert->serial);
	free(cert->ari_id);
	*cert = (struct cert){ 0 };
}

static bool read_certificates(const char *pem, int max, struct cert *ret_cert, struct err *err)
{
	AUTO_CHAIN *chain = NULL;
	AUTO(cert_done) struct cert cert = { 0 };
	if (!read_chain(pem, max, &chain, err))
		return false;
	X509 *leaf = sk_X509_value(chain, 0);
	if (!read_names(leaf, &cert.names, err) || !read_time(X509_get0_notBefore(leaf), &cert.not_before_at, err) ||
	    !read_time(X509_get0_notAfter(leaf), &cert.not_after_at, err) || !read_hashes(leaf, &cert, err))
		return false;
	const X509_NAME *issuer = X509_get_issuer_name(leaf);
	cert.chain_count = (size_t)sk_X509_num(chain);
	cert.sct_at = latest_sct_at(leaf);
	cert.issuer = name_line(issuer);
	cert.issuer_cn = name_part(issuer, NID_commonName);
	cert.issuer_org = name_part(issuer, NID_organizationName);
	cert.root_cn = name_part(X509_get_issuer_name(sk_X509_value(chain, sk_X509_num(chain) - 1)), NID_commonName);
	cert.serial = serial_hex(leaf);
	cert.ari_id = ari_id(leaf);
	cert.is_self_signed = X509_self_signed(leaf, 1) == 1;
	ERR_clear_error();
	*ret_cert = take(&cert);
	return true;
}

bool cert_read(const char *pem, struct cert *ret_cert, struct err *err)
{
	return read_certificates(pem, INT_MAX, ret_cert, err);
}

bool cert_read_leaf(const char *pem, struct cert *ret_cert, struct err *err)
{
	return read_certificates(pem, 1, ret_cert, err);
}

bool cert_check_key(const char *pem, const struct key *key, struct err *err)
{
	AUTO_CHAIN *chain = NULL;
	if (!read_leaf(pem, &chain, err))
		return false;
	if (X509_check_private_key(sk_X509_value(chain, 0), key->pkey) != 1)
		return ossl_set(err, ERR_CONFIG, "the private key does not belong to the certificate");
	return true;
}

bool cert_check_chain(const char *pem, struct err *err)
{
	AUTO_CHAIN *chain = NULL;
	if (!read_chain(pem, INT_MAX, &chain, err))
		return false;
	for (int i = 1; i < sk_X509_num(chain); i++) {
		X509 *subject = sk_X509_value(chain, i - 1);
		X509 *issuer = sk_X509_value(chain, i);
		if (X509_check_issued(issuer, subject) == X509_V_OK && X509_verify(subject, X509_get0_pubkey(issuer)) == 1)
			continue;
		AUTO_FREE char *wanted = name_line(X509_get_issuer_name(subject));
		AUTO_FREE char *found = name_line(X509_get_subject_name(issuer));
		ERR_clear_error();
		return err_set(err, ERR_CONFIG, "the chain is broken: certificate %d ('%s') did not sign certificate %d, which was issued by '%s'",
			i + 1, found, i, wanted);
	}
	return true;
}

static bool covers_address(const struct cert *cert, int family, const char *name)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];
	return inet_pton(family, name, bytes) == 1 && inet_ntop(family, bytes, text, sizeof(text)) && strs_has(&cert->names, text);
}

static bool covers(const struct cert *cert, const char *name)
{
	enum name_kind kind = name_kind(name, NULL);
	if (kind == NAME_IPV4 || kind == NAME_IPV6)
		return covers_address(cert, kind == NAME_IPV4 ? AF_INET : AF_INET6, name);
	for (size_t i = 0; i < cert->names.count; i++) {
		if (name_covers(cert->names.items[i], name))
			return true;
	}
	return false;
}

bool cert_covers(const struct cert *cert, const struct strs *names)
{
	for (size_t i = 0; i < names->count; i++) {
		if (!covers(cert, names->items[i]))
			return false;
	}
	return true;
}

/* The size of the SEQUENCE that starts at `bytes`, 0 when there is none. What follows it OpenSSL leaves out as well. */
static size_t der_size(const unsigned char *bytes, long size)
{
	const unsigned char *content = bytes;
	long content_size = 0;
	int tag = 0, class = 0;
	bool is_sequence = ASN1_get_object(&content, &content_size, &tag, &class, size) == V_ASN1_CONSTRUCTED && tag == V_ASN1_SEQUENCE;
	return is_sequence ? (size_t)(content - bytes + content_size) : 0;
}

/* Only the outermost layer is looked at: reading all of it takes a hundred times as long. */
bool cert_leaf_sha256(const char *pem, char ret_hex[static 65], struct err *err)
{
	ERR_clear_error();
	AUTO(BIO_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
	AUTO_BYTES *der = NULL;
	long size = 0;
	bool is_pem = bio && PEM_bytes_read_bio(&der, &size, NULL, PEM_STRING_X509, bio, ossl_no_password, NULL) == 1;
	size_t leaf_size = is_pem ? der_size(der, size) : 0;
	if (leaf_size == 0)
		return ossl_set(err, ERR_CONFIG, "there is no certificate in PEM form in it");
	digest_sha256_hex(der, leaf_size, ret_hex);
	return true;
}

bool cert_leaf_der(const char *pem, struct buf *ret_der, struct err *err)
{
	AUTO_CHAIN *chain = NULL;
	if (!read_leaf(pem, &chain, err))
		return false;
	AUTO_BYTES *der = NULL;
	int size = i2d_X509(sk_X509_value(chain, 0), &der);
	if (size <= 0 || !buf_add(ret_der, der, (size_t)size))
		return ossl_set(err, ERR_BUG, "a certificate of %d bytes does not fit", size);
	return true;
}
