/* SPDX-License-Identifier: MIT */
/* cron-job. */
#include <string.h>

#include "cli/out.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"
#include "json/write.h"
#include "util/err.h"

static bool show_status(struct call *call, struct context *context, struct err *err)
{
	bool is_enabled = false;

	if (!cron_status(context, &is_enabled, err))
		return false;
	if (out_is_json(call->out)) {
		AUTO_JSON *object = json_new_object();

		json_set_bool(object, "autorenew", is_enabled);
		out_json(call->out, object);
		return true;
	}
	out_say(call->out, OUT_INFO2_QUIET, "Auto-renew cron job %s", is_enabled ? "is enabled" : "is not enabled");
	out_say(call->out, OUT_VERBOSE, "Run 'dokku letsencrypt:cron-job %s' to %s.", is_enabled ? "--remove" : "--add", is_enabled ? "disable" : "enable");
	return true;
}

bool verb_cron_job(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	const char *flag = call->options.other ? call->options.other : call->words.count > 0 ? call->words.items[0] : NULL;
	bool is_on = flag && strcmp(flag, "--add") == 0;

	(void)ret_exit;
	if (flag && !is_on && strcmp(flag, "--remove") != 0)
		return err_set(err, ERR_USAGE, "Invalid flag '%s', specify --add, --remove, or no flag to display status.", flag);
	if (!call_open(call, &context, err))
		return false;
	if (!flag)
		return show_status(call, &context, err);
	if (!cron_switch(&context, is_on, err))
		return false;
	if (out_is_json(call->out))
		return show_status(call, &context, err);
	out_say(call->out, OUT_INFO1, is_on ? "Added cron job to dokku's crontab." : "Removed cron job from dokku's crontab.");
	return true;
}
