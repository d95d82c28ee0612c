/* SPDX-License-Identifier: MIT */
/*
 * What can be set, as data. Values that the bash plugin stores too keep a form that it can read (graceperiod in seconds, server one URL or its
 * shorthand), so that one can go back to it.
 */
#include "flow/property.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "crypto/key.h"
#include "flow/given.h"
#include "flow/lego.h"
#include "flow/notify.h"
#include "flow/property_budget.h"
#include "flow/property_deploy.h"
#include "flow/rule.h"
#include "flow/rules.h"
#include "net/url.h"
#include "util/b64.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/parse.h"
#include "util/strs.h"
#include "util/text.h"
#include "util/when.h"

#define VALUE_MAX ((size_t)4096)
#define PEM_MAX ((size_t)1024 * 1024)
#define NAMES_MAX 100
#define VARIABLE_PREFIX "dns-provider-"

/* ---- what a value must be ---- */

static bool take_email(const char *value, char **ret_value, struct err *err)
{
	if (!parse_is_email(value))
		return err_set(err, ERR_CONFIG, "'%s' is no e-mail address", value);
	*ret_value = mem_strdup(value);
	return true;
}

/* The bash plugin knows no "production". */
static bool take_server(const char *value, char **ret_value, struct err *err)
{
	/* Not even quoted: a password may stand before it. */
	if (strchr(value, '@'))
		return err_set(err, ERR_CONFIG, "a URL with a user name or a password is not taken");
	if (strcmp(value, "default") == 0 || strcmp(value, "production") == 0)
		*ret_value = mem_strdup("default");
	else if (strcmp(value, "staging") == 0 || url_check_https(value, err))
		*ret_value = mem_strdup(value);
	else
		return false;
	return true;
}

static bool take_graceperiod(const char *value, char **ret_value, struct err *err)
{
	int64_t seconds = 0;

	if (!parse_duration(value, &seconds))
		return err_set(err, ERR_CONFIG, "'%s' is no duration", value);
	*ret_value = mem_fmt("%" PRId64, seconds);
	return true;
}

static bool take_key_type(const char *value, char **ret_value, struct err *err)
{
	enum key_type type = KEY_OTHER;
	const char *nearest = NULL;

	if (key_type_parse(value, &type)) {
		*ret_value = mem_strdup(key_type_name(type));
		return true;
	}
	nearest = text_nearest(value, key_type_names());
	if (nearest)
		return err_set(err, ERR_CONFIG, "'%s' is no key type (did you mean '%s'?)", value, nearest);
	return err_set(err, ERR_CONFIG, "'%s' is no key type", value);
}

/* One word of letters, digits and a few marks: names of profiles and providers, key identifiers. */
static bool take_word(const char *value, char **ret_value, struct err *err)
{
	for (const char *at = value; *at; at++)
		if (!text_is_alnum(*at) && !strchr("._-+/=:~", *at))
			return err_set(err, ERR_CONFIG, "'%s' is not one word", value);
	*ret_value = mem_strdup(value);
	return true;
}

/* CAs hand it out with and without the padding that RFC 8555 does not have. */
static bool take_hmac_key(const char *value, char **ret_value, struct err *err)
{
	size_t size = strlen(value);
	char *key = NULL;

	while (size > 0 && value[size - 1] == '=')
		size--;
	key = mem_strndup(value, size);
	if (b64url_is(key)) {
		*ret_value = key;
		return true;
	}
	explicit_bzero(key, size);
	free(key);
	return err_set(err, ERR_CONFIG, "it has characters that do not belong to base64url (A-Z a-z 0-9 - _)");
}

/* Kept as written: who replaces the file, or the link, changes the trust without another `set`. */
static bool take_ca_certificate(const char *value, char **ret_value, struct err *err)
{
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	AUTO(cert_done) struct cert cert = { 0 };

	if (!given_read(value, &pem, NULL, err))
		return false;
	if (!cert_read(buf_text(&pem), &cert, err))
		return err_wrap(err, "'%s'", value);
	*ret_value = mem_strdup(value);
	return true;
}

static bool take_program(const char *value, char **ret_value, struct err *err)
{
	if (!notify_check_program(value, err))
		return false;
	*ret_value = mem_strdup(value);
	return true;
}

static bool check_domain(const char *name, struct err *err)
{
	const char *reason = NULL;

	switch (name_kind(name, &reason)) {
	case NAME_DNS:
	case NAME_IPV4:
	case NAME_IPV6:
		return true;
	case NAME_WILDCARD:
		return err_set(err, ERR_CONFIG, "'%s' is a wildcard, which needs the DNS-01 challenge: not available yet (list the names one by one)", name);
	case NAME_BAD:
		break;
	}
	return err_set(err, ERR_CONFIG, "'%s' %s", name, reason ? reason : "is not a host name");
}

static bool take_domains(const char *value, char **ret_value, struct err *err)
{
	AUTO_STRS words = { 0 };
	AUTO_STRS names = { 0 };

	strs_split(&words, value, " ,");
	for (size_t i = 0; i < words.count; i++) {
		AUTO_FREE char *name = text_lower(words.items[i]);

		if (!check_domain(name, err))
			return false;
		(void)strs_add_new(&names, name);
	}
	if (names.count == 0)
		return err_set(err, ERR_CONFIG, "there is no name in it");
	if (names.count > NAMES_MAX)
		return err_set(err, ERR_CONFIG, "there are %zu names in it and a certificate holds at most %d", names.count, NAMES_MAX);
	*ret_value = strs_join(&names, " ");
	return true;
}

/* ---- what a change means ---- */

static const char *app_or_placeholder(const char *app)
{
	return strcmp(app, "--global") == 0 ? "<app>" : app;
}

static void note_at_renewal(const char *app, const char *value, struct strs *notes)
{
	(void)value;
	strs_addf(notes, "Takes effect at the next renewal; at once with: dokku letsencrypt:enable %s", app_or_placeholder(app));
}

static void note_at_once(const char *app, const char *value, struct strs *notes)
{
	(void)app;
	(void)value;
	strs_add(notes, "Takes effect with the next request to the CA");
}

static void note_server(const char *app, const char *value, struct strs *notes)
{
	if (value && strstr(value, "staging"))
		strs_add(notes, "Certificates of a staging server are for trying things out: browsers do not trust them");
	note_at_renewal(app, value, notes);
}

static void note_graceperiod(const char *app, const char *value, struct strs *notes)
{
	int64_t seconds = 0;

	if (!value) {
		strs_add(notes, "Renewal follows the time that the CA proposes (ARI) again, unless a value is left for this app or globally");
		return;
	}
	strs_addf(notes, "This wins over the time that the CA proposes (ARI), whose renewals are exempt from rate limits; back to it with: "
			 "dokku letsencrypt:set %s graceperiod", app);
	if (parse_duration(value, &seconds) && seconds >= (int64_t)6 * WHEN_DAY)
		strs_add(notes, "A certificate that does not live longer than this (shortlived: 6 days, else 45 to 90 days) would be renewed at every run");
}

static void note_dns_provider(const char *app, const char *value, struct strs *notes)
{
	if (value && strcmp(value, "none") != 0)
		strs_addf(notes, "DNS-01 is not available yet: as long as this is set nothing is issued or renewed for %s; take it back with: "
				 "dokku letsencrypt:set %s dns-provider", strcmp(app, "--global") == 0 ? "any app without its own value" : app, app);
}

static void note_ignored(const struct strs *ignored, struct strs *notes)
{
	AUTO_FREE char *words = strs_join(ignored, " ");

	if (ignored->count > 0)
		strs_addf(notes, "Kept for lego, ignored here: %s", words);
}

static void note_lego_args(const char *app, const char *value, struct strs *notes)
{
	AUTO(lego_wishes_done) struct lego_wishes wishes = { 0 };
	AUTO_STRS ignored = { 0 };

	lego_read(value, NULL, &wishes, &ignored);
	note_ignored(&ignored, notes);
	note_at_renewal(app, value, notes);
}

static void note_docker_options(const char *app, const char *value, struct strs *notes)
{
	AUTO(lego_wishes_done) struct lego_wishes wishes = { 0 };
	AUTO_STRS ignored = { 0 };

	lego_read(NULL, value, &wishes, &ignored);
	note_ignored(&ignored, notes);
	note_at_renewal(app, value, notes);
}

static void note_domains(const char *app, const char *value, struct strs *notes)
{
	(void)value;
	strs_addf(notes, "The names must reach this app over HTTP as its own domains do; added ones get into the certificate with: "
			 "dokku letsencrypt:enable %s", app);
}

static void note_notify(const char *app, const char *value, struct strs *notes)
{
	(void)app;
	if (value)
		strs_add(notes, "It is run for each change of an app's state (failing, ending, expired, held-back, paused, mended); it gets a JSON object on its "
				"standard input");
	else
		strs_add(notes, "Without it such changes are mailed to the platform's mailto, if there is one (dokku cron:set --global mailto)");
}

/* Sorted: messages list them in this order. */
static const struct property properties[] = {
	{ "auto-enable", false, false, false, "true or false", property_take_bool, property_note_auto_enable, NULL },
	{ "ca-certificate", false, false, false, "the absolute path of a readable file with certificates in PEM form", take_ca_certificate, note_at_once,
		NULL },
	{ "deploy-wait", false, false, false, "a duration of at most ten minutes, such as 20s; 0 does not wait", property_take_deploy_wait, property_note_deploy_wait,
		NULL },
	{ "dns-provider", false, false, false, "the name of a provider, or 'none'", take_word, note_dns_provider, NULL },
	{ VARIABLE_PREFIX "*", true, false, false, "one line of text", NULL, note_at_once, NULL },
	{ "eab-hmac-key", true, false, false, "the key as the CA handed it out, in base64url", take_hmac_key, note_at_once, NULL },
	{ "eab-kid", false, false, false, "the key identifier as the CA handed it out", take_word, note_at_once, NULL },
	{ "email", false, false, false, "an e-mail address, such as you@example.com", take_email, note_at_renewal, NULL },
	{ "extra-domains", false, true, false, "host names with blanks or commas between them", take_domains, note_domains, NULL },
	{ "graceperiod", false, false, false, "a duration such as 30d or 12h, or a number of seconds", take_graceperiod, note_graceperiod, NULL },
	{ "group-*", false, false, true, "names of apps with blanks or commas between them; '*' stands for any text", property_take_globs,
		property_note_group, NULL },
	{ "key-type", false, false, false, "ec256, ec384, rsa2048, rsa3072 or rsa4096", take_key_type, note_at_renewal, NULL },
	{ "lego-args", false, false, false, "options of lego", NULL, note_lego_args, NULL },
	{ "lego-docker-options", false, false, false, "options of docker run", NULL, note_docker_options, NULL },
	{ "limit-*", false, false, true, "a number and a period, such as 300/7d or 1500/3h", property_take_rate, property_note_rate, rules_check_override },
	{ "limits", false, false, true, "<server>=<limits>, several with blanks between: limits are letsencrypt, a file's absolute path, or 'none'",
		property_take_limits, property_note_limits, rules_check_limits },
	{ "notify", false, false, true, "the absolute path of a program that nobody but root and the platform's user can change", take_program, note_notify, NULL },
	{ "preferred-chain", false, false, false, "the common name of a root certificate", NULL, note_at_renewal, NULL },
	{ "profile", false, false, false, "a profile of the CA, such as classic, tlsserver or shortlived", take_word, note_at_renewal, NULL },
	{ "public-suffix-list", false, false, true, "the absolute path of a list, an https URL to fetch it from, or 'none'", property_take_suffixes,
		property_note_suffixes, NULL },
	{ "reserve", false, false, true, "a number of certificates, such as 5; 0 keeps nothing", property_take_reserve, property_note_reserve, NULL },
	{ "server", false, false, false, "default, production, staging or the https URL of a CA's directory", take_server, note_server, NULL },
	{ "share-*", false, false, true, "a number of certificates such as 10, or a part such as 25%", property_take_share, property_note_share, NULL },
};

/* ---- keys ---- */

/* "dns-provider-CF_DNS_API_TOKEN": what follows the prefix is the name of an environment variable. */
static bool check_variable_key(const char *key, struct err *err)
{
	const char *name = key + strlen(VARIABLE_PREFIX);
	bool is_good = *name && !text_is_digit(*name);

	for (; *name; name++)
		is_good = is_good && (text_is_alnum(*name) || *name == '_');
	return is_good || err_set(err, ERR_CONFIG, "after '" VARIABLE_PREFIX "' comes the name of a variable of the provider, such as CF_DNS_API_TOKEN");
}

/* Rows for many keys: what follows the prefix is checked; the text of a failure is the reason alone. */
static const struct family {
	const char *prefix;
	bool (*check)(const char *key, struct err *err);
} families[] = {
	{ VARIABLE_PREFIX, check_variable_key },
	{ RULE_GROUP, property_check_group_key },
	{ RULE_LIMIT, property_check_limit_key },
	{ RULE_SHARE, property_check_group_key },
};

static const struct family *family_of(const char *key)
{
	for (size_t i = 0; i < COUNT(families); i++)
		if (text_starts(key, families[i].prefix))
			return &families[i];
	return NULL;
}

const struct property *property_find(const char *key)
{
	const struct family *family = family_of(key);
	AUTO_FREE char *wanted = family ? mem_fmt("%s*", family->prefix) : mem_strdup(key);
	struct err ignored;

	if (family && !family->check(key, &ignored))
		return NULL;
	for (size_t i = 0; i < COUNT(properties); i++)
		if (strcmp(properties[i].key, wanted) == 0)
			return &properties[i];
	return NULL;
}

char *property_stored_key(const char *key)
{
	AUTO_FREE char *id = NULL;
	enum limit limit = LIMIT_COUNT;
	struct err ignored;

	if (!text_starts(key, RULE_LIMIT) || !rule_limit(key, &limit, &id, &ignored))
		return mem_strdup(key);
	return rule_limit_key(limit, id);
}

static void refuse_key(const char *app, const char *key, struct err *err)
{
	const struct family *family = family_of(key);
	AUTO_STRS keys = { 0 };
	AUTO_FREE char *joined = NULL;
	const char *nearest = NULL;
	struct err reason = { 0 };

	for (size_t i = 0; i < COUNT(properties); i++)
		strs_add(&keys, properties[i].key);
	joined = strs_join(&keys, ", ");
	nearest = text_nearest(key, (const char *const *)strs_argv(&keys));
	(void)err_set(err, ERR_USAGE, "Invalid key specified, valid keys include: %s", joined);
	if (strcmp(key, "enabled") == 0)
		err_append(err, "'enabled' is switched by: dokku letsencrypt:enable %s, dokku letsencrypt:disable %s", app, app);
	else if (family && !family->check(key, &reason))
		err_append(err, "'%s': %s", key, reason.text);
	else if (nearest)
		err_append(err, "There is no '%s'. Did you mean '%s'?", key, nearest);
	else
		err_append(err, "There is no '%s'", key);
}

const struct property *property_need(const char *app, const char *key, struct err *err)
{
	const struct property *property = property_find(key);

	if (!property) {
		refuse_key(app, key, err);
		return NULL;
	}
	if (property->is_app_only && strcmp(app, "--global") == 0) {
		(void)err_set(err, ERR_USAGE, "'%s' belongs to one app: dokku letsencrypt:set <app> %s <value>", key, key);
		return NULL;
	}
	if (property->is_global_only && strcmp(app, "--global") != 0) {
		(void)err_set(err, ERR_USAGE, "'%s' belongs to the whole host, not to one app: dokku letsencrypt:set --global %s <value>", key, key);
		return NULL;
	}
	return property;
}

/* ---- values ---- */

static bool has_control_characters(const char *value)
{
	/* The value may be a secret. */
	AUTO_BUF escaped = BUF_SECRET(4 * VALUE_MAX);

	text_escape(&escaped, value, false);
	return strcmp(buf_text(&escaped), value) != 0;
}

static bool check_text(const char *value, struct err *err)
{
	if (strlen(value) > VALUE_MAX)
		return err_set(err, ERR_CONFIG, "it is longer than %zu bytes", VALUE_MAX);
	if (has_control_characters(value))
		return err_set(err, ERR_CONFIG, "it has control characters (a line break?)");
	return true;
}

static bool fail_value(const struct property *property, const char *key, struct err *err)
{
	(void)err_wrap(err, "The value for %s is not usable", key);
	err_append(err, "It must be %s", property->takes);
	return false;
}

bool property_normalise(const struct property *property, const char *key, const char *value, char **ret_value, struct err *err)
{
	char *trimmed = text_trim(value);
	bool is_done = check_text(trimmed, err) && (!property->normalise || property->normalise(trimmed, ret_value, err));

	if (is_done && !property->normalise) {
		*ret_value = trimmed;
		return true;
	}
	if (property->is_secret)
		explicit_bzero(trimmed, strlen(trimmed));
	free(trimmed);
	return is_done || fail_value(property, key, err);
}

bool property_check(const struct property *property, struct context *context, const char *key, const char *value, struct err *err)
{
	return !property->check || property->check(context, key, value, err) || fail_value(property, key, err);
}

void property_notes(const struct property *property, const char *app, const char *value, struct strs *ret_notes)
{
	property->note(app, value, ret_notes);
}
