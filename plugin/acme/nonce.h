/* SPDX-License-Identifier: MIT */
#ifndef ACME_NONCE_H
#define ACME_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/acme.h"

struct err;
struct http_call;
struct http_response;

/*
 * Nonces, RFC 8555 §6.5. Each answer of the CA brings one and each signed request takes one, so as many are in circulation as signed requests can be under way
 * at once. A HEAD brings one more into circulation, up to ACME_NONCE_MAX: only for somebody who waits, or who is about to send several requests at once.
 */
struct acme_nonces {
	struct strs fresh;
	size_t lent_count; /* taken, answer not yet there */
	struct acme_nonce_head {
		struct acme *acme;
		struct http_call *call; /* NULL = free */
	} heads[ACME_NONCE_MAX];
	struct acme_nonce_waiter *first_waiter;
};
/* Gives up what is under way. */
void acme_nonces_done(struct acme_nonces *nonces);

/* One nonce to sign with; the caller frees it, and gives one back (or reports the loss) by acme_nonce_return. `*ret_status`: of an answer that was an error, else 0. */
bool acme_nonce_take(struct acme *acme, int64_t deadline_ms, char **ret_nonce, long *ret_status, struct err *err) MUST_USE;
/* The request has been answered, by `nonce`; NULL = it brought none, or there was no answer. */
void acme_nonce_return(struct acme *acme, const char *nonce);
/* So many requests will be sent at once as soon as the present ones are answered: sees to nonces for them. */
void acme_nonces_prefetch(struct acme *acme, size_t count);

#endif
