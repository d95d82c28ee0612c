/* SPDX-License-Identifier: MIT */
#ifndef FLOW_NOTICE_H
#define FLOW_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

struct context;
struct strs;

/* What somebody should hear of an app without asking: each change of its state once, with cause and next step. */

enum notice_kind {
	NOTICE_NONE,      /* nobody wants a certificate for it */
	NOTICE_GOOD,      /* told as "mended" when something else was told before */
	NOTICE_FAILING,   /* the last attempt failed; the certificate lasts for a while */
	NOTICE_ENDING,    /* only a third is left of the time in which it should have been renewed */
	NOTICE_EXPIRED,
	NOTICE_HELD_BACK, /* nothing is done for it until somebody types enable */
	NOTICE_PAUSED     /* the CA refuses its names until somebody lifts that there */
};

/* All that matters; text is borrowed, "" = there is none. */
struct notice_facts {
	bool is_wanted;            /* enabled, or it has a certificate of ours, and not disabled */
	bool has_certificate;      /* of ours: the next two are its */
	int64_t expires_at;
	int64_t renew_at;          /* when it was to be renewed */
	const char *held_back;     /* why … */
	const char *paused;
	const char *failed;
	const char *cannot;        /* why it cannot be renewed at all */
	const char *waits;
};
/* *ret_cause: borrowed from the facts, or static. */
enum notice_kind notice_of(const struct notice_facts *facts, int64_t now_at, const char **ret_cause);

/*
 * Tells what changed for these apps, through the program in the property `notify`, else by mail to the platform's mailto, where there is one. What could not be
 * told is an event, and told by the next run; nothing else comes of it, and no second one is tried in this run.
 */
void notice_tell(struct context *context, const struct strs *apps);

#endif
