/* SPDX-License-Identifier: MIT */
/*
 * A kill may leave a temporary name where we write. What only the worker writes is nobody's as soon as another worker holds the lock; what commands write as well
 * has to be old first.
 */
#include "flow/leftovers.h"

#include "flow/context.h"
#include "platform/platform.h"
#include "platform/tls.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/when.h"

#define AT_ONCE 0
#define WHEN_OLD WHEN_HOUR
/* The CA has forgotten the order by then. */
#define ORDER_KEPT_S (30 * WHEN_DAY)

/* Temporary files in the folder and in those below it, so many levels deep. */
static void sweep_folder(int dir_fd, unsigned depth, int64_t age_s)
{
	AUTO_STRS names = { 0 };
	struct err ignored;

	file_sweep(dir_fd, age_s);
	if (depth == 0 || !dir_list(dir_fd, &names, &ignored))
		return;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FD below_fd = dir_open_at(dir_fd, names.items[i], &ignored);

		if (below_fd >= 0)
			sweep_folder(below_fd, depth - 1, age_s);
	}
}

static void sweep_path(char *path, unsigned depth, int64_t age_s)
{
	AUTO_FREE char *owned = path;
	struct err ignored;
	AUTO_FD dir_fd = dir_open(owned, &ignored);

	if (dir_fd >= 0)
		sweep_folder(dir_fd, depth, age_s);
}

void leftovers_sweep_host(struct context *context)
{
	struct err ignored;
	AUTO_FD accounts_fd = context_accounts_fd(context, &ignored);
	AUTO_FD certs_fd = context_certs_fd(context, &ignored);

	if (accounts_fd >= 0)
		sweep_folder(accounts_fd, 3, AT_ONCE); /* <server>/<e-mail>/keys */
	if (certs_fd >= 0) {
		sweep_folder(certs_fd, 0, AT_ONCE);
		dir_sweep(certs_fd, ".order-", ORDER_KEPT_S);
		dir_sweep(certs_fd, ".adopt-", WHEN_OLD);
	}
}

void leftovers_sweep_unlocked(struct context *context)
{
	sweep_path(platform_global_path(context->platform, "state"), 0, WHEN_OLD);
	sweep_path(platform_global_path(context->platform, "progress"), 0, WHEN_OLD);
	sweep_path(mem_fmt("%s/config/letsencrypt/--global", platform_lib_root(context->platform)), 0, WHEN_OLD);
}

/* Token files of the self-test and of orders: all of them are of a run that has ended. */
static void sweep_tokens(struct context *context, const char *app)
{
	AUTO_FREE char *path = mem_fmt("%s/data/letsencrypt/%s/.well-known/acme-challenge", platform_lib_root(context->platform), app);
	struct err ignored;
	AUTO_FD dir_fd = dir_open(path, &ignored);

	if (dir_fd >= 0)
		dir_sweep(dir_fd, "", AT_ONCE);
}

void leftovers_sweep_app(struct context *context, const char *app)
{
	const char *root = platform_root(context->platform);
	const char *lib_root = platform_lib_root(context->platform);
	struct err ignored;
	AUTO_FD app_fd = platform_app_fd(context->platform, app, &ignored);

	if (app_fd >= 0)
		tls_sweep(app_fd);
	sweep_tokens(context, app);
	sweep_path(mem_fmt("%s/%s/nginx.conf.d", root, app), 0, AT_ONCE);
	sweep_path(mem_fmt("%s/%s/letsencrypt/certs", root, app), 2, AT_ONCE); /* <id>/certificates */
	sweep_path(mem_fmt("%s/config/letsencrypt/%s", lib_root, app), 0, WHEN_OLD);
	sweep_path(mem_fmt("%s/config/ports/%s", lib_root, app), 0, WHEN_OLD);
}
