/* SPDX-License-Identifier: MIT */
#ifndef FLOW_APP_H
#define FLOW_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/cert.h"
#include "flow/footprint.h"
#include "flow/settings.h"
#include "platform/platform.h"
#include "platform/tls.h"
#include "store/store.h"
#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;

/* One app as the engine sees it (design 3): what it wants and what it holds, read fresh from files and store, without a process. */

struct app_wanted {
	struct strs names;       /* can be issued: lower case, unique, in the order of VHOST, extra-domains, REDIRECTS */
	struct strs refused;     /* cannot … */
	struct strs reasons;     /* … because (same index): "is a wildcard: …" */
	struct settings settings;
	struct platform_app_facts facts;
};

struct app_held {
	bool has_tls;            /* tls/server.crt and server.key are there */
	bool is_readable;        /* server.crt is a certificate */
	struct cert cert;        /* of server.crt, when is_readable: leaf_sha256, names, dates, issuer and ari_id */
	bool is_ours;            /* we (or the bash plugin) installed it: what `active` answers */
	enum footprint footprint;/* what the bash plugin's files say of it: asked only if the store does not say that it is ours */
	bool is_known;           /* `known` is its row */
	struct store_cert known;
	struct store_app app;    /* use, held back, failures */
};

struct app {
	char *name;
	struct app_wanted wanted;
	struct app_held held;
};
void app_done(struct app *app);
bool app_read(struct context *context, const char *name, struct app *ret_app, struct err *err) MUST_USE;
/* Only what the app holds: for list, active, report. */
bool app_read_held(struct context *context, const char *name, struct app_held *ret_held, struct err *err) MUST_USE;
void app_held_done(struct app_held *held);
/* Whether tls/ still holds what app_read found there (TLS_OURS), or somebody else has replaced or removed it since. */
enum tls_outcome app_look_again(const struct app *app, int app_fd) MUST_USE;
/* When the engine would renew: the chosen moment of ARI, else expiry less the grace period. */
int64_t app_renew_at(const struct settings *settings, const struct app_held *held);

#endif
