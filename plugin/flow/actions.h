/* SPDX-License-Identifier: MIT */
#ifndef FLOW_ACTIONS_H
#define FLOW_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;

/*
 * What the commands do, one function each; the commands only parse words and print. What is to be said on the way goes to context->talk; a failure that concerns the
 * whole command comes back in err and is not said yet.
 */

/* ---- apps ---- */

/* Those the caller may see, sorted. */
bool apps_visible(struct context *context, struct strs *ret_apps, struct err *err) MUST_USE;
/* All of them exist; else ERR_NO_APP with a line for each that does not. */
bool apps_check(struct context *context, const struct strs *apps, struct err *err) MUST_USE;

/* ---- enable, auto-renew (flow/enable, flow/sweep) ---- */

/*
 * Certificates for these apps, all at once; all that concerns one app is said, failures too. *ret_exit: 0, 1 (some failed), 75 (some wait, none failed).
 * `is_typed`: somebody asked for these apps by name, so enabled becomes true and a hold is lifted.
 */
bool enable_apps(struct context *context, const struct strs *apps, bool is_forced, int *ret_exit, struct err *err) MUST_USE;
/* enable --all: visible apps; those held back, disabled or on other proxies are skipped with a line each. */
bool enable_all(struct context *context, bool is_forced, int *ret_exit, struct err *err) MUST_USE;
bool auto_renew_app(struct context *context, const char *app, int *ret_exit, struct err *err) MUST_USE;
/*
 * Every app that is due, most urgent first. `is_typed`: a line for each app that is not. *ret_exit: 1 when it came to its end and something failed on the way; the
 * summary is in err then.
 */
bool auto_renew_all(struct context *context, bool is_typed, int *ret_exit, struct err *err) MUST_USE;
/* The same, started by the mechanism that is called `by_name` ("cron-entries", "host"; NULL = the one in charge): at most once an hour, see flow/scheduled. */
bool auto_renew_scheduled(struct context *context, const char *by_name, int *ret_exit, struct err *err) MUST_USE;

/* ---- what the hook program has done at once: it says nothing, and nothing may stop what the platform is doing ---- */

/* Before nginx is reloaded for the app. */
bool app_is_reloaded(struct context *context, const char *app, struct err *err) MUST_USE;
/* The platform has made `to` as a copy of `from`: our files that came over go, properties come along, but not `enabled`. */
bool app_was_cloned(struct context *context, const char *from, const char *to, struct err *err) MUST_USE;
/* `to` takes the place of `from`, which is about to be destroyed: properties and state move, and the certificate if it covers one of the new names. */
bool app_was_renamed(struct context *context, const char *from, const char *to, struct err *err) MUST_USE;

/* ---- revoke, disable, cleanup ---- */

/* reason NULL = unspecified. The app is held back afterwards. */
bool revoke_app(struct context *context, const char *app, const char *reason, struct err *err) MUST_USE;
bool disable_app(struct context *context, const char *app, struct err *err) MUST_USE;
bool cleanup_app(struct context *context, const char *app, struct err *err) MUST_USE;

/* ---- set ---- */

/* app may be "--global"; value NULL or "" = unset. *ret_shown: what may be printed of the value ("(hidden)" for secrets), the caller frees it. */
bool setting_set(struct context *context, const char *app, const char *key, const char *value, char **ret_shown, struct err *err) MUST_USE;
/* Whether the value of `key` must never be echoed. */
bool setting_is_secret(const char *key);

/* ---- list, report, active ---- */

struct list_row {
	char *app;
	int64_t expires_at;
	int64_t renew_at;
};
struct list_rows {
	struct list_row *items;
	size_t count;
};
void list_rows_done(struct list_rows *rows);
/* Active apps, soonest expiry first. */
bool list_certificates(struct context *context, struct list_rows *ret_rows, struct err *err) MUST_USE;
bool active_app(struct context *context, const char *app, bool *ret_is_active, struct err *err) MUST_USE;
/* Of all apps those whose certificate needs DNS-01 to be renewed (a provider is set, or it has a wildcard): left as they are, and sooner or later expired. */
bool list_by_dns(struct context *context, struct list_rows *ret_rows, struct err *err) MUST_USE;

struct report {
	struct strs keys;   /* "active", "computed-email", … in the order in which they are printed */
	struct strs values; /* same index */
	struct strs notes;  /* for stderr */
};
void report_done(struct report *report);
/* app NULL: the global keys only. `is_masked`: values of dns-provider-* as "****" (the report trigger). */
bool report_read(struct context *context, const char *app, bool is_masked, struct report *ret_report, struct err *err) MUST_USE;

/* ---- budget ---- */

/* Books the certificates that are found instead of what is known of them, for every CA; *ret_count: how many. */
bool budget_rebuild(struct context *context, size_t *ret_count, struct err *err) MUST_USE;
/* Somebody says that the CA has lifted the pauses of the app's account; app NULL: of every account that an app has. */
bool budget_unpause(struct context *context, const char *app, struct err *err) MUST_USE;

/* ---- cron-job ---- */

struct cron_view {
	bool is_enabled;
	bool is_by_platform; /* started by dokku's crontab; else by the host: */
	bool is_by_systemd;  /* … its systemd timer; else its file in /etc/cron.d … */
	bool is_by_nothing;  /* … or by nothing at all */
	const char *logs_dir; /* where its log is; borrowed */
	int64_t minute;      /* 1..59 */
	int64_t last_at;     /* the last run started, 0 = there was none */
	int64_t last_exit;   /* its exit status */
	bool is_last_by_platform; /* it was started by dokku's crontab, else by the host */
	int64_t next_at;     /* 0 = there will be none */
};
bool cron_describe(struct context *context, struct cron_view *ret_view, struct err *err) MUST_USE;
/* What people are told when the schedule has stopped running; NULL = all is well. The caller frees it. */
bool cron_forgotten(struct context *context, char **ret_text, struct err *err) MUST_USE;
bool cron_status(struct context *context, bool *ret_is_enabled, struct err *err) MUST_USE;
bool cron_switch(struct context *context, bool on, struct err *err) MUST_USE;

#endif
