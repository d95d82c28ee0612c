/* SPDX-License-Identifier: MIT */
#ifndef FLOW_HAPPENED_H
#define FLOW_HAPPENED_H

#include <stdbool.h>

#include "util/attr.h"

/* What follows from a trigger of the platform that a hook put into the spool (contract 5). Pure. */

enum happened_kind {
	HAPPENED_NOTHING,
	HAPPENED_JOB,   /* `word` is its reason: "deploy", "domains", "ports", "proxy" */
	HAPPENED_HOLD,  /* `word` tells why nothing is issued automatically from now on */
	HAPPENED_FORGET /* the app is gone */
};
struct happened {
	enum happened_kind kind;
	const char *word; /* a literal */
};

/* How the app stands when the entry is taken in. */
struct happened_facts {
	bool exists;
	bool is_wanted;    /* enabled, to be enabled by a deploy, or with a certificate of ours; a property that makes no sense counts, so that somebody is told */
	bool has_tls;      /* there is a certificate in tls/ … */
	bool is_own;       /* … which is one that we have, whoever put it there */
	bool used_one;     /* by the store it uses one of ours */
};
struct happened happened(const char *trigger, const struct happened_facts *facts);

#endif
