/* SPDX-License-Identifier: MIT */
/* revoke: the certificate that the app holds, signed by the account that got it, else by its own key; then the app is held back. */
#include <stdio.h>
#include <string.h>

#include "acme/acme.h"
#include "crypto/cert.h"
#include "crypto/key.h"
#include "flow/actions.h"
#include "flow/app.h"
#include "flow/ca.h"
#include "flow/context.h"
#include "flow/disable.h"
#include "flow/state.h"
#include "flow/talk.h"
#include "net/url.h"
#include "platform/platform.h"
#include "store/account.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

#define PEM_MAX ((size_t)512 * 1024)
#define KEY_MAX 8192
#define TIMEOUT_MS 120000
#define REASON_KEY_COMPROMISE 1

struct revocation {
	struct context *context;
	struct app app;
	struct buf chain_pem, key_pem, der;
	int reason;
};

static void revocation_done(struct revocation *revocation)
{
	app_done(&revocation->app);
	buf_done(&revocation->chain_pem);
	buf_done(&revocation->key_pem);
	buf_done(&revocation->der);
}

static bool read_certificate(struct revocation *revocation, struct err *err)
{
	AUTO_FD app_fd = platform_app_fd(revocation->context->platform, revocation->app.name, err);
	AUTO_FD tls_fd = app_fd < 0 ? -1 : dir_open_at(app_fd, "tls", err);

	return tls_fd >= 0 && file_read(tls_fd, "server.crt", &revocation->chain_pem, err) && file_read(tls_fd, "server.key", &revocation->key_pem, err) &&
	       cert_leaf_der(buf_text(&revocation->chain_pem), &revocation->der, err);
}

/* The account that ordered it, if its key is here; a key compromise is proven by the key itself. */
static bool find_account(struct revocation *revocation, const char *server, bool *ret_found, struct account_files *ret_files, struct err *err)
{
	AUTO_FREE char *host = url_host_port(server);
	AUTO_FREE char *folder = account_server_folder(host);
	AUTO_FD accounts_fd = context_accounts_fd(revocation->context, err);
	const struct app_held *held = &revocation->app.held;

	*ret_found = false;
	if (accounts_fd < 0)
		return false;
	if (revocation->reason == REASON_KEY_COMPROMISE || !held->is_known || !*held->known.account_url)
		return true;
	return account_files_by_url(accounts_fd, folder, held->known.account_url, ret_found, ret_files, err);
}

static bool send(struct revocation *revocation, struct ca *ca, struct err *err)
{
	AUTO(account_files_done) struct account_files files = { 0 };
	AUTO_KEY *account_key = NULL;
	AUTO_KEY *cert_key = NULL;
	struct acme_account account = { 0 };
	bool is_found = false;

	if (!find_account(revocation, ca->server, &is_found, &files, err))
		return false;
	if (is_found) {
		account_key = key_from_pem(buf_text(&files.pem), err);
		account = (struct acme_account){ .key = account_key, .url = files.url };
	} else {
		cert_key = key_from_pem(buf_text(&revocation->key_pem), err);
	}
	if (!account_key && !cert_key)
		return false;
	return acme_revoke(ca->acme, is_found ? &account : NULL, cert_key, buf_text(&revocation->der), revocation->der.size, revocation->reason, err);
}

/* The CA that issued it, which need not be the one that is set now. */
static bool revoke_at_ca(struct revocation *revocation, struct err *err)
{
	struct context *context = revocation->context;
	AUTO(cas_done) struct cas cas = { .context = context, .deadline_ms = loop_now_ms(context->loop) + TIMEOUT_MS };
	struct settings *settings = &revocation->app.wanted.settings;
	const struct app_held *held = &revocation->app.held;
	struct ca *ca = NULL;

	if (held->is_known && *held->known.server && strcmp(held->known.server, settings->server) != 0) {
		free(settings->server);
		settings->server = mem_strdup(held->known.server);
	}
	ca = ca_open(&cas, settings, err);
	return ca && send(revocation, ca, err);
}

static bool hold_back(struct revocation *revocation, const char *reason, struct err *err)
{
	AUTO_FREE char *when = when_local(clock_now(&revocation->context->clock));
	AUTO_FREE char *why = mem_fmt("revoked on %.10s (%s)", when, reason);
	struct store *store = revocation->context->store;
	const char *leaf = revocation->app.held.cert.leaf_sha256;

	if (revocation->app.held.is_known && !store_cert_revoked(store, leaf, clock_now(&revocation->context->clock), err))
		return false;
	state_forget(revocation->context, revocation->app.name);
	return store_wait_drop(store, revocation->app.name, err) && store_app_hold(store, revocation->app.name, why, err);
}

bool revoke_app(struct context *context, const char *app, const char *reason, struct err *err)
{
	AUTO(revocation_done) struct revocation revocation = {
		.context = context, .chain_pem = BUF_MAX(PEM_MAX), .key_pem = BUF_SECRET(KEY_MAX), .der = BUF_MAX(PEM_MAX)
	};
	bool was_served = false;

	if (reason && !acme_reason_parse(reason, &revocation.reason)) {
		AUTO_FREE char *known = NULL;
		AUTO_STRS names = { 0 };

		for (const char *const *name = acme_reason_names(); *name; name++)
			strs_add(&names, *name);
		known = strs_join(&names, ", ");
		return err_set(err, ERR_USAGE, "'%s' is no reason for a revocation: use one of %s", reason, known);
	}
	if (!app_read(context, app, &revocation.app, err))
		return false;
	talk_say(&context->talk, TALK_INFO2, app, "Revoke letsencrypt certificate from %s...", app);
	if (!revocation.app.held.is_ours)
		return revocation.app.held.has_tls ? err_set(err, ERR_MISSING, "%s has no certificate of letsencrypt to revoke: the one in use was installed by hand "
							     "(to take it out of use: dokku certs:remove %s)", app, app)
						   : err_set(err, ERR_MISSING, "%s has no certificate of letsencrypt to revoke (dokku letsencrypt:enable %s gets one)", app, app);
	if (!read_certificate(&revocation, err))
		return false;
	talk_say(&context->talk, TALK_INFO1, app, "Revoking letsencrypt certificate for %s via %s", app, revocation.app.wanted.settings.server);
	if (!revoke_at_ca(&revocation, err))
		return err_wrap(err, "Certificate revocation failed! The certificate of %s stays in use", app);
	talk_say(&context->talk, TALK_INFO1, app, "Certificate revoked successfully.");
	if (!hold_back(&revocation, reason ? reason : "unspecified", err) ||
	    !disable_certificate(context, app, &revocation.app.held, false, &was_served, err))
		return false;
	if (revocation.reason == REASON_KEY_COMPROMISE)
		talk_say(&context->talk, TALK_INFO1, app, "Replace it at once with: dokku letsencrypt:enable %s", app);
	talk_say(&context->talk, TALK_INFO1, app, "Done");
	return true;
}
