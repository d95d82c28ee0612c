/* SPDX-License-Identifier: MIT */
/*
 * A certificate was removed, and not by us: the engine looks whether it was ours. An app that was taken over was never enabled here, and what told that it wants
 * a certificate went with the one that it had.
 */
#include "hooks/hook.h"

#include "hooks/engine.h"

int hook_post_certs_remove(const struct hook_call *call)
{
	AUTO(engine_told_done) struct engine_told told = { 0 };
	const char *app = hook_word(call, 0);

	if (engine_tell_change(call, app) != APP_WANTS_CERTIFICATE && app_has_copies(call, app))
		(void)engine_tell(call, app, &told);
	return 0;
}
