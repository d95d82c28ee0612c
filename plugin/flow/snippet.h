/* SPDX-License-Identifier: MIT */
#ifndef FLOW_SNIPPET_H
#define FLOW_SNIPPET_H

#include <stdbool.h>

#include "util/attr.h"

struct app;
struct context;
struct err;

/*
 * Puts the app's challenge snippet in place before a reload that somebody else is about to make, so that it costs none (design 5): tested from copies, never before
 * there is an account. For apps that are enabled, or that a deploy enables; nothing happens for others.
 */
bool snippet_place(struct context *context, const struct app *app, struct err *err) MUST_USE;

#endif
