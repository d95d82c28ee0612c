/* SPDX-License-Identifier: MIT */
/* The properties of budgets, as `set` sees them. How they are written is in flow/rule. */
#include "flow/property_budget.h"

#include <stdint.h>
#include <string.h>

#include "flow/rule.h"
#include "flow/suffixes.h"
#include "net/url.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

/* ---- values ---- */

bool property_take_limits(const char *value, char **ret_value, struct err *err)
{
	AUTO(rule_limits_done) struct rule_limits limits = { 0 };
	AUTO_STRS words = { 0 };

	if (!rule_limits_read(value, &limits, err))
		return false;
	if (limits.limits.count == 0)
		return err_set(err, ERR_CONFIG, "there is nothing in it");
	for (size_t i = 0; i < limits.limits.count; i++)
		strs_addf(&words, "%s%s%s", limits.servers.items[i], *limits.servers.items[i] ? "=" : "", limits.limits.items[i]);
	*ret_value = strs_join(&words, " ");
	return true;
}

bool property_take_rate(const char *value, char **ret_value, struct err *err)
{
	struct rate rate;

	if (!rule_rate(value, &rate, err))
		return false;
	*ret_value = mem_strdup(value);
	return true;
}

bool property_take_globs(const char *value, char **ret_value, struct err *err)
{
	AUTO_STRS globs = { 0 };

	if (!rule_globs(value, &globs, err))
		return false;
	*ret_value = strs_join(&globs, " ");
	return true;
}

bool property_take_share(const char *value, char **ret_value, struct err *err)
{
	bool is_percent;
	int64_t units;

	if (!rule_share(value, &units, &is_percent, err))
		return false;
	*ret_value = mem_strdup(value);
	return true;
}

bool property_take_reserve(const char *value, char **ret_value, struct err *err)
{
	int64_t units;

	if (!rule_reserve(value, &units, err))
		return false;
	*ret_value = mem_strdup(value);
	return true;
}

bool property_take_suffixes(const char *value, char **ret_value, struct err *err)
{
	if (strcmp(value, SUFFIX_LIST_NONE) != 0 && !(text_starts(value, "/") ? suffix_list_check(value, err) : url_check_https(value, err)))
		return false;
	*ret_value = mem_strdup(value);
	return true;
}

/* ---- keys ---- */

bool property_check_limit_key(const char *key, struct err *err)
{
	AUTO_FREE char *id = NULL;
	enum limit limit;

	return rule_limit(key, &limit, &id, err);
}

bool property_check_group_key(const char *key, struct err *err)
{
	const char *name = strchr(key, '-') + 1;

	return rule_is_group(name) || err_set(err, ERR_CONFIG, "'%s' is no name of a group: such a name is written like an app's, in lower case", name);
}

/* ---- what a change means ---- */

void property_note_limits(const char *app, const char *value, struct strs *notes)
{
	AUTO(rule_limits_done) struct rule_limits limits = { 0 };
	struct err ignored;

	(void)app;
	if (value && rule_limits_read(value, &limits, &ignored) && strs_has(&limits.limits, RULE_NO_LIMITS))
		strs_add(notes, "With 'none' nothing is counted beforehand: a request is held back only after the CA has refused one like it");
	strs_add(notes, "Takes effect with the next request to the CA");
}

void property_note_rate(const char *app, const char *value, struct strs *notes)
{
	(void)app;
	if (value)
		strs_add(notes, "This is our side of it: a limit that is higher than what the CA has granted only makes it refuse");
	strs_add(notes, "Takes effect with the next request to the CA");
}

void property_note_group(const char *app, const char *value, struct strs *notes)
{
	(void)app;
	if (value)
		strs_add(notes, "An app belongs to the first group that fits it, in the order of the groups' names; without one it is a group of its own. "
				"Groups take turns when there is not enough for all");
	else
		strs_add(notes, "The apps of this group are in the next group that fits them, or each a group of its own again");
}

void property_note_share(const char *app, const char *value, struct strs *notes)
{
	(void)app;
	if (value)
		strs_add(notes, "So many new certificates for each registered domain, in the time in which the CA counts them; renewals do not count. "
				"It holds for the group of that name, or for the app of that name if it is in no group");
}

void property_note_reserve(const char *app, const char *value, struct strs *notes)
{
	(void)app;
	(void)value;
	strs_add(notes, "Kept of each registered domain for certificates that expire or are due; '--force' does not touch it either");
}

void property_note_suffixes(const char *app, const char *value, struct strs *notes)
{
	(void)app;
	if (value && *value == '/')
		strs_add(notes, "Of this list, the one that was fetched and the system's, the newest counts");
	else if (value && strcmp(value, SUFFIX_LIST_NONE) == 0)
		strs_add(notes, "Nothing is fetched any more: of what was fetched and the system's list the newest counts");
	else
		strs_add(notes, "Fetched by the scheduled run, at most once a month");
}
