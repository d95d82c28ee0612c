/* SPDX-License-Identifier: MIT */
/* Certificate requests, PKCS#10 (RFC 2986) as ACME wants them: the names stand in subjectAltName only. */
#include "crypto/csr.h"

#include "crypto/key.h"
#include "crypto/ossl.h"
#include "util/buf.h"
#include "util/name.h"
#include "util/strs.h"

static void extensions_freep(STACK_OF(X509_EXTENSION) **list)
{
	sk_X509_EXTENSION_pop_free(*list, X509_EXTENSION_free);
}

/* NULL = failed. */
static ASN1_STRING *make_dns_value(const char *name)
{
	ASN1_STRING *value = ASN1_IA5STRING_new();
	if (value && ASN1_STRING_set(value, name, -1) == 1)
		return value;
	ASN1_STRING_free(value);
	return NULL;
}

static bool add_name(GENERAL_NAMES *list, const char *name, struct err *err)
{
	const char *reason = NULL;
	enum name_kind kind = name_kind(name, &reason);
	if (kind == NAME_BAD)
		return err_set(err, ERR_REFUSED, "no certificate can be requested for '%s': it %s", name, reason);
	bool is_address = kind == NAME_IPV4 || kind == NAME_IPV6;
	AUTO(GENERAL_NAME_freep) GENERAL_NAME *entry = GENERAL_NAME_new();
	ASN1_STRING *value = entry ? (is_address ? a2i_IPADDRESS(name) : make_dns_value(name)) : NULL;
	if (!value)
		return ossl_set(err, ERR_BUG, "put '%s' into a certificate request", name);
	GENERAL_NAME_set0_value(entry, is_address ? GEN_IPADD : GEN_DNS, value);
	if (sk_GENERAL_NAME_push(list, entry) <= 0)
		return ossl_set(err, ERR_BUG, "put '%s' into a certificate request", name);
	entry = NULL; /* the list has it now */
	return true;
}

static bool add_names(X509_REQ *request, const struct strs *names, struct err *err)
{
	AUTO(GENERAL_NAMES_freep) GENERAL_NAMES *list = GENERAL_NAMES_new();
	for (size_t i = 0; list && i < names->count; i++) {
		if (!add_name(list, names->items[i], err))
			return false;
	}
	AUTO(extensions_freep) STACK_OF(X509_EXTENSION) *extensions = NULL;
	if (!list || X509V3_add1_i2d(&extensions, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) != 1 || X509_REQ_add_extensions(request, extensions) != 1)
		return ossl_set(err, ERR_BUG, "put the names into a certificate request");
	return true;
}

bool csr_make(const struct key *key, const struct strs *names, struct buf *ret_der, struct err *err)
{
	if (names->count == 0)
		return err_set(err, ERR_BUG, "a certificate request needs at least one name");
	ERR_clear_error();
	AUTO(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
	if (!request || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(request, key->pkey) != 1)
		return ossl_set(err, ERR_BUG, "make a certificate request");
	if (!add_names(request, names, err))
		return false;
	if (X509_REQ_sign(request, key->pkey, key->type == KEY_EC384 ? EVP_sha384() : EVP_sha256()) <= 0)
		return ossl_set(err, ERR_CONFIG, "sign a certificate request with a key of type %s", key_type_name(key->type));
	AUTO_BYTES *der = NULL;
	int size = i2d_X509_REQ(request, &der);
	if (size <= 0 || !buf_add(ret_der, der, (size_t)size))
		return ossl_set(err, ERR_BUG, "a certificate request for %zu names does not fit", names->count);
	return true;
}
