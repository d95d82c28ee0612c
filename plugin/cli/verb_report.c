/* SPDX-License-Identifier: MIT */
/* report, and the report trigger. */
#include <string.h>

#include "cli/out.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"
#include "json/write.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

#define FLAG_PREFIX "--letsencrypt-"

/* "Letsencrypt computed dns provider:"; the caller frees it. */
static char *label(const char *key)
{
	AUTO_FREE char *spaced = mem_strdup(key);

	for (char *at = spaced; *at; at++)
		if (*at == '-')
			*at = ' ';
	return mem_fmt("Letsencrypt %s:", spaced);
}

static void print_lines(struct out *out, const char *app, const struct report *report)
{
	out_say(out, OUT_INFO2_QUIET, "%s letsencrypt information", app ? app : "global");
	for (size_t i = 0; i < report->keys.count; i++) {
		AUTO_FREE char *text = label(report->keys.items[i]);

		out_say(out, OUT_VERBOSE, "%-30s %-25s", text, report->values.items[i]);
	}
}

static void print_json(struct out *out, const struct report *report)
{
	AUTO_JSON *object = json_new_object();

	for (size_t i = 0; i < report->keys.count; i++)
		json_set_str(object, report->keys.items[i], report->values.items[i]);
	out_json(out, object);
}

static bool refuse_flag(const struct report *report, struct err *err)
{
	AUTO_STRS flags = { 0 };
	AUTO_FREE char *joined = NULL;

	for (size_t i = 0; i < report->keys.count; i++)
		strs_addf(&flags, FLAG_PREFIX "%s", report->keys.items[i]);
	joined = strs_join(&flags, ", ");
	return err_set(err, ERR_USAGE, "Invalid flag passed, valid flags: %s", joined);
}

static bool print_value(struct out *out, const char *flag, const struct report *report, struct err *err)
{
	size_t index = text_starts(flag, FLAG_PREFIX) ? strs_find(&report->keys, flag + strlen(FLAG_PREFIX)) : report->keys.count;

	if (index >= report->values.count)
		return refuse_flag(report, err);
	if (!*report->values.items[index])
		return err_set(err, ERR_MISSING, "not deployed");
	out_say(out, OUT_PLAIN, "%s", report->values.items[index]);
	return true;
}

/* app NULL: the global one. */
static bool report_one(struct call *call, struct context *context, const char *app, struct err *err)
{
	AUTO(report_done) struct report report = { 0 };

	if (!report_read(context, app, false, &report, err))
		return false;
	for (size_t i = 0; i < report.notes.count; i++)
		out_say(call->out, OUT_WARN, "%s", report.notes.items[i]);
	if (call->options.other)
		return print_value(call->out, call->options.other, &report, err);
	if (out_is_json(call->out))
		print_json(call->out, &report);
	else
		print_lines(call->out, app, &report);
	return true;
}

/* One app that cannot be reported does not hide the others. */
static bool report_all(struct call *call, struct context *context, int *ret_exit, struct err *err)
{
	AUTO_STRS apps = { 0 };

	if (!apps_visible(context, &apps, err))
		return false;
	if (apps.count == 0)
		out_say(call->out, OUT_WARN, "You haven't deployed any applications yet");
	for (size_t i = 0; i < apps.count; i++) {
		struct err why;

		if (report_one(call, context, apps.items[i], &why))
			continue;
		out_err(call->out, &why);
		/* That an app has no such value is what was asked. */
		if (why.kind != ERR_MISSING)
			*ret_exit = 1;
	}
	return true;
}

/* Whoever asks how an app is must not overlook that nothing will renew it; said once, however many apps there are. */
static void tell_forgotten(struct call *call, struct context *context)
{
	AUTO_FREE char *forgotten = NULL;
	struct err ignored;

	if (cron_forgotten(context, &forgotten, &ignored) && forgotten)
		out_say(call->out, OUT_WARN, "%s", forgotten);
}

bool verb_report(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	const char *app = call->words.count > 0 ? call->words.items[0] : NULL;

	if (call->options.other && call->options.is_json)
		return err_set(err, ERR_USAGE, "--format flag cannot be specified when specifying an info flag");
	if (!call_open(call, &context, err))
		return false;
	tell_forgotten(call, &context);
	if (!app)
		return report_all(call, &context, ret_exit, err);
	return report_one(call, &context, strcmp(app, "--global") == 0 ? NULL : app, err);
}

/* A part of the platform's own report, which people paste into public places. Nothing that is wrong with us may end that one. */
bool verb_report_trigger(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	AUTO(report_done) struct report report = { 0 };

	(void)ret_exit;
	if (call->words.count == 0)
		return true;
	if (!call_open(call, &context, err) || !report_read(&context, call->words.items[0], true, &report, err)) {
		out_err(call->out, err);
		return true;
	}
	print_lines(call->out, call->words.items[0], &report);
	return true;
}
