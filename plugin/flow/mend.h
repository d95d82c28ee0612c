/* SPDX-License-Identifier: MIT */
#ifndef FLOW_MEND_H
#define FLOW_MEND_H

#include <stdbool.h>

#include "util/attr.h"

struct app;
struct context;
struct err;
struct talk;
struct worker;

/*
 * To be called before anything is done for a hook, which fires before the platform's own does: what we build at the same time would be replaced by what it builds
 * from an older port map, and what it does not serve yet the CA would not see. Waits ten seconds at most. ERR_STOPPED.
 */
bool mend_await_build(struct context *context, const char *app, struct err *err) MUST_USE;

/*
 * What TLS needs and the proxy of the app lacks: http:80, https:443, the snippet, a server block with TLS. A deploy of another image and `ports:set` take these away
 * without the platform bringing them back, although the certificate is there. `leaf` is to be served. Starts no process when nothing is missing.
 */
bool mend_proxy(struct worker *worker, const struct app *app, const char *leaf, const struct talk *talk, struct err *err) MUST_USE;

#endif
