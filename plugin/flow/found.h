/* SPDX-License-Identifier: MIT */
#ifndef FLOW_FOUND_H
#define FLOW_FOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;

/*
 * What another client of this host got for itself: only root may look into its folder, so `install` does, and leaves $D/--global/found.json (0640) to the
 * platform's user.
 */

/* Older certificates matter to no limit any more: sets are remembered for 120 days. With room for a host that was off, and for clocks. */
#define FOUND_AGE_S (INT64_C(400) * 86400)

struct found_cert {
	char *leaf;            /* SHA-256, 64 hex digits */
	char *serial;          /* lower-case hex */
	struct strs names;
	char *issuer;          /* one line */
	char *organization;    /* of the issuer */
	int64_t not_before_at, not_after_at;
	int64_t sct_at;        /* latest embedded SCT, 0 = none */
};
struct found_certs {
	struct found_cert *items;
	size_t count;
};
void found_certs_done(struct found_certs *certs);

/* Whether a file is there that can hold a certificate of that age: none is younger than its file, as a host with so wrong a clock gets none. */
bool found_is_recent(int dir_fd, const char *name, int64_t now_at);

/*
 * Writes down the certificates in certbot's folder ("/etc/letsencrypt"): live/<name>/cert.pem and what it replaced, archive/<name>/cert<N>.pem. No other file is
 * opened. One that cannot be read is said to be left out. The file is not touched when it says the same already.
 */
bool found_write(struct context *context, const char *folder, struct err *err) MUST_USE;
/* None when the file is missing or makes no sense: the next `install` writes it anew. */
bool found_read(struct context *context, struct found_certs *ret_certs, struct err *err) MUST_USE;

#endif
