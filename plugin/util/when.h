/* SPDX-License-Identifier: MIT */
#ifndef UTIL_WHEN_H
#define UTIL_WHEN_H

#include <stdint.h>

#include "util/attr.h"

/* Moments are int64_t Unix seconds, named …_at; durations …_s or …_ms. */
#define WHEN_MINUTE 60
#define WHEN_HOUR 3600
#define WHEN_DAY 86400

/* a + b, held within int64_t. */
int64_t when_add(int64_t at, int64_t seconds);
/* The next moment after `at` at which a clock in the zone of the process shows that minute (0..59) of an hour, and no seconds. */
int64_t when_minute_after(int64_t at, int64_t minute);
/* "2026-01-02 15:04:05" in the zone of the process; the caller frees it. */
char *when_local(int64_t at) MUST_USE NEVER_NULL;
/* "2026-01-02T15:04:05Z"; the caller frees it. */
char *when_rfc3339(int64_t at) MUST_USE NEVER_NULL;
/* "2026-01-02 15:04 CET" in the zone of the process: for messages. The caller frees it. */
char *when_human(int64_t at) MUST_USE NEVER_NULL;
/* The bash plugin's form: "1d, 1h, 1m, 1s", parts that are zero left out, " ago" when negative, "" for zero. The caller frees it. */
char *when_difference(int64_t seconds) MUST_USE NEVER_NULL;

#endif
