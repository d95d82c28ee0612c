/* SPDX-License-Identifier: MIT */
#ifndef FLOW_ENGINE_H
#define FLOW_ENGINE_H

#include <stdbool.h>

#include "flow/decide.h"
#include "util/attr.h"

struct app;
struct context;
struct err;

/* What the engine would do for this app now (design 3). The app is read by the caller. */
bool engine_decide(struct context *context, const struct app *app, enum decision_cause cause, struct decision *ret_decision, struct err *err) MUST_USE;

/* What makes asking the CA pointless before anything is changed: refused, or no e-mail address. False with the reason. */
bool engine_check(const struct app *app, const struct decision *decision, struct err *err) MUST_USE;

#endif
