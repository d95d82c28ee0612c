/* SPDX-License-Identifier: MIT */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

struct out;

/* What tables are laid out for. */
struct page {
	int columns;      /* of a line; 80 where nobody knows */
	bool is_terminal; /* somebody looks at it: bars, not columns */
	bool is_utf8;     /* characters beyond ASCII are shown as what they are */
};
/* For the descriptor that it is printed on; `locale` as LC_ALL, LC_CTYPE or LANG has it, may be NULL. */
struct page page_of(int fd, const char *term, const char *locale);
/* That of standard output. */
struct page page_of_output(void);

/* How many columns the text takes: its characters, of which each takes one. */
size_t page_width(const char *text);
/* A blank at which no line is broken. */
#define PAGE_BLANK "\u00a0"
/*
 * Prints `lead` and after it `text`, broken at blanks into lines that fit; the lines after the first are indented by `indent` blanks. Line breaks of the text
 * are kept. A word longer than a line is not torn.
 */
void page_print(struct out *out, const struct page *page, const char *lead, size_t indent, const char *text);

/* A copy with moments in UTC ("2026-01-02T15:04:05Z"), as texts are kept, as when_human has them; the caller frees it. */
char *page_local(const char *text) MUST_USE NEVER_NULL;
/* "7 days", "3 hours": an even span in its largest unit; the caller frees it. */
char *page_span(int64_t seconds) MUST_USE NEVER_NULL;
/* "until 2026-01-02 15:04 CET"; INT64_MAX, which only a pause has: "until the pause is lifted". The caller frees it. */
char *page_until(int64_t at) MUST_USE NEVER_NULL;
/* The day of it alone: "2026-01-02", in the zone of the process. The caller frees it. */
char *page_day(int64_t at) MUST_USE NEVER_NULL;

#endif
