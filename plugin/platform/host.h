/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_HOST_H
#define PLATFORM_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"
#include "util/strs.h"

struct err;
struct loop;

/* What the parts of platform/ share. Paths and flags are read once; folders are opened when they are first needed and stay open. */

#define PLUGIN_FOLDERS_MAX 8

/* The folder of one plugin's properties. */
struct plugin_folder {
	const char *plugin; /* a literal of the caller */
	int fd;
};

struct platform {
	struct loop *loop;
	char *root, *lib_root, *logs_dir, *distro, *enabled_path;
	char *app_option; /* NULL = none */
	bool is_reentered, is_quiet, is_forced, is_tracing;
	struct strs child_env;
	int root_fd;
	int config_fd, data_fd, global_fd; /* -1 = not opened yet */
	struct plugin_folder folders[PLUGIN_FOLDERS_MAX];
	size_t folder_count;
};

/* $DOKKU_LIB_ROOT/config; borrowed, -1 = failed (ERR_MISSING, unless `must_make`). */
int property_root(struct platform *platform, bool must_make, struct err *err) MUST_USE;
/*
 * Opens the folder of an app's properties (app may be "--global"); -1 with ERR_MISSING when there is none, or, with `must_make`, only when it cannot be made.
 * The caller closes it.
 */
int property_open(struct platform *platform, const char *plugin, const char *app, bool must_make, struct err *err) MUST_USE;
/* The app's value without line ends, else with `falls_back` the global one; an empty one counts as none. NULL in *ret_value = none; the caller frees it. */
bool property_effective(struct platform *platform, const char *plugin, const char *app, const char *key, bool falls_back, char **ret_value,
	struct err *err) MUST_USE;

/* An enabled plugin other than core's log of events has this trigger. */
bool trigger_is_implemented(struct platform *platform, const char *trigger);

#endif
