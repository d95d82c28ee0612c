/* SPDX-License-Identifier: MIT */
#ifndef FLOW_DISABLE_H
#define FLOW_DISABLE_H

#include <stdbool.h>

#include "util/attr.h"

struct app_held;
struct context;
struct err;

/*
 * Takes the app's certificate of ours out of use: its files in tls/ (and tls/ when nothing of others is left in it) and letsencrypt/, and has the platform rebuild the
 * proxy's configuration. *ret_was_served: there was one. The certificate stays in our archive.
 */
bool disable_certificate(struct context *context, const char *app, const struct app_held *held, bool with_snippet, bool *ret_was_served, struct err *err) MUST_USE;

#endif
