/* SPDX-License-Identifier: MIT */
#ifndef FLOW_LEGO_H
#define FLOW_LEGO_H

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

/* Reads the words of both properties; words that ask for something else are added to ret_ignored. Either text may be NULL. */
void lego_read(const char *args, const char *docker_options, struct lego_wishes *ret_wishes, struct strs *ret_ignored);

#endif
