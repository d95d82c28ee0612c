/* SPDX-License-Identifier: MIT */
/* Debug lines on stderr, each in one write(2), so that lines of two processes never mix. */
#include "util/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/text.h"

#define LINE_MAX_SIZE 2000

static bool is_debug_enabled;

void log_enable_debug(void)
{
	is_debug_enabled = true;
}

void log_debug(const char *module, const char *format, ...)
{
	AUTO_BUF line = BUF_MAX(LINE_MAX_SIZE + 1);
	char text[LINE_MAX_SIZE];
	va_list args;

	if (!is_debug_enabled)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	buf_addf(&line, " ?     %s: ", module);
	/* One byte is kept for the end of the line, however long it became by escaping. */
	line.max--;
	text_escape(&line, text, false);
	line.max++;
	buf_addc(&line, '\n');
	ssize_t ignored = write(STDERR_FILENO, line.data, line.size);
	(void)ignored;
}
