/* SPDX-License-Identifier: MIT */
/*
 * All places are read once, each certificate once: where the store knows a row, or another file held the same leaf, only the hash is computed.
 */
#include "flow/history.h"

#include <stdlib.h>
#include <string.h>

#include "budget/limits.h"
#include "crypto/cert.h"
#include "flow/context.h"
#include "flow/found.h"
#include "flow/rules.h"
#include "platform/platform.h"
#include "store/store.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/when.h"

#define PEM_MAX ((size_t)512 * 1024)

/* The CA finishes a certificate within a minute of the last log's answer, and dates it an hour back. */
#define AFTER_SCT_S WHEN_MINUTE
#define AFTER_NOT_BEFORE_S WHEN_HOUR

void history_done(struct history *history)
{
	for (size_t i = 0; i < history->count; i++) {
		free(history->items[i]->leaf);
		strs_done(&history->items[i]->names);
		free(history->items[i]->server);
		free(history->items[i]->ca);
		free(history->items[i]);
	}
	free(history->items);
	strs_done(&history->issuers);
	strs_done(&history->cas);
	*history = (struct history){ 0 };
}

/* ---- the list ---- */

/* Where the leaf is, or would be. */
static bool find(const struct history *history, const char *leaf, size_t *ret_index)
{
	size_t low = 0;
	size_t high = history->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(history->items[middle]->leaf, leaf);

		if (order == 0) {
			*ret_index = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_index = low;
	return false;
}

static bool has(const struct history *history, const char *leaf)
{
	size_t index;

	return find(history, leaf, &index);
}

/* Takes the item over. */
static void insert(struct history *history, struct history_cert *item, size_t index)
{
	if (history->count == history->room) {
		history->room = history->room * 2 + 64;
		history->items = mem_resize(history->items, history->room, sizeof(struct history_cert *));
	}
	memmove(history->items + index + 1, history->items + index, (history->count - index) * sizeof(struct history_cert *));
	history->items[index] = item;
	history->count++;
}

static bool ca_of_server(struct context *context, const char *server, char **ret_ca, struct err *err)
{
	AUTO_LIMITS limits = { 0 };
	bool is_found = false;

	if (!rules_limits(context, server, &is_found, &limits, err))
		return false;
	*ret_ca = is_found ? mem_strdup(limits.name) : NULL;
	return true;
}

static bool ca_of_issuer(struct context *context, const char *organization, char **ret_ca, struct err *err)
{
	bool is_found = false;

	return rules_issuer(context, organization, &is_found, ret_ca, err);
}

/* By the server if it is known, else by the issuer. The caller frees *ret_ca, "" = nobody's. */
static bool find_ca(struct history *history, const char *server, const char *organization, char **ret_ca, struct err *err)
{
	AUTO_FREE char *issuer = *server ? mem_fmt("server %s", server) : mem_fmt("issuer %s", organization);
	size_t index = strs_find(&history->issuers, issuer);
	AUTO_FREE char *ca = NULL;

	if (index < history->cas.count) {
		*ret_ca = mem_strdup(history->cas.items[index]);
		return true;
	}
	if (*server ? !ca_of_server(history->context, server, &ca, err) : !ca_of_issuer(history->context, organization, &ca, err))
		return false;
	*ret_ca = ca ? mem_take(&ca) : mem_strdup("");
	strs_add(&history->issuers, issuer);
	strs_add(&history->cas, *ret_ca);
	return true;
}

/* What lies further from what is known makes no sense, or does not matter any more. */
static bool is_near(int64_t at, int64_t known_at)
{
	return at > 0 && at >= known_at - FOUND_AGE_S && at <= known_at + FOUND_AGE_S;
}

int64_t history_issued_at(int64_t not_before_at, int64_t sct_at)
{
	return is_near(sct_at, not_before_at) ? sct_at + AFTER_SCT_S : not_before_at + AFTER_NOT_BEFORE_S;
}

static int64_t time_of_issuance(const struct found_cert *found, int64_t known_at)
{
	return is_near(known_at, found->not_before_at) ? known_at : history_issued_at(found->not_before_at, found->sct_at);
}

/* What is there already knows better. The issuer is looked at only without a server (""); issued_at 0: to be estimated. */
static bool add(struct history *history, const struct found_cert *found, const char *server, int64_t issued_at, struct err *err)
{
	AUTO_FREE char *ca = NULL;
	size_t index;
	struct history_cert *item = NULL;

	if (!is_near(found->not_before_at, history->now_at) || find(history, found->leaf, &index))
		return true;
	if (!find_ca(history, server, found->organization, &ca, err))
		return false;
	item = mem_new(1, sizeof(*item));
	*item = (struct history_cert){
		.leaf = mem_strdup(found->leaf),
		.server = mem_strdup(server),
		.ca = mem_take(&ca),
		.not_before_at = found->not_before_at,
		.issued_at = time_of_issuance(found, issued_at),
	};
	strs_add_all(&item->names, &found->names);
	insert(history, item, index);
	return true;
}

/* ---- where they are ---- */

/* Rows of which it is not known who issued them are of certificates in our folder. */
bool history_catch_up(struct history *history, struct err *err)
{
	AUTO(store_certs_done) struct store_certs rows = { 0 };
	struct store *store = context_store(history->context, err);

	if (!store || !store_cert_list(store, &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		const struct store_cert *row = &rows.items[i];
		const struct found_cert found = { .leaf = row->leaf, .names = row->names, .not_before_at = row->not_before_at };

		if (*row->server && !add(history, &found, row->server, row->issued_at, err))
			return false;
	}
	return true;
}

/* A file that is missing, too old or no certificate is skipped. */
static bool add_file(struct history *history, int dir_fd, const char *name, struct err *err)
{
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	AUTO(cert_done) struct cert cert = { 0 };
	char leaf[65];
	struct err ignored = { 0 };

	if (!found_is_recent(dir_fd, name, history->now_at) || !file_read(dir_fd, name, &pem, &ignored) ||
	    !cert_leaf_sha256(buf_text(&pem), leaf, &ignored) || has(history, leaf) || !cert_read_leaf(buf_text(&pem), &cert, &ignored))
		return true;
	const struct found_cert found = {
		.leaf = leaf,
		.names = cert.names,
		.organization = cert.issuer_org,
		.not_before_at = cert.not_before_at,
		.sct_at = cert.sct_at,
	};
	return add(history, &found, "", 0, err);
}

/* Names in a folder; none when it is not there. */
static void list(int dir_fd, struct strs *ret_names)
{
	struct err ignored = { 0 };

	if (dir_fd >= 0)
		(void)!dir_list(dir_fd, ret_names, &ignored);
}

/* $D/--global/certs: a folder's name is the leaf. */
static bool add_own(struct history *history, struct err *err)
{
	AUTO_FD certs_fd = context_certs_fd(history->context, err);
	AUTO_STRS leaves = { 0 };

	if (certs_fd < 0)
		return false;
	list(certs_fd, &leaves);
	for (size_t i = 0; i < leaves.count; i++) {
		struct err ignored = { 0 };

		if (has(history, leaves.items[i]))
			continue;
		AUTO_FD fd = dir_open_at(certs_fd, leaves.items[i], &ignored);
		if (fd >= 0 && !add_file(history, fd, "fullchain.pem", err))
			return false;
	}
	return true;
}

/* <id>/certificates, and <id>/archives, where the old plugin's client put what was revoked (contract 11.2). */
static bool add_old_folder(struct history *history, int id_fd, const char *folder, struct err *err)
{
	struct err ignored = { 0 };
	AUTO_FD dir_fd = dir_open_at(id_fd, folder, &ignored);
	AUTO_STRS names = { 0 };

	list(dir_fd, &names);
	for (size_t i = 0; i < names.count; i++)
		if (text_ends(names.items[i], ".crt") && !text_ends(names.items[i], ".issuer.crt") && !add_file(history, dir_fd, names.items[i], err))
			return false;
	return true;
}

static bool add_old(struct history *history, int app_fd, struct err *err)
{
	struct err ignored = { 0 };
	AUTO_FD old_fd = dir_open_at(app_fd, "letsencrypt", &ignored);
	AUTO_FD certs_fd = old_fd < 0 ? -1 : dir_open_at(old_fd, "certs", &ignored);
	AUTO_STRS ids = { 0 };

	list(certs_fd, &ids);
	for (size_t i = 0; i < ids.count; i++) {
		/* `current` is a link to one of them, and not followed. */
		AUTO_FD id_fd = dir_open_at(certs_fd, ids.items[i], &ignored);

		if (id_fd >= 0 && (!add_old_folder(history, id_fd, "certificates", err) || !add_old_folder(history, id_fd, "archives", err)))
			return false;
	}
	return true;
}

static bool add_apps(struct history *history, struct err *err)
{
	AUTO_STRS apps = { 0 };

	if (!platform_apps(history->context->platform, &apps, err))
		return false;
	for (size_t i = 0; i < apps.count; i++) {
		struct err ignored = { 0 };
		AUTO_FD app_fd = platform_app_fd(history->context->platform, apps.items[i], &ignored);
		AUTO_FD tls_fd = app_fd < 0 ? -1 : dir_open_at(app_fd, "tls", &ignored);

		if ((tls_fd >= 0 && !add_file(history, tls_fd, "server.crt", err)) || (app_fd >= 0 && !add_old(history, app_fd, err)))
			return false;
	}
	return true;
}

static bool add_found(struct history *history, struct err *err)
{
	AUTO(found_certs_done) struct found_certs certs = { 0 };

	if (!found_read(history->context, &certs, err))
		return false;
	for (size_t i = 0; i < certs.count; i++)
		if (!add(history, &certs.items[i], "", 0, err))
			return false;
	return true;
}

bool history_read(struct context *context, struct history *ret_history, struct err *err)
{
	struct history history = { .context = context, .now_at = clock_now(&context->clock) };

	/* The rows first: they know the server and the moment. */
	if (history_catch_up(&history, err) && add_own(&history, err) && add_apps(&history, err) && add_found(&history, err)) {
		*ret_history = history;
		return true;
	}
	history_done(&history);
	return false;
}
