/* SPDX-License-Identifier: MIT */
#ifndef FLOW_PORTS_H
#define FLOW_PORTS_H

#include <stdbool.h>

#include "util/attr.h"

struct context;
struct err;
struct talk;

/* Whether ports_ensure_http could do it; changes nothing. ERR_REFUSED with the command that adds a mapping. */
bool ports_check_http(struct context *context, const char *app, struct err *err) MUST_USE;

/*
 * HTTP-01 comes on port 80: sees to it that the app has a mapping http:80:N, adding one for the container port of its first http (else https) mapping. Starts no
 * process when the mapping is there.
 */
bool ports_ensure_http(struct context *context, const char *app, const struct talk *talk, struct err *err) MUST_USE;

/*
 * Whether the explicit map has http:80 but nothing for TLS at port 443: somebody replaced it, and the platform adds that mapping only when a certificate comes. What the
 * platform detects gets it by itself.
 */
bool ports_lack_https(struct context *context, const char *app, bool *ret_lack, struct err *err) MUST_USE;

#endif
