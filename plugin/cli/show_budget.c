/* SPDX-License-Identifier: MIT */
/* Budgets: for each bucket how much is left, until when, through whom, and who waits. Bars for somebody who looks, columns for who reads on. */
#include "cli/show.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/out.h"
#include "cli/page.h"
#include "json/write.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/when.h"
#include "view/budget.h"

#define INDENT "       "
#define INDENT_SIZE (sizeof(INDENT) - 1)
#define TEXT_MAX ((size_t)8192)
/* So many apps are told by name. */
#define TOLD_MAX 8
#define BAR_WIDTH 24

/* ---- the numbers ---- */

/* Cells of a bar for `units` of `size`; whatever is there takes at least one. */
static int64_t cells_for(int64_t units, int64_t size)
{
	int64_t cells = units * BAR_WIDTH / size;

	return units <= 0 ? 0 : cells == 0 ? 1 : cells > BAR_WIDTH ? BAR_WIDTH : cells;
}

static void add_cells(struct buf *bar, int64_t count, const char *cell)
{
	for (int64_t i = 0; i < count; i++)
		(void)buf_adds(bar, cell);
}

/* The caller frees it. */
static char *make_bar(const struct page *page, const struct view_bucket *bucket)
{
	AUTO_BUF bar = BUF_MAX(TEXT_MAX);
	int64_t most = bucket->free > 0 ? BAR_WIDTH - 1 : BAR_WIDTH;
	int64_t used = cells_for(bucket->used, bucket->size);
	int64_t reserved = cells_for(bucket->reserved, bucket->size);

	if (reserved > most)
		reserved = most;
	if (used > most - reserved)
		used = most - reserved;
	(void)buf_adds(&bar, page->is_utf8 ? "" : "[");
	add_cells(&bar, used, page->is_utf8 ? "\u2588" : "#");
	add_cells(&bar, reserved, page->is_utf8 ? "\u2592" : "=");
	add_cells(&bar, BAR_WIDTH - used - reserved, page->is_utf8 ? "\u2591" : ".");
	(void)buf_adds(&bar, page->is_utf8 ? "" : "]");
	return buf_take(&bar);
}

static char *moment_or_dash(int64_t at)
{
	return at > 0 ? when_human(at) : mem_strdup("-");
}

static void print_bar(struct out *out, const struct page *page, const struct view_bucket *bucket)
{
	AUTO_FREE char *bar = make_bar(page, bucket);
	AUTO_FREE char *lead = mem_fmt(INDENT "%s  ", bar);
	AUTO_FREE char *numbers = mem_fmt("%" PRId64 " free, %" PRId64 " used, %" PRId64 " reserved", bucket->free, bucket->used, bucket->reserved);
	AUTO_FREE char *next = moment_or_dash(bucket->next_unit_at);
	AUTO_FREE char *full = moment_or_dash(bucket->full_at);
	AUTO_FREE char *moments = mem_fmt("next unit %s, full again %s", next, full);

	page_print(out, page, lead, page_width(lead), numbers);
	if (bucket->full_at > 0)
		page_print(out, page, INDENT, INDENT_SIZE, moments);
}

static void print_columns(struct out *out, const struct view_bucket *bucket)
{
	AUTO_FREE char *next = moment_or_dash(bucket->next_unit_at);
	AUTO_FREE char *full = moment_or_dash(bucket->full_at);

	out_say(out, OUT_PLAIN, INDENT "%5" PRId64 " %9" PRId64 " %6" PRId64 "  %-20s  %s", bucket->used, bucket->reserved, bucket->free, next, full);
}

/* ---- who ---- */

static void add_use(struct buf *text, const struct view_use *use)
{
	AUTO_FREE char *day = page_day(use->last_at);
	const char *app = *use->app ? use->app : "apps that are gone";

	if (text->size > 0)
		(void)buf_adds(text, ", ");
	if (use->count == 1)
		(void)buf_addf(text, "%s" PAGE_BLANK "(%s)", app, day);
	else
		(void)buf_addf(text, "%s" PAGE_BLANK "(%" PRId64 PAGE_BLANK "times, last" PAGE_BLANK "%s)", app, use->count, day);
}

static void print_uses(struct out *out, const struct page *page, const struct view_bucket *bucket)
{
	AUTO_BUF text = BUF_MAX(TEXT_MAX);

	for (size_t i = 0; i < bucket->use_count && i < TOLD_MAX; i++)
		add_use(&text, &bucket->uses[i]);
	if (bucket->use_count > TOLD_MAX)
		(void)buf_addf(&text, ", %zu more apps", bucket->use_count - TOLD_MAX);
	if (bucket->unknown_count > 0 && text.size > 0)
		(void)buf_addf(&text, ", %" PRId64 " not by this host", bucket->unknown_count);
	if (text.size > 0)
		page_print(out, page, INDENT "used by ", INDENT_SIZE + 2, buf_text(&text));
	if (bucket->last_at > 0) {
		AUTO_FREE char *last = when_human(bucket->last_at);

		out_say(out, OUT_PLAIN, INDENT "last failed %s", last);
	}
}

static void print_wait(struct out *out, const struct page *page, const struct view_waiting *wait, bool with_reason)
{
	AUTO_FREE char *until = page_until(wait->until_at);
	AUTO_FREE char *place = wait->place > 0 ? mem_fmt("place %" PRId64 ": ", wait->place) : mem_strdup("");
	AUTO_FREE char *text = mem_fmt("%s%s waits %s%s%s", place, wait->app, until, with_reason && *wait->why ? ": " : "",
				       with_reason ? wait->why : "");

	page_print(out, page, INDENT, INDENT_SIZE + 2, text);
}

static void print_waits(struct out *out, const struct page *page, const struct view_waits *waits, bool with_reasons)
{
	for (size_t i = 0; i < waits->count && i < TOLD_MAX; i++)
		print_wait(out, page, &waits->items[i], with_reasons);
	if (waits->count > TOLD_MAX) {
		AUTO_FREE char *last = page_until(waits->items[waits->count - 1].until_at);

		out_say(out, OUT_PLAIN, INDENT "and %zu more, the last one %s", waits->count - TOLD_MAX, last);
	}
}

/* ---- a bucket ---- */

static void print_title(struct out *out, const struct page *page, const struct view_bucket *bucket)
{
	AUTO_FREE char *span = page_span(bucket->period_s);
	AUTO_FREE char *kept = bucket->kept > 0 ? mem_fmt(", %" PRId64 " kept for renewals", bucket->kept) : mem_strdup("");
	AUTO_FREE char *rate = bucket->count == bucket->size ? mem_fmt("%" PRId64 " within %s", bucket->size, span)
							     : mem_fmt("%" PRId64 ", %" PRId64 " back within %s", bucket->size, bucket->count, span);
	AUTO_FREE char *text = mem_fmt("%s (%s%s)", bucket->title, rate, kept);

	page_print(out, page, "", 2, text);
}

static void print_bucket(struct out *out, const struct page *page, const struct view_bucket *bucket)
{
	print_title(out, page, bucket);
	if (page->is_terminal)
		print_bar(out, page, bucket);
	else
		print_columns(out, bucket);
	print_uses(out, page, bucket);
	print_waits(out, page, &bucket->waits, false);
}

/*
 * Buckets of one certificate or one name, of which there are as many as apps: where at least half is left and nobody waits they would hide the others.
 */
static bool is_minor(const struct view_bucket *bucket)
{
	static const char *const limits[] = { "CertificatesPerFQDNSet", "FailedAuthorizationsPerDomainPerAccount",
					      "FailedAuthorizationsForPausingPerDomainPerAccount" };
	bool is_of_one = false;

	for (size_t i = 0; i < COUNT(limits); i++)
		is_of_one = is_of_one || strcmp(bucket->limit, limits[i]) == 0;
	return is_of_one && bucket->waits.count == 0 && bucket->free >= bucket->size - bucket->free;
}

/* ---- a CA ---- */

static void print_head(struct out *out, const struct page *page, const struct view_ca *ca)
{
	AUTO_FREE char *sources = strs_join(&ca->sources, ", ");
	AUTO_BUF text = BUF_MAX(TEXT_MAX);

	if (ca->has_limits)
		(void)buf_addf(&text, "%s: limits of %s, see %s (from %s)", ca->name, ca->date, sources, ca->origin);
	else
		(void)buf_addf(&text, "%s publishes no limits: only its refusals are remembered", ca->name);
	if (ca->exception_count > 0)
		(void)buf_addf(&text, "; %" PRId64 " set or learned beside them", ca->exception_count);
	page_print(out, page, "=====> ", INDENT_SIZE, buf_text(&text));
}

static void print_ca(struct out *out, const struct page *page, const struct view_ca *ca, bool is_of_app)
{
	size_t minor_count = 0;
	size_t shown_count = 0;

	print_head(out, page, ca);
	for (size_t i = 0; i < ca->bucket_count; i++)
		minor_count += !is_of_app && is_minor(&ca->buckets[i]);
	if (!page->is_terminal && ca->bucket_count > minor_count)
		out_say(out, OUT_PLAIN_QUIET, "-----> %5s %9s %6s  %-20s  %s", "Used", "Reserved", "Free", "Next unit", "Full again");
	for (size_t i = 0; i < ca->bucket_count; i++) {
		if (!is_of_app && is_minor(&ca->buckets[i]))
			continue;
		print_bucket(out, page, &ca->buckets[i]);
		shown_count++;
	}
	print_waits(out, page, &ca->waits, true);
	if (minor_count > 0) {
		AUTO_FREE char *text = mem_fmt("%zu %s of single certificates and names %s at least half full (letsencrypt:budget <app> or --format json shows them).",
					       minor_count, minor_count == 1 ? "bucket" : "buckets", minor_count == 1 ? "is" : "are");

		page_print(out, page, INDENT, INDENT_SIZE, text);
	}
	if (ca->has_limits && shown_count + minor_count == 0)
		out_say(out, OUT_PLAIN, INDENT "Nothing is used.");
}

static void print_group(struct out *out, const struct page *page, const struct view_group *group)
{
	AUTO_FREE char *globs = strs_join(&group->globs, " ");
	AUTO_FREE char *text = mem_fmt("Group %s%s%s%s: at most %" PRId64 "%s of the new certificates of each registered domain", group->name, *globs ? " (" : "",
				       globs, *globs ? ")" : "", group->units, group->is_percent ? " %" : "");

	page_print(out, page, "", 2, text);
}

void show_budget(struct out *out, const struct page *page, const struct view_budget *budget)
{
	for (size_t i = 0; i < budget->ca_count; i++)
		print_ca(out, page, &budget->cas[i], budget->is_of_app);
	for (size_t i = 0; i < budget->group_count; i++)
		print_group(out, page, &budget->groups[i]);
}

/* ---- JSON ---- */

static void set_moment(struct json *object, const char *key, int64_t at)
{
	if (at > 0 && at < INT64_MAX)
		json_set_int(object, key, at);
}

static struct json *uses_json(const struct view_bucket *bucket)
{
	struct json *list = json_new_list();

	for (size_t i = 0; i < bucket->use_count; i++) {
		struct json *object = json_new_object();

		json_set_str(object, "app", bucket->uses[i].app);
		json_set_int(object, "count", bucket->uses[i].count);
		json_set_int(object, "last_at", bucket->uses[i].last_at);
		json_append(list, object);
	}
	return list;
}

static struct json *waits_json(const struct view_waits *waits)
{
	struct json *list = json_new_list();

	for (size_t i = 0; i < waits->count; i++) {
		struct json *object = json_new_object();

		json_set_str(object, "app", waits->items[i].app);
		json_set_str(object, "why", waits->items[i].why);
		set_moment(object, "until_at", waits->items[i].until_at);
		if (waits->items[i].place > 0)
			json_set_int(object, "place", waits->items[i].place);
		json_append(list, object);
	}
	return list;
}

static struct json *bucket_json(const struct view_bucket *bucket)
{
	struct json *object = json_new_object();
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{ "size", bucket->size }, { "count", bucket->count }, { "period", bucket->period_s }, { "used", bucket->used },
		{ "reserved", bucket->reserved }, { "free", bucket->free }, { "kept", bucket->kept },
	};

	json_set_str(object, "limit", bucket->limit);
	json_set_str(object, "bucket", bucket->bucket);
	json_set_str(object, "title", bucket->title);
	if (bucket->names.count > 0)
		json_set_strs(object, "names", &bucket->names);
	for (size_t i = 0; i < COUNT(numbers); i++)
		json_set_int(object, numbers[i].key, numbers[i].value);
	set_moment(object, "next_unit_at", bucket->next_unit_at);
	set_moment(object, "full_at", bucket->full_at);
	set_moment(object, "last_failed_at", bucket->last_at);
	json_set(object, "used_by", uses_json(bucket));
	json_set_int(object, "used_by_others", bucket->unknown_count);
	json_set(object, "waits", waits_json(&bucket->waits));
	return object;
}

static struct json *ca_json(const struct view_ca *ca)
{
	struct json *object = json_new_object();
	struct json *buckets = json_new_list();

	json_set_str(object, "ca", ca->name);
	json_set_str(object, "server", ca->server);
	json_set_bool(object, "publishes_limits", ca->has_limits);
	if (ca->has_limits) {
		json_set_str(object, "origin", ca->origin);
		json_set_strs(object, "sources", &ca->sources);
		json_set_str(object, "date", ca->date);
	}
	json_set_int(object, "exceptions", ca->exception_count);
	for (size_t i = 0; i < ca->bucket_count; i++)
		json_append(buckets, bucket_json(&ca->buckets[i]));
	json_set(object, "buckets", buckets);
	json_set(object, "waits", waits_json(&ca->waits));
	return object;
}

struct json *show_budget_json(const struct view_budget *budget)
{
	struct json *object = json_new_object();
	struct json *cas = json_new_list();
	struct json *groups = json_new_list();

	for (size_t i = 0; i < budget->ca_count; i++)
		json_append(cas, ca_json(&budget->cas[i]));
	for (size_t i = 0; i < budget->group_count; i++) {
		const struct view_group *group = &budget->groups[i];
		struct json *shown = json_new_object();

		json_set_str(shown, "group", group->name);
		json_set_strs(shown, "apps", &group->globs);
		json_set_int(shown, group->is_percent ? "percent" : "units", group->units);
		json_append(groups, shown);
	}
	json_set(object, "cas", cas);
	json_set(object, "groups", groups);
	return object;
}
