/* SPDX-License-Identifier: MIT */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "json/read.h"

struct buf;
struct err;
struct http_response;

/* A problem document, RFC 9457 with the subproblems of RFC 8555 §6.7.1; in an answer, in a challenge or in an order. */
struct acme_problem {
	char *type; /* NULL if absent, as detail */
	char *detail;
	struct json_array subproblems; /* of struct acme_subproblem */
};
struct acme_identifier {
	char *type, *value;
};
struct acme_subproblem {
	char *type, *detail;
	struct acme_identifier identifier;
};
extern const struct json_field acme_problem_fields[];
extern const struct json_field acme_identifier_fields[];
void acme_problem_done(struct acme_problem *problem);
void acme_identifier_done(struct acme_identifier *identifier);

/* Where a problem arose decides what to do about it: the same type means another thing for a request than for a validation. */
enum acme_stage { ACME_STAGE_REQUEST, ACME_STAGE_VALIDATION };

/* Appends "subject: detail — what to do", and a line for each subproblem. Remote text has its control bytes escaped, line feeds too. */
void acme_problem_explain(const struct acme_problem *problem, enum acme_stage stage, const char *subject, struct buf *ret_text);
/*
 * An answer that is not a success -> err; always false. ERR_RATE_LIMITED for 429 and that type, ERR_ACME for other problem documents, ERR_NETWORK for a
 * server error without one, else ERR_PROTOCOL. `now_at`: for Retry-After in seconds.
 */
bool acme_problem_fail(const struct http_response *response, const char *subject, int64_t now_at, struct err *err);

#endif
