/* SPDX-License-Identifier: MIT */
/* Keeps what the bash plugin needs to take over again. Nothing of ours reads it. */
#include "flow/legacy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "crypto/digest.h"
#include "flow/app.h"
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

#define LINE_MAX_SIZE ((size_t)64 * 1024)
#define PEM_MAX ((size_t)1024 * 1024)
#define KEY_MAX 8192
#define COPY "server.letsencrypt.crt"

char *legacy_config(const char *server, const char *email, const char *lego_args, const char *const *names)
{
	AUTO_BUF line = BUF_MAX(LINE_MAX_SIZE);

	(void)buf_addf(&line, "--http --http.webroot /webroot --pem --accept-tos --cert.timeout 30 --path /certs --server %s --email %s %s ", server, email, lego_args);
	for (size_t i = 0; names[i]; i++)
		(void)buf_addf(&line, " --domains %s", names[i]);
	return buf_take(&line);
}

static void make_id(const char *config, const char *docker_options, char ret_id[static 41])
{
	AUTO_FREE char *line = mem_fmt("%s %s\n", config, docker_options);

	digest_sha1_hex(line, strlen(line), ret_id);
}

/* The old plugin's name for the files: the app's first domain as it stands in VHOST, whether it can be in a certificate or not, "*" as "_". */
static char *file_name(const struct strs *domains, const char *fallback)
{
	char *name = mem_strdup(domains->count > 0 && name_is_component(domains->items[0]) ? domains->items[0] : fallback);

	for (char *c = name; *c; c++)
		*c = *c == '*' ? '_' : *c == ':' ? '-' : *c;
	return name;
}

static bool write_certificates(int id_fd, const char *base, const struct buf *chain_pem, const struct buf *key_pem, struct err *err)
{
	AUTO_FD dir_fd = dir_make_at(id_fd, "certificates", 0700, err);
	AUTO_FREE char *crt = mem_fmt("%s.crt", base);
	AUTO_FREE char *key = mem_fmt("%s.key", base);
	AUTO_FREE char *pem = mem_fmt("%s.pem", base);
	AUTO_BUF both = BUF_SECRET(PEM_MAX);

	(void)buf_add(&both, buf_text(chain_pem), chain_pem->size);
	(void)buf_add(&both, buf_text(key_pem), key_pem->size);
	return dir_fd >= 0 && file_replace_fast(dir_fd, crt, buf_text(chain_pem), chain_pem->size, 0600, err) &&
	       file_replace_fast(dir_fd, key, buf_text(key_pem), key_pem->size, 0600, err) &&
	       file_replace_fast(dir_fd, pem, buf_text(&both), both.size, 0600, err);
}

/* `current` is replaced in one step, absolute as the old plugin reads it. */
static bool point_current(int certs_fd, const char *target, struct err *err)
{
	char random[17];
	char name[40];

	dir_random_name(random);
	(void)snprintf(name, sizeof(name), ".current.%s", random);
	if (symlinkat(target, certs_fd, name) != 0)
		return err_sys(err, "link 'letsencrypt/certs/current'");
	if (renameat(certs_fd, name, certs_fd, "current") == 0)
		return true;
	(void)err_sys(err, "replace 'letsencrypt/certs/current'");
	(void)unlinkat(certs_fd, name, 0);
	return false;
}

/* Where an app's certificate belongs in that layout by the settings of now. */
struct place {
	char *config;
	char *docker_options;
	char *name;   /* of the files, without their suffixes */
	char *target; /* of `current` */
	char id[41];
};

static void place_done(struct place *place)
{
	free(place->config);
	free(place->docker_options);
	free(place->name);
	free(place->target);
}

static bool find_place(struct context *context, const struct app *app, struct place *place, struct err *err)
{
	const struct settings *settings = &app->wanted.settings;
	AUTO_STRS domains = { 0 };
	AUTO_STRS names = { 0 };
	AUTO_FREE char *args = NULL;

	if (!platform_setting(context->platform, app->name, "lego-args", &args, err) ||
	    !platform_setting(context->platform, app->name, "lego-docker-options", &place->docker_options, err) ||
	    !platform_domains(context->platform, app->name, &domains, err))
		return false;
	for (size_t i = 0; i < domains.count; i++)
		if (strcmp(domains.items[i], "_") != 0)
			strs_add(&names, domains.items[i]);
	if (!place->docker_options)
		place->docker_options = mem_strdup("");
	place->config = legacy_config(settings->server, settings->email, args ? args : "", (const char *const *)strs_argv(&names));
	place->name = file_name(&names, app->wanted.names.items[0]);
	make_id(place->config, place->docker_options, place->id);
	place->target = mem_fmt("%s/%s/letsencrypt/certs/%s", platform_root(context->platform), app->name, place->id);
	return true;
}

/* So long a name cannot be that of a file: the older plugin could not have had the certificate either. */
static bool has_no_file(const struct place *place)
{
	return strlen(place->name) + strlen(".crt") > NAME_MAX;
}

static bool write_place(struct context *context, const struct app *app, const struct place *place, const struct buf *chain_pem, const struct buf *key_pem,
			struct err *err)
{
	AUTO_FD app_fd = platform_app_fd(context->platform, app->name, err);
	AUTO_FD certs_fd = app_fd < 0 ? -1 : dir_make_path_at(app_fd, "letsencrypt/certs", 0755, err);
	AUTO_FD id_fd = certs_fd < 0 ? -1 : dir_make_at(certs_fd, place->id, 0755, err);

	/* Both may hold secrets: what lego-args say is in them. */
	return id_fd >= 0 && file_replace_fast(id_fd, "config", place->config, strlen(place->config), 0600, err) &&
	       file_replace_fast(id_fd, "docker_options", place->docker_options, strlen(place->docker_options), 0600, err) &&
	       write_certificates(id_fd, place->name, chain_pem, key_pem, err) && point_current(certs_fd, place->target, err);
}

bool legacy_write(struct context *context, const struct app *app, const struct buf *chain_pem, const struct buf *key_pem, struct err *err)
{
	AUTO(place_done) struct place place = { 0 };

	if (app->wanted.names.count == 0)
		return true;
	return (find_place(context, app, &place, err) && (has_no_file(&place) || write_place(context, app, &place, chain_pem, key_pem, err))) ||
	       err_wrap(err, "the copy of the certificate of %s for the older plugin", app->name);
}

/* The older plugin compares the copy with its own file, byte for byte; that of another certificate is what a run of its own left that was killed. */
static bool read_in_use(const struct app *app, int app_fd, struct buf *ret_chain_pem, struct err *err)
{
	char leaf[65];
	AUTO_FD tls_fd = dir_open_at(app_fd, "tls", err);

	if (tls_fd < 0 || !file_read(tls_fd, file_exists(tls_fd, COPY) ? COPY : "server.crt", ret_chain_pem, err) ||
	    !cert_leaf_sha256(buf_text(ret_chain_pem), leaf, err))
		return false;
	return strcmp(leaf, app->held.cert.leaf_sha256) == 0 || err_set(err, ERR_EXISTS, "tls/" COPY " is another one");
}

/* letsencrypt/certs of the app; -1 = there is none, or nothing can be told or done (*ret_is_missing false). The caller closes it. */
static int open_certs(int app_fd, bool *ret_is_missing)
{
	struct err err = { 0 };
	AUTO_FD letsencrypt_fd = dir_open_at(app_fd, "letsencrypt", &err);
	int certs_fd = letsencrypt_fd < 0 ? -1 : dir_open_at(letsencrypt_fd, "certs", &err);

	*ret_is_missing = err.kind == ERR_MISSING;
	return certs_fd;
}

/* `current` leads to a folder that has the certificate under the name that the older plugin looks for. */
static bool is_found(int certs_fd, const struct place *place, bool is_typed, const struct buf *chain_pem)
{
	AUTO_FREE char *crt = mem_fmt("%s.crt", place->name);
	AUTO_FREE char *pem = mem_fmt("%s.pem", place->name);
	AUTO_BUF present = BUF_MAX(PEM_MAX);
	char target[PATH_MAX];
	ssize_t size = readlinkat(certs_fd, "current", target, sizeof(target) - 1);
	struct err ignored;

	target[size > 0 ? size : 0] = '\0';
	if (size <= 0 || (is_typed && strcmp(target, place->target) != 0))
		return false;
	AUTO_FD current_fd = dir_open(target, &ignored);
	AUTO_FD dir_fd = current_fd < 0 ? -1 : dir_open_at(current_fd, "certificates", &ignored);
	return dir_fd >= 0 && file_exists(dir_fd, pem) && file_read(dir_fd, crt, &present, &ignored) && strcmp(buf_text(&present), buf_text(chain_pem)) == 0;
}

bool legacy_is_behind(struct context *context, const struct app *app, bool is_typed)
{
	AUTO(place_done) struct place place = { 0 };
	AUTO_BUF chain_pem = BUF_MAX(PEM_MAX);
	bool is_missing = false;
	struct err ignored;

	if (app->wanted.names.count == 0)
		return false;
	AUTO_FD app_fd = platform_app_fd(context->platform, app->name, &ignored);
	if (app_fd < 0 || !read_in_use(app, app_fd, &chain_pem, &ignored) || !find_place(context, app, &place, &ignored) || has_no_file(&place))
		return false;
	AUTO_FD certs_fd = open_certs(app_fd, &is_missing);
	return certs_fd < 0 ? is_missing : !is_found(certs_fd, &place, is_typed, &chain_pem);
}

bool legacy_follow(struct context *context, const struct app *app, bool is_typed, struct err *err)
{
	AUTO_BUF chain_pem = BUF_MAX(PEM_MAX);
	AUTO_BUF key_pem = BUF_SECRET(KEY_MAX);

	if (!legacy_is_behind(context, app, is_typed))
		return true;
	AUTO_FD app_fd = platform_app_fd(context->platform, app->name, err);
	AUTO_FD tls_fd = app_fd < 0 ? -1 : dir_open_at(app_fd, "tls", err);
	return tls_fd >= 0 && read_in_use(app, app_fd, &chain_pem, err) && file_read(tls_fd, "server.key", &key_pem, err) &&
	       legacy_write(context, app, &chain_pem, &key_pem, err);
}

bool legacy_repoint(struct context *context, const char *from, const char *to, struct err *err)
{
	AUTO_FREE char *old = mem_fmt("%s/%s/", platform_root(context->platform), from);
	AUTO_FREE char *path = mem_fmt("%s/%s/letsencrypt/certs", platform_root(context->platform), to);
	AUTO_FREE char *target = NULL;
	struct err ignored;
	AUTO_FD certs_fd = dir_open(path, &ignored);
	char link[PATH_MAX];
	ssize_t size = certs_fd < 0 ? -1 : readlinkat(certs_fd, "current", link, sizeof(link) - 1);

	if (size <= 0)
		return true;
	link[size] = '\0';
	if (!text_starts(link, old))
		return true;
	target = mem_fmt("%s/%s/%s", platform_root(context->platform), to, link + strlen(old));
	return point_current(certs_fd, target, err);
}
