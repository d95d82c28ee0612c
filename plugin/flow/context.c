/* SPDX-License-Identifier: MIT */
/* Opens what a command asks for, once, and closes it in the reverse order. */
#include "flow/context.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "flow/budget.h"
#include "net/transfer.h"
#include "platform/platform.h"
#include "proxy/nginx.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

#define TEMPLATE_MAX ((size_t)256 * 1024)

/* The program lies in bin/ of the installed plugin, or deeper in a build tree: the nearest folder above it that has templates/. */
static char *find_templates(void)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	for (path[size > 0 ? size : 0] = '\0'; *path;) {
		AUTO_FREE char *templates = NULL;
		char *slash = strrchr(path, '/');

		if (!slash)
			break;
		*slash = '\0';
		templates = mem_fmt("%s/templates", path);
		if (access(templates, X_OK) == 0)
			return mem_take(&templates);
	}
	return mem_strdup("/templates");
}

bool context_open(struct context *ret_context, char *const *environment, struct talk talk, struct err *err)
{
	struct context context = { .loop = loop_new(), .talk = talk, .clock = clock_system() };

	context.platform = platform_open(context.loop, environment, err);
	if (!context.platform) {
		loop_free(context.loop);
		return false;
	}
	context.templates = find_templates();
	*ret_context = context;
	return true;
}

void context_close(struct context *context)
{
	if (!context->loop)
		return;
	budgets_free(context->budgets);
	store_close(context->store);
	nginx_free(context->nginx);
	transfers_free(context->transfers);
	platform_close(context->platform);
	loop_free(context->loop);
	free(context->templates);
	*context = (struct context){ 0 };
}

struct store *context_store(struct context *context, struct err *err)
{
	AUTO_FREE char *path = NULL;

	if (context->store)
		return context->store;
	if (platform_global_fd(context->platform, err) < 0)
		return NULL;
	path = platform_global_path(context->platform, "letsencrypt.db");
	context->store = store_open(path, &context->clock, err);
	return context->store;
}

struct transfers *context_transfers(struct context *context)
{
	if (!context->transfers)
		context->transfers = transfers_new(context->loop);
	return context->transfers;
}

struct nginx *context_nginx(struct context *context)
{
	struct nginx_setup setup = {
		.loop = context->loop,
		.env = platform_child_env(context->platform),
		.distro = platform_distro(context->platform),
	};
	AUTO_FREE char *command = NULL;
	struct err ignored;

	if (context->nginx)
		return context->nginx;
	if (!platform_property(context->platform, "nginx", "--global", "nginx-service-command", &command, &ignored))
		command = NULL;
	setup.service_command = command && *command ? command : NULL;
	context->nginx = nginx_new(&setup);
	return context->nginx;
}

char *context_template(struct context *context, const char *name, struct err *err)
{
	AUTO_BUF text = BUF_MAX(TEMPLATE_MAX);
	AUTO_FREE char *folder = mem_fmt("%s/%s", context->templates, name);
	char *slash = strrchr(folder, '/');
	AUTO_FD dir_fd = -1;

	*slash = '\0';
	dir_fd = dir_open(folder, err);
	if (dir_fd < 0 || !file_read(dir_fd, slash + 1, &text, err)) {
		(void)err_wrap(err, "the plugin is not complete (run 'sudo dokku plugin:install')");
		return NULL;
	}
	return buf_take(&text);
}

static int global_folder(struct context *context, const char *name, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);

	return global_fd < 0 ? -1 : dir_make_at(global_fd, name, 0700, err);
}

int context_certs_fd(struct context *context, struct err *err)
{
	return global_folder(context, "certs", err);
}

int context_accounts_fd(struct context *context, struct err *err)
{
	return global_folder(context, "accounts", err);
}
