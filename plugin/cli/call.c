/* SPDX-License-Identifier: MIT */
/* What all commands share: opening what they need, and results as JSON. */
#include <string.h>

#include "cli/out.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"
#include "json/write.h"
#include "util/err.h"
#include "util/mem.h"

bool call_open(const struct call *call, struct context *ret_context, struct err *err)
{
	return context_open(ret_context, call->environment, out_talk(call->out), err);
}

bool call_open_for_apps(const struct call *call, struct context *ret_context, struct err *err)
{
	return call_open(call, ret_context, err) && apps_check(ret_context, &call->words, err);
}

/* How the app stands now, by the keys of its report. An app that cannot be read any more has none of them. */
static void set_state(struct context *context, const char *app, struct json *object)
{
	static const char *const keys[] = {
		"active", "expiration", "renewal", "certificate-names", "certificate-issuer", "held-back", "unserved", "failure", "waiting",
	};
	AUTO(report_done) struct report report = { 0 };
	struct err ignored;

	if (!report_read(context, app, true, &report, &ignored))
		return;
	for (size_t i = 0; i < COUNT(keys); i++) {
		size_t index = strs_find(&report.keys, keys[i]);

		if (index < report.values.count)
			json_set_str(object, keys[i], report.values.items[index]);
	}
}

void call_print_results(struct call *call, struct context *context)
{
	AUTO_STRS apps = { 0 };
	AUTO_STRS talked = { 0 };

	if (!out_is_json(call->out))
		return;
	strs_add_all(&apps, &call->words);
	out_recorded_apps(call->out, &talked);
	for (size_t i = 0; i < talked.count; i++)
		(void)strs_add_new(&apps, talked.items[i]);
	for (size_t i = 0; i < apps.count; i++) {
		AUTO_JSON *object = json_new_object();

		json_set_str(object, "app", apps.items[i]);
		set_state(context, apps.items[i], object);
		out_take_record(call->out, apps.items[i], object);
		out_json(call->out, object);
	}
}
