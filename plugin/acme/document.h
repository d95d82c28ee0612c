/* SPDX-License-Identifier: MIT */
#ifndef ACME_DOCUMENT_H
#define ACME_DOCUMENT_H

#include <stdbool.h>

#include "acme/problem.h"
#include "json/read.h"
#include "util/attr.h"
#include "util/strs.h"

struct acme_order_request;

/* An order as JSON, RFC 8555 §7.1.3: as the CA shows it. */
struct acme_document {
	char *status, *expires, *finalize_url, *certificate_url;
	struct strs authorization_urls;
	struct json_array identifiers; /* of struct acme_identifier */
	struct acme_problem problem;
};
extern const struct json_field acme_document_fields[];
void acme_document_done(struct acme_document *document);

/* The names are those of the order: the same, in whatever order. */
bool acme_document_is_for(const struct acme_document *document, const struct strs *names);
/* The payload of newOrder, RFC 8555 §7.4, with profile and `replaces` (RFC 9773 §5) where they are not NULL. The caller frees it. */
char *acme_document_request(const struct acme_order_request *request, const char *replaces) MUST_USE NEVER_NULL;

#endif
