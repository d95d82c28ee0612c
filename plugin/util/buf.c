/* SPDX-License-Identifier: MIT */
/* A byte string that grows up to its maximum. A secret one is never left to realloc, which would leave a copy of it behind. */
#include "util/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"

#define FIRST_ROOM 64

static void move_to(struct buf *buf, size_t room)
{
	if (!buf->is_secret) {
		buf->data = mem_resize(buf->data, room, 1);
	} else {
		char *data = mem_new(room, 1);

		if (buf->size > 0)
			memcpy(data, buf->data, buf->size);
		if (buf->data != NULL)
			explicit_bzero(buf->data, buf->room);
		free(buf->data);
		buf->data = data;
	}
	buf->room = room;
}

/* Makes room for `size` more bytes and the NUL, unless that is beyond the maximum. */
static bool reserve(struct buf *buf, size_t size)
{
	assert(buf->max < SIZE_MAX / 2);
	if (size > buf->max - buf->size) {
		buf->is_full = true;
		return false;
	}

	size_t needed = buf->size + size + 1;
	if (needed > buf->room) {
		size_t room = buf->room > 0 ? buf->room * 2 : FIRST_ROOM;

		if (room > buf->max + 1)
			room = buf->max + 1;
		move_to(buf, room > needed ? room : needed);
	}
	return true;
}

bool buf_add(struct buf *buf, const void *data, size_t size)
{
	if (!reserve(buf, size))
		return false;
	if (size > 0)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
	return true;
}

bool buf_adds(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

bool buf_addc(struct buf *buf, char c)
{
	return buf_add(buf, &c, 1);
}

bool buf_addf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(size >= 0);
	if (!reserve(buf, (size_t)size))
		return false;

	va_start(args, format);
	(void)vsnprintf(buf->data + buf->size, (size_t)size + 1, format, args);
	va_end(args);
	buf->size += (size_t)size;
	return true;
}

const char *buf_text(const struct buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

void buf_clear(struct buf *buf)
{
	if (buf->data != NULL && buf->is_secret)
		explicit_bzero(buf->data, buf->room);
	if (buf->data != NULL)
		buf->data[0] = '\0';
	buf->size = 0;
	buf->is_full = false;
}

char *buf_take(struct buf *buf)
{
	char *text = buf->data != NULL ? buf->data : mem_strdup("");

	*buf = (struct buf){ .max = buf->max, .is_secret = buf->is_secret };
	return text;
}

void buf_done(struct buf *buf)
{
	buf_clear(buf);
	free(buf->data);
	*buf = (struct buf){ .max = buf->max, .is_secret = buf->is_secret };
}
