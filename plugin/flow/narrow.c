/* SPDX-License-Identifier: MIT */
/* Modes of what the bash plugin wrote. Only what may hold a secret is looked at, and nothing is ever widened. */
#include "flow/narrow.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "flow/context.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

#define FILE_MODE 0600
#define FOLDER_MODE 0700
/* Folders of properties and of apps are the platform's: only what lies in them is ours. */
#define ANY_MODE 07777
/* As core has it: nginx' master opens it as root. */
#define TLS_KEY_MODE 0640
/* <id>/accounts/<server>/<e-mail>/keys, the deepest */
#define DEPTH_CERTS 5
#define DEPTH_ACCOUNTS 3
#define DEPTH_PROPERTIES 1

struct narrowing {
	struct context *context;
	mode_t folder_mode;
	size_t count;
};

static void narrow(struct narrowing *narrowing, int dir_fd, const char *name, mode_t max, const char *path)
{
	bool was_wide = false;
	struct err err;

	if (!file_narrow(dir_fd, name, max, &was_wide, &err) && err.kind != ERR_MISSING)
		talk_say(&narrowing->context->talk, TALK_WARN, NULL, "%s, in %s: others may read it (sudo chmod %o %s/%s)", err.text, path, (unsigned)max, path, name);
	else
		narrowing->count += was_wide;
}

static bool is_folder(int dir_fd, const char *name)
{
	struct stat status;

	return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/* Names with a dot are locks and files that are being written: private from the beginning. */
static void narrow_folder(struct narrowing *narrowing, int dir_fd, unsigned depth, const char *path)
{
	AUTO_STRS names = { 0 };
	struct err ignored;

	if (!dir_list(dir_fd, &names, &ignored))
		return;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		AUTO_FREE char *below = mem_fmt("%s/%s", path, name);
		AUTO_FD below_fd = *name == '.' ? -1 : dir_open_at(dir_fd, name, &ignored);

		if (*name != '.')
			narrow(narrowing, dir_fd, name, is_folder(dir_fd, name) ? narrowing->folder_mode : FILE_MODE, path);
		if (below_fd >= 0 && depth > 0)
			narrow_folder(narrowing, below_fd, depth - 1, below);
	}
}

static void narrow_below(struct narrowing *narrowing, char *path, mode_t folder_mode, unsigned depth)
{
	AUTO_FREE char *owned = path;
	struct err ignored;
	AUTO_FD dir_fd = dir_open(owned, &ignored);

	narrowing->folder_mode = folder_mode;
	if (dir_fd >= 0)
		narrow_folder(narrowing, dir_fd, depth, owned);
}

static void narrow_tls(struct narrowing *narrowing, const char *app)
{
	AUTO_FREE char *path = mem_fmt("%s/%s/tls", platform_root(narrowing->context->platform), app);
	struct err ignored;
	AUTO_FD tls_fd = dir_open(path, &ignored);

	if (tls_fd >= 0 && file_exists(tls_fd, "server.letsencrypt.crt"))
		narrow(narrowing, tls_fd, "server.key", TLS_KEY_MODE, path);
}

void narrow_all(struct context *context, const struct strs *apps, size_t *ret_count)
{
	struct narrowing narrowing = { .context = context };

	narrow_below(&narrowing, platform_global_path(context->platform, "accounts"), FOLDER_MODE, DEPTH_ACCOUNTS);
	narrow_below(&narrowing, mem_fmt("%s/config/letsencrypt", platform_lib_root(context->platform)), ANY_MODE, DEPTH_PROPERTIES);
	for (size_t i = 0; i < apps->count; i++) {
		narrow_below(&narrowing, mem_fmt("%s/%s/letsencrypt/certs", platform_root(context->platform), apps->items[i]), ANY_MODE, DEPTH_CERTS);
		narrow_tls(&narrowing, apps->items[i]);
	}
	*ret_count = narrowing.count;
}
