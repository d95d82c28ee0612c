/* SPDX-License-Identifier: MIT */
/*
 * `current` is an absolute link by the bash plugin's rule. It counts only when it leads into the app's own folder: a copy of an app has a copy of the link,
 * which leads to the certificate of the app that was copied.
 */
#include "flow/footprint.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "flow/context.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/strs.h"
#include "util/text.h"

#define PEM_MAX ((size_t)512 * 1024)
#define LINE_MAX_SIZE ((size_t)64 * 1024)

static bool has_leaf(int dir_fd, const char *name, const char *leaf)
{
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	char hex[65];
	struct err ignored;

	return dir_fd >= 0 && file_read(dir_fd, name, &pem, &ignored) && cert_leaf_sha256(buf_text(&pem), hex, &ignored) && strcmp(hex, leaf) == 0;
}

/* letsencrypt/certs of the app; -1 = there is none. The caller closes it. */
static int open_certs(struct context *context, const char *app)
{
	struct err ignored;
	AUTO_FD app_fd = platform_app_fd(context->platform, app, &ignored);
	AUTO_FD letsencrypt_fd = app_fd < 0 ? -1 : dir_open_at(app_fd, "letsencrypt", &ignored);

	return letsencrypt_fd < 0 ? -1 : dir_open_at(letsencrypt_fd, "certs", &ignored);
}

/* The folder that `current` leads to, if it is one of these; -1 = it is not. The caller closes it. */
static int open_current(struct context *context, const char *app, int certs_fd)
{
	AUTO_FREE char *own = mem_fmt("%s/%s/letsencrypt/certs/", platform_root(context->platform), app);
	char target[PATH_MAX];
	ssize_t size = certs_fd < 0 ? -1 : readlinkat(certs_fd, "current", target, sizeof(target) - 1);
	struct err ignored;

	target[size > 0 ? size : 0] = '\0';
	if (!text_starts(target, own) || !name_is_component(target + strlen(own)))
		return -1;
	return dir_open_at(certs_fd, target + strlen(own), &ignored);
}

/* Among its certificates, whatever name the app's first domain had then; fullchain.pem is from before there was a client of its own. */
static bool current_has(int current_fd, const char *leaf)
{
	AUTO_STRS names = { 0 };
	struct err ignored;
	AUTO_FD dir_fd = current_fd < 0 ? -1 : dir_open_at(current_fd, "certificates", &ignored);

	if (dir_fd >= 0 && !dir_list(dir_fd, &names, &ignored))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (text_ends(names.items[i], ".crt") && !text_ends(names.items[i], ".issuer.crt") && has_leaf(dir_fd, names.items[i], leaf))
			return true;
	return has_leaf(current_fd, "fullchain.pem", leaf);
}

enum footprint footprint_of(struct context *context, const char *app, int tls_fd, const char *leaf)
{
	AUTO_FD certs_fd = open_certs(context, app);
	AUTO_FD current_fd = open_current(context, app, certs_fd);

	if (current_has(current_fd, leaf))
		return FOOTPRINT_IN_USE;
	if (has_leaf(tls_fd, "server.letsencrypt.crt", leaf))
		return FOOTPRINT_COPY;
	return certs_fd >= 0 || file_exists(tls_fd, "server.letsencrypt.crt") ? FOOTPRINT_OTHER : FOOTPRINT_NONE;
}

char *footprint_server(struct context *context, const char *app)
{
	AUTO_FD certs_fd = open_certs(context, app);
	AUTO_FD current_fd = open_current(context, app, certs_fd);
	AUTO_BUF config = BUF_SECRET(LINE_MAX_SIZE);
	AUTO_STRS words = { 0 };
	struct err ignored;

	if (current_fd < 0 || !file_read(current_fd, "config", &config, &ignored))
		return mem_strdup("");
	strs_split(&words, buf_text(&config), " \n");
	for (size_t i = 0; i + 1 < words.count; i++)
		if (strcmp(words.items[i], "--server") == 0)
			return mem_strdup(words.items[i + 1]);
	return mem_strdup("");
}
