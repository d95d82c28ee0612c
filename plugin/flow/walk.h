/* SPDX-License-Identifier: MIT */
#ifndef FLOW_WALK_H
#define FLOW_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

struct context;
struct err;
struct nginx_listen;
struct nginx_listens;
struct probe;
struct strs;

/* Redirects of the self-test, followed as a CA does it (design 5): ten at most, over HTTP and HTTPS, to ports 80 and 443. */

/* Where a probe has been led. */
struct walk {
	char *name;      /* host asked last; NULL: not redirected */
	char *path;
	bool leads_away; /* not to this host: what answers there is not known */
};
void walk_done(struct walk *walk);

/* The listener that a CA comes to: port 80, with TLS 443, if there is one, and there the one at an IPv4 address; NULL = none of that kind. */
const struct nginx_listen *walk_listen(const struct nginx_listens *listens, bool is_tls);
/* Names that the platform serves on this host: of all apps, with what the redirect plugin leads elsewhere. */
bool walk_host_names(struct context *context, struct strs *ret_names, struct err *err) MUST_USE;
/* Another app has the name too, among its domains or as a source of the redirect plugin. False when that cannot be told. */
bool walk_name_is_shared(struct context *context, const char *app, const char *name);
/*
 * Asks again where the answers lead, at the app's own listeners, until none leads any further: `probes` then hold the last answers, and borrow from `walks` (same
 * index, empty at first). Each question takes `timeout_ms` at most. What leads to a name that is not in `host_names`, or needs a listener that is not there, stays
 * at the redirect with leads_away.
 */
void walk_all(struct context *context, const struct nginx_listens *listens, const struct strs *host_names, struct probe *probes, struct walk *walks, size_t count,
	      int64_t timeout_ms);

#endif
