/* SPDX-License-Identifier: MIT */
#ifndef FLOW_SETTINGS_H
#define FLOW_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/key.h"
#include "util/attr.h"
#include "util/buf.h"
#include "util/strs.h"

struct err;
struct platform;

#define SERVER_PRODUCTION "https://acme-v02.api.letsencrypt.org/directory"
#define SERVER_STAGING "https://acme-staging-v02.api.letsencrypt.org/directory"
#define GRACEPERIOD_DEFAULT_S 2592000

/* What an app's owner wants, effective: the app's property, else the global one, else the default; properties of ours win over the same wish in lego-args. */
struct settings {
	char *email;            /* "" = none */
	char *server;           /* directory URL; "default", "staging" resolved */
	int64_t graceperiod_s;
	bool has_graceperiod;   /* set by somebody: wins over ARI */
	char *dns_provider;     /* "" = none; "none" resolved */
	enum key_type key_type;
	char *profile;          /* "" = none asked for */
	char *preferred_chain;  /* "" = the default */
	char *ca_certificate;   /* path, "" = the system's trust */
	char *eab_kid;          /* "" = none */
	struct buf eab_hmac_key;/* secret */
	struct strs extra_domains;
	struct strs ignored;    /* words of lego-args and lego-docker-options that ask for what we do not do */
	int enabled;            /* -1 unset, 0 false, 1 true */
	bool auto_enable;       /* a deploy enables it, unless `enabled` is false */
};
void settings_done(struct settings *settings);
/* ERR_CONFIG names the property whose value makes no sense (somebody edited the file) and the command that mends it. */
bool settings_read(struct platform *platform, const char *app, struct settings *ret_settings, struct err *err) MUST_USE;
/* "default", "production", "" and "staging" to URLs, anything else is a copy; the caller frees it. */
char *settings_server_url(const char *value) MUST_USE NEVER_NULL;

#endif
