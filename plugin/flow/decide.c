/* SPDX-License-Identifier: MIT */
/* Design 3: compares what an app wants with what it holds. Pure, so that plan and run cannot differ. */
#include "flow/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "flow/app.h"
#include "flow/names.h"
#include "util/attr.h"
#include "util/mem.h"
#include "util/when.h"

void decision_done(struct decision *decision)
{
	strs_done(&decision->names);
	strs_done(&decision->left_out);
	*decision = (struct decision){ 0 };
}

const char *decision_name(enum decision_kind kind)
{
	switch (kind) {
	case DECISION_NOTHING:
		return "nothing";
	case DECISION_INSTALL:
		return "install";
	case DECISION_CONTINUE:
		return "continue";
	case DECISION_RENEW_ARI:
		return "renew (ARI)";
	case DECISION_RENEW:
		return "renew";
	case DECISION_ISSUE:
		return "issue";
	case DECISION_WAIT:
		return "wait";
	case DECISION_REFUSE:
		return "refuse";
	}
	return "?";
}

PRINTF(3, 4) static bool conclude(struct decision *decision, enum decision_kind kind, const char *format, ...)
{
	va_list arguments;

	decision->kind = kind;
	va_start(arguments, format);
	(void)vsnprintf(decision->why, sizeof(decision->why), format, arguments);
	va_end(arguments);
	return true;
}

/* ---- what is refused whatever is held ---- */

/* The property with which the other proxy gets certificates by itself (contract 10). */
static const char *proxy_property(const char *proxy_type)
{
	if (strcmp(proxy_type, "traefik") == 0)
		return "dokku traefik:set --global letsencrypt-email <e-mail>";
	if (strcmp(proxy_type, "caddy") == 0)
		return "dokku caddy:set --global letsencrypt-email <e-mail>";
	if (strcmp(proxy_type, "haproxy") == 0)
		return "dokku haproxy:set --global letsencrypt-email <e-mail>";
	if (strcmp(proxy_type, "openresty") == 0)
		return "dokku openresty:set --global letsencrypt-email <e-mail>";
	return "see the documentation of that proxy, or 'dokku proxy:set <app> type nginx'";
}

static bool holds_wildcard(const struct app_held *held)
{
	for (size_t i = 0; held->is_ours && i < held->cert.names.count; i++)
		if (held->cert.names.items[i][0] == '*')
			return true;
	return false;
}

bool decide_is_out_of_reach(const struct app *app)
{
	const struct platform_app_facts *facts = &app->wanted.facts;

	return strcmp(facts->scheduler, "k3s") == 0 || strcmp(facts->proxy_type, "nginx") != 0 || !facts->proxy_is_enabled || *app->wanted.settings.dns_provider ||
	       holds_wildcard(&app->held);
}

static bool refuse_app(const struct decide_input *input, struct decision *decision)
{
	const struct app_wanted *wanted = &input->app->wanted;
	const struct platform_app_facts *facts = &wanted->facts;

	if (!decide_is_out_of_reach(input->app))
		return false;
	if (strcmp(facts->scheduler, "k3s") == 0)
		return conclude(decision, DECISION_REFUSE, "%s runs on k3s, which gets its certificates itself: dokku scheduler-k3s:set --global letsencrypt-email-prod <e-mail>",
				input->app->name);
	if (strcmp(facts->proxy_type, "nginx") != 0)
		return conclude(decision, DECISION_REFUSE, "%s is served by %s, which gets its certificates itself: %s", input->app->name, facts->proxy_type,
				proxy_property(facts->proxy_type));
	if (!facts->proxy_is_enabled)
		return conclude(decision, DECISION_REFUSE, "the proxy of %s is disabled, so nothing can answer the CA: dokku proxy:enable %s", input->app->name,
				input->app->name);
	return conclude(decision, DECISION_REFUSE,
			"%s %s, which needs the DNS-01 challenge: not available yet, so this app is left as it is (for HTTP-01: dokku letsencrypt:%s %s%s)",
			input->app->name, *wanted->settings.dns_provider ? "has a dns-provider" : "holds a wildcard certificate",
			*wanted->settings.dns_provider ? "set" : "disable", input->app->name, *wanted->settings.dns_provider ? " dns-provider none" : "");
}

static bool refuse_names(const struct decide_input *input, struct decision *decision)
{
	const struct app_wanted *wanted = &input->app->wanted;
	size_t max = names_max(wanted->settings.profile);

	if (wanted->names.count == 0 && wanted->refused.count == 0)
		return conclude(decision, DECISION_REFUSE, "No domains detected for %s", input->app->name);
	if (wanted->names.count == 0)
		return conclude(decision, DECISION_REFUSE, "no domain of %s can be in a certificate", input->app->name);
	if (wanted->names.count > max)
		return conclude(decision, DECISION_REFUSE, "%s has %zu names, and a certificate%s%s can have %zu: remove some with domains:remove, or move them to another app",
				input->app->name, wanted->names.count, *wanted->settings.profile ? " of the profile " : "", wanted->settings.profile, max);
	return false;
}

/* Automation keeps away from what its owner switched off or did by hand. */
static bool leave_alone(const struct decide_input *input, struct decision *decision)
{
	const struct app *app = input->app;

	if (input->cause != CAUSE_SCHEDULE)
		return false;
	if (app->wanted.settings.enabled == 0)
		return conclude(decision, DECISION_NOTHING, "%s is disabled (dokku letsencrypt:enable %s)", app->name, app->name);
	if (app->held.app.held_back_at > 0)
		return conclude(decision, DECISION_NOTHING, "%s is held back: %s (dokku letsencrypt:enable %s)", app->name, app->held.app.held_back_reason, app->name);
	if (app->held.has_tls && !app->held.is_ours)
		return conclude(decision, DECISION_NOTHING, "%s has a certificate that was installed by hand (dokku letsencrypt:enable %s replaces it)", app->name,
				app->name);
	if (app->wanted.settings.enabled != 1 && !app->held.is_ours)
		return conclude(decision, DECISION_NOTHING, "%s is not enabled (dokku letsencrypt:enable %s)", app->name, app->name);
	return false;
}

/* ---- what is good ---- */

/* Server, profile and key type as wanted. What is not known of a certificate (found on disk) is believed. */
static bool is_as_set(const struct store_cert *cert, const struct settings *settings)
{
	return (!*cert->server || strcmp(cert->server, settings->server) == 0) && strcmp(cert->profile, settings->profile) == 0 &&
	       strcmp(cert->key_type, key_type_name(settings->key_type)) == 0;
}

static bool covers_all(const struct strs *certificate_names, const struct strs *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (!names_cover(certificate_names, names->items[i]))
			return false;
	return true;
}

static bool held_is_usable(const struct decide_input *input)
{
	const struct app_held *held = &input->app->held;

	if (!held->is_ours || held->cert.not_after_at <= input->now_at || (held->is_known && held->known.revoked_at > 0))
		return false;
	return input->cause == CAUSE_SCHEDULE || !held->is_known || is_as_set(&held->known, &input->app->wanted.settings);
}

/* Somebody who types enable wants all of them tried, but for those that failed too often. */
static bool is_left_out(const struct decide_input *input, const char *name)
{
	return strs_has(input->cause == CAUSE_SCHEDULE ? input->failed_names : input->daily_names, name);
}

static bool wait_for_tomorrow(const struct decide_input *input, struct decision *decision)
{
	decision->at = when_add(input->now_at, WHEN_DAY);
	return conclude(decision, DECISION_WAIT, "the validation of every name of %s failed within the last day: tried again tomorrow", input->app->name);
}

static bool wait_for_daily(const struct decide_input *input, struct decision *decision)
{
	const char *reason = input->app->held.app.failed_reason ? input->app->held.app.failed_reason : "";

	decision->at = input->daily_at;
	return conclude(decision, DECISION_WAIT, "the validation of %s failed %d times within an hour, so it is tried once a day until it succeeds%s%.*s",
			decision->left_out.items[0], STORE_FAILURES_MAX, *reason ? "; the last time: " : "", (int)strcspn(reason, "\n"), reason);
}

/*
 * Names whose validation failed within a day: not covered by the held certificate, they are left out and the rest is issued; covered, they stop a renewal by
 * schedule while more than a quarter of its life is left.
 */
static bool choose_names(const struct decide_input *input, struct decision *decision)
{
	const struct app_held *held = &input->app->held;
	const struct strs *names = &input->app->wanted.names;
	int64_t quarter_s = (held->cert.not_after_at - held->cert.not_before_at) / 4;
	bool holds = input->cause == CAUSE_SCHEDULE && held_is_usable(input) && held->cert.not_after_at - input->now_at > quarter_s;

	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];

		if (!is_left_out(input, name)) {
			strs_add(&decision->names, name);
			continue;
		}
		if (holds && names_cover(&held->cert.names, name)) {
			decision->at = when_add(input->now_at, WHEN_DAY);
			return !conclude(decision, DECISION_WAIT, "the validation of %s failed within the last day: tried again tomorrow, the certificate in use is good", name);
		}
		strs_add(&decision->left_out, name);
	}
	if (decision->names.count > 0)
		return true;
	return !(input->cause == CAUSE_SCHEDULE ? wait_for_tomorrow(input, decision) : wait_for_daily(input, decision));
}

/* The certificate of ours that covers the names, is as set, not revoked and not due; the one that lasts longest. */
static const struct store_cert *find_owned(const struct decide_input *input, const struct strs *names)
{
	const struct store_cert *best = NULL;

	for (size_t i = 0; i < input->owned->count; i++) {
		const struct store_cert *cert = &input->owned->items[i];
		int64_t life_s = cert->not_after_at - cert->not_before_at;

		if (!covers_all(&cert->names, names) || !is_as_set(cert, &input->app->wanted.settings) || cert->revoked_at > 0 ||
		    input->now_at >= cert->not_after_at - life_s / 3)
			continue;
		if (!best || cert->not_after_at > best->not_after_at)
			best = cert;
	}
	return best;
}

static bool has_open_order(const struct decide_input *input, const struct strs *names)
{
	for (size_t i = 0; i < input->open->count; i++) {
		const struct store_order *order = &input->open->items[i];

		if (order->state != ORDER_ISSUED && strs_same_set(&order->names, names) && strcmp(order->server, input->app->wanted.settings.server) == 0 &&
		    strcmp(order->profile, input->app->wanted.settings.profile) == 0)
			return true;
	}
	return false;
}

/* ---- when it is due ---- */

static bool is_in_window(const struct app_held *held, int64_t now_at)
{
	return held->is_known && *held->known.ari_id && held->known.window_start_at <= now_at && now_at < held->known.window_end_at;
}

static bool renew_or_wait(const struct decide_input *input, struct decision *decision)
{
	const struct app_held *held = &input->app->held;
	int64_t renew_at = app_renew_at(&input->app->wanted.settings, held);
	AUTO_FREE char *when = when_human(renew_at);

	if (input->cause != CAUSE_FORCED && input->now_at < renew_at) {
		decision->at = renew_at;
		return conclude(decision, DECISION_NOTHING, "the certificate is good; it is renewed on %s", when);
	}
	if (is_in_window(held, input->now_at)) {
		(void)snprintf(decision->replaces, sizeof(decision->replaces), "%s", held->known.ari_id);
		return conclude(decision, DECISION_RENEW_ARI, "the CA's renewal window is open");
	}
	return conclude(decision, DECISION_RENEW, "%s", input->cause == CAUSE_FORCED ? "forced" : "the certificate is due for renewal");
}

/* It lies in tls/, but the run that put it there was killed before it was recorded: nobody knows whether it is served. */
static bool is_half_installed(const struct app_held *held)
{
	return held->is_ours && held->is_known && strcmp(held->app.leaf, held->cert.leaf_sha256) != 0;
}

static void choose_leaf(struct decision *decision, const char *leaf, const char *why)
{
	(void)snprintf(decision->leaf, sizeof(decision->leaf), "%s", leaf);
	(void)conclude(decision, DECISION_INSTALL, "%s", why);
}

static void decide_certificate(const struct decide_input *input, struct decision *decision)
{
	const struct app_held *held = &input->app->held;
	const struct store_cert *owned = NULL;
	bool is_usable = held_is_usable(input);
	bool has_names = is_usable && covers_all(&held->cert.names, &decision->names);

	if (has_names && input->cause != CAUSE_FORCED && input->now_at < app_renew_at(&input->app->wanted.settings, held)) {
		if (is_half_installed(held))
			choose_leaf(decision, held->cert.leaf_sha256, "the certificate is in place, but the run that installed it did not come to its end");
		else
			(void)renew_or_wait(input, decision);
		return;
	}
	owned = input->cause == CAUSE_FORCED ? NULL : find_owned(input, &decision->names);
	if (owned && !(is_usable && strcmp(owned->leaf, held->cert.leaf_sha256) == 0)) {
		choose_leaf(decision, owned->leaf, "a certificate for these names is there already");
		return;
	}
	if (has_open_order(input, &decision->names))
		(void)conclude(decision, DECISION_CONTINUE, "an order for these names is open");
	else if (has_names)
		(void)renew_or_wait(input, decision);
	else
		(void)conclude(decision, DECISION_ISSUE, held->is_ours && !is_usable ? "the certificate in use is not usable any more, or settings changed"
				      : held->is_ours ? "names were added" : "there is no certificate yet");
}

void decide(const struct decide_input *input, struct decision *ret_decision)
{
	*ret_decision = (struct decision){ 0 };
	if (refuse_app(input, ret_decision) || leave_alone(input, ret_decision) || refuse_names(input, ret_decision) || !choose_names(input, ret_decision))
		return;
	decide_certificate(input, ret_decision);
	/* Who types enable is not told that all is well. */
	if (ret_decision->kind == DECISION_NOTHING && input->cause != CAUSE_SCHEDULE && ret_decision->left_out.count > 0)
		(void)wait_for_daily(input, ret_decision);
}
