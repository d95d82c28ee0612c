/* SPDX-License-Identifier: MIT */
/* What a person does to the books: has them counted anew, and tells that a CA lifted its pauses. */
#include <stdlib.h>

#include "flow/actions.h"
#include "flow/adopt.h"
#include "flow/budget.h"
#include "flow/ca.h"
#include "flow/context.h"
#include "flow/settings.h"
#include "platform/platform.h"
#include "util/err.h"
#include "util/mem.h"

bool budget_rebuild(struct context *context, size_t *ret_count, struct err *err)
{
	return adopt_all(context, true, ret_count, err);
}

static bool unpause(struct context *context, const struct settings *settings, struct err *err)
{
	AUTO_FREE char *account_url = NULL;
	const struct budget *budget = budget_open(context, settings->server, err);

	if (!budget || !account_known(context, settings, &account_url, err))
		return false;
	return book_unpause(&budget->book, budget_account(account_url), budget_now(budget, 0).book_ns, err);
}

bool budget_unpause(struct context *context, const char *app, struct err *err)
{
	AUTO_STRS apps = { 0 };
	AUTO_STRS done = { 0 };

	if (app)
		strs_add(&apps, app);
	else if (!platform_visible_apps(context->platform, &apps, err))
		return false;
	for (size_t i = 0; i < apps.count; i++) {
		AUTO(settings_done) struct settings settings = { 0 };
		AUTO_FREE char *account = NULL;

		if (!platform_check_app(context->platform, apps.items[i], err) || !settings_read(context->platform, apps.items[i], &settings, err))
			return false;
		account = mem_fmt("%s %s", settings.server, settings.email);
		if (strs_add_new(&done, account) && !unpause(context, &settings, err))
			return false;
	}
	return true;
}
