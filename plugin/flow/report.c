/* SPDX-License-Identifier: MIT */
/*
 * All that is known of an app, as keys and values in a fixed order: first those of the bash plugin, which programs read, then ours. A property that
 * makes no sense is a note, not a failure: a report is what people ask for when something is wrong.
 */
#include <inttypes.h>
#include <string.h>

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/context.h"
#include "flow/lego.h"
#include "flow/settings.h"
#include "platform/platform.h"
#include "store/store.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"
#include "util/when.h"

#define PLUGIN "letsencrypt"
#define GLOBAL "--global"
#define MASK "****"
/* Of the hook program, which waits. */
#define DEPLOY_WAIT_DEFAULT "20"
#define VARIABLE_PREFIX "dns-provider-"

void report_done(struct report *report)
{
	strs_done(&report->keys);
	strs_done(&report->values);
	strs_done(&report->notes);
}

/* What a report is made from. */
struct draft {
	struct context *context;
	const char *app;          /* NULL = only what is global */
	bool is_masked;
	bool has_settings;
	struct settings settings; /* effective, if has_settings */
	struct report *report;
};

static void add(struct draft *draft, const char *scope, const char *key, const char *value)
{
	strs_addf(&draft->report->keys, "%s%s", scope, key);
	strs_add(&draft->report->values, !value ? "" : draft->is_masked && text_starts(key, "lego-") && lego_has_secret(value) ? MASK : value);
}

static void add_time(struct draft *draft, const char *key, int64_t at)
{
	AUTO_FREE char *text = at != 0 ? mem_fmt("%" PRId64, at) : mem_strdup("");

	add(draft, "", key, text);
}

/* "2026-01-02 15:04 CET: reason", "" when it never was. */
static void add_since(struct draft *draft, const char *key, int64_t at, const char *reason)
{
	AUTO_FREE char *moment = when_human(at);
	AUTO_FREE char *text = at != 0 ? mem_fmt("%s: %s", moment, reason ? reason : "") : mem_strdup("");

	add(draft, "", key, text);
}

static void add_bool(struct draft *draft, const char *key, bool value)
{
	add(draft, "", key, value ? "true" : "false");
}

static void add_names(struct draft *draft, const char *key, const struct strs *names)
{
	AUTO_FREE char *joined = strs_join(names, " ");

	add(draft, "", key, joined);
}

/* ---- properties ---- */

/* The effective value with its defaults; the caller frees it. `raw`: the app's value, else the global one, else NULL. */
static char *computed_value(const struct draft *draft, const char *key, const char *raw)
{
	const struct settings *settings = &draft->settings;

	if (strcmp(key, "server") == 0)
		return settings_server_url(raw ? raw : "");
	if (strcmp(key, "dns-provider") == 0)
		return mem_strdup(raw && strcmp(raw, "none") != 0 ? raw : "");
	if (!draft->has_settings || strcmp(key, "lego-args") == 0 || strcmp(key, "lego-docker-options") == 0)
		return mem_strdup(raw ? raw : "");
	if (strcmp(key, "graceperiod") == 0)
		return mem_fmt("%" PRId64, settings->graceperiod_s);
	if (strcmp(key, "key-type") == 0)
		return mem_strdup(key_type_name(settings->key_type));
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "email", settings->email },
		{ "profile", settings->profile },
		{ "preferred-chain", settings->preferred_chain },
		{ "ca-certificate", settings->ca_certificate },
		{ "eab-kid", settings->eab_kid },
		{ "auto-enable", settings->auto_enable ? "true" : "false" },
		{ "deploy-wait", raw ? raw : DEPLOY_WAIT_DEFAULT },
	};
	for (size_t i = 0; i < COUNT(texts); i++)
		if (strcmp(texts[i].key, key) == 0)
			return mem_strdup(texts[i].value);
	return mem_strdup(raw ? raw : "");
}

/* Of an app: computed-, global- and its own; else the global one alone. */
static bool add_property(struct draft *draft, const char *key, struct err *err)
{
	struct platform *platform = draft->context->platform;
	AUTO_FREE char *own = NULL;
	AUTO_FREE char *global = NULL;

	if (!platform_property(platform, PLUGIN, GLOBAL, key, &global, err))
		return false;
	if (draft->app) {
		if (!platform_property(platform, PLUGIN, draft->app, key, &own, err))
			return false;
		AUTO_FREE char *computed = computed_value(draft, key, own && *own ? own : global);
		add(draft, "computed-", key, computed);
	}
	add(draft, "global-", key, global);
	if (draft->app)
		add(draft, "", key, own);
	return true;
}

static bool add_properties(struct draft *draft, const char *const *keys, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!add_property(draft, keys[i], err))
			return false;
	return true;
}

static void wipe(char *value)
{
	if (value)
		explicit_bzero(value, strlen(value));
}

/* A secret of which only is said whether it is there. */
static bool add_hidden_property(struct draft *draft, const char *key, struct err *err)
{
	struct platform *platform = draft->context->platform;
	AUTO_FREE char *own = NULL;
	AUTO_FREE char *global = NULL;

	if (!platform_property(platform, PLUGIN, GLOBAL, key, &global, err) ||
	    (draft->app && !platform_property(platform, PLUGIN, draft->app, key, &own, err)))
		return false;
	const char *own_shown = own && *own ? MASK : "";
	const char *global_shown = global && *global ? MASK : "";
	if (draft->app)
		add(draft, "computed-", key, *own_shown ? own_shown : global_shown);
	add(draft, "global-", key, global_shown);
	if (draft->app)
		add(draft, "", key, own_shown);
	wipe(own);
	wipe(global);
	return true;
}

/* Credentials of a provider: only the scopes that have a value. */
static bool add_variable(struct draft *draft, const char *key, struct err *err)
{
	struct platform *platform = draft->context->platform;
	AUTO_FREE char *own = NULL;
	AUTO_FREE char *global = NULL;

	if (!platform_property(platform, PLUGIN, GLOBAL, key, &global, err) ||
	    (draft->app && !platform_property(platform, PLUGIN, draft->app, key, &own, err)))
		return false;
	if (draft->app)
		add(draft, "computed-", key, draft->is_masked ? MASK : own ? own : global);
	if (global)
		add(draft, "global-", key, draft->is_masked ? MASK : global);
	if (own)
		add(draft, "", key, draft->is_masked ? MASK : own);
	return true;
}

static bool add_variables(struct draft *draft, struct err *err)
{
	AUTO_STRS set = { 0 };
	AUTO_STRS keys = { 0 };

	if (!platform_setting_keys(draft->context->platform, GLOBAL, &set, err) ||
	    (draft->app && !platform_setting_keys(draft->context->platform, draft->app, &set, err)))
		return false;
	for (size_t i = 0; i < set.count; i++)
		if (text_starts(set.items[i], VARIABLE_PREFIX))
			(void)strs_add_new(&keys, set.items[i]);
	strs_sort(&keys);
	for (size_t i = 0; i < keys.count; i++)
		if (!add_variable(draft, keys.items[i], err))
			return false;
	return true;
}

/* ---- the app ---- */

static bool add_state(struct draft *draft, const struct app_held *held, struct err *err)
{
	bool is_scheduled = false;

	if (!cron_status(draft->context, &is_scheduled, err))
		return false;
	add_bool(draft, "active", held->is_ours);
	add_bool(draft, "autorenew", is_scheduled);
	return true;
}

static void add_certificate(struct draft *draft, const struct app_held *held)
{
	const struct cert *cert = &held->cert;
	const struct store_app *app = &held->app;

	add_names(draft, "certificate-names", &cert->names);
	add(draft, "", "certificate-issuer", cert->issuer);
	add_time(draft, "renewal", held->is_ours ? app_renew_at(&draft->settings, held) : 0);
	add(draft, "", "enabled", !draft->has_settings || draft->settings.enabled < 0 ? "" : draft->settings.enabled ? "true" : "false");
	add_since(draft, "held-back", app->held_back_at, app->held_back_reason);
	add_since(draft, "unserved", app->unserved_at, app->unserved_reason);
	add_since(draft, "failure", app->failed_at, app->failed_reason);
	add_names(draft, "ignored", &draft->settings.ignored);
}

/* "until 2026-01-02 15:04 CET: the 50 new certificates … (place 3)"; "" when the app does not wait. */
static bool add_waiting(struct draft *draft, struct err *err)
{
	AUTO(store_wait_done) struct store_wait wait = { 0 };
	AUTO_FREE char *text = NULL;
	bool is_found = false;

	if (!store_wait_get(draft->context->store, draft->app, &is_found, &wait, err))
		return false;
	AUTO_FREE char *moment = when_human(wait.until_at);
	AUTO_FREE char *until = wait.until_at == INT64_MAX ? mem_strdup("until the pause is lifted") : mem_fmt("until %s", moment);
	AUTO_FREE char *place = wait.place > 0 ? mem_fmt(" (place %" PRId64 ")", wait.place) : mem_strdup("");
	text = is_found && wait.until_at > 0 ? mem_fmt("%s: %s%s", until, wait.message, place) : mem_strdup("");
	add(draft, "", "waiting", text);
	return true;
}

static bool read_settings(struct draft *draft, struct err *err)
{
	struct err why;

	draft->has_settings = settings_read(draft->context->platform, draft->app, &draft->settings, &why);
	if (draft->has_settings)
		return true;
	if (why.kind != ERR_CONFIG) {
		*err = why;
		return false;
	}
	strs_add(&draft->report->notes, why.text);
	return true;
}

static bool draft_report(struct draft *draft, struct err *err)
{
	static const char *const first_keys[] = { "dns-provider", "email" };
	static const char *const next_keys[] = { "graceperiod", "lego-args", "lego-docker-options", "server" };
	static const char *const new_keys[] = { "ca-certificate", "eab-kid", "key-type", "preferred-chain", "profile" };
	static const char *const deploy_keys[] = { "auto-enable", "deploy-wait" };
	AUTO(app_held_done) struct app_held held = { 0 };
	const char *app = draft->app;

	if (app && (!platform_check_app(draft->context->platform, app, err) || !read_settings(draft, err) ||
		    !app_read_held(draft->context, app, &held, err) || !add_state(draft, &held, err)))
		return false;
	if (!add_properties(draft, first_keys, COUNT(first_keys), err))
		return false;
	if (app)
		add_time(draft, "expiration", held.is_ours ? held.cert.not_after_at : 0);
	if (!add_properties(draft, next_keys, COUNT(next_keys), err) || !add_variables(draft, err) ||
	    !add_properties(draft, new_keys, COUNT(new_keys), err) || !add_hidden_property(draft, "eab-hmac-key", err) ||
	    !add_properties(draft, deploy_keys, COUNT(deploy_keys), err))
		return false;
	if (!app)
		return true;
	add_names(draft, "extra-domains", &draft->settings.extra_domains);
	add_certificate(draft, &held);
	return add_waiting(draft, err);
}

bool report_read(struct context *context, const char *app, bool is_masked, struct report *ret_report, struct err *err)
{
	AUTO(report_done) struct report report = { 0 };
	struct draft draft = { .context = context, .app = app, .is_masked = is_masked, .report = &report };
	bool is_done = draft_report(&draft, err);

	settings_done(&draft.settings);
	if (!is_done)
		return false;
	*ret_report = report;
	report = (struct report){ 0 };
	return true;
}
