/* SPDX-License-Identifier: MIT */
#ifndef FLOW_CA_H
#define FLOW_CA_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/acme.h"
#include "flow/gate.h"
#include "util/attr.h"

struct context;
struct err;
struct settings;

/*
 * The CAs of a run: one connection for each server and trust file, however many apps use it. Directories are kept in the store for twelve hours.
 */
struct ca {
	char *server;         /* directory URL */
	char *ca_certificate; /* trust file, "" = the system's */
	struct http *http;
	struct acme *acme;
	struct gate gate;     /* of the directory, and of making an account */
	struct ca *next;
};

struct cas {
	struct context *context;
	int64_t deadline_ms;
	struct ca *first;
};
void cas_done(struct cas *cas);

/* The CA that these settings name, its directory loaded; borrowed. NULL = failed. */
struct ca *ca_open(struct cas *cas, const struct settings *settings, struct err *err) MUST_USE;

/* An account as an order uses it; account_done releases it. */
struct account {
	struct key *key;
	struct acme_account acme; /* key borrowed from above */
	char *email;              /* its folder */
};
void account_done(struct account *account);

/*
 * The account stored for the server and e-mail, else the oldest of that server, else the newest of the app's older layout (copied to the shared one); made and
 * registered at the CA when there is none: *ret_terms_url is then that of the terms agreed to (the caller frees it), else NULL. One at a time: however many apps ask,
 * one newAccount is sent. A key that a killed run left is registered, not a new one.
 */
bool account_get(struct ca *ca, struct context *context, const char *app, const struct settings *settings, struct account *ret_account, char **ret_terms_url,
		 struct err *err) MUST_USE;
/* URL of the account that account_get would find without asking anybody, "" = it would make one; the caller frees it. */
bool account_known(struct context *context, const struct settings *settings, char **ret_url, struct err *err) MUST_USE;
/* Thumbprint of the account that account_get would find without asking anybody, NULL = it would make one; the caller frees it. */
bool account_thumbprint(struct context *context, const char *app, const struct settings *settings, char **ret_thumbprint, struct err *err) MUST_USE;
/* The CA does not know the account any more: registers the same key again and keeps the new URL. */
bool account_again(struct ca *ca, struct context *context, const struct settings *settings, struct account *account, struct err *err) MUST_USE;

#endif
