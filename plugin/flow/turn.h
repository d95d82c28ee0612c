/* SPDX-License-Identifier: MIT */
#ifndef FLOW_TURN_H
#define FLOW_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;
struct decision;

/* Who goes first when there is not enough for all (design 4). Pure. */

enum urgency {
	URGENCY_EXPIRED, /* the certificate in use has expired */
	URGENCY_EXPIRES, /* it does so before there is another chance */
	URGENCY_DUE,     /* it is due for renewal */
	URGENCY_NONE,    /* there is no certificate yet */
	URGENCY_NAMES,   /* names were added, or settings changed */
	URGENCY_FORCED   /* somebody wants another one though it is good */
};
/* "expired", "expires soon", "due", "no certificate", "names changed", "forced" */
const char *urgency_name(enum urgency urgency);
/* Of a decision that asks the CA for a certificate. */
enum urgency urgency_of(const struct app *app, const struct decision *decision, bool is_forced, int64_t now_at);

struct turn {
	size_t index;       /* the caller's */
	enum urgency urgency;
	const char *group;  /* borrowed */
	int64_t served_at;  /* when that group last got a new certificate, 0 = never; the same for all of a group */
	int64_t since_at;   /* when it was first asked for */
	const char *app;    /* borrowed; decides between those that are alike */
};
/*
 * By urgency; within one the oldest first, and after it the groups take turns, least recently served first, each with its oldest. Forced requests go by age alone.
 */
void turn_sort(struct turn *turns, size_t count);

#endif
