/* SPDX-License-Identifier: MIT */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/buf.h"
#include "util/strs.h"

struct acme;
struct acme_account;
struct err;
struct key;

/*
 * One order from newOrder to the certificate, RFC 8555 §7.4 and §7.5: all authorizations and all challenges at once, only the order polled (RFC 8555 §7.1.6),
 * key and CSR made while the CA validates. What must be on disk before the next request is told through `struct acme_order_steps`; returning false there
 * stops the order with that error.
 */
struct acme_order_steps {
	/* newOrder was answered: the URL and when the order expires (0 = unknown). Before anything else is sent. */
	bool (*placed)(void *ctx, const char *order_url, int64_t expires_at, struct err *err);
	/* http-01, RFC 8555 §8.3: `token` must answer with `key_authorization` for `name` from now on. Called for each authorization that is pending. */
	bool (*present)(void *ctx, const char *name, const char *token, const char *key_authorization, struct err *err);
	/* The key of the certificate: kept durably before it returns; `*ret_key` is borrowed until the order has ended. May be called long before finalizing. */
	bool (*certificate_key)(void *ctx, const struct key **ret_key, struct err *err);
	/* The next request is finalize. */
	bool (*finalizing)(void *ctx, struct err *err);
	/* First seen valid: Date of that answer (0 = no Date). */
	void (*valid)(void *ctx, int64_t date_at);
	/* For the user: one of "placed", "validating", "finalizing", "downloading". */
	void (*step)(void *ctx, const char *step);
	/* A validation of `name` failed; design 4 charges it. */
	void (*failed)(void *ctx, const char *name);
	void *ctx;
};

struct acme_order_request {
	const struct acme_account *account; /* with URL and key */
	const struct strs *names;           /* lower case; DNS names, wildcards, addresses */
	const char *profile;                /* NULL = none asked for */
	const char *replaces;               /* ARI id of the certificate that this one replaces, RFC 9773 §5; NULL */
	const char *preferred_chain;        /* common name of a root; NULL = the default chain */
	const char *url;                    /* an order placed earlier, to be continued; NULL = newOrder */
	int64_t deadline_ms;                /* of the loop */
};

struct acme_order_result {
	struct buf chain_pem;      /* the certificate chosen, leaf first */
	bool replaces_was_refused; /* it was placed without `replaces` */
	bool chain_not_found;      /* no chain ends in preferred_chain: the default one was taken */
};
void acme_order_result_done(struct acme_order_result *result);

/*
 * Carries it out and waits for its end.
 *
 * Failures, each naming the name it concerns with the CA's own detail and what to do:
 *   ERR_ACME          type "": the order became invalid (validation failed: one line a name, sub-problems too); else the type of the problem document
 *   ERR_MISSING       with request.url: the CA does not know that order (gone, or another account's)
 *   ERR_RATE_LIMITED  with retry_at where it was told
 *   ERR_TIMEOUT       deadline passed; the order goes on at the CA
 *   ERR_NETWORK …     as of net/http
 * `replaces` refused (409 alreadyReplaced, 404, 403, 400 malformed about it): placed once more without.
 * accountDoesNotExist: ERR_ACME with that type; the caller registers again and repeats.
 */
bool acme_order_run(struct acme *acme, const struct acme_order_request *request, const struct acme_order_steps *steps, struct acme_order_result *ret_result,
		    struct err *err) MUST_USE;

#endif
