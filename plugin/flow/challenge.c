/* SPDX-License-Identifier: MIT */
/* Makes an app's own server blocks answer HTTP-01: the snippet, and token files beside it. */
#include "flow/challenge.h"

#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "flow/worker.h"
#include "proxy/nginx.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

#define SNIPPET_MAX ((size_t)64 * 1024)
#define CONF_MAX ((size_t)4 * 1024 * 1024)
#define THUMBPRINT_SIZE 43

/* ---- token files ---- */

/* The bash plugin made it with the umask of whoever called it: the proxy's workers could not look into it. */
static int challenge_folder(struct context *context, const char *app, struct err *err)
{
	int data_fd = platform_data_fd(context->platform, err);
	AUTO_FD app_fd = -1;
	AUTO_FD known_fd = -1;

	if (platform_app_is_gone(context->platform, app)) {
		err_record(err, ERR_NO_APP, 0, "%s was destroyed meanwhile", app);
		return -1;
	}
	if (data_fd < 0 || (app_fd = dir_make_public_at(data_fd, app, err)) < 0 || (known_fd = dir_make_public_at(app_fd, ".well-known", err)) < 0)
		return -1;
	return dir_make_public_at(known_fd, "acme-challenge", err);
}

bool challenge_write_token(struct context *context, const char *app, const char *token, const char *content, struct err *err)
{
	AUTO_FD folder_fd = challenge_folder(context, app, err);

	return folder_fd >= 0 && file_replace_fast(folder_fd, token, content, strlen(content), 0644, err);
}

void challenge_remove_token(struct context *context, const char *app, const char *token)
{
	struct err ignored;
	AUTO_FD folder_fd = challenge_folder(context, app, &ignored);

	if (folder_fd >= 0)
		(void)!file_remove(folder_fd, token, &ignored);
}

/* ---- snippet ---- */

struct snippet {
	struct batch_item item;
	const char *app;
	char *path;
	char *text;
};

static void snippet_done(struct snippet *snippet)
{
	free(snippet->path);
	free(snippet->text);
}

static bool render(struct context *context, const char *app, const char *thumbprint, bool has_auth_request, char **ret_text, struct err *err)
{
	AUTO_FREE char *template = context_template(context, "nginx/challenge.conf", err);
	AUTO_FREE char *webroot = mem_fmt("%s/data/letsencrypt/%s", platform_lib_root(context->platform), app);

	if (!template)
		return false;
	*ret_text = nginx_challenge_snippet(template, webroot, thumbprint, has_auth_request, err);
	return *ret_text != NULL;
}

/* The same snippet, but for another account: all but the thumbprint is equal. */
static bool is_of_other_account(const char *present, const char *wanted, const char *thumbprint)
{
	const char *at = strstr(wanted, thumbprint);
	size_t before = at ? (size_t)(at - wanted) : 0;

	return at && strlen(present) == strlen(wanted) && strncmp(present, wanted, before) == 0 &&
	       strcmp(present + before + THUMBPRINT_SIZE, wanted + before + THUMBPRINT_SIZE) == 0;
}

static bool read_present(struct context *context, const char *app, struct buf *ret_text, struct err *err)
{
	AUTO_FD app_fd = platform_app_fd(context->platform, app, err);
	AUTO_FD folder_fd = -1;
	struct err ignored;

	if (app_fd < 0)
		return false;
	folder_fd = dir_open_at(app_fd, "nginx.conf.d", &ignored);
	if (folder_fd >= 0 && !file_read(folder_fd, "letsencrypt.conf", ret_text, &ignored))
		buf_clear(ret_text);
	return true;
}

/* What nginx would make of it is known only if the app's configuration includes the folder at all. */
bool challenge_read_conf(struct context *context, const char *app, struct buf *ret_conf, struct err *err)
{
	AUTO_FREE char *folder = mem_fmt("%s/%s", platform_root(context->platform), app);
	AUTO_FD app_fd = platform_app_fd(context->platform, app, err);

	if (app_fd < 0)
		return false;
	if (!file_read(app_fd, "nginx.conf", ret_conf, err))
		return err_set(err, ERR_REFUSED, "%s has no nginx.conf yet, so nothing can answer the CA: deploy it, or run 'dokku proxy:build-config %s'", app, app);
	if (nginx_includes_snippets(buf_text(ret_conf), folder))
		return true;
	return err_set(err, ERR_REFUSED, "the nginx.conf of %s does not include %s/nginx.conf.d/*.conf, so nothing can answer the CA: add that include to its template", app,
		       folder);
}

/* Looks into one file: what cannot be read is not suspected. */
static char *find_return_in(struct context *context, const char *app, int folder_fd, const char *folder, const char *name)
{
	AUTO_BUF conf = BUF_MAX(CONF_MAX);
	struct err ignored;
	size_t line = file_read(folder_fd, name, &conf, &ignored) ? nginx_return_line(buf_text(&conf)) : 0;

	return line > 0 ? mem_fmt("%s/%s/%s%s:%zu", platform_root(context->platform), app, folder, name, line) : NULL;
}

char *challenge_find_return(struct context *context, const char *app)
{
	struct err ignored;
	AUTO_STRS names = { 0 };
	AUTO_FD app_fd = platform_app_fd(context->platform, app, &ignored);
	AUTO_FD folder_fd = app_fd < 0 ? -1 : dir_open_at(app_fd, "nginx.conf.d", &ignored);

	if (folder_fd >= 0 && dir_list(folder_fd, &names, &ignored)) {
		for (size_t i = 0; i < names.count; i++) {
			char *found = text_ends(names.items[i], ".conf") ? find_return_in(context, app, folder_fd, "nginx.conf.d/", names.items[i]) : NULL;

			if (found)
				return found;
		}
	}
	return app_fd < 0 ? NULL : find_return_in(context, app, app_fd, "", "nginx.conf");
}

/* *ret_is_there: the snippet is as it should be, maybe for another account. What nginx was built with need not be asked for that: both forms are tried. */
static bool look_at_present(struct context *context, const char *app, struct challenge *io_challenge, bool *ret_is_there, struct err *err)
{
	AUTO_BUF present = BUF_MAX(SNIPPET_MAX);

	*ret_is_there = false;
	if (!read_present(context, app, &present, err))
		return false;
	for (int form = 0; form < 2 && !*ret_is_there; form++) {
		AUTO_FREE char *text = NULL;

		if (!render(context, app, io_challenge->thumbprint, form != 0, &text, err))
			return false;
		io_challenge->needs_files = strcmp(buf_text(&present), text) != 0 && is_of_other_account(buf_text(&present), text, io_challenge->thumbprint);
		*ret_is_there = io_challenge->needs_files || strcmp(buf_text(&present), text) == 0;
	}
	return true;
}

bool challenge_prepare(struct worker *worker, const struct app *app, const struct talk *talk, struct challenge *io_challenge, struct err *err)
{
	struct context *context = worker->context;
	AUTO(snippet_done) struct snippet snippet = { .app = app->name };
	AUTO_BUF conf = BUF_MAX(CONF_MAX);
	bool is_there = false;
	bool is_ok = challenge_read_conf(context, app->name, &conf, err) && look_at_present(context, app->name, io_challenge, &is_there, err) &&
		     (is_there || render(context, app->name, io_challenge->thumbprint, nginx_has_auth_request(context_nginx(context)), &snippet.text, err));

	if (!is_ok || is_there) {
		batch_forget(&worker->snippets);
		return is_ok;
	}
	talk_say(talk, TALK_INFO1, app->name, "Enabling ACME proxy for %s...", app->name);
	snippet.path = mem_fmt("%s/%s/nginx.conf.d/letsencrypt.conf", platform_root(context->platform), app->name);
	return batch_join(&worker->snippets, &snippet.item, err);
}

static bool write_snippet(struct context *context, const struct snippet *snippet, struct err *err)
{
	AUTO_FD app_fd = platform_app_fd(context->platform, snippet->app, err);
	AUTO_FD folder_fd = app_fd < 0 ? -1 : dir_make_at(app_fd, "nginx.conf.d", 0755, err);

	return folder_fd >= 0 && file_replace(folder_fd, "letsencrypt.conf", snippet->text, strlen(snippet->text), 0644, err);
}

/* Takes out, one after the other, those with which nginx would refuse the configuration; fails when it refuses it whatever we do. */
static bool test_snippets(struct nginx *nginx, struct snippet **snippets, size_t *io_count, struct err *err)
{
	while (*io_count > 0) {
		AUTO_FREE struct nginx_change *changes = mem_new(*io_count, sizeof(*changes));
		size_t culprit = SIZE_MAX;

		for (size_t i = 0; i < *io_count; i++)
			changes[i] = (struct nginx_change){ .path = snippets[i]->path, .content = snippets[i]->text };
		if (nginx_test_changes(nginx, changes, *io_count, &culprit, err))
			return true;
		if (culprit >= *io_count)
			return err_wrap(err, "nginx's configuration is broken, so the challenge cannot be set up; mend it, then try again");
		snippets[culprit]->item.err = *err;
		err_prefix(&snippets[culprit]->item.err, "the challenge location of %s would break nginx's configuration, so it was not written",
			   snippets[culprit]->app);
		snippets[culprit] = snippets[--*io_count];
	}
	return true;
}

static bool write_and_reload(struct context *context, struct snippet **snippets, size_t count, struct err *err)
{
	size_t written = 0;

	for (size_t i = 0; i < count; i++) {
		snippets[i]->item.is_ok = write_snippet(context, snippets[i], &snippets[i]->item.err);
		written += snippets[i]->item.is_ok;
	}
	return written == 0 || nginx_reload(context_nginx(context), err);
}

void challenge_write_snippets(void *ctx, struct batch_item *items)
{
	struct worker *worker = ctx;
	AUTO_FREE struct snippet **snippets = NULL;
	size_t count = 0;
	struct err err;

	for (struct batch_item *item = items; item; item = item->next)
		count++;
	snippets = mem_new(count, sizeof(struct snippet *));
	count = 0;
	for (struct batch_item *item = items; item; item = item->next)
		snippets[count++] = (struct snippet *)(void *)item;
	if (test_snippets(context_nginx(worker->context), snippets, &count, &err) && write_and_reload(worker->context, snippets, count, &err))
		return;
	for (size_t i = 0; i < count; i++) {
		snippets[i]->item.is_ok = false;
		snippets[i]->item.err = err;
	}
}

bool challenge_place_snippet(struct context *context, const char *app, const char *thumbprint, struct err *err)
{
	struct challenge challenge = { .thumbprint = thumbprint };
	AUTO(snippet_done) struct snippet snippet = { .app = app };
	struct snippet *list = &snippet;
	size_t count = 1;
	bool is_there = false;

	if (!look_at_present(context, app, &challenge, &is_there, err))
		return false;
	if (is_there && !challenge.needs_files)
		return true;
	if (!render(context, app, thumbprint, nginx_has_auth_request(context_nginx(context)), &snippet.text, err))
		return false;
	snippet.path = mem_fmt("%s/%s/nginx.conf.d/letsencrypt.conf", platform_root(context->platform), app);
	if (!test_snippets(context_nginx(context), &list, &count, err))
		return false;
	if (count > 0)
		return write_snippet(context, &snippet, err);
	*err = snippet.item.err;
	return false;
}
