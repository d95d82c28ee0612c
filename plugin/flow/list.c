/* SPDX-License-Identifier: MIT */
/* Which apps are secured, and until when. */
#include <stdlib.h>
#include <string.h>

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/context.h"
#include "flow/settings.h"
#include "platform/platform.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

void list_rows_done(struct list_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free(rows->items[i].app);
	free(rows->items);
	*rows = (struct list_rows){ 0 };
}

static bool needs_dns(const struct settings *settings, const struct cert *cert)
{
	if (settings->dns_provider && *settings->dns_provider)
		return true;
	for (size_t i = 0; i < cert->names.count; i++)
		if (text_starts(cert->names.items[i], "*."))
			return true;
	return false;
}

/*
 * Adds the app's row when it is active (`by_dns`: and cannot be renewed without DNS-01). Settings that make no sense do not hide a certificate: its
 * date of renewal is then that of the defaults.
 */
static bool add_row(struct context *context, const char *app, bool by_dns, struct list_rows *rows, struct err *err)
{
	AUTO(app_held_done) struct app_held held = { 0 };
	AUTO(settings_done) struct settings settings = { 0 };
	struct err why;

	if (!app_read_held(context, app, &held, err))
		return false;
	if (!held.is_ours)
		return true;
	if (!settings_read(context->platform, app, &settings, &why))
		talk_err(&context->talk, app, &why);
	if (by_dns && !needs_dns(&settings, &held.cert))
		return true;
	rows->items[rows->count++] = (struct list_row){
		.app = mem_strdup(app),
		.expires_at = held.cert.not_after_at,
		.renew_at = app_renew_at(&settings, &held),
	};
	return true;
}

/* By date of expiry, then by name. */
static int compare_rows(const void *a, const void *b)
{
	const struct list_row *left = a, *right = b;

	if (left->expires_at != right->expires_at)
		return left->expires_at < right->expires_at ? -1 : 1;
	return strcmp(left->app, right->app);
}

static bool list(struct context *context, const struct strs *apps, bool by_dns, struct list_rows *ret_rows, struct err *err)
{
	AUTO(list_rows_done) struct list_rows rows = { .items = mem_new(apps->count + 1, sizeof(*rows.items)) };

	if (!context_store(context, err))
		return false;
	for (size_t i = 0; i < apps->count; i++) {
		struct err why;

		if (!add_row(context, apps->items[i], by_dns, &rows, &why))
			talk_err(&context->talk, apps->items[i], &why);
	}
	qsort(rows.items, rows.count, sizeof(*rows.items), compare_rows);
	*ret_rows = rows;
	rows = (struct list_rows){ 0 };
	return true;
}

bool list_certificates(struct context *context, struct list_rows *ret_rows, struct err *err)
{
	AUTO_STRS apps = { 0 };

	return platform_visible_apps(context->platform, &apps, err) && list(context, &apps, false, ret_rows, err);
}

bool list_by_dns(struct context *context, struct list_rows *ret_rows, struct err *err)
{
	AUTO_STRS apps = { 0 };

	return platform_apps(context->platform, &apps, err) && list(context, &apps, true, ret_rows, err);
}

bool active_app(struct context *context, const char *app, bool *ret_is_active, struct err *err)
{
	AUTO(app_held_done) struct app_held held = { 0 };

	if (!platform_check_app(context->platform, app, err) || !app_read_held(context, app, &held, err))
		return false;
	*ret_is_active = held.is_ours;
	return true;
}
