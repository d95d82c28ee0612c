/* SPDX-License-Identifier: MIT */
#include "flow/snippet.h"

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/ca.h"
#include "flow/challenge.h"
#include "flow/decide.h"
#include "util/mem.h"

static bool is_wanted(const struct app *app)
{
	const struct settings *settings = &app->wanted.settings;

	return !decide_is_out_of_reach(app) && (settings->enabled == 1 || (settings->enabled < 0 && (settings->auto_enable || app->held.is_ours)));
}

bool snippet_place(struct context *context, const struct app *app, struct err *err)
{
	AUTO_FREE char *thumbprint = NULL;

	if (!is_wanted(app))
		return true;
	if (!account_thumbprint(context, app->name, &app->wanted.settings, &thumbprint, err))
		return false;
	return !thumbprint || challenge_place_snippet(context, app->name, thumbprint, err);
}

bool app_is_reloaded(struct context *context, const char *name, struct err *err)
{
	AUTO(app_done) struct app app = { 0 };

	return app_read(context, name, &app, err) && snippet_place(context, &app, err);
}
