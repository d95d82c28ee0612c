/* SPDX-License-Identifier: MIT */
/* Which triggers and which subcommands there are. `install` makes a link for each row, and for nothing else. */
#include "hooks/hook.h"

#include <stdio.h>
#include <string.h>

/* A trigger's code is in hooks/<trigger>.c. */
static const struct hook triggers[] = {
	{ "core-post-extract", hook_core_post_extract, true },
	{ "cron-entries", hook_cron_entries, false },
	{ "nginx-pre-reload", hook_nginx_pre_reload, true },
	{ "post-app-clone-setup", hook_post_app_clone_setup, true },
	{ "post-app-rename-setup", hook_post_app_rename_setup, true },
	{ "post-certs-remove", hook_post_certs_remove, true },
	{ "post-certs-update", hook_post_certs_update, true },
	{ "post-delete", hook_post_delete, false },
	{ "post-deploy", hook_post_deploy, true },
	{ "post-domains-update", hook_post_domains_update, true },
	{ "post-proxy-ports-update", hook_post_proxy_ports_update, true },
	{ "proxy-disable", hook_proxy_disable, true },
	{ "proxy-enable", hook_proxy_enable, true },
	{ "report", hook_report, false },
};

/* "default" is `letsencrypt` without a colon. */
static const char *const subcommands[] = {
	"active", "auto-renew", "budget", "cleanup", "cron-job", "default", "disable", "enable", "events", "help", "list", "ls", "plan", "report", "revoke", "set",
	"version",
};

const struct hook *hook_find(const char *trigger)
{
	for (size_t i = 0; i < COUNT(triggers); i++) {
		if (strcmp(triggers[i].trigger, trigger) == 0)
			return &triggers[i];
	}
	return NULL;
}

void hook_print_triggers(void)
{
	for (size_t i = 0; i < COUNT(triggers); i++)
		puts(triggers[i].trigger);
}

void hook_print_subcommands(void)
{
	for (size_t i = 0; i < COUNT(subcommands); i++)
		puts(subcommands[i]);
}
