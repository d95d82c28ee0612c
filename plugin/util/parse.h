/* SPDX-License-Identifier: MIT */
#ifndef UTIL_PARSE_H
#define UTIL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text to checked values; the only place that converts numbers. All are predicates: false = not such a value, and the output is untouched. */

/* Decimal, optional '-', nothing else around it, within [min, max]. */
bool parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value);
/* "true" "false" "1" "0" "yes" "no" "on" "off". */
bool parse_bool(const char *text, bool *ret_value);
/* Seconds: "2592000", "30d", "12h", "90m", "45s", "1d12h"; 0 .. ten years. */
bool parse_duration(const char *text, int64_t *ret_seconds);
/* RFC 3339 date-time (any offset, fractions cut) -> Unix seconds. */
bool parse_rfc3339(const char *text, int64_t *ret_at);
/* HTTP-date, RFC 9110 §5.6.7 (IMF-fixdate, RFC 850, asctime) -> Unix seconds. */
bool parse_http_date(const char *text, int64_t *ret_at);
/* Retry-After, RFC 9110 §10.2.3: seconds or HTTP-date -> moment in Unix seconds, never before `now_at`, at most 30 days after it. */
bool parse_retry_after(const char *text, int64_t now_at, int64_t *ret_at);
/* An e-mail address as Let's Encrypt takes it: one '@', a host name with a dot, printable ASCII without spaces. */
bool parse_is_email(const char *text);

#endif
