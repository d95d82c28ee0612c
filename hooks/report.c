/* SPDX-License-Identifier: MIT */
/* `dokku report APP`: our section of it, with credentials masked, since people paste the whole into public places. */
#include "hooks/hook.h"

#include "hooks/program.h"
#include "util/mem.h"

int hook_report(const struct hook_call *call)
{
	char program[] = "letsencrypt";
	char command[] = "report-trigger";
	AUTO_FREE char *app = mem_strdup(hook_word(call, 0));
	if (!app[0])
		return 0;
	char *words[] = { program, command, app, NULL };
	program_become_for_trigger(words);
	return 0;
}
