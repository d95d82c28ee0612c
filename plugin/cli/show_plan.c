/* SPDX-License-Identifier: MIT */
/* A plan: one row an app with its reason, those with nothing to do in one line, and the answer to "what if". */
#include "cli/show.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/out.h"
#include "cli/page.h"
#include "json/write.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/when.h"
#include "view/plan.h"

#define APP_MIN 10
#define APP_MAX 30
#define DECISION_WIDTH 11
#define REASON_MAX ((size_t)4096)

static int app_width(const struct view_plan *plan)
{
	int widest = APP_MIN;

	for (size_t i = 0; i < plan->count; i++) {
		int width = (int)page_width(plan->items[i].app);

		if (width > widest)
			widest = width;
	}
	return widest > APP_MAX ? APP_MAX : widest;
}

/* Waits for the same bucket as the row before: its reason has just been told. */
static bool is_same(const struct view_decision *row, const struct view_decision *before)
{
	return before && row->place > 0 && before->place > 0 && strcmp(row->limit, before->limit) == 0 && strcmp(row->bucket, before->bucket) == 0;
}

/* "until 2026-01-02 15:04 CET, place 2: the 50 …"; of what becomes due only when. The caller frees it. */
static char *reason(const struct view_decision *row, const struct view_decision *before)
{
	AUTO_FREE char *moment = when_human(row->at);
	AUTO_FREE char *until = page_until(row->at);
	AUTO_BUF text = BUF_MAX(REASON_MAX);

	if (row->at == 0)
		return mem_strdup(row->why);
	if (strcmp(row->decision, "nothing") == 0)
		return mem_fmt("good; renewed on %s", moment);
	if (strcmp(row->decision, "wait") != 0)
		return mem_fmt("on %s", moment);
	(void)buf_adds(&text, until);
	if (row->place > 0)
		(void)buf_addf(&text, ", place %" PRId64, row->place);
	if (is_same(row, before))
		(void)buf_adds(&text, " for the same");
	else
		(void)buf_addf(&text, ": %s", row->why);
	return buf_take(&text);
}

static void print_rows(struct out *out, const struct page *page, const struct view_plan *plan)
{
	int width = app_width(plan);

	if (plan->count > 0)
		out_say(out, OUT_PLAIN_QUIET, "-----> %-*s  %-*s  Why", width > 7 ? width - 7 : 0, "App", DECISION_WIDTH, "Decision");
	for (size_t i = 0; i < plan->count; i++) {
		const struct view_decision *row = &plan->items[i];
		AUTO_FREE char *why = reason(row, i > 0 ? row - 1 : NULL);
		AUTO_FREE char *lead = mem_fmt("%-*s  %-*s  ", width, row->app, DECISION_WIDTH, row->decision);

		page_print(out, page, lead, (size_t)width + 2 + DECISION_WIDTH + 2, why);
	}
}

static void print_others(struct out *out, const struct page *page, const struct view_plan *plan)
{
	AUTO_FREE char *first = when_human(plan->next_at);
	AUTO_FREE char *good = mem_fmt("%zu %s a good certificate; the first to be renewed is due on %s.", plan->good_count,
				       plan->good_count == 1 ? "app has" : "apps have", first);
	AUTO_FREE char *without = mem_fmt("%zu %s left alone: not enabled, disabled, held back, or with a certificate that was installed by hand "
					  "(letsencrypt:plan --all says which).",
					  plan->without_count, plan->without_count == 1 ? "app is" : "apps are");

	if (plan->good_count > 0)
		page_print(out, page, "       ", 7, good);
	if (plan->without_count > 0)
		page_print(out, page, "       ", 7, without);
	if (plan->app_count == 0)
		out_say(out, OUT_VERBOSE, "There are no apps.");
}

/* ---- what if ---- */

/* "12 more apps under example.com: 31 of 50 free, all fit; a wildcard would cost 1" */
static void print_what_if(struct out *out, const struct page *page, const struct view_what_if *what_if)
{
	AUTO_FREE char *moment = when_human(what_if->last_at);
	AUTO_BUF text = BUF_MAX(REASON_MAX);

	(void)buf_addf(&text, "%" PRId64 " more %s under %s: ", what_if->count, what_if->count == 1 ? "app" : "apps", what_if->domain);
	if (what_if->is_limited)
		(void)buf_addf(&text, "%" PRId64 " of %" PRId64 " free", what_if->free, what_if->size);
	else
		(void)buf_addf(&text, "%s has no known limit for %s", what_if->ca, what_if->registered);
	if (what_if->taken > 0)
		(void)buf_addf(&text, " (%" PRId64 " for the apps above)", what_if->taken);
	if (what_if->fit_count == what_if->count)
		(void)buf_addf(&text, ", %s", what_if->count == 1 ? "it fits" : "all fit");
	else if (what_if->fit_count > 0)
		(void)buf_addf(&text, ", %" PRId64 " %s now, the last one gets its certificate on %s", what_if->fit_count,
			       what_if->fit_count == 1 ? "fits" : "fit", moment);
	else
		(void)buf_addf(&text, ", none fits now, the last one gets its certificate on %s", moment);
	(void)buf_adds(&text, "; a wildcard would cost 1");
	page_print(out, page, "", 4, buf_text(&text));
	if (*what_if->why) {
		AUTO_FREE char *why = mem_fmt("%s: %s", what_if->fit_count > 0 ? "the others wait" : "they wait", what_if->why);

		page_print(out, page, "    ", 4, why);
	}
}

void show_plan(struct out *out, const struct page *page, const struct view_plan *plan)
{
	print_rows(out, page, plan);
	print_others(out, page, plan);
	if (plan->has_what_if)
		print_what_if(out, page, &plan->what_if);
}

/* ---- JSON ---- */

/* Left out when it is 0 or not known. */
static void set_moment(struct json *object, const char *key, int64_t at)
{
	if (at > 0 && at < INT64_MAX)
		json_set_int(object, key, at);
}

static void set_text(struct json *object, const char *key, const char *value)
{
	if (*value)
		json_set_str(object, key, value);
}

static struct json *row_json(const struct view_decision *row)
{
	struct json *object = json_new_object();

	json_set_str(object, "app", row->app);
	json_set_str(object, "decision", row->decision);
	set_text(object, "asked", row->asked);
	set_text(object, "urgency", row->urgency);
	json_set_str(object, "why", row->why);
	set_moment(object, "at", row->at);
	set_text(object, "limit", row->limit);
	set_text(object, "bucket", row->bucket);
	if (row->place > 0)
		json_set_int(object, "place", row->place);
	return object;
}

static struct json *what_if_json(const struct view_what_if *what_if)
{
	struct json *object = json_new_object();

	json_set_int(object, "count", what_if->count);
	json_set_str(object, "domain", what_if->domain);
	json_set_str(object, "registered", what_if->registered);
	json_set_str(object, "ca", what_if->ca);
	if (what_if->is_limited) {
		json_set_int(object, "size", what_if->size);
		json_set_int(object, "free", what_if->free);
		json_set_int(object, "taken", what_if->taken);
		json_set_int(object, "kept", what_if->kept);
	}
	json_set_int(object, "fit", what_if->fit_count);
	set_moment(object, "last_at", what_if->last_at);
	set_text(object, "why", what_if->why);
	json_set_int(object, "wildcard", 1);
	return object;
}

struct json *show_plan_json(const struct view_plan *plan)
{
	struct json *object = json_new_object();
	struct json *apps = json_new_list();

	for (size_t i = 0; i < plan->count; i++)
		json_append(apps, row_json(&plan->items[i]));
	json_set(object, "apps", apps);
	if (plan->has_what_if)
		json_set(object, "what_if", what_if_json(&plan->what_if));
	return object;
}
