/* SPDX-License-Identifier: MIT */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

struct buf;
struct strs;

/* ASCII only, whatever the locale says. */
bool text_is_space(char c);
bool text_is_digit(char c);
bool text_is_alnum(char c);
char text_lower_char(char c);
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
bool text_equal_nocase(const char *a, const char *b);
/* Where `needle` starts in `text` without regard to ASCII case, or NULL. */
const char *text_find_nocase(const char *text, const char *needle);
/* A lower-case copy; the caller frees it. */
char *text_lower(const char *text) MUST_USE NEVER_NULL;
/* A copy without white space at both ends; the caller frees it. */
char *text_trim(const char *text) MUST_USE NEVER_NULL;
/* Adds the lines of `text`, trimmed, without those that are then empty. */
void text_lines(const char *text, struct strs *ret_lines);
/* The size of the UTF-8 character (RFC 3629) that starts at `text`, 1 to 4 bytes; 0 when the bytes there are none, or at the end. */
size_t text_utf8_size(const char *text);
/*
 * Appends `text` with bytes < 0x20, 0x7f and C1 controls (U+0080–U+009F, raw or as UTF-8) as \xNN; '\n' is kept if `keep_newlines`. Stops at the first
 * character that does not fit.
 */
void text_escape(struct buf *out, const char *text, bool keep_newlines);
/* Appends `text` as lower-case hex of its bytes. */
void text_hex(struct buf *out, const void *data, size_t size);
/* The member of `words` (NULL-terminated) that is nearest to `word` by edit distance, NULL if none is nearer than a third of its length + 1. Borrowed. */
const char *text_nearest(const char *word, const char *const *words);
/* Shell-style pattern with '*' and '?' (no classes) against the whole of `text`. */
bool text_matches(const char *pattern, const char *text);

#endif
