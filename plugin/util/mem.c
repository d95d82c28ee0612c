/* SPDX-License-Identifier: MIT */
/*
 * Allocation that ends the program when there is none: no caller has an error path for it. The message is written without stdio, which may itself allocate.
 */
#include "util/mem.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *require(void *memory)
{
	static const char message[] = "letsencrypt: out of memory\n";

	if (memory == NULL) {
		ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);
		(void)ignored;
		abort();
	}
	return memory;
}

void *mem_new(size_t count, size_t size)
{
	/* calloc(0) may be NULL, which is not a failure. */
	return require(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *mem_resize(void *old, size_t count, size_t size)
{
	return require(reallocarray(old, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *mem_strdup(const char *text)
{
	return require(strdup(text));
}

char *mem_strndup(const char *text, size_t size)
{
	char *copy = mem_new(size + 1, 1);

	if (size > 0)
		memcpy(copy, text, size);
	return copy;
}

char *mem_vfmt(const char *format, va_list args)
{
	char *text = NULL;

	int size = vasprintf(&text, format, args);
	return require(size < 0 ? NULL : text);
}

char *mem_fmt(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = mem_vfmt(format, args);
	va_end(args);
	return text;
}

void mem_autofree(void *p)
{
	void *memory;

	/* `p` is the address of some pointer; memcpy reads it whatever its type. */
	memcpy(&memory, p, sizeof(memory));
	free(memory);
}
