/* SPDX-License-Identifier: MIT */
/*
 * An app is gone: so are its properties, its webroot and its state line. Its folder, `tls/` included, is left to the platform: the proxy is reloaded once
 * more with it. Its certificates are left to the engine.
 */
#include "hooks/hook.h"

#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"

/* Removes `name`, a file or a folder with all that is in it, from a folder that may be missing. */
static void remove_from(const char *lib_root, const char *folder, const char *name)
{
	struct err err = { 0 };
	AUTO_FREE char *path = mem_fmt("%s/%s", lib_root, folder);
	AUTO_FD folder_fd = dir_open(path, &err);
	if (folder_fd >= 0 ? !dir_remove_tree(folder_fd, name, &err) : err.kind != ERR_MISSING)
		hook_warn(&err);
}

int hook_post_delete(const struct hook_call *call)
{
	const char *app = hook_word(call, 0);
	if (!name_is_app(app))
		return 0;
	remove_from(call->lib_root, "config/letsencrypt", app);
	remove_from(call->lib_root, "data/letsencrypt", app);
	remove_from(call->lib_root, "data/letsencrypt/--global/state", app);
	return 0;
}
