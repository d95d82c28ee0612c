/* SPDX-License-Identifier: MIT */
/* An app's port map changed: it may have got the port by which challenges come, or lost it. */
#include "hooks/hook.h"

#include "hooks/engine.h"

int hook_post_proxy_ports_update(const struct hook_call *call)
{
	(void)engine_tell_change(call, hook_word(call, 0));
	return 0;
}
