/* SPDX-License-Identifier: MIT */
/* Orders as JSON, RFC 8555 §7.1.3 and §7.4: what is asked for, and what the CA shows of it. */
#include "acme/document.h"

#include <stdlib.h>

#include "acme/order.h"
#include "json/write.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"

const struct json_field acme_document_fields[] = {
	JSON_STR("status", struct acme_document, status, true),
	JSON_STR("expires", struct acme_document, expires, false),
	JSON_STR("finalize", struct acme_document, finalize_url, true),
	JSON_STR("certificate", struct acme_document, certificate_url, false),
	JSON_STRS("authorizations", struct acme_document, authorization_urls, true),
	JSON_OBJS("identifiers", struct acme_document, identifiers, acme_identifier_fields, struct acme_identifier, true),
	JSON_OBJ("error", struct acme_document, problem, acme_problem_fields, false),
	JSON_END,
};

void acme_document_done(struct acme_document *document)
{
	struct acme_identifier *identifiers = document->identifiers.items;

	for (size_t i = 0; i < document->identifiers.count; i++)
		acme_identifier_done(&identifiers[i]);
	free(identifiers);
	free(document->status);
	free(document->expires);
	free(document->finalize_url);
	free(document->certificate_url);
	strs_done(&document->authorization_urls);
	acme_problem_done(&document->problem);
	*document = (struct acme_document){ 0 };
}

bool acme_document_is_for(const struct acme_document *document, const struct strs *names)
{
	const struct acme_identifier *identifiers = document->identifiers.items;
	AUTO_STRS own_names = { 0 };

	for (size_t i = 0; i < document->identifiers.count; i++) {
		AUTO_FREE char *name = text_lower(identifiers[i].value ? identifiers[i].value : "");

		(void)strs_add_new(&own_names, name);
	}
	return strs_same_set(&own_names, names);
}

char *acme_document_request(const struct acme_order_request *request, const char *replaces)
{
	AUTO_JSON *json = json_new_object();
	struct json *identifiers = json_new_list();

	for (size_t i = 0; i < request->names->count; i++) {
		enum name_kind kind = name_kind(request->names->items[i], NULL);
		struct json *identifier = json_new_object();

		json_set_str(identifier, "type", kind == NAME_IPV4 || kind == NAME_IPV6 ? "ip" : "dns");
		json_set_str(identifier, "value", request->names->items[i]);
		json_append(identifiers, identifier);
	}
	json_set(json, "identifiers", identifiers);
	json_set_str(json, "profile", request->profile);
	json_set_str(json, "replaces", replaces);
	return json_text(json);
}
