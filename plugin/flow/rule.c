/* SPDX-License-Identifier: MIT */
/* Keys and values of the properties of budgets. Nothing here knows what is set. */
#include "flow/rule.h"

#include <stdlib.h>
#include <string.h>

#include "flow/settings.h"
#include "net/url.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/parse.h"
#include "util/text.h"
#include "util/when.h"

/* As for the files of templates/limits: beyond is a slip of a finger. */
#define UNITS_MAX 1000000
#define PERIOD_MAX_S (366 * (int64_t)WHEN_DAY)

void rule_blame(const char *key, const char *example, struct err *err)
{
	struct err reason = *err;

	(void)err_set(err, ERR_CONFIG, "property %s: %s; set it anew with 'dokku letsencrypt:set --global %s %s'", key, reason.text, key, example);
}

/* ---- groups ---- */

bool rule_is_group(const char *name)
{
	return name_is_app(name);
}

bool rule_globs(const char *value, struct strs *ret_globs, struct err *err)
{
	AUTO_STRS globs = { 0 };

	strs_split(&globs, value, " ,\t");
	if (globs.count == 0)
		return err_set(err, ERR_CONFIG, "there is no app's name in it");
	for (size_t i = 0; i < globs.count; i++) {
		for (const char *at = globs.items[i]; *at; at++)
			if (text_lower_char(*at) != *at || (!text_is_alnum(*at) && !strchr("._-*?[]!", *at)))
				return err_set(err, ERR_CONFIG, "'%s' has a character that no app's name has", globs.items[i]);
	}
	strs_add_all(ret_globs, &globs);
	return true;
}

bool rule_share(const char *value, int64_t *ret_units, bool *ret_is_percent, struct err *err)
{
	bool is_percent = text_ends(value, "%");
	AUTO_FREE char *number = mem_strndup(value, strlen(value) - (is_percent ? 1 : 0));

	if (!parse_int(number, 1, is_percent ? 100 : UNITS_MAX, ret_units))
		return err_set(err, ERR_CONFIG, "'%s' is no such share", value);
	*ret_is_percent = is_percent;
	return true;
}

bool rule_reserve(const char *value, int64_t *ret_units, struct err *err)
{
	if (!parse_int(value, 0, UNITS_MAX, ret_units))
		return err_set(err, ERR_CONFIG, "'%s' is no such number", value);
	return true;
}

/* ---- overrides ---- */

bool rule_rate(const char *value, struct rate *ret_rate, struct err *err)
{
	const char *slash = strchr(value, '/');
	AUTO_FREE char *number = mem_strndup(value, strcspn(value, "/"));
	const char *reason = NULL;
	int64_t count = 0;
	int64_t period_s = 0;

	if (!slash)
		return err_set(err, ERR_CONFIG, "'%s' has no '/'", value);
	if (!parse_int(number, 1, UNITS_MAX, &count))
		return err_set(err, ERR_CONFIG, "'%s' is not a number between 1 and %d", number, UNITS_MAX);
	if (!parse_duration(slash + 1, &period_s) || period_s < 1 || period_s > PERIOD_MAX_S)
		return err_set(err, ERR_CONFIG, "'%s' is not a period between 1s and 366d", slash + 1);
	if (!rate_make(count, count, period_s * NS_PER_S, ret_rate, &reason))
		return err_set(err, ERR_CONFIG, "'%s': %s", value, reason);
	return true;
}

static bool find_limit(const char *name, enum limit *ret_limit, struct err *err)
{
	const char *names[LIMIT_COUNT + 1] = { 0 };
	const char *nearest = NULL;

	for (int i = 0; i < LIMIT_COUNT; i++) {
		names[i] = limit_name((enum limit)i);
		if (text_equal_nocase(names[i], name)) {
			*ret_limit = (enum limit)i;
			return true;
		}
	}
	nearest = text_nearest(name, names);
	if (nearest)
		return err_set(err, ERR_CONFIG, "there is no limit '%s' (did you mean '%s'?)", name, nearest);
	return err_set(err, ERR_CONFIG, "there is no limit '%s'; the usual ones are %s, %s and %s", name, names[LIMIT_DOMAIN], names[LIMIT_SET],
		       names[LIMIT_ORDERS]);
}

/* Accounts are called what the CA calls them; everything else is compared in lower case. A file's name has no '/', so blocks are named without their size. */
static char *id_of(enum limit limit, const char *text)
{
	AUTO_FREE char *lower = text_lower(text);

	switch (limit) {
	case LIMIT_ORDERS:
	case LIMIT_FAILURES:
	case LIMIT_DOMAIN_OF_ACCOUNT:
	case LIMIT_PAUSING: return mem_strdup(text);
	case LIMIT_ACCOUNTS_PER_RANGE: return mem_fmt("%s/48", lower);
	case LIMIT_ACCOUNTS_PER_ADDRESS:
	case LIMIT_DOMAIN:
	case LIMIT_SET:
	case LIMIT_COUNT: break;
	}
	return mem_take(&lower);
}

static bool check_id(enum limit limit, const char *id, struct err *err)
{
	AUTO_LIMITS scratch = { 0 };
	const struct rate any = { 0 };

	return limits_override(&scratch, limit, id, &any, err);
}

bool rule_limit(const char *key, enum limit *ret_limit, char **ret_id, struct err *err)
{
	const char *start = key + strlen(RULE_LIMIT);
	const char *colon = strchr(start, ':');
	AUTO_FREE char *name = mem_strndup(start, strcspn(start, ":"));
	AUTO_FREE char *id = NULL;
	enum limit limit = LIMIT_COUNT;

	if (!find_limit(name, &limit, err))
		return false;
	if (limit == LIMIT_PAUSING)
		return err_set(err, ERR_CONFIG, "%s needs more than a number and a period: write a file and assign it by the property limits",
			       limit_name(limit));
	if (!colon && limit == LIMIT_DOMAIN_OF_ACCOUNT)
		return err_set(err, ERR_CONFIG, "%s exists only for single accounts: " RULE_LIMIT "%s:<account>", limit_name(limit), limit_name(limit));
	if (!name_is_key(key))
		return err_set(err, ERR_CONFIG, "'%s' is too long, or has a character that no property has (a '/'?)", start);
	if (colon) {
		id = id_of(limit, colon + 1);
		if (!check_id(limit, id, err))
			return false;
	}
	*ret_limit = limit;
	*ret_id = mem_take(&id);
	return true;
}

char *rule_limit_key(enum limit limit, const char *id)
{
	/* The size of a block: see id_of. */
	AUTO_FREE char *text = mem_strndup(id ? id : "", id ? strcspn(id, "/") : 0);

	return mem_fmt(RULE_LIMIT "%s%s%s", limit_name(limit), id ? ":" : "", text);
}

/* ---- limits of servers ---- */

void rule_limits_done(struct rule_limits *limits)
{
	strs_done(&limits->servers);
	strs_done(&limits->limits);
}

static bool check_server(const char *server, struct err *err)
{
	AUTO_FREE char *url = settings_server_url(server);
	AUTO_FREE char *host_url = mem_fmt("https://%s/", url);
	struct err ignored;

	if (text_starts(url, "https://"))
		return url_check_https(url, err);
	if (strchr(server, '/') || !url_check_https(host_url, &ignored))
		return err_set(err, ERR_CONFIG, "'%s' is neither the https URL of a CA's directory nor its host", server);
	return true;
}

static bool check_limits(const char *limits, struct err *err)
{
	if (limits[0] != '/' && !name_is_app(limits))
		return err_set(err, ERR_CONFIG, "'%s' is neither a name nor an absolute path", limits);
	return true;
}

static bool add_word(const char *word, struct rule_limits *limits, struct err *err)
{
	const char *equals = word[0] == '/' ? NULL : strchr(word, '=');
	const char *file = equals ? equals + 1 : word;
	AUTO_FREE char *server = mem_strndup(word, equals ? (size_t)(equals - word) : 0);

	if (equals && !*server)
		return err_set(err, ERR_CONFIG, "'%s' has no server before its '='", word);
	if ((equals && !check_server(server, err)) || !check_limits(file, err))
		return false;
	if (!strs_add_new(&limits->servers, server))
		return err_set(err, ERR_CONFIG, "'%s' is the second word for %s", word, equals ? "that server" : "every other server");
	strs_add(&limits->limits, file);
	return true;
}

bool rule_limits_read(const char *value, struct rule_limits *ret_limits, struct err *err)
{
	AUTO(rule_limits_done) struct rule_limits limits = { 0 };
	AUTO_STRS words = { 0 };

	strs_split(&words, value, " \t");
	for (size_t i = 0; i < words.count; i++)
		if (!add_word(words.items[i], &limits, err))
			return false;
	*ret_limits = limits;
	limits = (struct rule_limits){ 0 };
	return true;
}

/* A host is meant with any port, unless it has one. */
static bool is_host_of(const char *host, const char *server)
{
	AUTO_FREE char *host_port = url_host_port(server);
	AUTO_FREE char *lower = text_lower(host);

	return text_starts(host_port, lower) && (host_port[strlen(lower)] == '\0' || host_port[strlen(lower)] == ':');
}

static bool is_for(const char *named, const char *server)
{
	AUTO_FREE char *url = settings_server_url(named);

	if (!*named || !*server)
		return *named == *server;
	return text_equal_nocase(url, server) || is_host_of(url, server);
}

const char *rule_limits_of(const struct rule_limits *limits, const char *server)
{
	for (size_t i = 0; i < limits->servers.count; i++)
		if (is_for(limits->servers.items[i], server))
			return limits->limits.items[i];
	return NULL;
}
