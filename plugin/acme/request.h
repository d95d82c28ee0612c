/* SPDX-License-Identifier: MIT */
#ifndef ACME_REQUEST_H
#define ACME_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/directory.h"
#include "util/attr.h"

struct acme;
struct err;
struct http_response;
struct json_field;
struct key;

/* A signed request, RFC 8555 §6.2 and §6.3. */
struct acme_request {
	const char *url;              /* NULL: `resource` of the directory */
	enum acme_resource resource;
	const struct key *key;
	const char *kid;              /* account URL; NULL: the public key itself goes along */
	const char *payload;          /* JSON; "" = POST-as-GET */
	const char *accept;           /* NULL = any */
	const char *subject;          /* what failures begin with: the name that it is about */
	bool is_once;                 /* sending it twice does harm: not repeated when its answer got lost */
	size_t followers;             /* so many signed requests go out at once when it is answered */
	int64_t deadline_ms;          /* of the loop */
	bool (*is_final)(const struct err *err); /* says of a failure that sending it again will not mend it; NULL = never */
	int64_t *ret_sent_ms;         /* when it was sent last; NULL */
	long *ret_status;             /* of the answer that was a failure, 0 = there was none; NULL */
};

/*
 * Sends it until it is answered with success. badNonce is repeated with the nonce that came along; a server error (500 502 503 504) after Retry-After, or
 * after growing pauses; a broken connection shortly after. All of it within the deadline; what ends it then is the last failure itself.
 */
bool acme_post(struct acme *acme, const struct acme_request *request, struct http_response *ret_response, struct err *err) MUST_USE;
/* GET without signature; repeated likewise if `is_patient`, else only once after a broken connection. */
bool acme_get(struct acme *acme, const char *url, const char *subject, bool is_patient, struct http_response *ret_response, struct err *err) MUST_USE;
/* Reads the JSON body of a success. `what` names it in the error: "the order". */
bool acme_read_body(const struct http_response *response, const struct json_field *fields, void *target, const char *what, struct err *err) MUST_USE;
/* Calls `run` for 0 … count-1, at most `width` at once, each in a fiber; returns when all have ended. */
void acme_each(struct acme *acme, size_t count, size_t width, void (*run)(void *ctx, size_t index), void *ctx);
/* Unix seconds by the CA's clock where the answer tells it, else by ours. */
int64_t acme_answered_at(const struct http_response *response);

#endif
