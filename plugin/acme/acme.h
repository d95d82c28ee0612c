/* SPDX-License-Identifier: MIT */
#ifndef ACME_ACME_H
#define ACME_ACME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/strs.h"

struct err;
struct http;
struct key;
struct loop;

/*
 * A CA, as RFC 8555 and RFC 9773 describe it: directory, nonces, and signed requests. Everything else in this folder (account, order, ari, revoke) sends through
 * it. One `struct acme` a CA and run; all orders of a run share it, its connection and its nonces: at most ACME_NONCE_MAX are in circulation, hence as many
 * signed requests under way.
 */
struct acme;
#define ACME_NONCE_MAX 10

struct acme_config {
	const char *directory_url;
	struct http *http;
	struct loop *loop;
	const char *directory_text; /* the directory as it was kept (acme_directory_text), NULL = fetch it */
	int64_t deadline_ms;        /* of the loop: nothing is retried or waited for beyond it */
};

/* All strings are copied. */
struct acme *acme_new(const struct acme_config *config) MUST_USE NEVER_NULL;
void acme_free(struct acme *acme);
static inline void acme_freep(struct acme **acme)
{
	acme_free(*acme);
}

/* ---- directory, RFC 8555 §7.1.1 ---- */

/* Loads it unless it is there; ERR_CONFIG when the URL answers with something else ("is 'URL' an ACME directory?"). */
bool acme_load_directory(struct acme *acme, struct err *err) MUST_USE;
/* Its text when it was fetched in this run (to be kept for the next), else NULL. Borrowed. */
const char *acme_directory_text(const struct acme *acme);
const char *acme_terms_url(const struct acme *acme); /* NULL = none; borrowed */
bool acme_needs_external_account(const struct acme *acme);
bool acme_has_ari(const struct acme *acme);
/* Names of the profiles the CA offers; borrowed; empty = none. */
const struct strs *acme_profiles(const struct acme *acme);
/* Date header of the CA's latest answer, Unix seconds, 0 = none yet. Design 4 on time. */
int64_t acme_date_at(const struct acme *acme);
/* The same, and what has passed since by a clock that nobody sets. */
int64_t acme_now_at(const struct acme *acme);
/* An answer of the CA has come in this run: unless it has, a HEAD for a nonce is sent and waited for. */
bool acme_meet(struct acme *acme, int64_t deadline_ms, struct err *err) MUST_USE;
/* Sends HEAD for a nonce without waiting for it, so that connecting overlaps with local work. */
void acme_warm_up(struct acme *acme);

/* ---- accounts, RFC 8555 §7.3 ---- */

struct acme_account {
	struct key *key;  /* borrowed or owned by whoever made the struct */
	char *url;        /* account URL ("kid"), NULL = unknown yet */
	char *thumbprint; /* RFC 7638 */
};

struct acme_registration {
	const char *email;        /* contact; NULL = none */
	const char *eab_kid;      /* NULL = no external account binding, RFC 8555 §7.3.4 */
	const char *eab_hmac_key; /* base64url */
};
/*
 * newAccount; sets account->url. An existing account for this key comes back as it is (RFC 8555 §7.3: 200). Agrees to the terms. Without eab_kid where the CA wants
 * it: ERR_CONFIG naming the two properties. *ret_terms_url: of the terms agreed to, caller frees it, NULL = none.
 */
bool acme_account_register(struct acme *acme, struct acme_account *account, const struct acme_registration *registration, char **ret_terms_url,
			   struct err *err) MUST_USE;
/* newAccount with onlyReturnExisting, RFC 8555 §7.3.1. ERR_MISSING when the CA does not know the key. */
bool acme_account_find(struct acme *acme, struct acme_account *account, struct err *err) MUST_USE;

/* ---- revocation, RFC 8555 §7.6 ---- */

/* Reason codes of RFC 5280 §5.3.1 by name ("unspecified" "keyCompromise" "affiliationChanged" "superseded" "cessationOfOperation") or number. */
bool acme_reason_parse(const char *text, int *ret_reason);
const char *const *acme_reason_names(void);
/*
 * `der`: the certificate. Signed by `account` if not NULL, else by `cert_key`. Already revoked counts as done.
 */
bool acme_revoke(struct acme *acme, const struct acme_account *account, const struct key *cert_key, const void *der, size_t der_size, int reason,
		 struct err *err) MUST_USE;

/* ---- renewal information, RFC 9773 ---- */

struct acme_window {
	int64_t start_at, end_at; /* suggested window */
	int64_t retry_at;         /* not asked again before */
	char *explanation_url;    /* NULL = none */
};
void acme_window_done(struct acme_window *window);
/* Asks for many certificates at once, unsigned GETs. `ids` are of cert.ari_id; each gets its window, or its error; never fails as a whole. */
void acme_windows(struct acme *acme, const struct strs *ids, struct acme_window *ret_windows, struct err *ret_errs);

#endif
