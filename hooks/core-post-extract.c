/* SPDX-License-Identifier: MIT */
/*
 * The code of a deploy is in its build folder. The platform, whose hook comes after ours, tests the app's own template together with its nginx.conf.d, and
 * lets the deploy fail if nginx refuses them: a location that the snippet has, too, would be our fault. So the snippet makes room. It comes back before the
 * reload, if it fits (hooks/nginx-pre-reload.c).
 */
#include "hooks/hook.h"

#include <string.h>

#include "hooks/app.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define LOCATION "/.well-known/acme-challenge"
#define TEMPLATE_MAX ((size_t)1024 * 1024)

/* A longer one, with a slash at its end, wins over ours instead of colliding. */
static bool has_location(const char *text)
{
	while ((text = strstr(text, LOCATION)) != NULL) {
		text += strlen(LOCATION);
		if (*text != '/')
			return true;
	}
	return false;
}

/* What cannot be read here is not what the platform reads. */
static bool template_collides(const struct hook_call *call, const char *app, const char *folder)
{
	AUTO_FREE char *path = app_template_path(call, app);
	char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	AUTO_FREE char *parent = mem_fmt("%s/%.*s", folder, slash ? (int)(slash - path) : 0, path);
	struct err ignored;
	AUTO_FD parent_fd = dir_open(parent, &ignored);
	AUTO_BUF text = BUF_MAX(TEMPLATE_MAX);

	return parent_fd >= 0 && name[0] != '\0' && file_read(parent_fd, name, &text, &ignored) && has_location(buf_text(&text));
}

int hook_core_post_extract(const struct hook_call *call)
{
	const char *app = hook_word(call, 0);
	const char *folder = hook_word(call, 1);
	struct err err = { 0 };
	AUTO_FD snippets_fd = app_snippets_fd(call, app);

	if (snippets_fd < 0 || !file_exists(snippets_fd, APP_SNIPPET) || !template_collides(call, app, folder))
		return 0;
	if (!file_remove(snippets_fd, APP_SNIPPET, &err))
		hook_warn(&err);
	return 0;
}
