/* SPDX-License-Identifier: MIT */
/* The apps of the host and what the platform keeps about each: all of it read from files, relative to folders that stay open. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "platform/host.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

/* ---- which apps there are ---- */

static bool is_app(const struct platform *platform, const char *name)
{
	struct stat status;

	return name_is_app(name) && fstatat(platform->root_fd, name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

static void add_apps(const struct platform *platform, const struct strs *names, struct strs *apps)
{
	for (size_t i = 0; i < names->count; i++) {
		if (is_app(platform, names->items[i]))
			strs_add(apps, names->items[i]);
	}
}

bool platform_apps(struct platform *platform, struct strs *ret_apps, struct err *err)
{
	AUTO_STRS names = { 0 };

	if (!dir_list(platform->root_fd, &names, err))
		return err_wrap(err, "apps in '%s'", platform->root);
	add_apps(platform, &names, ret_apps);
	return true;
}

bool platform_visible_apps(struct platform *platform, struct strs *ret_apps, struct err *err)
{
	AUTO(spawn_result_done) struct spawn_result result = { 0 };

	if (!trigger_is_implemented(platform, "user-auth-app"))
		return platform_apps(platform, ret_apps, err);
	if (!platform_trigger(platform, (const char *const[]){ "app-list", NULL }, &result, err))
		return false;
	AUTO_STRS names = { 0 };
	text_lines(buf_text(&result.out), &names);
	strs_sort(&names);
	add_apps(platform, &names, ret_apps);
	return true;
}

bool platform_check_app(struct platform *platform, const char *app, struct err *err)
{
	return is_app(platform, app) || err_set(err, ERR_NO_APP, "App %s does not exist", app);
}

bool platform_app_is_gone(const struct platform *platform, const char *app)
{
	struct stat status;

	return name_is_app(app) && fstatat(platform->root_fd, app, &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

int platform_app_fd(struct platform *platform, const char *app, struct err *err)
{
	struct err failure = { 0 };
	int fd = name_is_app(app) ? dir_open_at(platform->root_fd, app, &failure) : -1;

	if (fd >= 0)
		return fd;
	if (!platform_check_app(platform, app, err))
		return -1;
	/* A link that an operator made to another volume. */
	AUTO_FREE char *path = mem_fmt("%s/%s", platform->root, app);
	return dir_open(path, err);
}

/* ---- files of an app ---- */

/* A missing file is an empty one. */
static bool read_text(int folder_fd, const char *name, struct buf *ret_text, struct err *err)
{
	struct err failure = { 0 };

	if (file_read(folder_fd, name, ret_text, &failure) || failure.kind == ERR_MISSING)
		return true;
	*err = failure;
	return false;
}

static bool read_lines(int folder_fd, const char *name, struct strs *lines, struct err *err)
{
	AUTO_BUF text = BUF_MAX(FILE_SIZE_MAX);

	if (!read_text(folder_fd, name, &text, err))
		return false;
	text_lines(buf_text(&text), lines);
	return true;
}

/* What a shell would make of the word; the caller frees it. */
static char *unquote(const char *word, const char *end)
{
	AUTO_BUF text = BUF_SECRET(FILE_SIZE_MAX);
	char quote = '\0';

	for (const char *c = word; c < end; c++) {
		if (quote == '\0' && (*c == '\'' || *c == '"'))
			quote = *c;
		else if (*c == quote)
			quote = '\0';
		else if (*c == '\\' && quote != '\'' && c + 1 < end)
			(void)buf_addc(&text, *++c);
		else
			(void)buf_addc(&text, *c);
	}
	return buf_take(&text);
}

/* Lines of ENV are "export NAME='value'". NULL = this one, which ends at `end`, is of another variable. */
static char *config_value(const char *line, const char *end, const char *name)
{
	size_t size = strlen(name);

	while (line < end && text_is_space(*line))
		line++;
	while (end > line && text_is_space(end[-1]))
		end--;
	if (text_starts(line, "export "))
		line += strlen("export ");
	return strncmp(line, name, size) == 0 && line[size] == '=' ? unquote(line + size + 1, end) : NULL;
}

/* Core keeps an app's configuration in a folder of its name beside those of the plugins. */
static bool read_config(struct platform *platform, const char *app, struct buf *ret_text, struct err *err)
{
	struct err failure = { 0 };
	int config_fd = property_root(platform, false, &failure);
	AUTO_FD folder_fd = config_fd >= 0 ? dir_open_at(config_fd, app, &failure) : -1;

	if (folder_fd >= 0)
		return read_text(folder_fd, "ENV", ret_text, err);
	if (failure.kind != ERR_MISSING)
		*err = failure;
	return failure.kind == ERR_MISSING;
}

bool platform_config(struct platform *platform, const char *app, const char *name, char **ret_value, struct err *err)
{
	/* It holds what the app keeps secret: nothing of it but the one value is copied. */
	AUTO_BUF text = BUF_SECRET(FILE_SIZE_MAX);

	*ret_value = NULL;
	if (!read_config(platform, app, &text, err))
		return err_wrap(err, "configuration of %s", app);
	for (const char *line = buf_text(&text); *line && !*ret_value;) {
		const char *end = line + strcspn(line, "\n");

		*ret_value = config_value(line, end, name);
		line = *end ? end + 1 : end;
	}
	return true;
}

bool platform_domains(struct platform *platform, const char *app, struct strs *ret_domains, struct err *err)
{
	AUTO_FD app_fd = platform_app_fd(platform, app, err);
	AUTO_STRS domains = { 0 };
	AUTO_FREE char *no_vhost = NULL;

	if (app_fd < 0)
		return false;
	if (!read_lines(app_fd, "VHOST", &domains, err) || !platform_config(platform, app, "NO_VHOST", &no_vhost, err))
		return err_wrap(err, "domains of %s", app);
	if (!no_vhost || strcmp(no_vhost, "1") != 0)
		strs_add_all(ret_domains, &domains);
	return true;
}

bool platform_redirect_sources(struct platform *platform, const char *app, struct strs *ret_names, struct err *err)
{
	AUTO_FD app_fd = platform_app_fd(platform, app, err);
	AUTO_STRS lines = { 0 };

	if (app_fd < 0)
		return false;
	if (!read_lines(app_fd, "REDIRECTS", &lines, err))
		return err_wrap(err, "redirects of %s", app);
	for (size_t i = 0; i < lines.count; i++) {
		size_t size = strcspn(lines.items[i], ":");

		if (size > 0 && lines.items[i][size] == ':')
			strs_add_size(ret_names, lines.items[i], size);
	}
	return true;
}

/* ---- facts ---- */

void platform_app_facts_done(struct platform_app_facts *facts)
{
	free(facts->proxy_type);
	free(facts->scheduler);
	*facts = (struct platform_app_facts){ 0 };
}

static struct platform_app_facts take_facts(struct platform_app_facts *facts)
{
	struct platform_app_facts taken = *facts;

	*facts = (struct platform_app_facts){ 0 };
	return taken;
}

static bool read_fact(struct platform *platform, const char *plugin, const char *app, const char *key, const char *fallback, char **ret_value, struct err *err)
{
	if (!property_effective(platform, plugin, app, key, true, ret_value, err))
		return false;
	if (*ret_value == NULL)
		*ret_value = mem_strdup(fallback);
	return true;
}

bool platform_app_facts(struct platform *platform, const char *app, struct platform_app_facts *ret_facts, struct err *err)
{
	AUTO(platform_app_facts_done) struct platform_app_facts facts = { 0 };
	AUTO_FREE char *disabled = NULL;
	AUTO_FD app_fd = platform_app_fd(platform, app, err);

	if (app_fd < 0)
		return false;
	if (!read_fact(platform, "proxy", app, "type", "nginx", &facts.proxy_type, err) ||
		!read_fact(platform, "scheduler", app, "selected", "docker-local", &facts.scheduler, err) ||
		!property_effective(platform, "proxy", app, "disabled", false, &disabled, err))
		return false;
	facts.proxy_is_enabled = disabled == NULL || strcmp(disabled, "true") != 0;
	facts.has_nginx_conf = file_exists(app_fd, "nginx.conf");
	*ret_facts = take_facts(&facts);
	return true;
}
