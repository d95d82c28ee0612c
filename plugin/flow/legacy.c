/* SPDX-License-Identifier: MIT */
/* Keeps what the bash plugin needs to take over again. Nothing of ours reads it. */
#include "flow/legacy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static bool write_folder(struct context *context, const struct app *app, const char *config, const char *docker_options, const char *name,
			 const struct buf *chain_pem, const struct buf *key_pem, struct err *err)
{
	char id[41];
	AUTO_FD app_fd = platform_app_fd(context->platform, app->name, err);
	AUTO_FD certs_fd = app_fd < 0 ? -1 : dir_make_path_at(app_fd, "letsencrypt/certs", 0755, err);
	AUTO_FD id_fd = -1;
	AUTO_FREE char *target = NULL;

	make_id(config, docker_options, id);
	if (certs_fd < 0 || (id_fd = dir_make_at(certs_fd, id, 0755, err)) < 0)
		return false;
	target = mem_fmt("%s/%s/letsencrypt/certs/%s", platform_root(context->platform), app->name, id);
	/* Both may hold secrets: what lego-args say is in them. */
	return file_replace_fast(id_fd, "config", config, strlen(config), 0600, err) &&
	       file_replace_fast(id_fd, "docker_options", docker_options, strlen(docker_options), 0600, err) &&
	       write_certificates(id_fd, name, chain_pem, key_pem, err) && point_current(certs_fd, target, err);
}

bool legacy_write(struct context *context, const struct app *app, const struct buf *chain_pem, const struct buf *key_pem, struct err *err)
{
	const struct settings *settings = &app->wanted.settings;
	AUTO_STRS domains = { 0 };
	AUTO_STRS names = { 0 };
	AUTO_FREE char *args = NULL;
	AUTO_FREE char *docker_options = NULL;
	AUTO_FREE char *config = NULL;
	AUTO_FREE char *name = NULL;

	if (app->wanted.names.count == 0)
		return true;
	if (!platform_setting(context->platform, app->name, "lego-args", &args, err) ||
	    !platform_setting(context->platform, app->name, "lego-docker-options", &docker_options, err) ||
	    !platform_domains(context->platform, app->name, &domains, err))
		return false;
	for (size_t i = 0; i < domains.count; i++)
		if (strcmp(domains.items[i], "_") != 0)
			strs_add(&names, domains.items[i]);
	config = legacy_config(settings->server, settings->email, args ? args : "", (const char *const *)strs_argv(&names));
	name = file_name(&names, app->wanted.names.items[0]);
	/* So long a name has no file that is called by it: the old plugin could not have had the certificate either. */
	if (strlen(name) + strlen(".crt") > NAME_MAX)
		return true;
	return write_folder(context, app, config, docker_options ? docker_options : "", name, chain_pem, key_pem, err) ||
	       err_wrap(err, "the copy of the certificate of %s for the older plugin", app->name);
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
