/* SPDX-License-Identifier: MIT */
#ifndef FLOW_NOTIFY_H
#define FLOW_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct context;
struct err;
struct strs;

/* One message to the operator. */
struct notification {
	const char *app;
	const char *state;        /* "failing", "ending", "expired", "held-back", "paused", "mended" */
	const char *before;       /* what was told last, "" = nothing */
	const char *cause, *next; /* "" for "mended" */
	const struct strs *names; /* of the certificate */
	int64_t expires_at;       /* 0 = there is none */
};

/* A regular file that can be run, and that nobody but root and ourselves can change. ERR_CONFIG. */
bool notify_check_program(const char *path, struct err *err) MUST_USE;
/*
 * Hands it to the program in the property `notify`, as a JSON object on its stdin, or mails it to the platform's mailto (property of plugin cron) if there is no
 * such property but a sendmail. *ret_told false: neither is there. Whoever has not ended after ten seconds is ended.
 */
bool notify(struct context *context, const struct notification *notification, bool *ret_told, struct err *err) MUST_USE;

#endif
