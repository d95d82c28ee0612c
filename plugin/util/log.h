/* SPDX-License-Identifier: MIT */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include "util/attr.h"

/*
 * Diagnostics for --trace: one line each on stderr, " ?     module: text" as the platform's own debug lines. Silent unless switched on by main.
 * Never a key, a JWS, a nonce or a credential; control bytes are escaped here.
 */
void log_enable_debug(void);
void log_debug(const char *module, const char *format, ...) PRINTF(2, 3);

#endif
