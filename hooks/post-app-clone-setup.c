/* SPDX-License-Identifier: MIT */
/* An app was cloned, with all that lies in its folder: a certificate for names of the other one, too. */
#include "hooks/hook.h"

#include <stddef.h>

#include "hooks/app.h"
#include "hooks/engine.h"

int hook_post_app_clone_setup(const struct hook_call *call)
{
	const char *old = hook_word(call, 0);
	const char *new = hook_word(call, 1);

	if (new[0] && app_has_traces(call, old))
		engine_run((const char *const[]){ "cloned", old, new, NULL });
	return 0;
}
