/* SPDX-License-Identifier: MIT */
/*
 * The last moment before the proxy is tested and reloaded: the challenge snippet is put in place here, so that it costs no reload of its own. Whether the one
 * that lies there is right only the engine knows; it was, if nothing changed since the engine has looked. The engine may have looked when there was none: a
 * renamed app's certificate is good without it.
 */
#include "hooks/hook.h"

#include <stddef.h>

#include "hooks/app.h"
#include "hooks/engine.h"

int hook_nginx_pre_reload(const struct hook_call *call)
{
	const char *app = hook_word(call, 0);

	if (app_wish(call, app) != APP_WANTS_NOTHING && !(app_has_snippet(call, app) && app_is_settled(call, app)))
		engine_run((const char *const[]){ "snippet", app, NULL });
	return 0;
}
