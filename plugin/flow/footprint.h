/* SPDX-License-Identifier: MIT */
#ifndef FLOW_FOOTPRINT_H
#define FLOW_FOOTPRINT_H

#include "util/attr.h"

struct context;

/*
 * What the files of the bash plugin (contract 11.2) say of the certificate in an app's tls/. Ours have the same form, so that it can take over again, and so
 * that they still speak for us when the store was lost.
 */
enum footprint {
	FOOTPRINT_NONE,   /* there are none */
	FOOTPRINT_IN_USE, /* it is the one that `current` leads to */
	FOOTPRINT_COPY,   /* only the copy beside it is the same: the app was renamed or cloned, or a run was killed */
	FOOTPRINT_OTHER   /* the plugin had another one: somebody has put this one there */
};
enum footprint footprint_of(struct context *context, const char *app, int tls_fd, const char *leaf);
/* The directory URL that the one in `current` was asked of, "" = nobody knows; the caller frees it. */
char *footprint_server(struct context *context, const char *app) MUST_USE NEVER_NULL;

#endif
