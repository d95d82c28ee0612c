/* SPDX-License-Identifier: MIT */
#ifndef FLOW_SERVED_H
#define FLOW_SERVED_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

struct app;
struct context;
struct err;

/* Which certificate the proxy serves for an app: before we change something, and after. Knows certificates by their SHA-256 only. */
struct served {
	char *name;           /* asked for: the app's first name */
	char address[64];
	int port;
	bool has_proxy_protocol;
	bool has_listener;    /* the app's nginx.conf has a TLS listener that can be asked */
	char old[65];         /* leaf in tls/ before, "" = none */
	char before[65];      /* leaf that was served before, "" = none or not asked */
	char now[65];         /* leaf that is served now, "" = none */
	char trouble[160];    /* why nothing is served now */
};
void served_done(struct served *served);
/* Where to ask; no request yet. */
bool served_prepare(struct context *context, const struct app *app, struct served *ret_served, struct err *err) MUST_USE;
/* Looks for the TLS listener again: the platform has rebuilt the app's nginx.conf. */
bool served_find_listener(struct context *context, const char *app, struct served *served, struct err *err) MUST_USE;
/* Asks all once and fills `before`. */
void served_baseline(struct context *context, struct served *const *served, size_t count);
/* Asks until each serves leaves[i], or for five seconds (old workers answer for a moment after a reload). */
void served_look(struct context *context, struct served *const *served, size_t count, const char *const *leaves);
/* NULL: `leaf` is served. Else why not, to follow "…, but ". */
const char *served_reason(struct served *served, const char *leaf);
/* The old certificate was served before, and now it is neither that nor `leaf`. */
bool served_is_worse(const struct served *served, const char *leaf);

#endif
