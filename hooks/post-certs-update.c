/* SPDX-License-Identifier: MIT */
/* A certificate was installed, and not by us: the engine looks whose it is. */
#include "hooks/hook.h"

#include "hooks/engine.h"

int hook_post_certs_update(const struct hook_call *call)
{
	(void)engine_tell_change(call, hook_word(call, 0));
	return 0;
}
