/* SPDX-License-Identifier: MIT */
#ifndef UTIL_MEM_H
#define UTIL_MEM_H

#include <stdarg.h>
#include <stdlib.h>

#include "util/attr.h"

/*
 * Allocation that never fails: without memory the program says so on stderr and aborts. What comes from outside is bounded before it gets here.
 */

/* Zeroed memory for `count` objects of `size` bytes. Freed by free(). */
void *mem_new(size_t count, size_t size) MUST_USE NEVER_NULL FREED_BY(free);
/* `old` (may be NULL) with room for `count` objects of `size` bytes; what is new is not initialised. */
void *mem_resize(void *old, size_t count, size_t size) MUST_USE NEVER_NULL;
char *mem_strdup(const char *text) MUST_USE NEVER_NULL FREED_BY(free);
/* A copy of the first `size` bytes and a NUL. */
char *mem_strndup(const char *text, size_t size) MUST_USE NEVER_NULL FREED_BY(free);
char *mem_vfmt(const char *format, va_list args) PRINTF(1, 0) MUST_USE NEVER_NULL FREED_BY(free);
char *mem_fmt(const char *format, ...) PRINTF(1, 2) MUST_USE NEVER_NULL FREED_BY(free);

/* The destructor behind AUTO_FREE: `p` is the address of a pointer. */
void mem_autofree(void *p);
/* A `char *` or other malloc'ed pointer that is freed at the end of its scope. */
#define AUTO_FREE AUTO(mem_autofree)

/* Moves a string out of its owner, which becomes NULL. */
static inline char *mem_take(char **owner)
{
	char *taken = *owner;
	*owner = NULL;
	return taken;
}

#endif
