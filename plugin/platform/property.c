/* SPDX-License-Identifier: MIT */
/*
 * Properties: one file each, <config>/<plugin>/<app or --global>/<key>, read and written as core's own helper does it, without starting that. Folders of plugins
 * stay open, so that an app without properties costs one system call.
 */

#include <assert.h>
#include <string.h>

#include "platform/host.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"

#define OURS "letsencrypt"
#define GLOBAL "--global"
#define VALUE_SIZE_MAX ((size_t)1 << 20)

/* ---- folders ---- */

int property_root(struct platform *platform, bool must_make, struct err *err)
{
	AUTO_FREE char *path = mem_fmt("%s/config", platform->lib_root);

	if (platform->config_fd >= 0)
		return platform->config_fd;
	/* A link in the platform's container. */
	platform->config_fd = dir_open(path, err);
	if (platform->config_fd < 0 && must_make) {
		AUTO_FD lib_fd = dir_open(platform->lib_root, err);

		platform->config_fd = lib_fd >= 0 ? dir_make_at(lib_fd, "config", 0755, err) : -1;
	}
	return platform->config_fd;
}

/* Stays open: borrowed. -1 = failed. */
static int open_plugin(struct platform *platform, const char *plugin, bool must_make, struct err *err)
{
	for (size_t i = 0; i < platform->folder_count; i++) {
		if (strcmp(platform->folders[i].plugin, plugin) == 0)
			return platform->folders[i].fd;
	}
	int config_fd = property_root(platform, must_make, err);
	if (config_fd < 0)
		return -1;
	int fd = must_make ? dir_make_at(config_fd, plugin, 0755, err) : dir_open_at(config_fd, plugin, err);
	if (fd >= 0) {
		assert(platform->folder_count < PLUGIN_FOLDERS_MAX);
		platform->folders[platform->folder_count++] = (struct plugin_folder){ .plugin = plugin, .fd = fd };
	}
	return fd;
}

static bool is_scope(const char *app)
{
	return strcmp(app, GLOBAL) == 0 || name_is_app(app);
}

int property_open(struct platform *platform, const char *plugin, const char *app, bool must_make, struct err *err)
{
	if (!is_scope(app)) {
		(void)err_set(err, ERR_NO_APP, "App %s does not exist", app);
		return -1;
	}
	int plugin_fd = open_plugin(platform, plugin, must_make, err);
	if (plugin_fd < 0)
		return -1;
	return must_make ? dir_make_at(plugin_fd, app, 0755, err) : dir_open_at(plugin_fd, app, err);
}

/* ---- reading ---- */

/* Nothing there is no failure. */
static bool is_missing(const struct err *failure, struct err *err)
{
	if (failure->kind == ERR_MISSING)
		return true;
	*err = *failure;
	return false;
}

bool platform_property(struct platform *platform, const char *plugin, const char *app, const char *key, char **ret_value, struct err *err)
{
	/* May be a password. */
	AUTO_BUF value = BUF_SECRET(VALUE_SIZE_MAX);
	struct err failure = { 0 };
	AUTO_FD app_fd = property_open(platform, plugin, app, false, &failure);

	if (app_fd >= 0 && file_read(app_fd, key, &value, &failure)) {
		*ret_value = buf_take(&value);
		return true;
	}
	if (!is_missing(&failure, err))
		return err_wrap(err, "property '%s' of plugin %s for %s", key, plugin, app);
	*ret_value = NULL;
	return true;
}

/* *ret_value NULL: none, or an empty one. */
static bool read_value(struct platform *platform, const char *plugin, const char *app, const char *key, char **ret_value, struct err *err)
{
	AUTO_FREE char *value = NULL;

	*ret_value = NULL;
	if (!platform_property(platform, plugin, app, key, &value, err))
		return false;
	if (value == NULL)
		return true;
	/* Written by hand with an editor. */
	for (size_t size = strlen(value); size > 0 && (value[size - 1] == '\n' || value[size - 1] == '\r'); size--)
		value[size - 1] = '\0';
	if (value[0] != '\0')
		*ret_value = mem_take(&value);
	return true;
}

static const struct remembered *find_remembered(const struct platform *platform, const char *plugin, const char *key)
{
	for (size_t i = 0; i < platform->remembered_count; i++) {
		const struct remembered *remembered = &platform->remembered[i];

		if (strcmp(remembered->plugin, plugin) == 0 && strcmp(remembered->key, key) == 0)
			return remembered;
	}
	return NULL;
}

static bool read_global(struct platform *platform, const char *plugin, const char *key, char **ret_value, struct err *err)
{
	const struct remembered *found = find_remembered(platform, plugin, key);

	if (!found) {
		if (!read_value(platform, plugin, GLOBAL, key, ret_value, err))
			return false;
		if (!platform->remembers)
			return true;
		platform->remembered = mem_resize(platform->remembered, platform->remembered_count + 1, sizeof(*platform->remembered));
		found = &platform->remembered[platform->remembered_count++];
		platform->remembered[platform->remembered_count - 1] = (struct remembered){ .plugin = plugin, .key = mem_strdup(key), .value = *ret_value };
	}
	*ret_value = found->value ? mem_strdup(found->value) : NULL;
	return true;
}

void property_forget(struct platform *platform)
{
	for (size_t i = 0; i < platform->remembered_count; i++) {
		struct remembered *remembered = &platform->remembered[i];

		if (remembered->value)
			explicit_bzero(remembered->value, strlen(remembered->value));
		free(remembered->value);
		free(remembered->key);
	}
	free(platform->remembered);
	platform->remembered = NULL;
	platform->remembered_count = 0;
}

void platform_remember(struct platform *platform, bool on)
{
	platform->remembers = on;
	if (!on)
		property_forget(platform);
}

bool property_effective(struct platform *platform, const char *plugin, const char *app, const char *key, bool falls_back, char **ret_value, struct err *err)
{
	if (strcmp(app, GLOBAL) != 0 && !read_value(platform, plugin, app, key, ret_value, err))
		return false;
	if (strcmp(app, GLOBAL) == 0 || (*ret_value == NULL && falls_back))
		return read_global(platform, plugin, key, ret_value, err);
	return true;
}

bool platform_setting(struct platform *platform, const char *app, const char *key, char **ret_value, struct err *err)
{
	return property_effective(platform, OURS, app, key, true, ret_value, err);
}

/* Names of files that are properties; not what a kill left of a write. */
static bool list_keys(int app_fd, struct strs *keys, struct err *err)
{
	AUTO_STRS names = { 0 };

	if (!dir_list(app_fd, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		if (name_is_key(names.items[i]))
			strs_add(keys, names.items[i]);
	}
	return true;
}

bool platform_setting_keys(struct platform *platform, const char *app, struct strs *ret_keys, struct err *err)
{
	struct err failure = { 0 };
	AUTO_FD app_fd = property_open(platform, OURS, app, false, &failure);

	return app_fd >= 0 ? list_keys(app_fd, ret_keys, err) : is_missing(&failure, err);
}

int platform_settings_fd(struct platform *platform, struct err *err)
{
	return open_plugin(platform, OURS, false, err);
}

/* ---- writing ---- */

static bool remove_setting(struct platform *platform, const char *app, const char *key, struct err *err)
{
	struct err failure = { 0 };
	AUTO_FD app_fd = property_open(platform, OURS, app, false, &failure);

	return app_fd >= 0 ? file_remove(app_fd, key, err) : is_missing(&failure, err);
}

bool platform_setting_write(struct platform *platform, const char *app, const char *key, const char *value, struct err *err)
{
	if (!name_is_key(key))
		return err_set(err, ERR_USAGE, "'%s' cannot be the name of a property", key);
	assert(!platform->remembers);
	if (value == NULL)
		return remove_setting(platform, app, key, err);
	AUTO_FD app_fd = property_open(platform, OURS, app, true, err);
	return app_fd >= 0 && file_replace(app_fd, key, value, strlen(value), 0600, err);
}
