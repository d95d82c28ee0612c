/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_HOOK_H
#define HOOKS_HOOK_H

#include <stdbool.h>

#include "util/attr.h"

struct err;

/*
 * The small program answers every trigger of the platform and starts the large one for subcommands. It needs libc only, since most of its calls have
 * nothing to do and stand in the way of a deploy. It never reads stdin and never changes the working directory: both belong to the caller.
 */

/* What a trigger is called with. */
struct hook_call {
	const char *trigger;
	char *const *words;   /* its arguments, NULL-terminated */
	const char *root;     /* DOKKU_ROOT */
	const char *lib_root; /* DOKKU_LIB_ROOT */
	const char *logs_dir; /* DOKKU_LOGS_DIR */
};

/* One row of the table: the trigger, and what it means here. `run` returns the exit status; where it only reacts to something, that is always 0. */
struct hook {
	const char *trigger;
	int (*run)(const struct hook_call *call);
	bool is_reaction; /* to what may be our own work: then there is nothing to do */
};

/* The row of a trigger, NULL = none. */
const struct hook *hook_find(const char *trigger);
/* One name a line on stdout: what `install` makes links for. */
void hook_print_triggers(void);
void hook_print_subcommands(void);

/* The argument at `index`, "" when there are fewer. */
const char *hook_word(const struct hook_call *call, unsigned index);
/* A warning in the platform's form. Nothing that went wrong here may stop what the platform is doing. */
void hook_warn(const struct err *err);

/*
 * Says on stderr, at most once a day, that the schedule has stopped to run (sys/schedule). While all is well that costs the reading of one small file, so that
 * triggers that are in the way of a deploy can call it.
 */
void hook_tell_forgotten(const struct hook_call *call);
/* What `install` asks for: notes what the host itself starts the schedule by ("systemd", "cron.d", "none") and prints its minute. Returns the exit status. */
int hook_set_up_schedule(const char *lib_root, const char *host);

int hook_core_post_extract(const struct hook_call *call);
int hook_cron_entries(const struct hook_call *call);
int hook_nginx_pre_reload(const struct hook_call *call);
int hook_post_app_clone_setup(const struct hook_call *call);
int hook_post_app_rename_setup(const struct hook_call *call);
int hook_post_certs_remove(const struct hook_call *call);
int hook_post_certs_update(const struct hook_call *call);
int hook_post_delete(const struct hook_call *call);
int hook_post_deploy(const struct hook_call *call);
int hook_post_domains_update(const struct hook_call *call);
int hook_post_proxy_ports_update(const struct hook_call *call);
int hook_proxy_disable(const struct hook_call *call);
int hook_proxy_enable(const struct hook_call *call);
int hook_report(const struct hook_call *call);

#endif
