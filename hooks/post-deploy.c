/* SPDX-License-Identifier: MIT */
/* An app was deployed: it gets its certificate, if it lacks one that it wants. Whoever deploys sees it, for a while. */
#include "hooks/hook.h"

#include "hooks/app.h"
#include "hooks/engine.h"
#include "hooks/follow.h"

int hook_post_deploy(const struct hook_call *call)
{
	AUTO(engine_told_done) struct engine_told told = { 0 };
	const char *app = hook_word(call, 0);

	if (app_wish(call, app) == APP_WANTS_NOTHING || app_is_settled(call, app) || !engine_tell(call, app, &told))
		return 0;
	int64_t wait_s = app_deploy_wait_s(call, app);
	if (wait_s > 0)
		follow(call, app, &told, wait_s);
	return 0;
}
