/* SPDX-License-Identifier: MIT */
#ifndef FLOW_WINDOWS_H
#define FLOW_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

struct app;
struct context;
struct err;

/*
 * Renewal windows (RFC 9773) of the certificates that these apps hold, asked for where they are not known or their Retry-After has passed: all of one CA at once. The
 * moment of renewal is drawn once within a window, and again only when the window changes. A CA that does not answer leaves what is known.
 */
void windows_refresh(struct context *context, struct app *const *apps, size_t count);

#endif
