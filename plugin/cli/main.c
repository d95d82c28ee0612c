/* SPDX-License-Identifier: MIT */
/* The program: reads the environment once, finds the command, prints what went wrong, and knows the exit status. Nobody else does any of that. */
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/verbs.h"
#include "sys/file.h"
#include "sys/stop.h"
#include "util/attr.h"
#include "util/err.h"
#include "util/log.h"

/* Keys pass through the memory of this process: no file of ours is for others, and no core has them. */
static void keep_to_ourselves(void)
{
	const struct rlimit none = { 0, 0 };

	(void)umask(077);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

/*
 * The platform's sudo hands on the caller's environment. These would have the TLS library write its secrets to a file, or load code and settings of the caller's.
 */
static void forget_caller(void)
{
	static const char *const names[] = { "SSLKEYLOGFILE", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES" };

	for (size_t i = 0; i < COUNT(names); i++)
		(void)unsetenv(names[i]);
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

static struct environment read_environment(void)
{
	return (struct environment){
		.app_name = getenv("DOKKU_APP_NAME"),
		.is_quiet = is_set("DOKKU_QUIET_OUTPUT"),
		.is_forced = is_set("DOKKU_APPS_FORCE_DELETE"),
		.is_tracing = is_set("DOKKU_TRACE"),
	};
}

static struct out *open_out(const struct options *options)
{
	const struct out_setup setup = {
		.out = stdout,
		.err = stderr,
		.is_quiet = options->is_quiet,
		.is_json = options->is_json,
		.columns = options->is_quiet ? 0 : out_terminal_columns(STDERR_FILENO, getenv("TERM")),
	};

	return out_new(&setup);
}

int main(int argc, char *argv[])
{
	const struct environment environment = read_environment();
	AUTO(call_done) struct call call = { .environment = environ };
	struct err err = { 0 };
	int status = 0;

	fd_fill_standard();
	keep_to_ourselves();
	forget_caller();
	stop_install();
	bool is_done = verbs_parse(argv + (argc > 0), &environment, &call, &err);
	if (call.options.is_tracing)
		log_enable_debug();
	call.out = open_out(&call.options);
	is_done = is_done && verbs_run(&call, &status, &err);
	if (!is_done) {
		out_err(call.out, &err);
		status = stop_signal() != 0 ? 128 + stop_signal() : err_exit_status(err.kind);
	}
	if (!out_close(call.out) && status == 0)
		status = EXIT_FAILURE;
	return status;
}
