/* SPDX-License-Identifier: MIT */
/* list, active, and what `install` has to say of this host. */
#include "cli/out.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"
#include "json/write.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/when.h"

static void print_row(struct out *out, const struct list_row *row, int64_t now_at)
{
	AUTO_FREE char *expiry = when_local(row->expires_at);
	AUTO_FREE char *expires_in = when_difference(row->expires_at - now_at);
	AUTO_FREE char *renews_in = when_difference(row->renew_at - now_at);

	out_say(out, OUT_PLAIN, "%-25s %-25s %-25s %-25s", row->app, expiry, expires_in, renews_in);
}

static void print_row_json(struct out *out, const struct list_row *row)
{
	AUTO_JSON *object = json_new_object();

	json_set_str(object, "app", row->app);
	json_set_int(object, "expiration", row->expires_at);
	json_set_int(object, "renewal", row->renew_at);
	out_json(out, object);
}

/* Why there is nothing in the list. */
static bool tell_no_apps(struct call *call, struct context *context, struct err *err)
{
	AUTO_STRS apps = { 0 };

	if (!apps_visible(context, &apps, err))
		return false;
	if (apps.count == 0)
		out_say(call->out, OUT_WARN, "You haven't deployed any applications yet");
	return true;
}

bool verb_list(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	AUTO(list_rows_done) struct list_rows rows = { 0 };

	(void)ret_exit;
	if (!call_open(call, &context, err) || !list_certificates(&context, &rows, err))
		return false;
	if (!out_is_json(call->out))
		out_say(call->out, OUT_PLAIN_QUIET, "%-6s %-18s %-25s %-25s %-25s", "----->", "App name", "Certificate Expiry", "Time before expiry",
			"Time before renewal");
	for (size_t i = 0; i < rows.count; i++) {
		if (out_is_json(call->out))
			print_row_json(call->out, &rows.items[i]);
		else
			print_row(call->out, &rows.items[i], clock_now(&context.clock));
	}
	return rows.count > 0 || tell_no_apps(call, &context, err);
}

bool verb_active(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	const char *app = call->words.items[0];
	bool is_active = false;

	(void)ret_exit;
	if (!call_open(call, &context, err) || !active_app(&context, app, &is_active, err))
		return false;
	if (!out_is_json(call->out)) {
		out_say(call->out, OUT_PLAIN, "%s", is_active ? "true" : "false");
		return true;
	}
	AUTO_JSON *object = json_new_object();
	json_set_str(object, "app", app);
	json_set_bool(object, "active", is_active);
	out_json(call->out, object);
	return true;
}

/* For people who come from a plugin that could do DNS-01. */
bool verb_installed(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	AUTO(list_rows_done) struct list_rows rows = { 0 };

	(void)ret_exit;
	if (!call_open(call, &context, err) || !list_by_dns(&context, &rows, err))
		return false;
	if (rows.count > 0)
		out_say(call->out, OUT_VERBOSE, "Certificates that need DNS-01, which is not available yet, are left as they are:");
	for (size_t i = 0; i < rows.count; i++) {
		AUTO_FREE char *expiry = when_human(rows.items[i].expires_at);

		out_say(call->out, OUT_VERBOSE, "  %s expires on %s", rows.items[i].app, expiry);
	}
	return true;
}
