/* SPDX-License-Identifier: MIT */
/* plan: what the other commands would do. */
#include <inttypes.h>
#include <string.h>

#include "cli/out.h"
#include "cli/page.h"
#include "cli/show.h"
#include "cli/verbs.h"
#include "flow/context.h"
#include "json/write.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/when.h"
#include "view/plan.h"

#define ADD_MAX 10000

/* "12" or "12.example.com" */
static bool parse_add(const char *text, struct view_plan_wish *wish, struct err *err)
{
	size_t size = strspn(text, "0123456789");
	AUTO_FREE char *digits = mem_strndup(text, size);

	if ((text[size] != '\0' && (text[size] != '.' || text[size + 1] == '\0')) || !parse_int(digits, 1, ADD_MAX, &wish->add_count))
		return err_set(err, ERR_USAGE, "--add takes a number of apps up to %d and maybe their domain (12.example.com): '%s' is none", ADD_MAX, text);
	wish->add_domain = text[size] == '.' ? text + size + 1 : NULL;
	return true;
}

/* The end of a day as the zone of the process has it. */
static bool parse_day(const char *text, int64_t *ret_at)
{
	AUTO_FREE char *end = mem_fmt("%sT23:59:59Z", text);
	int64_t end_at = 0;
	int64_t at = 0;

	if (!parse_rfc3339(end, &end_at))
		return false;
	at = end_at;
	/* Twice, since the offset of the zone may be another one at the moment that was found. */
	for (int i = 0; i < 2; i++) {
		AUTO_FREE char *local = when_local(at);
		AUTO_FREE char *as_utc = mem_fmt("%.10sT%sZ", local, strlen(local) > 11 ? local + 11 : "");
		int64_t local_at = 0;

		if (!parse_rfc3339(as_utc, &local_at))
			return false;
		at += end_at - local_at;
	}
	*ret_at = at;
	return true;
}

static bool parse_until(const char *text, int64_t now_at, struct view_plan_wish *wish, struct err *err)
{
	int64_t seconds = 0;

	if (parse_duration(text, &seconds))
		wish->until_at = when_add(now_at, seconds);
	else if (!parse_day(text, &wish->until_at))
		return err_set(err, ERR_USAGE, "--until takes a day like 2026-01-31 or a span like 7d: '%s' is none", text);
	if (wish->until_at <= now_at)
		return err_set(err, ERR_USAGE, "--until %s is over", text);
	return true;
}

static bool read_wish(const struct call *call, int64_t now_at, struct view_plan_wish *wish, struct err *err)
{
	const struct options *options = &call->options;

	if (options->is_all && call->words.count > 0)
		return err_set(err, ERR_USAGE, "Either --all or apps by name ('%s')", call->words.items[0]);
	return (!options->add || parse_add(options->add, wish, err)) && (!options->until || parse_until(options->until, now_at, wish, err));
}

bool verb_plan(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	AUTO(view_plan_done) struct view_plan plan = { 0 };
	AUTO_STRS apps = { 0 };
	struct page page = page_of_output();
	struct view_plan_wish wish = { .apps = &apps, .is_all = call->options.is_all, .is_whole = call->options.is_all || call->options.is_json };

	(void)ret_exit;
	for (size_t i = 0; i < call->words.count; i++)
		(void)strs_add_new(&apps, call->words.items[i]);
	if (!call_open(call, &context, err) || !read_wish(call, clock_now(&context.clock), &wish, err) || !view_plan(&context, &wish, &plan, err))
		return false;
	if (out_is_json(call->out)) {
		AUTO_JSON *object = show_plan_json(&plan);

		out_json(call->out, object);
	} else {
		show_plan(call->out, &page, &plan);
	}
	return true;
}
