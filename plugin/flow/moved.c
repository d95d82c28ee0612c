/* SPDX-License-Identifier: MIT */
/*
 * An app cloned or renamed: the platform has copied its whole folder, our files with it, and not our properties (contract 5.3). A clone begins without a certificate; a
 * renamed app keeps what fits its new names. OLD still exists, and so does what it uses.
 */
#include <stdlib.h>
#include <string.h>

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/context.h"
#include "flow/intake.h"
#include "flow/legacy.h"
#include "flow/names.h"
#include "flow/state.h"
#include "platform/platform.h"
#include "store/store.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define CONF_MAX ((size_t)4 * 1024 * 1024)

/* Two names of one app, or of an app and its copy. */
struct move {
	struct context *context;
	const char *from, *to;
	struct app_held held;  /* by the old one */
	bool has_copy;         /* the new one's tls/ holds the same certificate, and it is ours */
};

static void move_done(struct move *move)
{
	app_held_done(&move->held);
}

static bool look(struct move *move, struct err *err)
{
	AUTO(app_held_done) struct app_held copy = { 0 };

	if (!intake_spool(move->context, err) || !platform_check_app(move->context->platform, move->from, err) ||
	    !platform_check_app(move->context->platform, move->to, err) || !app_read_held(move->context, move->from, &move->held, err) ||
	    !app_read_held(move->context, move->to, &copy, err))
		return false;
	move->has_copy = move->held.is_ours && copy.is_readable && strcmp(copy.cert.leaf_sha256, move->held.cert.leaf_sha256) == 0;
	return true;
}

/* ---- properties ---- */

static bool copy_property(const struct move *move, const char *key, struct err *err)
{
	char *value = NULL;
	bool is_done = platform_property(move->context->platform, "letsencrypt", move->from, key, &value, err) &&
		       (!value || platform_setting_write(move->context->platform, move->to, key, value, err));

	if (value)
		explicit_bzero(value, strlen(value));
	free(value);
	return is_done;
}

static bool copy_properties(const struct move *move, bool with_enabled, struct err *err)
{
	AUTO_STRS keys = { 0 };

	if (!platform_setting_keys(move->context->platform, move->from, &keys, err))
		return false;
	for (size_t i = 0; i < keys.count; i++)
		if ((with_enabled || strcmp(keys.items[i], "enabled") != 0) && !copy_property(move, keys.items[i], err))
			return false;
	return true;
}

/* ---- files ---- */

static bool remove_pair(int app_fd, struct err *err)
{
	static const char *const names[] = { "server.crt", "server.key", "server.letsencrypt.crt" };
	AUTO_FD tls_fd = dir_open_at(app_fd, "tls", err);
	AUTO_STRS left = { 0 };

	if (tls_fd < 0)
		return err->kind == ERR_MISSING;
	for (size_t i = 0; i < COUNT(names); i++)
		if (!file_remove(tls_fd, names[i], err))
			return false;
	return dir_list(tls_fd, &left, err) && (left.count > 0 || dir_remove_tree(app_fd, "tls", err));
}

/* A server block that was built meanwhile must not name files that are gone: nginx would refuse the whole host's configuration. */
static bool rebuild_if_named(const struct move *move, int app_fd, struct err *err)
{
	AUTO_FREE char *path = mem_fmt("%s/%s/tls/", platform_root(move->context->platform), move->to);
	AUTO_BUF conf = BUF_MAX(CONF_MAX);
	struct err ignored;

	if (!file_read(app_fd, "nginx.conf", &conf, &ignored) || !strstr(buf_text(&conf), path))
		return true;
	return platform_build_config(move->context->platform, move->to, err);
}

/* It leads to the old one's webroot. */
static bool remove_snippet(int app_fd, struct err *err)
{
	struct err ignored;
	AUTO_FD snippets_fd = dir_open_at(app_fd, "nginx.conf.d", &ignored);

	return snippets_fd < 0 || file_remove(snippets_fd, "letsencrypt.conf", err);
}

/* What came over of ours: the snippet, the certificate, and what the older plugin would need, whose `current` leads to the old one. */
static bool remove_copies(const struct move *move, bool with_certificate, bool with_older, struct err *err)
{
	AUTO_FD app_fd = platform_app_fd(move->context->platform, move->to, err);

	if (app_fd < 0 || !remove_snippet(app_fd, err) || (with_older && !dir_remove_tree(app_fd, "letsencrypt", err)))
		return false;
	return !with_certificate || (remove_pair(app_fd, err) && rebuild_if_named(move, app_fd, err));
}

/* ---- the two ---- */

bool app_was_cloned(struct context *context, const char *from, const char *to, struct err *err)
{
	AUTO(move_done) struct move move = { .context = context, .from = from, .to = to };

	if (!look(&move, err) || !copy_properties(&move, false, err) || !remove_copies(&move, move.has_copy, true, err))
		return false;
	state_forget(context, to);
	return true;
}

/* What cannot be read is kept. */
static bool covers_one_name(const struct move *move)
{
	AUTO(app_done) struct app app = { 0 };
	struct err unread;

	if (!app_read(move->context, move->to, &app, &unread))
		return true;
	for (size_t i = 0; i < app.wanted.names.count; i++)
		if (names_cover(&move->held.cert.names, app.wanted.names.items[i]))
			return true;
	return false;
}

bool app_was_renamed(struct context *context, const char *from, const char *to, struct err *err)
{
	AUTO(move_done) struct move move = { .context = context, .from = from, .to = to };
	bool gives_up = false;
	int64_t job = 0;

	if (!look(&move, err) || !copy_properties(&move, true, err))
		return false;
	gives_up = move.has_copy && !covers_one_name(&move);
	if (!remove_copies(&move, gives_up, gives_up, err) || !legacy_repoint(context, from, to, err) || !store_app_rename(context->store, from, to, err) ||
	    (gives_up && !store_app_uses(context->store, to, NULL, err)))
		return false;
	state_forget(context, from);
	state_forget(context, to);
	return !move.held.is_ours || store_job_add(context->store, to, "rename", false, 0, &job, err);
}
