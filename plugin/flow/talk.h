/* SPDX-License-Identifier: MIT */
#ifndef FLOW_TALK_H
#define FLOW_TALK_H

#include "util/attr.h"

struct err;

/* How flow/ speaks to whoever asked: cli/out prints it, a worker writes it down for the process that follows a job. */
enum talk_kind {
	TALK_INFO1,   /* "-----> " on stdout */
	TALK_INFO2,   /* "=====> " on stdout */
	TALK_VERBOSE, /* 7 spaces, stdout */
	TALK_WARN,    /* " !     " on stderr */
	TALK_STEP,    /* what is being done for the app right now: shown on a terminal only */
	TALK_END      /* nothing more comes for this app; no text */
};

struct talk {
	void (*say)(void *ctx, enum talk_kind kind, const char *app, const char *text);
	void *ctx;
};

/* `app` NULL = of no app. The text may have several lines: each is said. */
void talk_say(const struct talk *talk, enum talk_kind kind, const char *app, const char *format, ...) PRINTF(4, 5);
/* Each line of the error as a warning. */
void talk_err(const struct talk *talk, const char *app, const struct err *err);

#endif
