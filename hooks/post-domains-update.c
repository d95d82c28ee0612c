/* SPDX-License-Identifier: MIT */
/* An app's domains changed. */
#include "hooks/hook.h"

#include <stdio.h>
#include <string.h>

int hook_post_domains_update(const struct hook_call *call)
{
	const char *action = hook_word(call, 1);
	if (strcmp(action, "add") == 0 || strcmp(action, "set") == 0)
		fputs(" !     Please run dokku letsencrypt:enable to add https support to the new domain\n", stderr);
	hook_tell_forgotten(call);
	return 0;
}
