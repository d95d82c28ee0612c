/* SPDX-License-Identifier: MIT */
#ifndef NET_HEADER_H
#define NET_HEADER_H

#include <stddef.h>

#include "util/attr.h"

struct strs;

/*
 * The URL that Link headers give for `relation`, RFC 8288: `index` 0 is the first one. `values` are whole header values. The caller frees it; NULL = no more.
 */
char *header_link(const struct strs *values, const char *relation, size_t index) MUST_USE;
/* "Text/HTML; charset=utf-8" -> "text/html"; the caller frees it. */
char *header_media_type(const char *value) MUST_USE NEVER_NULL;

#endif
