/* SPDX-License-Identifier: MIT */
/*
 * Fills error values. Everything goes through text_escape here, once, so that a CA's or a child's words can be put into a message as they came. Nothing is
 * allocated: the text is written in place and cut at its end.
 */
#include "util/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/buf.h"
#include "util/text.h"

/* Longer than an error's text: so it is text_escape that cuts, and it never cuts inside a character. */
struct draft {
	char text[sizeof(((struct err *)0)->text) + 8];
};

static void draft_addv(struct draft *draft, const char *format, va_list args)
{
	size_t used = strlen(draft->text);

	(void)vsnprintf(draft->text + used, sizeof(draft->text) - used, format, args);
}

static void PRINTF(2, 3) draft_add(struct draft *draft, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	draft_addv(draft, format, args);
	va_end(args);
}

static void put_text(struct err *err, const struct draft *draft)
{
	/* As much room as its maximum needs: this buf never allocates. */
	struct buf text = { .data = err->text, .room = sizeof(err->text), .max = sizeof(err->text) - 1 };

	err->text[0] = '\0';
	text_escape(&text, draft->text, true);
}

void err_record(struct err *err, enum err_kind kind, int sys_errno, const char *format, ...)
{
	int saved_errno = errno;
	struct draft draft = { "" };
	va_list args;

	va_start(args, format);
	draft_addv(&draft, format, args);
	va_end(args);
	if (sys_errno != 0)
		draft_add(&draft, ": %s", strerror(sys_errno));

	err->kind = kind;
	err->retry_at = 0;
	err->type[0] = '\0';
	put_text(err, &draft);
	errno = saved_errno;
}

void err_prefix(struct err *err, const char *format, ...)
{
	int saved_errno = errno;
	struct draft draft = { "" };
	va_list args;

	va_start(args, format);
	draft_addv(&draft, format, args);
	va_end(args);
	draft_add(&draft, ": %s", err->text);
	put_text(err, &draft);
	errno = saved_errno;
}

void err_append(struct err *err, const char *format, ...)
{
	int saved_errno = errno;
	struct draft draft = { "" };
	va_list args;

	if (err->text[0] != '\0')
		draft_add(&draft, "%s\n", err->text);
	va_start(args, format);
	draft_addv(&draft, format, args);
	va_end(args);
	put_text(err, &draft);
	errno = saved_errno;
}

struct kind_row {
	const char *name;
	int exit_status;
};

static const struct kind_row kind_rows[] = {
	[ERR_NONE] = { "none", 0 },
	[ERR_USAGE] = { "usage", 1 },
	[ERR_CONFIG] = { "config", 1 },
	[ERR_NO_APP] = { "no-app", 20 },
	[ERR_MISSING] = { "missing", 1 },
	[ERR_EXISTS] = { "exists", 1 },
	[ERR_IO] = { "io", 1 },
	[ERR_LOCKED] = { "locked", 1 },
	[ERR_NETWORK] = { "network", 1 },
	[ERR_TLS] = { "tls", 1 },
	[ERR_PROTOCOL] = { "protocol", 1 },
	[ERR_ACME] = { "acme", 1 },
	[ERR_RATE_LIMITED] = { "rate-limited", 1 },
	[ERR_WAITS] = { "waits", 75 },
	[ERR_REFUSED] = { "refused", 1 },
	[ERR_CHILD] = { "child", 1 },
	[ERR_TIMEOUT] = { "timeout", 1 },
	[ERR_STOPPED] = { "stopped", 1 },
	[ERR_STORE] = { "store", 1 },
	[ERR_BUG] = { "bug", 1 },
};
static_assert(COUNT(kind_rows) == ERR_BUG + 1, "one row for each kind");

int err_exit_status(enum err_kind kind)
{
	assert((size_t)kind < COUNT(kind_rows));
	return kind_rows[kind].exit_status;
}

const char *err_kind_name(enum err_kind kind)
{
	assert((size_t)kind < COUNT(kind_rows));
	return kind_rows[kind].name;
}
