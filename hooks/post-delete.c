/* SPDX-License-Identifier: MIT */
/*
 * An app is gone: so are its properties, its webroot, its state line and its challenge snippet. The rest of its folder, `tls/` included, is left to the
 * platform: the proxy is reloaded once more with it. What is booked for it, and its certificates, are left to the engine.
 */
#include "hooks/hook.h"

#include "hooks/app.h"
#include "hooks/engine.h"

#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"

/* Removes `name`, a file or a folder with all that is in it, from a folder that may be missing. */
static void remove_from(const char *root, const char *folder, const char *name)
{
	struct err err = { 0 };
	AUTO_FREE char *path = mem_fmt("%s/%s", root, folder);
	AUTO_FD folder_fd = dir_open(path, &err);
	if (folder_fd >= 0 ? !dir_remove_tree(folder_fd, name, &err) : err.kind != ERR_MISSING)
		hook_warn(&err);
}

int hook_post_delete(const struct hook_call *call)
{
	AUTO(engine_told_done) struct engine_told told = { 0 };
	const char *app = hook_word(call, 0);
	if (!app_has_traces(call, app))
		return 0;
	AUTO_FREE char *snippets = mem_fmt("%s/nginx.conf.d", app);
	remove_from(call->root, snippets, "letsencrypt.conf");
	remove_from(call->lib_root, "config/letsencrypt", app);
	remove_from(call->lib_root, "data/letsencrypt", app);
	remove_from(call->lib_root, "data/letsencrypt/--global/state", app);
	(void)engine_tell(call, app, &told);
	return 0;
}
