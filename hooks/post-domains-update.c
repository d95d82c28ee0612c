/* SPDX-License-Identifier: MIT */
/*
 * An app's domains changed: its certificate follows. Whose app has none hears what to type. Also fired for changes of certificates, then without an action.
 */
#include "hooks/hook.h"

#include <stdio.h>
#include <string.h>

#include "hooks/engine.h"

int hook_post_domains_update(const struct hook_call *call)
{
	enum app_wish wish = engine_tell_change(call, hook_word(call, 0));
	const char *action = hook_word(call, 1);

	if (wish == APP_WANTS_NOTHING && (strcmp(action, "add") == 0 || strcmp(action, "set") == 0))
		fputs(" !     Please run dokku letsencrypt:enable to add https support to the new domain\n", stderr);
	return 0;
}
