/* SPDX-License-Identifier: MIT */
/* A list of strings that owns its members. It is short wherever it is used (a hundred names, an argument vector): searching is linear. */
#include "util/strs.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"

/* Takes `text`. */
static void push(struct strs *list, char *text)
{
	if (list->count + 2 > list->room) {
		list->room = list->room > 0 ? list->room * 2 : 8;
		list->items = mem_resize(list->items, list->room, sizeof(*list->items));
	}
	list->items[list->count++] = text;
	list->items[list->count] = NULL;
}

void strs_add(struct strs *list, const char *text)
{
	push(list, mem_strdup(text));
}

void strs_add_size(struct strs *list, const char *text, size_t size)
{
	push(list, mem_strndup(text, size));
}

void strs_addf(struct strs *list, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	push(list, mem_vfmt(format, args));
	va_end(args);
}

void strs_add_all(struct strs *list, const struct strs *other)
{
	/* Counted first: `other` may be `list` itself. */
	size_t count = other->count;

	for (size_t i = 0; i < count; i++)
		strs_add(list, other->items[i]);
}

bool strs_add_new(struct strs *list, const char *text)
{
	if (strs_has(list, text))
		return false;
	strs_add(list, text);
	return true;
}

bool strs_has(const struct strs *list, const char *text)
{
	return strs_find(list, text) != SIZE_MAX;
}

size_t strs_find(const struct strs *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return i;
	}
	return SIZE_MAX;
}

bool strs_equal(const struct strs *a, const struct strs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return true;
}

bool strs_same_set(const struct strs *a, const struct strs *b)
{
	return a->count == b->count && strs_covers(a, b) && strs_covers(b, a);
}

bool strs_covers(const struct strs *whole, const struct strs *part)
{
	for (size_t i = 0; i < part->count; i++) {
		if (!strs_has(whole, part->items[i]))
			return false;
	}
	return true;
}

void strs_remove_at(struct strs *list, size_t index)
{
	assert(index < list->count);
	free(list->items[index]);
	/* The NULL at the end moves along. */
	memmove(&list->items[index], &list->items[index + 1], (list->count - index) * sizeof(*list->items));
	list->count--;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strs_sort(struct strs *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare);
}

char *strs_join(const struct strs *list, const char *separator)
{
	AUTO_BUF text = BUF_MAX(SIZE_MAX / 4);

	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_adds(&text, separator);
		buf_adds(&text, list->items[i]);
	}
	return buf_take(&text);
}

void strs_split(struct strs *list, const char *text, const char *separators)
{
	const char *at = text + strspn(text, separators);

	while (*at != '\0') {
		size_t size = strcspn(at, separators);

		strs_add_size(list, at, size);
		at += size;
		at += strspn(at, separators);
	}
}

char *const *strs_argv(const struct strs *list)
{
	static char *const none[] = { NULL };

	return list->items != NULL ? list->items : none;
}

void strs_done(struct strs *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strs){ 0 };
}
