/* SPDX-License-Identifier: MIT */
/*
 * The environment of what we start. It is made from a list of names, so that nothing of a build, of a caller or of somebody's shell (TMPDIR, GIT_DIR,
 * SSL_CERT_FILE, the options of the command that started us) reaches what runs for us.
 */
#include "sys/environment.h"

#include <string.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define OS_RELEASE_SIZE_MAX 65536

/* `fallback` for what is not set: text, or with `base` the value of that variable and the text after it. NULL = stays unset. */
struct variable {
	const char *name;
	const char *base;
	const char *fallback;
};

/* In the order in which one needs the other. The defaults are core's. */
static const struct variable variables[] = {
	{ "PATH", NULL, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
	{ "DOKKU_ROOT", NULL, "/home/dokku" },
	{ "DOKKU_HOST_ROOT", "DOKKU_ROOT", "" },
	{ "DOKKU_LIB_PATH", NULL, NULL },
	{ "DOKKU_LIB_ROOT", NULL, "/var/lib/dokku" },
	{ "DOKKU_LIB_HOST_ROOT", NULL, NULL },
	{ "PLUGIN_PATH", "DOKKU_LIB_ROOT", "/plugins" },
	{ "PLUGIN_AVAILABLE_PATH", "PLUGIN_PATH", "/available" },
	{ "PLUGIN_ENABLED_PATH", "PLUGIN_PATH", "/enabled" },
	{ "PLUGIN_CORE_PATH", "DOKKU_LIB_ROOT", "/core-plugins" },
	{ "PLUGIN_CORE_AVAILABLE_PATH", "PLUGIN_CORE_PATH", "/available" },
	{ "PLUGIN_CORE_ENABLED_PATH", "PLUGIN_CORE_PATH", "/enabled" },
	{ "DOKKU_SYSTEM_USER", NULL, "dokku" },
	{ "DOKKU_SYSTEM_GROUP", NULL, "dokku" },
	{ "DOKKU_API_VERSION", NULL, "1" },
	{ "DOKKU_NOT_IMPLEMENTED_EXIT", NULL, "10" },
	{ "DOKKU_VALID_EXIT", NULL, "0" },
	{ "DOKKU_LOGS_DIR", NULL, "/var/log/dokku" },
	{ "DOKKU_LOGS_HOST_DIR", "DOKKU_LOGS_DIR", "" },
	{ "DOKKU_EVENTS", NULL, NULL },
	{ "DOKKU_EVENTS_LOGFILE", "DOKKU_LOGS_DIR", "/events.log" },
	{ "DOKKU_INIT_SYSTEM", NULL, NULL },
	{ "DOKKU_IMAGE", NULL, NULL },
	{ "DOKKU_CNB_BUILDER", NULL, NULL },
	{ "DOKKU_CONTAINER_LABEL", NULL, "dokku" },
	{ "DOKKU_GLOBAL_BUILD_ARGS", NULL, NULL },
	{ "DOKKU_GLOBAL_RUN_ARGS", NULL, NULL },
	{ "DOCKER_BIN", NULL, "docker" },
	{ "DOCKER_HOST", NULL, NULL },
	{ "DOCKER_CONFIG", NULL, NULL },
	/* plugn's own shell, where an operator set one. */
	{ "BASH_BIN", NULL, NULL },
	{ "TZ", NULL, NULL },
#ifdef CLOCK_FROM_FILE
	{ "LETSENCRYPT_TEST_CLOCK", NULL, NULL },
#endif
};

/* Of one user: not set for whom that user is nobody. */
static const struct variable variables_of_user[] = {
	{ "HOME", "DOKKU_ROOT", "" },
	{ "USER", "DOKKU_SYSTEM_USER", "" },
	{ "LOGNAME", "DOKKU_SYSTEM_USER", "" },
	/* Who asks: plugins that show each user only some of the apps. */
	{ "SSH_USER", NULL, NULL },
	{ "SSH_NAME", NULL, NULL },
	{ "NAME", NULL, NULL },
	{ "FINGERPRINT", NULL, NULL },
};

const char *environment_get(char *const *environment, const char *name)
{
	size_t size = strlen(name);

	for (; *environment != NULL; environment++) {
		if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
			return (*environment)[size + 1] != '\0' ? *environment + size + 1 : NULL;
	}
	return NULL;
}

/* ID of os-release(5), "" if it cannot be read; the caller frees it. */
static char *read_distro(void)
{
	struct err ignored = { 0 };
	/* Not in /etc, where it is a link. */
	AUTO_FD folder_fd = dir_open("/usr/lib", &ignored);
	AUTO_BUF text = BUF_MAX(OS_RELEASE_SIZE_MAX);
	AUTO_STRS lines = { 0 };

	if (folder_fd < 0 || !file_read(folder_fd, "os-release", &text, &ignored))
		return mem_strdup("");
	text_lines(buf_text(&text), &lines);
	for (size_t i = 0; i < lines.count; i++) {
		if (!text_starts(lines.items[i], "ID="))
			continue;
		const char *id = lines.items[i] + strlen("ID=");
		id += strspn(id, "\"'");
		return mem_strndup(id, strcspn(id, "\"'"));
	}
	return mem_strdup("");
}

static void add_variable(char *const *environment, const struct variable *variable, struct strs *env)
{
	const char *value = environment_get(environment, variable->name);

	/* Core's own input for it. */
	if (value == NULL && strcmp(variable->name, "DOKKU_LIB_ROOT") == 0)
		value = environment_get(environment, "DOKKU_LIB_PATH");
	if (value != NULL)
		strs_addf(env, "%s=%s", variable->name, value);
	else if (variable->base != NULL)
		strs_addf(env, "%s=%s%s", variable->name, environment_get(strs_argv(env), variable->base), variable->fallback);
	else if (variable->fallback != NULL)
		strs_addf(env, "%s=%s", variable->name, variable->fallback);
}

void environment_build(char *const *environment, enum environment_for whom, struct strs *ret_env)
{
	static char *const nobody[] = { NULL };
	const char *distro = environment_get(environment, "DOKKU_DISTRO");

	for (size_t i = 0; i < COUNT(variables); i++)
		add_variable(environment, &variables[i], ret_env);
	for (size_t i = 0; i < COUNT(variables_of_user); i++)
		add_variable(whom == ENVIRONMENT_WORKER ? nobody : environment, &variables_of_user[i], ret_env);
	AUTO_FREE char *found = distro != NULL ? mem_strdup(distro) : read_distro();
	strs_addf(ret_env, "DOKKU_DISTRO=%s", found);
	strs_add(ret_env, "LANG=C.UTF-8");
}
