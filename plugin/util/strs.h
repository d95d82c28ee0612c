/* SPDX-License-Identifier: MIT */
#ifndef UTIL_STRS_H
#define UTIL_STRS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

/* A growing list that owns copies of strings: names, argument vectors. `items` ends with a NULL that is not counted once something was added. `{ 0 }` is empty. */
struct strs {
	char **items;
	size_t count;
	size_t room;
};

void strs_add(struct strs *list, const char *text);
void strs_add_size(struct strs *list, const char *text, size_t size);
void strs_addf(struct strs *list, const char *format, ...) PRINTF(2, 3);
void strs_add_all(struct strs *list, const struct strs *other);
/* Adds it unless it is there. True when added. */
bool strs_add_new(struct strs *list, const char *text);
bool strs_has(const struct strs *list, const char *text);
/* The index of `text`, or SIZE_MAX. */
size_t strs_find(const struct strs *list, const char *text);
bool strs_equal(const struct strs *a, const struct strs *b);
/* Same members, in whatever order (no duplicates assumed). */
bool strs_same_set(const struct strs *a, const struct strs *b);
/* Every member of `part` is in `whole`. */
bool strs_covers(const struct strs *whole, const struct strs *part);
void strs_remove_at(struct strs *list, size_t index);
void strs_sort(struct strs *list);
/* Members joined by `separator`; the caller frees it. */
char *strs_join(const struct strs *list, const char *separator) MUST_USE NEVER_NULL;
/* Adds what stands between any of the bytes of `separators`, without empty parts. */
void strs_split(struct strs *list, const char *text, const char *separators);
/* For posix_spawn and friends: borrowed, NULL-terminated, never NULL. */
char *const *strs_argv(const struct strs *list);
void strs_done(struct strs *list);
#define AUTO_STRS AUTO(strs_done) struct strs
static inline struct strs strs_take(struct strs *list)
{
	struct strs taken = *list;
	*list = (struct strs){ 0 };
	return taken;
}

#endif
