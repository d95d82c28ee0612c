/* SPDX-License-Identifier: MIT */
/* Which apps the caller may see by name. */
#include "view/who.h"

#include <stdlib.h>
#include <string.h>

#include "flow/context.h"
#include "platform/platform.h"
#include "util/err.h"

void viewer_done(struct viewer *viewer)
{
	strs_done(&viewer->apps);
	*viewer = (struct viewer){ 0 };
}

bool viewer_open(struct context *context, struct viewer *ret_viewer, struct err *err)
{
	AUTO(viewer_done) struct viewer viewer = { 0 };
	AUTO_STRS all = { 0 };

	if (!platform_visible_apps(context->platform, &viewer.apps, err) || !platform_apps(context->platform, &all, err))
		return false;
	strs_sort(&viewer.apps);
	viewer.sees_all = viewer.apps.count >= all.count;
	*ret_viewer = viewer;
	viewer = (struct viewer){ 0 };
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool viewer_sees(const struct viewer *viewer, const char *app)
{
	const struct strs *apps = &viewer->apps;

	return viewer->sees_all || (apps->count > 0 && bsearch(&app, apps->items, apps->count, sizeof(*apps->items), by_text));
}

const char *viewer_name(const struct viewer *viewer, const char *app)
{
	return !*app || viewer_sees(viewer, app) ? app : "another app";
}

bool viewer_check(const struct viewer *viewer, struct context *context, const char *app, struct err *err)
{
	if (!viewer_sees(viewer, app))
		return err_set(err, ERR_NO_APP, "App %s does not exist", app);
	return platform_check_app(context->platform, app, err);
}
