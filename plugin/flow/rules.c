/* SPDX-License-Identifier: MIT */
/* What is set for the whole host about groups of apps, what is kept in reserve, and which list tells registered domains. The limits are in rules_limits. */
#include "flow/rules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "flow/context.h"
#include "flow/rule.h"
#include "flow/suffixes.h"
#include "net/http.h"
#include "platform/platform.h"
#include "store/store.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/when.h"

#define GLOBAL "--global"
#define SUFFIX_LIST "public-suffix-list"
#define USER_AGENT "letsencrypt/" VERSION " (dokku plugin)"
#define FETCH_AGAIN_S (30 * (int64_t)WHEN_DAY)
#define FETCH_FAILED_S ((int64_t)WHEN_DAY)

static void group_done(struct group *group)
{
	free(group->name);
	strs_done(&group->globs);
}

void rules_done(struct rules *rules)
{
	for (size_t i = 0; i < rules->group_count; i++)
		group_done(&rules->groups[i]);
	free(rules->groups);
	suffixes_free(rules->suffixes);
	*rules = (struct rules){ 0 };
}

/* ---- reading ---- */

/* Global, trimmed; NULL = not set. The caller frees it. */
static bool read_value(struct context *context, const char *key, char **ret_value, struct err *err)
{
	AUTO_FREE char *value = NULL;

	if (!platform_setting(context->platform, GLOBAL, key, &value, err))
		return false;
	*ret_value = value ? text_trim(value) : NULL;
	return true;
}

static struct group *find_group(struct rules *rules, const char *name)
{
	for (size_t i = 0; i < rules->group_count; i++)
		if (strcmp(rules->groups[i].name, name) == 0)
			return &rules->groups[i];
	return NULL;
}

static struct group *add_group(struct rules *rules, const char *name)
{
	struct group *group = NULL;

	rules->groups = mem_resize(rules->groups, rules->group_count + 1, sizeof(*rules->groups));
	group = &rules->groups[rules->group_count++];
	*group = (struct group){ .name = mem_strdup(name) };
	return group;
}

static bool read_group(struct context *context, const char *key, struct rules *rules, struct err *err)
{
	AUTO_FREE char *value = NULL;
	AUTO_STRS globs = { 0 };

	if (!read_value(context, key, &value, err))
		return false;
	if (!value)
		return true;
	if (!rule_globs(value, &globs, err))
		return rule_fail(key, "'pr-* review-*'", err);
	add_group(rules, key + strlen(RULE_GROUP))->globs = strs_take(&globs);
	return true;
}

/* After all groups were read: of one, or of the app of that name. */
static bool read_share(struct context *context, const char *key, struct rules *rules, struct err *err)
{
	struct group *group = find_group(rules, key + strlen(RULE_SHARE));
	AUTO_FREE char *value = NULL;
	bool is_percent = false;
	int64_t units = 0;

	if (!read_value(context, key, &value, err))
		return false;
	if (!value)
		return true;
	if (!rule_share(value, &units, &is_percent, err))
		return rule_fail(key, "25%", err);
	if (!group)
		group = add_group(rules, key + strlen(RULE_SHARE));
	group->has_share = true;
	group->units = units;
	group->is_percent = is_percent;
	return true;
}

/* Names that `set` does not take are nobody's. */
static bool read_each(struct context *context, const struct strs *keys, const char *prefix,
		      bool (*read)(struct context *context, const char *key, struct rules *rules, struct err *err), struct rules *rules, struct err *err)
{
	for (size_t i = 0; i < keys->count; i++) {
		const char *key = keys->items[i];

		if (text_starts(key, prefix) && rule_is_group(key + strlen(prefix)) && !read(context, key, rules, err))
			return false;
	}
	return true;
}

static bool read_reserve(struct context *context, struct rules *rules, struct err *err)
{
	AUTO_FREE char *value = NULL;

	rules->reserve = -1;
	if (!read_value(context, "reserve", &value, err))
		return false;
	return !value || rule_reserve(value, &rules->reserve, err) || rule_fail("reserve", "5", err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct group *)a)->name, ((const struct group *)b)->name);
}

bool rules_read(struct context *context, struct rules *ret_rules, struct err *err)
{
	AUTO(rules_done) struct rules rules = { 0 };
	AUTO_STRS keys = { 0 };

	if (!platform_setting_keys(context->platform, GLOBAL, &keys, err) || !read_each(context, &keys, RULE_GROUP, read_group, &rules, err) ||
	    !read_each(context, &keys, RULE_SHARE, read_share, &rules, err) || !read_reserve(context, &rules, err))
		return false;
	if (rules.group_count > 0)
		qsort(rules.groups, rules.group_count, sizeof(*rules.groups), by_name);
	*ret_rules = rules;
	rules = (struct rules){ 0 };
	return true;
}

static bool has_app(const struct group *group, const char *app)
{
	for (size_t i = 0; i < group->globs.count; i++)
		if (fnmatch(group->globs.items[i], app, 0) == 0)
			return true;
	return false;
}

const struct group *rules_group(const struct rules *rules, const char *app)
{
	for (size_t i = 0; i < rules->group_count; i++)
		if (has_app(&rules->groups[i], app))
			return &rules->groups[i];
	for (size_t i = 0; i < rules->group_count; i++)
		if (rules->groups[i].globs.count == 0 && strcmp(rules->groups[i].name, app) == 0)
			return &rules->groups[i];
	return NULL;
}

/* ---- public suffixes ---- */

const struct suffixes *rules_suffixes(struct rules *rules, struct context *context, struct err *err)
{
	struct suffix_places places = { .fetched_fd = platform_global_fd(context->platform, err), .system = SUFFIX_LIST_SYSTEM };
	AUTO_FREE char *setting = NULL;

	if (rules->suffixes)
		return rules->suffixes;
	if (places.fetched_fd < 0 || !read_value(context, SUFFIX_LIST, &setting, err))
		return NULL;
	places.own = setting && setting[0] == '/' ? setting : NULL;
	rules->suffixes = suffix_list_newest(&places, err);
	if (!rules->suffixes && places.own)
		rule_blame(SUFFIX_LIST, "<file>", err);
	return rules->suffixes;
}

/* NULL: nothing is to be fetched. */
static char *url_to_fetch(struct context *context)
{
	AUTO_FREE char *setting = NULL;
	struct err ignored;

	if (!read_value(context, SUFFIX_LIST, &setting, &ignored) || (setting && strcmp(setting, SUFFIX_LIST_NONE) == 0))
		return NULL;
	return setting && text_starts(setting, "https://") ? mem_take(&setting) : mem_strdup(SUFFIX_LIST_URL);
}

static void tell_failure(struct store *store, const struct err *failure)
{
	struct store_event event = {
		.app = mem_strdup(""),
		.cause = mem_strdup("auto-renew"),
		.decision = mem_strdup("fetch the list of public suffixes"),
		.result = mem_fmt("failed: %s", failure->text),
		.next = mem_strdup("tried again in a day; until then the newest list on this host counts"),
	};
	struct err ignored;

	(void)!store_event_add(store, &event, &ignored);
	store_event_done(&event);
}

static bool fetch(struct context *context, const char *url, struct err *err)
{
	struct http *http = NULL;
	bool is_done = false;
	int fetched_fd = platform_global_fd(context->platform, err);

	if (fetched_fd < 0)
		return false;
	http = http_new(context_transfers(context), USER_AGENT, NULL);
	is_done = suffix_list_fetch(http, url, fetched_fd, err);
	http_free(http);
	return is_done;
}

void rules_fetch_suffixes(struct context *context)
{
	AUTO_FREE char *url = url_to_fetch(context);
	AUTO_FREE char *mark = mem_fmt("suffixes %s", url ? url : "");
	struct err err = { 0 };
	struct store *store = url ? context_store(context, &err) : NULL;
	int64_t now_at = clock_now(&context->clock);
	int64_t next_at = 0;
	bool is_done = false;

	/* Further away than ever is set: the clock was wrong then. */
	if (!store || !store_mark_get(store, mark, &next_at, &err) || (now_at < next_at && next_at <= when_add(now_at, FETCH_AGAIN_S)))
		return;
	is_done = fetch(context, url, &err);
	if (!is_done && err.kind == ERR_STOPPED)
		return;
	if (!is_done)
		tell_failure(store, &err);
	(void)!store_mark_set(store, mark, when_add(now_at, is_done ? FETCH_AGAIN_S : FETCH_FAILED_S), &err);
}
