/* SPDX-License-Identifier: MIT */
/* A certificate was removed, and not by us: the engine looks whether it was ours. */
#include "hooks/hook.h"

#include "hooks/engine.h"

int hook_post_certs_remove(const struct hook_call *call)
{
	(void)engine_tell_change(call, hook_word(call, 0));
	return 0;
}
