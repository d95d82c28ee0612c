/* SPDX-License-Identifier: MIT */
/*
 * Removes the directories that former settings of an app left in the bash plugin's layout. Only names of its kind (SHA-1 in hex) are touched, never the
 * one in use, and none that holds an account: its key may be the only one that can revoke.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "flow/actions.h"
#include "flow/context.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

#define ID_SIZE 40

static bool is_id(const char *name)
{
	return strlen(name) == ID_SIZE && strspn(name, "0123456789abcdef") == ID_SIZE;
}

/* The name of the directory that the link `current` points to, when it is one of these; NULL = it cannot be told. The caller frees it. */
static char *current_id(int certs_fd)
{
	char target[PATH_MAX];
	ssize_t size = readlinkat(certs_fd, "current", target, sizeof(target) - 1);
	const char *name = NULL;
	struct err ignored;

	if (size <= 0)
		return NULL;
	target[size] = '\0';
	name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	AUTO_FD dir_fd = is_id(name) ? dir_open_at(certs_fd, name, &ignored) : -1;
	return dir_fd >= 0 ? mem_strdup(name) : NULL;
}

static bool remove_stale(struct context *context, const char *app, int certs_fd, const char *name, struct err *err)
{
	AUTO_FD dir_fd = dir_open_at(certs_fd, name, err);

	/* Not a directory, or gone meanwhile: nothing of ours. */
	if (dir_fd < 0)
		return true;
	if (file_exists(dir_fd, "accounts")) {
		talk_say(&context->talk, TALK_INFO1, app, "  - kept %s: it holds an account's key", name);
		return true;
	}
	if (!dir_remove_tree(certs_fd, name, err))
		return err_wrap(err, "stale directory %s of %s", name, app);
	talk_say(&context->talk, TALK_INFO1, app, "  - stale directory %s", name);
	return true;
}

bool cleanup_app(struct context *context, const char *app, struct err *err)
{
	AUTO_STRS names = { 0 };
	AUTO_FREE char *current = NULL;
	AUTO_FD app_fd = -1;
	AUTO_FD certs_fd = -1;
	AUTO_FD letsencrypt_fd = -1;
	struct err ignored;

	if (!platform_check_app(context->platform, app, err))
		return false;
	app_fd = platform_app_fd(context->platform, app, err);
	if (app_fd < 0)
		return false;
	letsencrypt_fd = dir_open_at(app_fd, "letsencrypt", &ignored);
	certs_fd = letsencrypt_fd < 0 ? -1 : dir_open_at(letsencrypt_fd, "certs", &ignored);
	current = certs_fd < 0 ? NULL : current_id(certs_fd);
	if (!current)
		return err_set(err, ERR_MISSING, "Cannot resolve the 'current' certificate directory!\n"
			       "Nothing was removed: %s has no certificate in use here (dokku letsencrypt:enable %s makes one)", app, app);

	talk_say(&context->talk, TALK_INFO2, app, "Cleaning up stale certificate directories for %s", app);
	talk_say(&context->talk, TALK_INFO1, app, "  - current config hash %s", current);
	if (!dir_list(certs_fd, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (is_id(names.items[i]) && strcmp(names.items[i], current) != 0 && !remove_stale(context, app, certs_fd, names.items[i], err))
			return false;
	return true;
}
