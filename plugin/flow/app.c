/* SPDX-License-Identifier: MIT */
/* What an app wants and holds, from its files and the store. Starts no process and changes nothing. */
#include "flow/app.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow/context.h"
#include "flow/footprint.h"
#include "flow/names.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

#define PEM_MAX ((size_t)512 * 1024)

void app_held_done(struct app_held *held)
{
	cert_done(&held->cert);
	store_cert_done(&held->known);
	store_app_done(&held->app);
	*held = (struct app_held){ 0 };
}

void app_done(struct app *app)
{
	free(app->name);
	strs_done(&app->wanted.names);
	strs_done(&app->wanted.refused);
	strs_done(&app->wanted.reasons);
	settings_done(&app->wanted.settings);
	platform_app_facts_done(&app->wanted.facts);
	app_held_done(&app->held);
	*app = (struct app){ 0 };
}

/* A missing file or folder reads as empty. */
static void read_pem(int dir_fd, const char *name, struct buf *ret_pem)
{
	struct err ignored;

	if (dir_fd < 0 || !file_read(dir_fd, name, ret_pem, &ignored))
		buf_clear(ret_pem);
}

static void take_from_row(const struct store_cert *row, struct cert *ret_cert)
{
	*ret_cert = (struct cert){
		.not_before_at = row->not_before_at,
		.not_after_at = row->not_after_at,
		.issuer = mem_strdup(row->issuer),
		.ari_id = mem_strdup(row->ari_id),
	};
	strs_add_all(&ret_cert->names, &row->names);
	(void)snprintf(ret_cert->leaf_sha256, sizeof(ret_cert->leaf_sha256), "%s", row->leaf);
}

/* What the store knows of a certificate is not read out of it again: that would be most of the time of a run over a thousand apps. */
static bool read_cert(struct store *store, const char *pem, struct app_held *held, struct err *err)
{
	char leaf[65];
	struct err ignored;

	if (!cert_leaf_sha256(pem, leaf, &ignored))
		return true;
	if (!store_cert_get(store, leaf, &held->is_known, &held->known, err))
		return false;
	if (held->is_known)
		take_from_row(&held->known, &held->cert);
	held->is_readable = held->is_known || cert_read(pem, &held->cert, &ignored);
	return true;
}

static bool read_tls(struct context *context, const char *app, struct app_held *held, struct err *err)
{
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	AUTO_FD app_fd = platform_app_fd(context->platform, app, err);
	AUTO_FD tls_fd = -1;
	struct err failure;

	if (app_fd < 0)
		return false;
	tls_fd = dir_open_at(app_fd, "tls", &failure);
	if (tls_fd < 0) {
		/* A link that an operator made, or what we may not see. */
		held->has_tls = failure.kind != ERR_MISSING;
		return true;
	}
	held->has_tls = file_exists(tls_fd, "server.crt") && file_exists(tls_fd, "server.key");
	read_pem(tls_fd, "server.crt", &pem);
	if (!read_cert(context->store, buf_text(&pem), held, err))
		return false;
	if (!held->has_tls || !held->is_readable)
		return true;
	held->is_ours = strcmp(held->app.leaf, held->cert.leaf_sha256) == 0;
	if (held->is_ours)
		return true;
	held->footprint = footprint_of(context, app, tls_fd, held->cert.leaf_sha256);
	held->is_ours = held->footprint == FOOTPRINT_IN_USE;
	return true;
}

enum tls_outcome app_look_again(const struct app *app, int app_fd)
{
	const struct app_held *held = &app->held;
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	AUTO(cert_done) struct cert now = { 0 };
	struct err ignored;
	AUTO_FD tls_fd = dir_open_at(app_fd, "tls", &ignored);
	bool is_readable = false;

	read_pem(tls_fd, "server.crt", &pem);
	is_readable = pem.size > 0 && cert_read(buf_text(&pem), &now, &ignored);
	if (is_readable == held->is_readable && (!is_readable || strcmp(now.leaf_sha256, held->cert.leaf_sha256) == 0))
		return TLS_OURS;
	return tls_fd >= 0 ? TLS_THEIRS : TLS_GONE;
}

bool app_read_held(struct context *context, const char *name, struct app_held *ret_held, struct err *err)
{
	AUTO(app_held_done) struct app_held held = { 0 };
	struct store *store = context_store(context, err);

	if (!store || !store_app_get(store, name, &held.app, err) || !read_tls(context, name, &held, err))
		return false;
	*ret_held = held;
	held = (struct app_held){ 0 };
	return true;
}

static bool read_wanted(struct context *context, const char *name, struct app_wanted *wanted, struct err *err)
{
	AUTO_STRS domains = { 0 };

	if (!settings_read(context->platform, name, &wanted->settings, err) ||
	    !platform_app_facts(context->platform, name, &wanted->facts, err) || !platform_domains(context->platform, name, &domains, err))
		return false;
	strs_add_all(&domains, &wanted->settings.extra_domains);
	if (!platform_redirect_sources(context->platform, name, &domains, err))
		return false;
	names_sort(&domains, wanted->settings.profile, &wanted->names, &wanted->refused, &wanted->reasons);
	return true;
}

bool app_read(struct context *context, const char *name, struct app *ret_app, struct err *err)
{
	AUTO(app_done) struct app app = { 0 };

	if (!platform_check_app(context->platform, name, err))
		return false;
	app.name = mem_strdup(name);
	if (!read_wanted(context, name, &app.wanted, err) || !app_read_held(context, name, &app.held, err))
		return false;
	*ret_app = app;
	app = (struct app){ 0 };
	return true;
}

int64_t app_renew_at(const struct settings *settings, const struct app_held *held)
{
	const struct cert *cert = &held->cert;
	int64_t life_s = cert->not_after_at - cert->not_before_at;
	int64_t grace_s = life_s / (life_s < (int64_t)10 * 86400 ? 2 : 3);

	if (settings->has_graceperiod)
		return cert->not_after_at - settings->graceperiod_s;
	if (held->is_known && held->known.window_chosen_at > 0)
		return held->known.window_chosen_at;
	return cert->not_after_at - (grace_s < GRACEPERIOD_DEFAULT_S ? grace_s : GRACEPERIOD_DEFAULT_S);
}
