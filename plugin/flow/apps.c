/* SPDX-License-Identifier: MIT */
/* The apps that a command line is about. */
#include "flow/actions.h"
#include "flow/context.h"
#include "platform/platform.h"
#include "util/err.h"
#include "util/strs.h"

bool apps_visible(struct context *context, struct strs *ret_apps, struct err *err)
{
	return platform_visible_apps(context->platform, ret_apps, err);
}

bool apps_check(struct context *context, const struct strs *apps, struct err *err)
{
	bool is_first = true;

	for (size_t i = 0; i < apps->count; i++) {
		struct err why;

		if (platform_check_app(context->platform, apps->items[i], &why))
			continue;
		if (is_first)
			*err = why;
		else
			err_append(err, "%s", why.text);
		is_first = false;
	}
	return is_first;
}
