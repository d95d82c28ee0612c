/* SPDX-License-Identifier: MIT */
#ifndef FLOW_HISTORY_H
#define FLOW_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;

/*
 * The certificates that this host got, as far as they matter to a CA's limits, from wherever one lies: rows of the store, our folder, tls/ of every app,
 * letsencrypt/certs/ of the bash plugin, and what `install` found as root.
 */
struct history_cert {
	char *leaf;
	struct strs names;
	char *server;          /* directory URL, "" = not known */
	char *ca;              /* struct limits.name of who issued it, "" = nobody with published limits */
	int64_t not_before_at;
	int64_t issued_at;     /* known, or estimated (design 4) */
};
struct history {
	struct context *context;
	int64_t now_at;
	struct history_cert **items; /* sorted by leaf */
	size_t count;
	size_t room;
	struct strs issuers; /* whose CA was looked up: "server <URL>", "issuer <organization>" … */
	struct strs cas;     /* … and the answer (same index) */
};
void history_done(struct history *history);
/* What cannot be read as a certificate is skipped. */
bool history_read(struct context *context, struct history *ret_history, struct err *err) MUST_USE;
/* Adds what the store has got since. */
bool history_catch_up(struct history *history, struct err *err) MUST_USE;
/* When a certificate that was found on disk was issued, as nobody wrote it down (design 4); sct_at 0 = it has none. */
int64_t history_issued_at(int64_t not_before_at, int64_t sct_at);

#endif
