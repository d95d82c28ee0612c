/* SPDX-License-Identifier: MIT */
#ifndef ACME_AUTHZ_H
#define ACME_AUTHZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/problem.h"
#include "json/read.h"
#include "util/attr.h"

struct acme;
struct acme_order_request;
struct acme_order_steps;
struct buf;
struct err;
struct strs;

/* Authorizations and their challenges, RFC 8555 §7.1.4 and §7.5: those of one order, always all at once. */
struct acme_challenge {
	char *type, *url, *token, *status;
	struct acme_problem problem;
};
struct acme_authz {
	const char *url; /* borrowed from the order */
	char *name;      /* as it stands in the certificate: "*.example.com" for a wildcard */
	char *status;
	bool is_wildcard;
	struct acme_identifier identifier;
	struct json_array challenges; /* of struct acme_challenge */
};
struct acme_authzs {
	struct acme_authz *items;
	size_t count;
};
void acme_authzs_done(struct acme_authzs *authzs);

/* Fetches them; `urls` must outlive them. */
bool acme_authzs_fetch(struct acme *acme, const struct acme_order_request *order, const struct strs *urls, struct acme_authzs *ret_authzs,
		       struct err *err) MUST_USE;
/* Presents what proves each name that is pending (http-01), then tells the CA to look. `*ret_sent_ms`: when the last of it was sent; untouched if nothing was. */
bool acme_authzs_answer(struct acme *acme, const struct acme_order_request *order, const struct acme_order_steps *steps, const struct acme_authzs *authzs,
			int64_t *ret_sent_ms, struct err *err) MUST_USE;
/* Names each authorization that failed, to `steps` and as a line in `ret_text`. How many there were. */
size_t acme_authzs_explain(const struct acme_authzs *authzs, const struct acme_order_steps *steps, struct buf *ret_text);

#endif
