/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_APP_H
#define HOOKS_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct hook_call;

/* What files tell about an app: as much as a hook needs to know to end at once. Names that are none of an app have nothing. */

enum app_wish {
	APP_WANTS_NOTHING,    /* disabled, or never enabled */
	APP_WAITS_FOR_DEPLOY, /* enabled by its first deploy (auto-enable) */
	APP_WANTS_CERTIFICATE /* enabled, or with a certificate of ours and not disabled */
};
enum app_wish app_wish(const struct hook_call *call, const char *app);
/* The engine has looked at the app's files as they are, and wants to look again later than now. */
bool app_is_settled(const struct hook_call *call, const char *app);
#define APP_SNIPPET "letsencrypt.conf"
/* Its nginx.conf.d, in which the snippet lies; the caller closes it. -1 = there is none. */
int app_snippets_fd(const struct hook_call *call, const char *app) MUST_USE;
/* Something answers the CA's challenges in its server block; whether that is right only the engine knows. */
bool app_has_snippet(const struct hook_call *call, const char *app);
/* Where in its repository an app has its own template for nginx, if it has one; the caller frees it. */
char *app_template_path(const struct hook_call *call, const char *app) MUST_USE NEVER_NULL;
/* It has or had a certificate of ours: the copies that the older plugin would need are there. */
bool app_has_copies(const struct hook_call *call, const char *app);
/* There is something of ours that belongs to it: properties, data, a certificate, the snippet. */
bool app_has_traces(const struct hook_call *call, const char *app);
/* Property deploy-wait in seconds; 20 when it is not set, or to nothing that can be read. */
int64_t app_deploy_wait_s(const struct hook_call *call, const char *app);

#endif
