/* SPDX-License-Identifier: MIT */
/*
 * Certificates that the bash plugin got become ours (design 3): a copy in our folder, a row in the store, hence renewal by the CA's window. What tells that one
 * is the plugin's is flow/footprint; who holds which is read for all apps first, as a clone holds what another app holds.
 */
#include "flow/takeover.h"

#include <stdio.h>
#include <string.h>

#include "crypto/key.h"
#include "flow/app.h"
#include "flow/ca.h"
#include "flow/context.h"
#include "flow/history.h"
#include "flow/legacy.h"
#include "flow/names.h"
#include "flow/narrow.h"
#include "flow/older.h"
#include "flow/state.h"
#include "platform/platform.h"
#include "store/certs.h"
#include "store/store.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define PEM_MAX ((size_t)512 * 1024)
#define KEY_MAX 8192
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"
#define BY_HAND "a certificate was installed by hand"

/* An app with a certificate in its tls/. */
struct holder {
	const char *app;
	char leaf[65];
	enum footprint footprint;
	bool is_new;       /* to be judged: not one that we ordered, whose run may be under way, and the app is not held back */
	struct strs names; /* of the certificate */
};

struct holders {
	struct context *context;
	struct holder *items;
	size_t count;
	size_t adopted;
};

static void holders_done(struct holders *holders)
{
	for (size_t i = 0; i < holders->count; i++)
		strs_done(&holders->items[i].names);
	free(holders->items);
}

static void tell_failure(struct context *context, const char *app, const struct err *err)
{
	talk_say(&context->talk, TALK_WARN, NULL, "%s is left as it is: %s (the next 'dokku plugin:install' tries again)", app, err->text);
}

/* By the bash plugin. What cannot be told is believed. */
static bool was_worked_for(struct context *context, const char *app)
{
	struct err ignored;
	AUTO_FD app_fd = platform_app_fd(context->platform, app, &ignored);

	return app_fd < 0 || file_exists(app_fd, "letsencrypt");
}

/* ---- who holds what ---- */

static bool read_holder(struct holders *holders, const char *app, struct err *err)
{
	AUTO(app_held_done) struct app_held held = { 0 };
	struct holder *holder = &holders->items[holders->count];

	if (!app_read_held(holders->context, app, &held, err))
		return false;
	if (held.has_tls && !held.is_readable && was_worked_for(holders->context, app))
		return err_set(err, ERR_CONFIG, "tls/ is a link, or the certificate in it is damaged: 'dokku letsencrypt:enable %s' replaces it", app);
	if (!held.has_tls || !held.is_readable)
		return true;
	*holder = (struct holder){
		.app = app,
		.footprint = held.footprint,
		.is_new = !(held.is_known && *held.known.account_url) && held.app.held_back_at == 0,
		.names = strs_take(&held.cert.names),
	};
	(void)snprintf(holder->leaf, sizeof(holder->leaf), "%s", held.cert.leaf_sha256);
	holders->count++;
	return true;
}

/* The app that holds the same certificate, NULL = none other does; rather the one that got it than another copy. */
static const char *other_holder(const struct holders *holders, const struct holder *holder)
{
	const struct holder *other = NULL;

	for (size_t i = 0; i < holders->count; i++) {
		const struct holder *item = &holders->items[i];

		if (item != holder && strcmp(item->leaf, holder->leaf) == 0 && (!other || other->footprint == FOOTPRINT_COPY))
			other = item;
	}
	return other ? other->app : NULL;
}

static bool is_for_domains(struct context *context, const struct holder *holder, bool *ret_is, struct err *err)
{
	AUTO_STRS domains = { 0 };

	*ret_is = false;
	if (!platform_domains(context->platform, holder->app, &domains, err))
		return false;
	for (size_t i = 0; i < domains.count && !*ret_is; i++) {
		AUTO_FREE char *domain = text_lower(domains.items[i]);

		*ret_is = names_cover(&holder->names, domain);
	}
	return true;
}

/* ---- what becomes of it ---- */

static bool note(struct context *context, const char *app, const char *decision, const char *result, const char *next, struct err *err)
{
	struct store_event event = {
		.app = mem_strdup(app),
		.cause = mem_strdup("install"),
		.decision = mem_strdup(decision),
		.result = mem_strdup(result),
		.next = mem_strdup(next),
	};
	bool is_done = store_event_add(context->store, &event, err);

	store_event_done(&event);
	state_forget(context, app);
	return is_done;
}

/* The bash plugin installed chain and key in one file, and took the key out afterwards: a run that was killed left it in there. */
static void add_certificates(const char *pem, struct buf *ret_chain_pem)
{
	for (const char *begin = strstr(pem, PEM_BEGIN); begin; begin = strstr(begin + 1, PEM_BEGIN)) {
		const char *end = strstr(begin, PEM_END);

		if (end)
			(void)buf_addf(ret_chain_pem, "%.*s" PEM_END "\n", (int)(end - begin), begin);
	}
}

static bool read_pair(struct context *context, const char *app, struct buf *ret_chain_pem, struct buf *ret_key_pem, struct err *err)
{
	AUTO_BUF pem = BUF_SECRET(PEM_MAX);
	AUTO_FD app_fd = platform_app_fd(context->platform, app, err);
	AUTO_FD tls_fd = app_fd < 0 ? -1 : dir_open_at(app_fd, "tls", err);

	if (tls_fd < 0 || !file_read(tls_fd, "server.crt", &pem, err) || !file_read(tls_fd, "server.key", ret_key_pem, err))
		return false;
	add_certificates(buf_text(&pem), ret_chain_pem);
	return true;
}

/* The row as it would be had we got it ourselves, as far as that can be known; the profile is believed to be as set. */
static bool put_row(struct context *context, const struct app *app, const struct key *key, const char *chain_pem, struct err *err)
{
	AUTO(cert_done) struct cert cert = { 0 };

	if (!cert_read(chain_pem, &cert, err))
		return false;
	struct store_cert row = {
		.leaf = mem_strdup(cert.leaf_sha256),
		.server = footprint_server(context, app->name),
		.account_url = mem_strdup(""),
		.profile = mem_strdup(app->wanted.settings.profile),
		.key_type = mem_strdup(key_type_name(key_type(key))),
		.names = strs_take(&cert.names),
		.issuer = mem_strdup(cert.issuer),
		.ari_id = mem_strdup(cert.ari_id),
		.not_before_at = cert.not_before_at,
		.not_after_at = cert.not_after_at,
		.issued_at = history_issued_at(cert.not_before_at, cert.sct_at),
		.window_url = mem_strdup(""),
	};
	bool is_done = store_cert_put(context->store, &row, err);

	store_cert_done(&row);
	return is_done;
}

/* The layout of the bash plugin first: whoever goes on after a kill takes the certificate for ours by it. */
static bool adopt(struct holders *holders, const struct holder *holder, struct err *err)
{
	struct context *context = holders->context;
	AUTO(app_done) struct app app = { 0 };
	AUTO_BUF chain_pem = BUF_MAX(PEM_MAX);
	AUTO_BUF key_pem = BUF_SECRET(KEY_MAX);
	AUTO_KEY *key = NULL;
	AUTO_FD certs_fd = context_certs_fd(context, err);

	if (certs_fd < 0 || !app_read(context, holder->app, &app, err) || !read_pair(context, holder->app, &chain_pem, &key_pem, err))
		return false;
	key = key_from_pem(buf_text(&key_pem), err);
	if (!key || !cert_check_key(buf_text(&chain_pem), key, err))
		return err_wrap(err, "tls/server.key");
	if (holder->footprint == FOOTPRINT_COPY && !legacy_follow(context, &app, false, err))
		talk_err(&context->talk, holder->app, err);
	if (!certs_adopt(certs_fd, holder->leaf, &chain_pem, &key_pem, err) || !put_row(context, &app, key, buf_text(&chain_pem), err) ||
	    !store_app_uses(context->store, holder->app, holder->leaf, err))
		return false;
	holders->adopted++;
	/* The other plugin was asked for it since. */
	if (app.wanted.settings.enabled == 0)
		talk_say(&context->talk, TALK_VERBOSE, NULL, "%s was disabled before it got its certificate: it is not renewed (to have that: dokku letsencrypt:enable %s)",
			 holder->app, holder->app);
	return note(context, holder->app, "adopt", "in use as it was", "", err);
}

/* Somebody who typed enable since was told, and wants it replaced. */
static bool hold_back(struct context *context, const struct holder *holder, struct err *err)
{
	AUTO(settings_done) struct settings settings = { 0 };

	if (!settings_read(context->platform, holder->app, &settings, err))
		return false;
	if (settings.enabled >= 0)
		return true;
	talk_say(&context->talk, TALK_VERBOSE, NULL,
		 "%s is held back, as its certificate was installed by hand (to have it replaced: dokku letsencrypt:enable %s)", holder->app, holder->app);
	return store_app_hold(context->store, holder->app, BY_HAND, err) && note(context, holder->app, "nothing", "held back: " BY_HAND, "enable", err);
}

static bool tell_once(struct context *context, const struct holder *holder, const char *other, struct err *err)
{
	AUTO_FREE char *mark = mem_fmt("not taken over %s %s", holder->app, holder->leaf);
	AUTO_FREE char *why = other ? mem_fmt("%s has the same one", other) : mem_strdup("it is for none of its domains");
	int64_t told_at = 0;

	if (!store_mark_get(context->store, mark, &told_at, err))
		return false;
	if (told_at > 0)
		return true;
	talk_say(&context->talk, TALK_VERBOSE, NULL, "The certificate of %s is not renewed: %s (for one of its own: dokku letsencrypt:enable %s)", holder->app, why,
		 holder->app);
	return store_mark_set(context->store, mark, clock_now(&context->clock), err);
}

static bool judge_copy(struct holders *holders, const struct holder *holder, struct err *err)
{
	const char *other = other_holder(holders, holder);
	AUTO(settings_done) struct settings settings = { 0 };
	bool is_its_own = false;

	if (!settings_read(holders->context->platform, holder->app, &settings, err) || !is_for_domains(holders->context, holder, &is_its_own, err))
		return false;
	if (settings.enabled == 0)
		return true;
	if (other || !is_its_own)
		return tell_once(holders->context, holder, other, err);
	return adopt(holders, holder, err);
}

static bool judge(struct holders *holders, const struct holder *holder, struct err *err)
{
	switch (holder->footprint) {
	case FOOTPRINT_NONE:
		return true;
	case FOOTPRINT_IN_USE:
		return adopt(holders, holder, err);
	case FOOTPRINT_COPY:
		return judge_copy(holders, holder, err);
	case FOOTPRINT_OTHER:
		return hold_back(holders->context, holder, err);
	}
	return err_set(err, ERR_BUG, "footprint %d", (int)holder->footprint);
}

static void take_over_certificates(struct context *context, const struct strs *apps)
{
	AUTO(holders_done) struct holders holders = { .context = context, .items = mem_new(apps->count + 1, sizeof(struct holder)) };
	struct err err;

	for (size_t i = 0; i < apps->count; i++)
		if (!read_holder(&holders, apps->items[i], &err))
			tell_failure(context, apps->items[i], &err);
	for (size_t i = 0; i < holders.count; i++)
		if (holders.items[i].is_new && !judge(&holders, &holders.items[i], &err))
			tell_failure(context, holders.items[i].app, &err);
	if (holders.adopted > 0)
		talk_say(&context->talk, TALK_VERBOSE, NULL, "Certificates of the plugin that was here before, in use as they are: %zu", holders.adopted);
}

/* ---- the host ---- */

static void take_over_account(struct context *context, const char *app)
{
	AUTO(settings_done) struct settings settings = { 0 };
	struct err err = { 0 };

	if (was_worked_for(context, app) && !(settings_read(context->platform, app, &settings, &err) && account_adopt(context, app, &settings, &err)))
		tell_failure(context, app, &err);
}

bool takeover(struct context *context, struct err *err)
{
	AUTO_STRS apps = { 0 };
	size_t narrowed = 0;

	if (!context_store(context, err) || !platform_apps(context->platform, &apps, err))
		return false;
	narrow_all(context, &apps, &narrowed);
	if (narrowed > 0)
		talk_say(&context->talk, TALK_VERBOSE, NULL, "Keys and settings that others could read, and cannot any more: %zu", narrowed);
	older_take_over(context, "--global");
	for (size_t i = 0; i < apps.count; i++) {
		older_take_over(context, apps.items[i]);
		take_over_account(context, apps.items[i]);
	}
	take_over_certificates(context, &apps);
	return true;
}
