/* SPDX-License-Identifier: MIT */
/* Finds out what it was called as: a trigger (…/post-delete), a subcommand (…/subcommands/enable), or by its own name, to print its tables. */
#include "hooks/hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/program.h"
#include "sys/file.h"
#include "sys/stop.h"
#include "util/err.h"

const char *hook_word(const struct hook_call *call, unsigned index)
{
	for (unsigned i = 0; call->words[i]; i++) {
		if (i == index)
			return call->words[i];
	}
	return "";
}

void hook_warn(const struct err *err)
{
	fprintf(stderr, " !     letsencrypt: %s\n", err->text);
}

static const char *environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value && value[0] ? value : otherwise;
}

/* The names of some triggers and subcommands are the same ("report"): the folder of the link tells them apart. */
static bool is_subcommand(const char *path, const char *name)
{
	static const char folder[] = "subcommands/";
	size_t before = (size_t)(name - path);
	return before >= sizeof folder - 1 && strncmp(name - (sizeof folder - 1), folder, sizeof folder - 1) == 0;
}

static const char *lib_root(void)
{
	return environment("DOKKU_LIB_ROOT", "/var/lib/dokku");
}

static int run_trigger(const struct hook *hook, char *const *words)
{
	const struct hook_call call = {
		.trigger = hook->trigger,
		.words = words,
		.root = environment("DOKKU_ROOT", "/home/dokku"),
		.lib_root = lib_root(),
		.logs_dir = environment("DOKKU_LOGS_DIR", "/var/log/dokku"),
	};

	if (hook->is_reaction && environment("LETSENCRYPT_ACTING", NULL))
		return 0;
	/* What the caller holds open (descriptor 200 is the lock of the deploy) neither we nor what we start holds on to. */
	closefrom(STDERR_FILENO + 1);
	/* That nobody reads what we say is no failure. */
	stop_ignore_broken_pipes();
	return hook->run(&call);
}

static int print_table(const char *which)
{
	if (which && strcmp(which, "--triggers") == 0) {
		hook_print_triggers();
		return 0;
	}
	if (which && strcmp(which, "--subcommands") == 0) {
		hook_print_subcommands();
		return 0;
	}
	fputs(" !     letsencrypt-hook is called by the platform, through links; by itself it takes --triggers, --subcommands or --schedule\n", stderr);
	return 1;
}

int main(int argc, char *argv[])
{
	if (argc < 1)
		return 1;
	fd_fill_standard();
	const char *path = argv[0];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (is_subcommand(path, name)) {
		char program[] = "letsencrypt";
		argv[0] = program;
		return program_become(argv);
	}
	const struct hook *hook = hook_find(name);
	if (hook)
		return run_trigger(hook, argv + 1);
	if (argc == 3 && strcmp(argv[1], "--schedule") == 0)
		return hook_set_up_schedule(lib_root(), argv[2]);
	return print_table(argv[1]);
}
