/* SPDX-License-Identifier: MIT */
#ifndef ACME_DIRECTORY_H
#define ACME_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "json/read.h"
#include "util/attr.h"
#include "util/strs.h"

struct acme;
struct err;

/* Where a CA takes what, RFC 8555 §7.1.1. */
enum acme_resource { ACME_NEW_NONCE, ACME_NEW_ACCOUNT, ACME_NEW_ORDER, ACME_REVOKE_CERT, ACME_RENEWAL_INFO, ACME_RESOURCES };

struct acme_directory {
	char *urls[ACME_RESOURCES]; /* NULL only for ACME_RENEWAL_INFO: not offered */
	struct {
		char *terms_url; /* NULL = none */
		bool needs_external_account;
		struct json_array profile_map;
	} meta;
	struct strs profiles;
};
void acme_directory_done(struct acme_directory *directory);
/* ERR_PROTOCOL when it is not one, or names URLs that are not https. */
bool acme_directory_read(const char *text, size_t size, struct acme_directory *ret_directory, struct err *err) MUST_USE;

/* Fetches it anew if it came from the copy that was kept. False: it did not, or it cannot be fetched, so nothing changed. */
bool acme_directory_refresh(struct acme *acme) MUST_USE;

#endif
