/* SPDX-License-Identifier: MIT */
/* Revocation, RFC 8555 §7.6. */
#include <string.h>

#include "acme/acme.h"
#include "acme/internal.h"
#include "acme/request.h"
#include "json/write.h"
#include "net/http.h"
#include "util/b64.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define CERTIFICATE_TEXT_MAX ((size_t)256 * 1024)

/* RFC 5280 §5.3.1; those that a subscriber may give. */
static const char *const reason_names[] = { "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", NULL };
static const int reason_codes[] = { 0, 1, 3, 4, 5 };

bool acme_reason_parse(const char *text, int *ret_reason)
{
	int64_t code = -1;
	bool is_code = parse_int(text, 0, 5, &code);

	for (size_t i = 0; i < COUNT(reason_codes); i++) {
		if (is_code ? code == reason_codes[i] : text_equal_nocase(text, reason_names[i])) {
			*ret_reason = reason_codes[i];
			return true;
		}
	}
	return false;
}

const char *const *acme_reason_names(void)
{
	return reason_names;
}

bool acme_revoke(struct acme *acme, const struct acme_account *account, const struct key *cert_key, const void *der, size_t der_size, int reason,
		 struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	AUTO_BUF certificate = BUF_MAX(CERTIFICATE_TEXT_MAX);
	AUTO_JSON *json = json_new_object();
	AUTO_FREE char *payload = NULL;
	struct acme_request request = {
		.resource = ACME_REVOKE_CERT,
		.key = account ? account->key : cert_key,
		.kid = account ? account->url : NULL,
		.subject = "revocation",
		.deadline_ms = acme->deadline_ms,
	};

	if (!b64url_encode(&certificate, der, der_size))
		return err_set(err, ERR_REFUSED, "a certificate of %zu bytes is too large to be one; nothing was revoked", der_size);
	json_set_str(json, "certificate", buf_text(&certificate));
	json_set_int(json, "reason", reason);
	payload = json_text(json);
	request.payload = payload;
	return acme_post(acme, &request, &response, err) || strcmp(err->type, "alreadyRevoked") == 0;
}
