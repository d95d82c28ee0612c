/* SPDX-License-Identifier: MIT */
/* Effective properties of an app. Values were checked by `set`; a file edited by hand that makes no sense is an error that names the property. */
#include "flow/settings.h"

#include <string.h>

#include "flow/lego.h"
#include "platform/platform.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define SECRET_MAX 4096

void settings_done(struct settings *settings)
{
	free(settings->email);
	free(settings->server);
	free(settings->dns_provider);
	free(settings->profile);
	free(settings->preferred_chain);
	free(settings->ca_certificate);
	free(settings->eab_kid);
	buf_done(&settings->eab_hmac_key);
	strs_done(&settings->extra_domains);
	strs_done(&settings->ignored);
	*settings = (struct settings){ 0 };
}

char *settings_server_url(const char *value)
{
	if (!*value || strcmp(value, "default") == 0 || strcmp(value, "production") == 0)
		return mem_strdup(SERVER_PRODUCTION);
	if (strcmp(value, "staging") == 0)
		return mem_strdup(SERVER_STAGING);
	return mem_strdup(value);
}

/* The setting, else `fallback` (may be NULL), else "". */
static bool read_text(struct platform *platform, const char *app, const char *key, const char *fallback, char **ret_value, struct err *err)
{
	char *value = NULL;

	if (!platform_setting(platform, app, key, &value, err))
		return false;
	*ret_value = value && *value ? text_trim(value) : mem_strdup(fallback ? fallback : "");
	free(value);
	return true;
}

/* An app's "none" stops the search; so does a global one. */
static bool read_dns_provider(struct platform *platform, const char *app, char **ret_value, struct err *err)
{
	if (!read_text(platform, app, "dns-provider", NULL, ret_value, err))
		return false;
	if (strcmp(*ret_value, "none") == 0)
		**ret_value = '\0';
	return true;
}

static bool read_graceperiod(struct platform *platform, const char *app, struct settings *settings, struct err *err)
{
	AUTO_FREE char *value = NULL;

	settings->graceperiod_s = GRACEPERIOD_DEFAULT_S;
	if (!read_text(platform, app, "graceperiod", NULL, &value, err))
		return false;
	if (!*value)
		return true;
	settings->has_graceperiod = true;
	if (parse_duration(value, &settings->graceperiod_s))
		return true;
	return err_set(err, ERR_CONFIG, "property graceperiod of %s is '%s', which is no duration: set it anew with 'dokku letsencrypt:set %s graceperiod 30d'", app,
		       value, app);
}

static bool read_key_type(struct platform *platform, const char *app, const char *wish, struct settings *settings, struct err *err)
{
	AUTO_FREE char *value = NULL;

	settings->key_type = KEY_EC256;
	if (!read_text(platform, app, "key-type", wish, &value, err))
		return false;
	if (!*value || key_type_parse(value, &settings->key_type))
		return true;
	return err_set(err, ERR_CONFIG, "property key-type of %s is '%s': known are ec256, ec384, rsa2048, rsa3072 and rsa4096 (dokku letsencrypt:set %s key-type ec256)",
		       app, value, app);
}

static bool read_hmac_key(struct platform *platform, const char *app, const char *wish, struct settings *settings, struct err *err)
{
	char *value = NULL;

	settings->eab_hmac_key = (struct buf)BUF_SECRET(SECRET_MAX);
	if (!read_text(platform, app, "eab-hmac-key", wish, &value, err))
		return false;
	(void)buf_adds(&settings->eab_hmac_key, value);
	explicit_bzero(value, strlen(value));
	free(value);
	return true;
}

static bool read_enabled(struct platform *platform, const char *app, struct settings *settings, struct err *err)
{
	AUTO_FREE char *value = NULL;
	AUTO_FREE char *trimmed = NULL;
	bool is_enabled = false;

	settings->enabled = -1;
	if (!platform_property(platform, "letsencrypt", app, "enabled", &value, err))
		return false;
	trimmed = text_trim(value ? value : "");
	if (parse_bool(trimmed, &is_enabled))
		settings->enabled = is_enabled;
	return true;
}

static bool read_auto_enable(struct platform *platform, const char *app, struct settings *settings, struct err *err)
{
	AUTO_FREE char *value = NULL;

	if (!read_text(platform, app, "auto-enable", "false", &value, err))
		return false;
	if (parse_bool(value, &settings->auto_enable))
		return true;
	return err_set(err, ERR_CONFIG,
		       "property auto-enable of %s is '%s', which is neither true nor false: set it anew with 'dokku letsencrypt:set %s auto-enable true'", app, value,
		       app);
}

/* The properties that lego-args can speak of too. */
static bool read_with_wishes(struct platform *platform, const char *app, const struct lego_wishes *wishes, struct settings *settings, struct err *err)
{
	return read_key_type(platform, app, wishes->key_type, settings, err) &&
	       read_text(platform, app, "profile", wishes->profile, &settings->profile, err) &&
	       read_text(platform, app, "preferred-chain", wishes->preferred_chain, &settings->preferred_chain, err) &&
	       read_text(platform, app, "ca-certificate", wishes->ca_certificate, &settings->ca_certificate, err) &&
	       read_text(platform, app, "eab-kid", wishes->eab_kid, &settings->eab_kid, err) &&
	       read_hmac_key(platform, app, wishes->eab_hmac_key, settings, err);
}

bool settings_read(struct platform *platform, const char *app, struct settings *ret_settings, struct err *err)
{
	AUTO(settings_done) struct settings settings = { 0 };
	AUTO(lego_wishes_done) struct lego_wishes wishes = { 0 };
	AUTO_FREE char *server = NULL;
	AUTO_FREE char *args = NULL;
	AUTO_FREE char *docker_options = NULL;
	AUTO_FREE char *extra = NULL;

	if (!read_text(platform, app, "email", NULL, &settings.email, err) || !read_text(platform, app, "server", NULL, &server, err) ||
	    !read_text(platform, app, "lego-args", NULL, &args, err) || !read_text(platform, app, "lego-docker-options", NULL, &docker_options, err) ||
	    !read_text(platform, app, "extra-domains", NULL, &extra, err) || !read_dns_provider(platform, app, &settings.dns_provider, err))
		return false;
	settings.server = settings_server_url(server);
	strs_split(&settings.extra_domains, extra, " ,\t\n");
	lego_read(args, docker_options, &wishes, &settings.ignored);
	if (!read_graceperiod(platform, app, &settings, err) || !read_enabled(platform, app, &settings, err) ||
	    !read_auto_enable(platform, app, &settings, err) || !read_with_wishes(platform, app, &wishes, &settings, err))
		return false;
	*ret_settings = settings;
	settings = (struct settings){ 0 };
	return true;
}
