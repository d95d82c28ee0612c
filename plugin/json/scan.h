/* SPDX-License-Identifier: MIT */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/buf.h"

struct err;

/*
 * Reads JSON (RFC 8259) value by value, for texts whose faults are told with their line (jansson forgets where a value stood) or of which there are
 * millions. The reader says what it expects next; the first thing that is not so fills `err` ("line 7: …", ERR_CONFIG) and from then on everything fails:
 *
 *     if (!scan_object(&scan))
 *             return false;
 *     while (scan_member(&scan))
 *             … look at scan.key, then read or skip the value
 *     return scan_is_good(&scan);
 */
struct scan {
	const char *at;
	const char *end;
	int line;
	bool is_first;   /* nothing of the innermost object or list was read yet */
	bool is_bad;
	struct buf key;  /* of the last member */
	struct buf text; /* the last string */
	struct err *err;
};

/* `text` must live as long as the scan, and a NUL must follow it that is not counted; strings in it have at most `max` bytes. */
void scan_start(struct scan *scan, const char *text, size_t size, size_t max, struct err *err);
/* Enters an object; scan_member goes to its next member and leaves it when there is none. */
bool scan_object(struct scan *scan) MUST_USE;
bool scan_member(struct scan *scan) MUST_USE;
/* Enters a list; scan_item goes to its next value and leaves it when there is none. */
bool scan_list(struct scan *scan) MUST_USE;
bool scan_item(struct scan *scan) MUST_USE;
/* A string, borrowed until the next one is read; NULL when there is none. */
const char *scan_string(struct scan *scan) MUST_USE;
/* False for fractions and exponents as well. */
bool scan_int(struct scan *scan, int64_t *ret_value) MUST_USE;
bool scan_bool(struct scan *scan, bool *ret_value) MUST_USE;
/* Any value. */
bool scan_skip(struct scan *scan) MUST_USE;
/* Whether the next value is null; it is not read. */
bool scan_is_null(struct scan *scan) MUST_USE;
/* Whether all was good and nothing but white space is left. */
bool scan_is_done(struct scan *scan) MUST_USE;
static inline bool scan_is_good(const struct scan *scan)
{
	return !scan->is_bad;
}
/* Makes the scan bad, for a reason of the reader's own: "line 7: formatted". The first reason stays. */
void scan_blame(struct scan *scan, const char *format, ...) PRINTF(2, 3);
/* False, and visibly so to compilers and analyzers. */
#define scan_fail(scan, ...) (scan_blame((scan), __VA_ARGS__), false)
void scan_done(struct scan *scan);
#define AUTO_SCAN AUTO(scan_done) struct scan

#endif
