/* SPDX-License-Identifier: MIT */
#include "platform/platform.h"

/* Where the platform's things lie, and what it said to this process in its environment. */

#include <unistd.h>

#include "platform/host.h"
#include "sys/dir.h"
#include "sys/environment.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"

static char *copy_of(char *const *environment, const char *name)
{
	const char *value = environment_get(environment, name);

	return mem_strdup(value != NULL ? value : "");
}

static void read_environment(struct platform *platform, char *const *environment)
{
	environment_build(environment, ENVIRONMENT_CHILD, &platform->child_env);
	/* Our own hooks know by it that what they hear of is our own work. */
	strs_add(&platform->child_env, "LETSENCRYPT_ACTING=1");
	/* Core names temporary files by it, and fails without. That of our caller would select what its deploy has not put in place yet. */
	strs_addf(&platform->child_env, "DOKKU_PID=%ld", (long)getpid());
	char *const *complete = strs_argv(&platform->child_env);

	platform->root = copy_of(complete, "DOKKU_ROOT");
	platform->lib_root = copy_of(complete, "DOKKU_LIB_ROOT");
	platform->logs_dir = copy_of(complete, "DOKKU_LOGS_DIR");
	platform->distro = copy_of(complete, "DOKKU_DISTRO");
	platform->enabled_path = copy_of(complete, "PLUGIN_ENABLED_PATH");
	if (environment_get(environment, "DOKKU_APP_NAME") != NULL)
		platform->app_option = copy_of(environment, "DOKKU_APP_NAME");
	platform->is_reentered = environment_get(environment, "LETSENCRYPT_ACTING") != NULL;
	platform->is_quiet = environment_get(environment, "DOKKU_QUIET_OUTPUT") != NULL;
	platform->is_forced = environment_get(environment, "DOKKU_APPS_FORCE_DELETE") != NULL;
	platform->is_tracing = environment_get(environment, "DOKKU_TRACE") != NULL;
}

struct platform *platform_open(struct loop *loop, char *const *environment, struct err *err)
{
	struct platform *platform = mem_new(1, sizeof(*platform));

	platform->loop = loop;
	platform->config_fd = platform->data_fd = platform->global_fd = -1;
	read_environment(platform, environment);
	platform->root_fd = dir_open(platform->root, err);
	if (platform->root_fd >= 0)
		return platform;
	err_append(err, "This should be the platform's home (DOKKU_ROOT). Run the plugin through the platform's own command, on its host.");
	platform_close(platform);
	return NULL;
}

void platform_close(struct platform *platform)
{
	if (platform == NULL)
		return;
	for (size_t i = 0; i < platform->folder_count; i++)
		fd_done(&platform->folders[i].fd);
	property_forget(platform);
	fd_done(&platform->root_fd);
	fd_done(&platform->config_fd);
	fd_done(&platform->data_fd);
	fd_done(&platform->global_fd);
	free(platform->root);
	free(platform->lib_root);
	free(platform->logs_dir);
	free(platform->distro);
	free(platform->enabled_path);
	free(platform->app_option);
	strs_done(&platform->child_env);
	free(platform);
}

const char *platform_root(const struct platform *platform)
{
	return platform->root;
}

const char *platform_lib_root(const struct platform *platform)
{
	return platform->lib_root;
}

const char *platform_logs_dir(const struct platform *platform)
{
	return platform->logs_dir;
}

const char *platform_app_option(const struct platform *platform)
{
	return platform->app_option;
}

const char *platform_distro(const struct platform *platform)
{
	return platform->distro;
}

bool platform_is_reentered(const struct platform *platform)
{
	return platform->is_reentered;
}

bool platform_is_quiet(const struct platform *platform)
{
	return platform->is_quiet;
}

bool platform_is_forced(const struct platform *platform)
{
	return platform->is_forced;
}

bool platform_is_tracing(const struct platform *platform)
{
	return platform->is_tracing;
}

const char *const *platform_child_env(const struct platform *platform)
{
	return (const char *const *)strs_argv(&platform->child_env);
}

/* ---- our data ---- */

/* Opens "<parent>/<name>", which may be a link that an operator made, or makes it. `parent_fd` is used for making only. */
static int open_or_make(const char *path, int parent_fd, const char *name, mode_t mode, struct err *err)
{
	struct err missing = { 0 };
	int fd = dir_open(path, &missing);

	if (fd >= 0)
		return fd;
	if (missing.kind == ERR_MISSING)
		return dir_make_at(parent_fd, name, mode, err);
	*err = missing;
	return -1;
}

static int open_data(const struct platform *platform, struct err *err)
{
	AUTO_FREE char *data_path = mem_fmt("%s/data", platform->lib_root);
	AUTO_FREE char *path = mem_fmt("%s/letsencrypt", data_path);
	struct err missing = { 0 };
	int fd = dir_open(path, &missing);

	if (fd >= 0)
		return fd;
	AUTO_FD lib_fd = dir_open(platform->lib_root, err);
	if (lib_fd < 0)
		return -1;
	AUTO_FD data_fd = open_or_make(data_path, lib_fd, "data", 0755, err);
	/* The proxy's workers go through it to the webroots. */
	return data_fd >= 0 ? open_or_make(path, data_fd, "letsencrypt", 0755, err) : -1;
}

int platform_data_fd(struct platform *platform, struct err *err)
{
	if (platform->data_fd < 0)
		platform->data_fd = open_data(platform, err);
	return platform->data_fd;
}

int platform_global_fd(struct platform *platform, struct err *err)
{
	if (platform->global_fd < 0 && platform_data_fd(platform, err) >= 0) {
		AUTO_FREE char *path = platform_global_path(platform, ".");

		platform->global_fd = open_or_make(path, platform->data_fd, "--global", 0755, err);
	}
	return platform->global_fd;
}

char *platform_global_path(const struct platform *platform, const char *name)
{
	return mem_fmt("%s/data/letsencrypt/--global/%s", platform->lib_root, name);
}
