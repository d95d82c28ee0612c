/* SPDX-License-Identifier: MIT */
/* Which limits hold for a server: files of templates/limits or of an operator, and the overrides by properties. Nothing is issued on guessed limits. */
#include <stdlib.h>
#include <string.h>

#include "flow/context.h"
#include "flow/given.h"
#include "flow/rule.h"
#include "flow/rules.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"

#define GLOBAL "--global"
#define PROPERTY "limits"
#define SHIPPED_FOLDER "limits"
#define SHIPPED_END ".json"
#define FILE_MAX ((size_t)1024 * 1024)

/* ---- files ---- */

/* Names of the files of templates/limits without their ending. */
static bool list_shipped(struct context *context, struct strs *ret_names, struct err *err)
{
	AUTO_FREE char *folder = mem_fmt("%s/" SHIPPED_FOLDER, context->templates);
	AUTO_FD dir_fd = dir_open(folder, err);
	AUTO_STRS files = { 0 };

	if (dir_fd < 0 || !dir_list(dir_fd, &files, err))
		return err_wrap(err, "the plugin is not complete (run 'sudo dokku plugin:install')");
	for (size_t i = 0; i < files.count; i++)
		if (text_ends(files.items[i], SHIPPED_END))
			strs_add_size(ret_names, files.items[i], strlen(files.items[i]) - strlen(SHIPPED_END));
	strs_sort(ret_names);
	return true;
}

static bool read_shipped(struct context *context, const char *name, struct limits *ret_limits, struct err *err)
{
	AUTO_FREE char *file = mem_fmt(SHIPPED_FOLDER "/%s" SHIPPED_END, name);
	AUTO_FREE char *text = context_template(context, file, err);

	if (!text)
		return false;
	return limits_read(text, strlen(text), ret_limits, err) ||
	       err_wrap(err, "'%s/%s', which belongs to the plugin (get it anew with 'sudo dokku plugin:update letsencrypt')", context->templates, file);
}

static bool check_shipped(struct context *context, const char *name, struct err *err)
{
	AUTO_STRS names = { 0 };
	AUTO_FREE char *joined = NULL;
	const char *nearest = NULL;

	if (!list_shipped(context, &names, err))
		return false;
	if (strs_has(&names, name))
		return true;
	nearest = text_nearest(name, (const char *const *)strs_argv(&names));
	joined = strs_join(&names, ", ");
	if (nearest)
		return err_set(err, ERR_CONFIG, "there are no limits '%s' (did you mean '%s'?)", name, nearest);
	return err_set(err, ERR_CONFIG, "there are no limits '%s', only %s", name, joined);
}

static bool read_own(const char *path, struct limits *ret_limits, struct err *err)
{
	AUTO_BUF text = BUF_MAX(FILE_MAX);

	if (!given_read(path, &text, NULL, err))
		return false;
	return limits_read(buf_text(&text), text.size, ret_limits, err) || err_wrap(err, "'%s'", path);
}

/* What stands after the '=' of a word of the property; not RULE_NO_LIMITS. */
static bool read_named(struct context *context, const char *what, struct limits *ret_limits, struct err *err)
{
	if (what[0] == '/')
		return read_own(what, ret_limits, err);
	return check_shipped(context, what, err) && read_shipped(context, what, ret_limits, err);
}

static bool is_for(const struct limits *limits, const char *server)
{
	for (size_t i = 0; i < limits->directories.count; i++)
		if (text_equal_nocase(limits->directories.items[i], server))
			return true;
	return false;
}

/* The shipped file that names the server. All are read: one that makes no sense might be the one. */
static bool find_shipped(struct context *context, const char *server, bool *ret_found, struct limits *ret_limits, struct err *err)
{
	AUTO_STRS names = { 0 };

	*ret_found = false;
	if (!list_shipped(context, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_LIMITS limits = { 0 };

		if (!read_shipped(context, names.items[i], &limits, err))
			return false;
		if (*ret_found || !is_for(&limits, server))
			continue;
		*ret_limits = limits;
		limits = (struct limits){ 0 };
		*ret_found = true;
	}
	return true;
}

/* ---- the property limits ---- */

static bool read_property(struct context *context, struct rule_limits *ret_words, struct err *err)
{
	AUTO_FREE char *value = NULL;

	if (!platform_setting(context->platform, GLOBAL, PROPERTY, &value, err))
		return false;
	return rule_limits_read(value ? value : "", ret_words, err) || rule_fail(PROPERTY, "letsencrypt", err);
}

static bool is_none(const char *what)
{
	return what && strcmp(what, RULE_NO_LIMITS) == 0;
}

static bool read_assigned(struct context *context, const char *what, struct limits *ret_limits, struct err *err)
{
	struct err reason = { 0 };

	if (read_named(context, what, ret_limits, &reason))
		return true;
	return err_set(err, ERR_CONFIG, "property " PROPERTY ": %s; correct that, or unset it with 'dokku letsencrypt:set " GLOBAL " " PROPERTY "'",
		       reason.text);
}

bool rules_check_limits(struct context *context, const char *key, const char *value, struct err *err)
{
	AUTO(rule_limits_done) struct rule_limits words = { 0 };

	(void)key;
	if (!rule_limits_read(value, &words, err))
		return false;
	for (size_t i = 0; i < words.limits.count; i++) {
		AUTO_LIMITS limits = { 0 };

		if (!is_none(words.limits.items[i]) && !read_named(context, words.limits.items[i], &limits, err))
			return false;
	}
	return true;
}

static bool read_for(struct context *context, const char *server, bool *ret_found, struct limits *ret_limits, struct err *err)
{
	AUTO(rule_limits_done) struct rule_limits words = { 0 };
	const char *what = NULL;
	bool is_found = false;

	if (!read_property(context, &words, err))
		return false;
	what = rule_limits_of(&words, server);
	if (!what && is_none(rule_limits_of(&words, "")))
		what = RULE_NO_LIMITS;
	if (!what && !find_shipped(context, server, &is_found, ret_limits, err))
		return false;
	if (!what && !is_found)
		what = rule_limits_of(&words, "");
	if (what && !is_none(what)) {
		if (!read_assigned(context, what, ret_limits, err))
			return false;
		is_found = true;
	}
	*ret_found = is_found;
	return true;
}

/* ---- overrides ---- */

bool rules_check_override(struct context *context, const char *key, const char *value, struct err *err)
{
	AUTO(rules_done) struct rules rules = { 0 };
	AUTO_FREE char *id = NULL;
	AUTO_FREE char *registered = NULL;
	const struct suffixes *suffixes = NULL;
	enum limit limit = LIMIT_COUNT;
	enum name_kind kind = NAME_BAD;

	(void)value;
	if (!rule_limit(key, &limit, &id, err))
		return false;
	kind = id ? name_kind(id, NULL) : NAME_BAD;
	if (limit != LIMIT_DOMAIN || kind != NAME_DNS)
		return true;
	suffixes = rules_suffixes(&rules, context, err);
	if (!suffixes)
		return false;
	registered = domain_registered(suffixes, id);
	if (strcmp(registered, id) != 0)
		return err_set(err, ERR_CONFIG, "the CA counts '%s' under its registered domain; the key is then " RULE_LIMIT "%s:%s", id, limit_name(limit),
			       registered);
	return true;
}

struct override {
	enum limit limit;
	char *id; /* NULL = for all */
	struct rate rate;
};

static void override_done(struct override *override)
{
	free(override->id);
}

static bool read_override(struct context *context, const char *key, const char *value, struct override *override, struct err *err)
{
	AUTO_FREE char *trimmed = text_trim(value);

	if (!rule_limit(key, &override->limit, &override->id, err))
		return err_wrap(err, "the file '%s/config/letsencrypt/" GLOBAL "/%s' is a property that makes no sense; remove it",
				platform_lib_root(context->platform), key);
	return rule_rate(trimmed, &override->rate, err) || rule_fail(key, "300/7d", err);
}

static bool apply_override(struct context *context, const char *key, struct limits *limits, struct err *err)
{
	AUTO(override_done) struct override override = { 0 };
	AUTO_FREE char *value = NULL;

	if (!platform_setting(context->platform, GLOBAL, key, &value, err))
		return false;
	if (!value)
		return true;
	if (!read_override(context, key, value, &override, err))
		return false;
	if (override.id)
		return limits_override(limits, override.limit, override.id, &override.rate, err);
	limits->is_limited[override.limit] = true;
	limits->rates[override.limit] = override.rate;
	return true;
}

static bool apply_overrides(struct context *context, struct limits *limits, struct err *err)
{
	AUTO_STRS keys = { 0 };

	if (!platform_setting_keys(context->platform, GLOBAL, &keys, err))
		return false;
	for (size_t i = 0; i < keys.count; i++)
		if (text_starts(keys.items[i], RULE_LIMIT) && !apply_override(context, keys.items[i], limits, err))
			return false;
	return true;
}

bool rules_limits(struct context *context, const char *server, bool *ret_found, struct limits *ret_limits, struct err *err)
{
	AUTO_LIMITS limits = { 0 };
	bool is_found = false;

	if (!read_for(context, server, &is_found, &limits, err) || (is_found && !apply_overrides(context, &limits, err)))
		return false;
	*ret_found = is_found;
	if (is_found) {
		*ret_limits = limits;
		limits = (struct limits){ 0 };
	}
	return true;
}

bool rules_servers(struct context *context, struct strs *ret_servers, struct err *err)
{
	AUTO_STRS names = { 0 };

	if (!list_shipped(context, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_LIMITS limits = { 0 };

		if (!read_shipped(context, names.items[i], &limits, err))
			return false;
		strs_add_all(ret_servers, &limits.directories);
	}
	return true;
}

/* ---- whose certificate ---- */

static bool take_ca(const struct limits *limits, const char *issuer, char **ret_ca)
{
	if (!strs_has(&limits->issuers, issuer))
		return false;
	*ret_ca = mem_strdup(limits->name);
	return true;
}

/* In the files of the property: an operator's own for a CA stands in the place of the shipped one. */
static bool find_in_assigned(struct context *context, const char *issuer, bool *ret_found, char **ret_ca, struct err *err)
{
	AUTO(rule_limits_done) struct rule_limits words = { 0 };

	if (!read_property(context, &words, err))
		return false;
	for (size_t i = 0; i < words.limits.count && !*ret_found; i++) {
		AUTO_LIMITS limits = { 0 };

		if (is_none(words.limits.items[i]))
			continue;
		if (!read_assigned(context, words.limits.items[i], &limits, err))
			return false;
		*ret_found = take_ca(&limits, issuer, ret_ca);
	}
	return true;
}

static bool find_in_shipped(struct context *context, const char *issuer, bool *ret_found, char **ret_ca, struct err *err)
{
	AUTO_STRS names = { 0 };

	if (!list_shipped(context, &names, err))
		return false;
	for (size_t i = 0; i < names.count && !*ret_found; i++) {
		AUTO_LIMITS limits = { 0 };

		if (!read_shipped(context, names.items[i], &limits, err))
			return false;
		*ret_found = take_ca(&limits, issuer, ret_ca);
	}
	return true;
}

bool rules_issuer(struct context *context, const char *issuer, bool *ret_found, char **ret_ca, struct err *err)
{
	*ret_found = false;
	return find_in_assigned(context, issuer, ret_found, ret_ca, err) && (*ret_found || find_in_shipped(context, issuer, ret_found, ret_ca, err));
}
