/* SPDX-License-Identifier: MIT */
/* OpenSSL's error queue as a struct err, and its habit of asking for passwords switched off. */
#include "crypto/ossl.h"

#include <stdarg.h>
#include <stdio.h>

void ossl_record(struct err *err, enum err_kind kind, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* The oldest error is the cause, the later ones only say who passed it on. */
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	if (reason)
		err_record(err, kind, 0, "%s: %s", text, reason);
	else
		err_record(err, kind, 0, "%s", text);
	ERR_clear_error();
}

int ossl_no_password(char *password, int size, int is_writing, void *ctx)
{
	(void)password;
	(void)size;
	(void)is_writing;
	(void)ctx;
	return -1;
}
