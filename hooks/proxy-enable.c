/* SPDX-License-Identifier: MIT */
/* An app is behind the proxy again: what it waited for may be possible now. */
#include "hooks/hook.h"

#include "hooks/engine.h"

int hook_proxy_enable(const struct hook_call *call)
{
	(void)engine_tell_change(call, hook_word(call, 0));
	return 0;
}
