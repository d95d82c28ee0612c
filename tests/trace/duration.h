/* SPDX-License-Identifier: MIT */
#ifndef TRACE_DURATION_H
#define TRACE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

/* Durations as the CA's configuration writes and its messages print them (Go's time.Duration): "1h30m", "1.5s", "168h0m0s". */

bool duration_parse(const char *text, int64_t *ret_ns);
/* For durations that are not negative. */
void duration_add(struct buf *out, int64_t ns);

#endif
