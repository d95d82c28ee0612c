/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/strs.h"

struct err;
struct loop;
struct spawn_result;

/*
 * A Dokku-like host: its apps, what their owners set, and the triggers by which it is told what changed. What a file says is read from the file (no process);
 * triggers run as children. Reading never changes anything.
 */
struct platform;

/* Opens the folders named by the environment (DOKKU_ROOT, DOKKU_LIB_ROOT, PLUGIN_PATH, …, defaults of contract 1.3). `environment`: as main got it. */
struct platform *platform_open(struct loop *loop, char *const *environment, struct err *err) MUST_USE;
void platform_close(struct platform *platform);
static inline void platform_closep(struct platform **platform)
{
	platform_close(*platform);
}

/* "/home/dokku", "/var/lib/dokku", "/var/log/dokku": borrowed. */
const char *platform_root(const struct platform *platform);
const char *platform_lib_root(const struct platform *platform);
const char *platform_logs_dir(const struct platform *platform);
/* Descriptors of our data folder ($DOKKU_LIB_ROOT/data/letsencrypt) and of --global in it, both made if missing; borrowed. -1 = failed. */
int platform_data_fd(struct platform *platform, struct err *err) MUST_USE;
int platform_global_fd(struct platform *platform, struct err *err) MUST_USE;
/* Path of "--global/<name>" in it; the caller frees it. */
char *platform_global_path(const struct platform *platform, const char *name) MUST_USE NEVER_NULL;
/* This process is a trigger that we caused ourselves, in a child of ours (marker in the environment that platform_trigger sets). */
bool platform_is_reentered(const struct platform *platform);
/* DOKKU_APP_NAME (--app), NULL if not set; DOKKU_QUIET_OUTPUT set; DOKKU_APPS_FORCE_DELETE set (--force before the command); DOKKU_TRACE set. */
const char *platform_app_option(const struct platform *platform);
bool platform_is_quiet(const struct platform *platform);
bool platform_is_forced(const struct platform *platform);
bool platform_is_tracing(const struct platform *platform);
/* "debian", "ubuntu", …: DOKKU_DISTRO. */
const char *platform_distro(const struct platform *platform);

/* ---- apps ---- */

/* All apps, sorted. */
bool platform_apps(struct platform *platform, struct strs *ret_apps, struct err *err) MUST_USE;
/* Those the caller may see: `app-list` filtered, where a plugin filters (user-auth-app), else all. */
bool platform_visible_apps(struct platform *platform, struct strs *ret_apps, struct err *err) MUST_USE;
/* Fails with ERR_NO_APP and core's words: "App NAME does not exist". */
bool platform_check_app(struct platform *platform, const char *app, struct err *err) MUST_USE;
/* Nothing at all has this app's name in DOKKU_ROOT. What cannot be read, and a link to a volume that is not mounted, is there. */
bool platform_app_is_gone(const struct platform *platform, const char *app);
/* Descriptor of $DOKKU_ROOT/<app>; the caller closes it. */
int platform_app_fd(struct platform *platform, const char *app, struct err *err) MUST_USE;
/* The app's domains as written in VHOST (order kept; "_" and duplicates too); none when its vhosts are disabled. */
bool platform_domains(struct platform *platform, const char *app, struct strs *ret_domains, struct err *err) MUST_USE;
/* Sources in REDIRECTS of the redirect plugin ("source:destination" lines, maybe ":code"). */
bool platform_redirect_sources(struct platform *platform, const char *app, struct strs *ret_names, struct err *err) MUST_USE;

/* A variable of the app's configuration (app may be "--global"); NULL in *ret_value = it is not set. The caller frees it. */
bool platform_config(struct platform *platform, const char *app, const char *name, char **ret_value, struct err *err) MUST_USE;

struct platform_app_facts {
	char *proxy_type;      /* "nginx" by default */
	bool proxy_is_enabled;
	char *scheduler;       /* "docker-local" by default */
	bool has_nginx_conf;
};
void platform_app_facts_done(struct platform_app_facts *facts);
bool platform_app_facts(struct platform *platform, const char *app, struct platform_app_facts *ret_facts, struct err *err) MUST_USE;

struct platform_port {
	char scheme[16];
	int host_port;
	int container_port;
};
struct platform_ports {
	struct platform_port *items;
	size_t count;
};
void platform_ports_done(struct platform_ports *ports);
/* The effective mapping (trigger ports-get). */
bool platform_ports(struct platform *platform, const char *app, struct platform_ports *ret_ports, struct err *err) MUST_USE;
/* Adds http:80:<container_port> to the explicit map, keeping what was only detected as it was, and fires post-proxy-ports-update. */
bool platform_add_http_port(struct platform *platform, const char *app, int container_port, struct err *err) MUST_USE;

/* ---- properties (contract 3) ---- */

/* Of another plugin or ours; app may be "--global". NULL in *ret_value: no such file. The caller frees it. */
bool platform_property(struct platform *platform, const char *plugin, const char *app, const char *key, char **ret_value, struct err *err) MUST_USE;
/* Of ours (plugin letsencrypt): the app's value, else the global one, else NULL. */
bool platform_setting(struct platform *platform, const char *app, const char *key, char **ret_value, struct err *err) MUST_USE;
/*
 * While it is on, what is set for all apps is read once. For who looks at thousands of apps and changes nothing: whoever writes down what was found (a state line)
 * would write it down beside the stamps of newer files.
 */
void platform_remember(struct platform *platform, bool on);
/* Keys of ours that are set for app (or "--global"), sorted. */
bool platform_setting_keys(struct platform *platform, const char *app, struct strs *ret_keys, struct err *err) MUST_USE;
/* The folder with a folder of ours for each app that has any, and "--global"; borrowed. -1 = failed, ERR_MISSING: nothing was ever set. */
int platform_settings_fd(struct platform *platform, struct err *err) MUST_USE;
/* value NULL: deleted. 0600, folders 0755, owner as the platform wants it. */
bool platform_setting_write(struct platform *platform, const char *app, const char *key, const char *value, struct err *err) MUST_USE;

/* ---- triggers (contract 4) ---- */

/* Runs `plugn trigger words…`; NULL-terminated. A non-zero exit is a failure (ERR_CHILD) with the trigger's own last lines. ret_result may be NULL. */
bool platform_trigger(struct platform *platform, const char *const *words, struct spawn_result *ret_result, struct err *err) MUST_USE;
/* proxy-build-config APP; post-certs-update APP; post-domains-update APP; post-certs-remove APP; scheduler-cron-write (falls back to cron-write). */
bool platform_build_config(struct platform *platform, const char *app, struct err *err) MUST_USE;
bool platform_certs_updated(struct platform *platform, const char *app, struct err *err) MUST_USE;
bool platform_domains_updated(struct platform *platform, const char *app, struct err *err) MUST_USE;
bool platform_certs_removed(struct platform *platform, const char *app, struct err *err) MUST_USE;
bool platform_write_cron(struct platform *platform, struct err *err) MUST_USE;
/* The crontab of the platform's user has these words; none at all has none. */
bool platform_crontab_has(struct platform *platform, const char *words, bool *ret_has, struct err *err) MUST_USE;
/* The environment that children of ours get: built anew (design 7), NULL-terminated; borrowed. */
const char *const *platform_child_env(const struct platform *platform);

#endif
