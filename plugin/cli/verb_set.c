/* SPDX-License-Identifier: MIT */
/* set. The value "-" is read from standard input, so that a secret is neither in the shell's history nor in the list of processes. */
#include <string.h>
#include <unistd.h>

#include "cli/input.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"
#include "flow/property.h"
#include "json/write.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define VALUE_MAX ((size_t)8192)

static bool read_value(struct call *call, struct context *context, const char *key, struct buf *ret_value, struct err *err)
{
	bool is_secret = setting_is_secret(key);

	if (isatty(STDIN_FILENO))
		out_say(call->out, OUT_NOTE, "Value of %s%s, then Enter:", key, is_secret ? " (not shown)" : "");
	if (!input_line(context->loop, is_secret, ret_value, err))
		return false;
	if (ret_value->size == 0)
		return err_set(err, ERR_USAGE, "No value for %s came on standard input (to unset it, leave the value out)", key);
	return true;
}

static void say_set(struct call *call, const char *app, const char *key, const char *shown)
{
	const struct property *property = property_find(key);
	AUTO_STRS notes = { 0 };

	if (*shown)
		out_say(call->out, OUT_INFO2_QUIET, "Setting %s to %s", key, shown);
	else
		out_say(call->out, OUT_INFO2_QUIET, "Unsetting %s", key);
	property_notes(property, app, *shown ? shown : NULL, &notes);
	for (size_t i = 0; i < notes.count; i++)
		out_say(call->out, OUT_VERBOSE_QUIET, "%s", notes.items[i]);
}

/* The lines that say_set left are the messages of this object. */
static void print_json(struct call *call, const char *app, const char *key, const char *shown)
{
	AUTO_JSON *object = json_new_object();

	json_set_str(object, "app", app);
	json_set_str(object, "key", key);
	json_set_str(object, "value", shown);
	out_take_record(call->out, NULL, object);
	out_json(call->out, object);
}

bool verb_set(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	AUTO_BUF typed = BUF_SECRET(VALUE_MAX);
	AUTO_FREE char *shown = NULL;
	const struct strs *words = &call->words;
	const char *app = words->items[0];
	const char *key = words->count > 1 ? words->items[1] : "";
	const char *value = words->count > 2 ? words->items[2] : NULL;

	(void)ret_exit;
	if (!*key)
		return err_set(err, ERR_USAGE, "No key specified\nUsage: dokku letsencrypt:set %s <property> [<value>]", app);
	if (!call_open(call, &context, err))
		return false;
	if (value && strcmp(value, "-") == 0) {
		if (!read_value(call, &context, key, &typed, err))
			return false;
		value = buf_text(&typed);
	}
	if (!setting_set(&context, app, key, value, &shown, err))
		return false;
	say_set(call, app, key, shown);
	if (out_is_json(call->out))
		print_json(call, app, key, shown);
	return true;
}
