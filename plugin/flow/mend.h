/* SPDX-License-Identifier: MIT */
#ifndef FLOW_MEND_H
#define FLOW_MEND_H

#include <stdbool.h>

#include "util/attr.h"

struct app;
struct err;
struct talk;
struct worker;

/*
 * What TLS needs and the proxy of the app lacks: http:80, https:443, the snippet, a server block with TLS. A deploy of another image and `ports:set` take these away
 * without the platform bringing them back, although the certificate is there. `leaf` is to be served. Starts no process when nothing is missing.
 */
bool mend_proxy(struct worker *worker, const struct app *app, const char *leaf, const struct talk *talk, struct err *err) MUST_USE;

#endif
