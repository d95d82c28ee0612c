/* SPDX-License-Identifier: MIT */
#ifndef FLOW_LEGO_H
#define FLOW_LEGO_H

#include <stdbool.h>

struct strs;

/* What lego-args and lego-docker-options ask for, as far as this plugin can do it. */
struct lego_wishes {
	char *key_type;        /* as written; NULL = not asked for, as all below */
	char *preferred_chain;
	char *profile;
	char *ca_certificate;
	char *eab_kid;
	char *eab_hmac_key;
};
void lego_wishes_done(struct lego_wishes *wishes);

/*
 * Reads the words of both properties; words that ask for something else are added to ret_ignored, without the values of variables, which may be passwords. Either
 * text may be NULL.
 */
void lego_read(const char *args, const char *docker_options, struct lego_wishes *ret_wishes, struct strs *ret_ignored);
/* Whether one of the two properties has something in it that must not be shown: a key of external account binding, the value of a variable. */
bool lego_has_secret(const char *text);

#endif
