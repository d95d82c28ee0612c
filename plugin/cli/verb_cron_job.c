/* SPDX-License-Identifier: MIT */
/* cron-job: the schedule, shown and switched. The sentences of the bash plugin come first, since people and programs know them. */
#include <inttypes.h>
#include <string.h>

#include "cli/out.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"
#include "json/write.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

static const char *mechanism(const struct cron_view *view)
{
	if (view->is_by_platform)
		return "dokku's crontab";
	if (view->is_by_nothing)
		return "nothing (this host has neither systemd nor /etc/cron.d; when it has: sudo dokku plugin:install)";
	return view->is_by_systemd ? "systemd timer letsencrypt-auto-renew.timer" : "/etc/cron.d/letsencrypt-auto-renew";
}

static const char *mechanism_name(const struct cron_view *view)
{
	if (view->is_by_platform)
		return "cron-entries";
	return view->is_by_nothing ? "none" : view->is_by_systemd ? "systemd" : "cron.d";
}

static void print_json(struct out *out, const struct cron_view *view, const char *forgotten)
{
	AUTO_JSON *object = json_new_object();

	json_set_bool(object, "autorenew", view->is_enabled);
	json_set_str(object, "mechanism", mechanism_name(view));
	json_set_int(object, "minute", view->minute);
	json_set_bool(object, "is_forgotten", forgotten != NULL);
	if (view->last_at > 0) {
		json_set_int(object, "last_at", view->last_at);
		json_set_int(object, "last_exit", view->last_exit);
	}
	if (view->is_enabled && view->next_at > 0)
		json_set_int(object, "next_at", view->next_at);
	out_json(out, object);
}

/* Worth a word only where it was not what starts the next one: that has changed, or something stands in. */
static const char *started_by(const struct cron_view *view)
{
	if (view->is_last_by_platform == view->is_by_platform)
		return "";
	return view->is_last_by_platform ? ", started by dokku's crontab" : ", started by the host's own schedule";
}

static void print_last_run(struct out *out, const struct cron_view *view)
{
	AUTO_FREE char *last = when_human(view->last_at);

	if (view->last_at == 0) {
		out_say(out, OUT_VERBOSE, "Last run:   none yet");
		return;
	}
	out_say(out, OUT_VERBOSE, "Last run:   %s%s", last, started_by(view));
	if (view->last_exit == 0)
		out_say(out, OUT_VERBOSE, "Result:     nothing failed");
	else
		out_say(out, OUT_VERBOSE, "Result:     something failed (exit status %" PRId64 "): see %s/letsencrypt.log", view->last_exit, view->logs_dir);
}

static void print_lines(struct out *out, const struct cron_view *view)
{
	AUTO_FREE char *next = when_human(view->next_at);

	out_say(out, OUT_INFO2_QUIET, "Auto-renew cron job %s", view->is_enabled ? "is enabled" : "is not enabled");
	out_say(out, OUT_VERBOSE, "Run 'dokku letsencrypt:cron-job %s' to %s.", view->is_enabled ? "--remove" : "--add", view->is_enabled ? "disable" : "enable");
	if (view->is_enabled) {
		out_say(out, OUT_VERBOSE, "Started by: %s", mechanism(view));
		out_say(out, OUT_VERBOSE, "Minute:     %" PRId64 " of every hour", view->minute);
	}
	print_last_run(out, view);
	if (view->is_enabled && view->next_at > 0)
		out_say(out, OUT_VERBOSE, "Next run:   %s", next);
}

static bool show_status(struct call *call, struct context *context, struct err *err)
{
	AUTO_FREE char *forgotten = NULL;
	struct cron_view view;

	if (!cron_describe(context, &view, err) || !cron_forgotten(context, &forgotten, err))
		return false;
	if (out_is_json(call->out))
		print_json(call->out, &view, forgotten);
	else
		print_lines(call->out, &view);
	if (forgotten)
		out_say(call->out, OUT_WARN, "%s", forgotten);
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
