/* SPDX-License-Identifier: MIT */
#ifndef UTIL_B64_H
#define UTIL_B64_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* base64url without padding, RFC 4648 §5 and RFC 7515 §2. Appends to `out`; false when it does not fit. */
bool b64url_encode(struct buf *out, const void *data, size_t size);
/* Strict: only the alphabet, no padding, no stray bits at the end. False = not base64url; `out` is then unchanged. */
bool b64url_decode(struct buf *out, const char *text);
/* Every byte is of the base64url alphabet, and there is at least one. */
bool b64url_is(const char *text);

#endif
