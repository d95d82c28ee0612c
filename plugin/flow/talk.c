/* SPDX-License-Identifier: MIT */
/* Formats what is to be said and hands it on line by line. */
#include "flow/talk.h"

#include <stdarg.h>

#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

static void say_lines(const struct talk *talk, enum talk_kind kind, const char *app, const char *text)
{
	AUTO_STRS lines = { 0 };

	strs_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.count; i++)
		talk->say(talk->ctx, kind, app, lines.items[i]);
	if (lines.count == 0)
		talk->say(talk->ctx, kind, app, "");
}

void talk_say(const struct talk *talk, enum talk_kind kind, const char *app, const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	va_list args;

	va_start(args, format);
	text = mem_vfmt(format, args);
	va_end(args);
	say_lines(talk, kind, app, text);
}

void talk_err(const struct talk *talk, const char *app, const struct err *err)
{
	say_lines(talk, TALK_WARN, app, err->text);
}
