/* SPDX-License-Identifier: MIT */
/* help, version: the tables of commands and options as text. */
#include <string.h>

#include "cli/out.h"
#include "cli/verbs.h"
#include "json/write.h"
#include "util/err.h"
#include "util/mem.h"

/* "    letsencrypt:enable <app>... | --all [--force]"; the caller frees it. */
static char *usage_line(const struct verb *verb)
{
	return mem_fmt("    letsencrypt:%s%s%s", verb->name, *verb->usage ? " " : "", verb->usage);
}

static int widest_line(void)
{
	size_t widest = 0;

	for (const struct verb *verb = verbs; verb->name; verb++) {
		AUTO_FREE char *line = usage_line(verb);

		if (verb->help && strlen(line) > widest)
			widest = strlen(line);
	}
	return (int)widest;
}

/* As `column -t -s,` lays out what the platform's own commands print. */
static void print_all(struct out *out)
{
	int width = widest_line();

	out_say(out, OUT_PLAIN, "Usage: dokku letsencrypt[:COMMAND]");
	out_say(out, OUT_PLAIN, "%s", "");
	out_say(out, OUT_PLAIN, "Manage the letsencrypt integration");
	out_say(out, OUT_PLAIN, "%s", "");
	out_say(out, OUT_PLAIN, "Additional commands:");
	for (const struct verb *verb = verbs; verb->name; verb++) {
		AUTO_FREE char *line = usage_line(verb);

		if (verb->help)
			out_say(out, OUT_PLAIN, "%-*s   %s", width, line, verb->help);
	}
}

static void print_platform_lines(struct out *out)
{
	for (const struct verb *verb = verbs; verb->name; verb++) {
		AUTO_FREE char *line = usage_line(verb);

		if (verb->help)
			out_say(out, OUT_PLAIN, "%s, %s", line, verb->help);
	}
}

static void print_options(struct out *out, const struct option_row *rows)
{
	for (; rows->name; rows++) {
		const char *letter = rows->letter ? rows->letter : "";
		const char *value = rows->value ? rows->value : "";
		AUTO_FREE char *names = mem_fmt("%s%s%s%s%s", letter, *letter ? ", " : "", rows->name, *value ? " " : "", value);

		if (rows->help)
			out_say(out, OUT_PLAIN, "    %-24s %s", names, rows->help);
	}
}

static void print_one(struct out *out, const struct verb *verb)
{
	out_say(out, OUT_PLAIN, "Usage: dokku letsencrypt:%s%s%s", verb->name, *verb->usage ? " " : "", verb->usage);
	out_say(out, OUT_PLAIN, "%s", "");
	out_say(out, OUT_PLAIN, "%s", verb->help);
	out_say(out, OUT_PLAIN, "%s", "");
	out_say(out, OUT_PLAIN, "Options:");
	print_options(out, verb->options);
	print_options(out, option_common);
}

static void print_json(struct out *out)
{
	for (const struct verb *verb = verbs; verb->name; verb++) {
		AUTO_JSON *object = json_new_object();

		if (!verb->help)
			continue;
		json_set_str(object, "command", verb->name);
		json_set_str(object, "usage", verb->usage);
		json_set_str(object, "description", verb->help);
		out_json(out, object);
	}
}

bool verb_help(struct call *call, int *ret_exit, struct err *err)
{
	const char *name = call->words.count > 0 ? call->words.items[0] : NULL;
	const struct verb *verb = name ? verbs_find(name) : NULL;

	(void)ret_exit;
	if (name && !(verb && verb->help))
		return err_set(err, ERR_USAGE, "'%s' is not a command of letsencrypt\nAll commands: dokku letsencrypt:help", name);
	if (call->options.is_for_platform)
		print_platform_lines(call->out);
	else if (out_is_json(call->out))
		print_json(call->out);
	else if (verb)
		print_one(call->out, verb);
	else
		print_all(call->out);
	return true;
}

bool verbs_run(struct call *call, int *ret_exit, struct err *err)
{
	*ret_exit = 0;
	if (!call->options.wants_help || call->verb->run == verb_help)
		return call->verb->run(call, ret_exit, err);
	if (call->verb->help)
		print_one(call->out, call->verb);
	else
		print_all(call->out);
	return true;
}

bool verb_version(struct call *call, int *ret_exit, struct err *err)
{
	(void)ret_exit;
	(void)err;
	if (!out_is_json(call->out)) {
		out_say(call->out, OUT_PLAIN, "%s", VERSION);
		return true;
	}
	AUTO_JSON *object = json_new_object();
	json_set_str(object, "version", VERSION);
	out_json(call->out, object);
	return true;
}
