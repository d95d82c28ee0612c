/* SPDX-License-Identifier: MIT */
/* Accounts, RFC 8555 §7.3: made, or found again by their key. */
#include <string.h>

#include "acme/acme.h"
#include "acme/internal.h"
#include "acme/request.h"
#include "crypto/jws.h"
#include "json/read.h"
#include "json/write.h"
#include "net/http.h"
#include "net/url.h"
#include "util/err.h"
#include "util/mem.h"

struct account_body {
	char *status;
};

static void account_body_done(struct account_body *body)
{
	free(body->status);
}

static const struct json_field account_fields[] = {
	JSON_STR("status", struct account_body, status, false),
	JSON_END,
};

static bool send(struct acme *acme, struct acme_account *account, const char *payload, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	AUTO(account_body_done) struct account_body body = { 0 };
	const struct acme_request request = {
		.resource = ACME_NEW_ACCOUNT,
		.key = account->key,
		.payload = payload,
		.subject = "account at the CA",
		.deadline_ms = acme->deadline_ms,
	};

	if (!acme_post(acme, &request, &response, err))
		return false;
	if (!acme_read_body(&response, account_fields, &body, "the account", err))
		return false;
	if (body.status && strcmp(body.status, "valid") != 0)
		return err_set(err, ERR_ACME, "the account at the CA is '%s' and cannot be used any more; move its folder away, then a new account is made", body.status);
	if (!response.location || !url_check_https(response.location, err))
		return err_set(err, ERR_PROTOCOL, "the CA does not say the URL of the account; check the property server and any proxy in between");
	free(account->url);
	account->url = mem_take(&response.location);
	return true;
}

/* The JSON of the binding is signed text already, so it goes in as text: as the last member. */
static char *with_binding(const char *payload, const char *binding)
{
	return mem_fmt("%.*s,\"externalAccountBinding\":%s}", (int)strlen(payload) - 1, payload, binding);
}

/* NULL = failed. */
static char *make_payload(const struct acme *acme, const struct acme_account *account, const struct acme_registration *registration, struct err *err)
{
	AUTO_JSON *json = json_new_object();
	AUTO_FREE char *payload = NULL;
	AUTO_FREE char *binding = NULL;

	json_set_bool(json, "termsOfServiceAgreed", true);
	if (registration->email) {
		AUTO_FREE char *contact = mem_fmt("mailto:%s", registration->email);
		struct json *contacts = json_new_list();

		json_append_str(contacts, contact);
		json_set(json, "contact", contacts);
	}
	payload = json_text(json);
	if (!registration->eab_kid)
		return mem_take(&payload);
	binding = jws_bind_external(account->key, registration->eab_kid, registration->eab_hmac_key, acme->directory.urls[ACME_NEW_ACCOUNT], err);
	return binding ? with_binding(payload, binding) : NULL;
}

bool acme_account_register(struct acme *acme, struct acme_account *account, const struct acme_registration *registration, char **ret_terms_url,
			   struct err *err)
{
	AUTO_FREE char *payload = NULL;

	if (!acme_load_directory(acme, err))
		return false;
	if (acme_needs_external_account(acme) && (!registration->eab_kid || !registration->eab_hmac_key))
		return err_set(err, ERR_CONFIG,
			       "the CA at '%s' takes only accounts that are bound to one of its customers; set the properties eab-kid and eab-hmac-key to what it gave you",
			       acme->directory_url);
	if (registration->eab_kid && !registration->eab_hmac_key)
		return err_set(err, ERR_CONFIG, "the property eab-kid is set but not eab-hmac-key; set both, or none");
	payload = make_payload(acme, account, registration, err);
	if (!payload || !send(acme, account, payload, err))
		return false;
	*ret_terms_url = acme_terms_url(acme) ? mem_strdup(acme_terms_url(acme)) : NULL;
	return true;
}

bool acme_account_find(struct acme *acme, struct acme_account *account, struct err *err)
{
	if (send(acme, account, "{\"onlyReturnExisting\":true}", err))
		return true;
	if (strcmp(err->type, "accountDoesNotExist") == 0)
		err->kind = ERR_MISSING;
	return false;
}
