/* SPDX-License-Identifier: MIT */
#ifndef FLOW_PROPERTY_H
#define FLOW_PROPERTY_H

#include <stdbool.h>

#include "util/attr.h"

struct context;
struct err;
struct strs;

/* The properties that `set` knows: one table says what each takes, whether it is secret, and what a change of it means. Nothing is stored here. */
struct property {
	const char *key;     /* "dns-provider-*" stands for every key that goes on with the name of a variable, others with '*' alike */
	bool is_secret;      /* never echoed, never in messages */
	bool is_app_only;    /* has no global value */
	bool is_global_only; /* has no value of an app */
	const char *takes;   /* what a value must be, to follow "must be" */
	/* Brings `value` into the form that is stored; the caller frees it. NULL = anything goes. What it sets in err follows "the value". */
	bool (*normalise)(const char *value, char **ret_value, struct err *err);
	/* What the change means. The value is in its stored form, NULL when it was unset. */
	void (*note)(const char *app, const char *value, struct strs *notes);
	/* What can only be checked with the host at hand, of a value in its stored form. NULL = nothing. What it sets in err follows "the value". */
	bool (*check)(struct context *context, const char *key, const char *value, struct err *err);
};

/* The row of a key; NULL = there is none. */
const struct property *property_find(const char *key);
/* The row of a key for an app or "--global". ERR_USAGE: unknown (the nearest known key is proposed), or not to be set there. */
const struct property *property_need(const char *app, const char *key, struct err *err) MUST_USE;
/* The key as it is stored: the same thing has one name, whatever case it was typed in. The caller frees it. */
char *property_stored_key(const char *key) MUST_USE NEVER_NULL;
/* Checks `value`, which is not empty, and brings it into the form that is stored; the caller frees it. ERR_CONFIG, never with a secret in its text. */
bool property_normalise(const struct property *property, const char *key, const char *value, char **ret_value, struct err *err) MUST_USE;
/* Checks what was normalised against the host. ERR_CONFIG. */
bool property_check(const struct property *property, struct context *context, const char *key, const char *value, struct err *err) MUST_USE;
/* Adds what somebody should know who has just set it for `app` (or "--global"): when it takes effect, what it costs. `value` as stored, NULL = unset. */
void property_notes(const struct property *property, const char *app, const char *value, struct strs *ret_notes);

#endif
