/* SPDX-License-Identifier: MIT */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

/*
 * A growing byte string with a maximum, so that no peer can exhaust memory. `data` is never NULL once something was added and always ends with a NUL that
 * is not counted. `{ 0 }` is an empty buf without any room: give it a maximum.
 */
struct buf {
	char *data;
	size_t size;      /* bytes in use */
	size_t room;      /* bytes allocated */
	size_t max;       /* never more than this */
	bool is_secret;   /* wiped before it is freed or moved */
	bool is_full;     /* something did not fit any more and was left out */
};

#define BUF_MAX(maximum) { .max = (maximum) }
/* For keys: wiped at the end. */
#define BUF_SECRET(maximum) { .max = (maximum), .is_secret = true }

/* False when it does not fit: nothing of it is added then, and is_full says so. */
bool buf_add(struct buf *buf, const void *data, size_t size);
bool buf_adds(struct buf *buf, const char *text);
bool buf_addc(struct buf *buf, char c);
bool buf_addf(struct buf *buf, const char *format, ...) PRINTF(2, 3);
/* The text, "" when empty; borrowed until the next change. */
const char *buf_text(const struct buf *buf);
/* Empties it (wiping a secret one); keeps the maximum. */
void buf_clear(struct buf *buf);
/* Moves the text out; the caller frees it. Never NULL. The buf is empty after. */
char *buf_take(struct buf *buf) MUST_USE NEVER_NULL;
void buf_done(struct buf *buf);
#define AUTO_BUF AUTO(buf_done) struct buf

#endif
