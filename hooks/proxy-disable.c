/* SPDX-License-Identifier: MIT */
/* An app is no longer behind the proxy: what waits for it is decided anew. */
#include "hooks/hook.h"

#include "hooks/engine.h"

int hook_proxy_disable(const struct hook_call *call)
{
	(void)engine_tell_change(call, hook_word(call, 0));
	return 0;
}
