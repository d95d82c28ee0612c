/* SPDX-License-Identifier: MIT */
#ifndef FLOW_AUTOMATIC_H
#define FLOW_AUTOMATIC_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct app;
struct context;
struct err;
struct talk;

/* What holds for jobs that hooks brought: nobody typed them, and nobody waits for more than a few seconds to read what is said. */

/* Neither "enable" nor "auto-renew". */
bool automatic_is(const char *reason);
/* Of "domains" and "rename": the hook fires before the platform has told the proxy. */
bool automatic_awaits_proxy(const char *reason);
/* Automation does not start within ten minutes of boot (design 5): the moment from which it may, 0 = it may now. */
int64_t automatic_not_before(const struct context *context);
/* Waits until then; not at all when that is now. ERR_STOPPED. */
bool automatic_sleep_until_booted(struct context *context, struct err *err) MUST_USE;
/*
 * The same for a worker. What hooks have left meanwhile is taken in first, so that who follows is told. *ret_is_over false: another process waits already, and finds the
 * same then. ERR_STOPPED.
 */
bool automatic_await_boot(struct context *context, bool *ret_is_over, struct err *err) MUST_USE;
/* The app is none of automation's business, and nobody need be told: another proxy or k3s, no nginx.conf, disabled, held back, only to be had by DNS-01. */
bool automatic_leaves(const struct app *app);
/* What the hook program asked for went wrong: a warning, and an event, since what a hook prints is often lost. app NULL = of no app. */
void automatic_failed(struct context *context, const char *command, const char *app, const struct err *failure);
/*
 * Before a job is decided: under `auto-enable` a deployed app becomes enabled, unless its owner has said otherwise in any way; and the CA is asked for the renewal
 * window where it is time to.
 */
bool automatic_prepare(struct context *context, const char *app, const struct talk *talk, struct err *err) MUST_USE;

#endif
