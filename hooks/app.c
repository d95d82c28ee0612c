/* SPDX-License-Identifier: MIT */
/* Properties of the app, else global ones, in the platform's own form; the state line; and what lies in the app's folder. */
#include "hooks/app.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "hooks/hook.h"
#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/imprint.h"
#include "sys/state_line.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/parse.h"
#include "util/text.h"

#define GLOBAL "--global"
#define VALUE_MAX 1024
/* What only this plugin, and the one before it, put beside a certificate (contract 7.4). */
#define OURS_IN_TLS "server.letsencrypt.crt"
#define DEPLOY_WAIT_S 20

/* "" when it is not set; the caller frees it. */
static char *property(const struct hook_call *call, const char *plugin, const char *scope, const char *key)
{
	AUTO_FREE char *path = mem_fmt("%s/config/%s/%s", call->lib_root, plugin, scope);
	struct err ignored;
	AUTO_FD fd = dir_open(path, &ignored);
	AUTO_BUF value = BUF_MAX(VALUE_MAX);

	if (fd < 0 || !file_read(fd, key, &value, &ignored))
		return mem_strdup("");
	return text_trim(buf_text(&value));
}

static char *own_or_global(const struct hook_call *call, const char *plugin, const char *app, const char *key)
{
	AUTO_FREE char *own = property(call, plugin, app, key);

	return own[0] != '\0' ? mem_take(&own) : property(call, plugin, GLOBAL, key);
}

/* What is neither yes nor no counts as not set. */
static bool is_true(const char *value)
{
	bool is_set = false;

	return parse_bool(value, &is_set) && is_set;
}

static bool has(const struct hook_call *call, const char *app, const char *name)
{
	AUTO_FREE char *path = mem_fmt("%s/%s/%s", call->root, app, name);
	struct stat info;

	return stat(path, &info) == 0;
}

enum app_wish app_wish(const struct hook_call *call, const char *app)
{
	if (!name_is_app(app))
		return APP_WANTS_NOTHING;
	AUTO_FREE char *enabled = property(call, "letsencrypt", app, "enabled");
	bool is_enabled = false;
	if (parse_bool(enabled, &is_enabled))
		return is_enabled ? APP_WANTS_CERTIFICATE : APP_WANTS_NOTHING;
	/* One that was taken over was never enabled here. */
	if (has(call, app, "tls/" OURS_IN_TLS))
		return APP_WANTS_CERTIFICATE;
	AUTO_FREE char *automatic = own_or_global(call, "letsencrypt", app, "auto-enable");
	if (!is_true(automatic))
		return APP_WANTS_NOTHING;
	AUTO_FREE char *deployed = property(call, "common", app, "deployed");
	return is_true(deployed) ? APP_WANTS_CERTIFICATE : APP_WAITS_FOR_DEPLOY;
}

bool app_is_settled(const struct hook_call *call, const char *app)
{
	AUTO_FREE char *global = mem_fmt("%s/data/letsencrypt/--global", call->lib_root);
	struct err ignored;
	AUTO_FD global_fd = dir_open(global, &ignored);
	struct clock clock = clock_system();
	struct state state;
	uint64_t imprint = global_fd >= 0 ? imprint_of_app(call->root, call->lib_root, app, imprint_of_host(call->lib_root)) : 0;

	return global_fd >= 0 && state_line_read(global_fd, app, imprint, &state) && clock_now(&clock) < state.check_at;
}

bool app_has_snippet(const struct hook_call *call, const char *app)
{
	AUTO_FD fd = app_snippets_fd(call, app);

	return fd >= 0 && file_exists(fd, APP_SNIPPET);
}

int app_snippets_fd(const struct hook_call *call, const char *app)
{
	AUTO_FREE char *path = mem_fmt("%s/%s/nginx.conf.d", call->root, app);
	struct err ignored;

	return name_is_app(app) ? dir_open(path, &ignored) : -1;
}

char *app_template_path(const struct hook_call *call, const char *app)
{
	AUTO_FREE char *path = own_or_global(call, "nginx", app, "nginx-conf-sigil-path");

	return path[0] != '\0' ? mem_take(&path) : mem_strdup("nginx.conf.sigil");
}

bool app_has_copies(const struct hook_call *call, const char *app)
{
	return name_is_app(app) && has(call, app, "letsencrypt");
}

bool app_has_traces(const struct hook_call *call, const char *app)
{
	const struct {
		const char *parent, *folder, *end;
	} places[] = {
		{ call->root, "", "/tls/" OURS_IN_TLS },
		{ call->root, "", "/letsencrypt" },
		{ call->root, "", "/nginx.conf.d/" APP_SNIPPET },
		{ call->lib_root, "/config/letsencrypt", "" },
		{ call->lib_root, "/data/letsencrypt", "" },
		{ call->lib_root, "/data/letsencrypt/--global/state", "" },
	};

	for (size_t i = 0; name_is_app(app) && i < COUNT(places); i++) {
		AUTO_FREE char *path = mem_fmt("%s%s/%s%s", places[i].parent, places[i].folder, app, places[i].end);
		struct stat info;

		if (lstat(path, &info) == 0)
			return true;
	}
	return false;
}

int64_t app_deploy_wait_s(const struct hook_call *call, const char *app)
{
	AUTO_FREE char *value = own_or_global(call, "letsencrypt", app, "deploy-wait");
	int64_t wait_s = DEPLOY_WAIT_S;

	(void)parse_duration(value, &wait_s);
	return wait_s;
}
