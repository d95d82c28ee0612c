/* SPDX-License-Identifier: MIT */
#ifndef FLOW_INSTALL_H
#define FLOW_INSTALL_H

#include <stdbool.h>

#include "flow/batch.h"
#include "util/attr.h"

struct app;
struct err;
struct talk;
struct worker;

/*
 * Puts a certificate of ours where the proxy serves it (design 6), and looks whether it does. Issued and installed are two facts: when nginx's configuration is
 * broken already, nothing changes, the certificate is kept, and the next run installs it.
 * Of a fiber that expects to join worker->renewals; it has joined or forgotten when this returns.
 */
bool install_certificate(struct worker *worker, const struct app *app, const char *leaf, const struct talk *talk, struct err *err) MUST_USE;
/* Installed earlier, but not served since: tests, reloads and looks again. The same on worker->renewals. */
bool install_serve(struct worker *worker, const struct app *app, const struct talk *talk, struct err *err) MUST_USE;
/* For the batch of the worker. */
void install_renewals(void *worker, struct batch_item *items);

#endif
