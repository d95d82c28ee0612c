/* SPDX-License-Identifier: MIT */
/* The engine is another program. It is told through the spool, or run as a child: by itself, or waited for. */
#include "hooks/engine.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hooks/hook.h"
#include "hooks/program.h"
#include "sys/dir.h"
#include "sys/environment.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/spawn.h"
#include "sys/spool.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

/* A test of the whole host's nginx configuration on a busy machine takes seconds. */
#define RUN_TIMEOUT_MS 60000
#define LOG_MODE 0644

void engine_told_done(struct engine_told *told)
{
	free(told->entry);
	told->entry = NULL;
}

/*
 * Where a worker writes what it says of itself; -1 = nowhere. As root it is not made: cron, as the platform's user, must be able to append to it, or its line fails.
 */
static int open_log(const char *logs_dir)
{
	struct err ignored;
	AUTO_FD logs_fd = dir_open(logs_dir, &ignored);

	if (logs_fd < 0 || (geteuid() == 0 && !file_exists(logs_fd, ENGINE_LOG)))
		return -1;
	return file_open_append(logs_fd, ENGINE_LOG, LOG_MODE, &ignored);
}

static bool start_worker(const struct hook_call *call, int global_fd, pid_t *ret_pid)
{
	AUTO_FREE char *program = program_find();
	AUTO_STRS env = { 0 };
	struct err err;

	if (!program)
		return false;
	AUTO_FD log_fd = open_log(call->logs_dir);
	environment_build(environ, ENVIRONMENT_WORKER, &env);
	const char *const words[] = { program, "work", NULL };
	if (spawn_detached(words, (const char *const *)strs_argv(&env), log_fd, global_fd, ret_pid, &err))
		return true;
	program_explain(err.text);
	return false;
}

bool engine_tell(const struct hook_call *call, const char *app, struct engine_told *ret_told)
{
	const char *const words[] = { call->trigger, app };
	AUTO_FREE char *global = mem_fmt("%s/data/letsencrypt/--global", call->lib_root);
	struct err err;
	AUTO_FD global_fd = dir_open(global, &err);

	if (global_fd < 0 || !spool_put(global_fd, words, COUNT(words), &ret_told->entry, &err)) {
		err_append(&err, "What follows for %s is left to the next run of: dokku letsencrypt:auto-renew", app);
		hook_warn(&err);
		return false;
	}
	return start_worker(call, global_fd, &ret_told->worker_pid);
}

enum app_wish engine_tell_change(const struct hook_call *call, const char *app)
{
	AUTO(engine_told_done) struct engine_told told = { 0 };
	enum app_wish wish = app_wish(call, app);

	if (wish == APP_WANTS_CERTIFICATE && !app_is_settled(call, app))
		(void)engine_tell(call, app, &told);
	return wish;
}

static void print(FILE *stream, const struct buf *text)
{
	(void)fwrite(buf_text(text), 1, text->size, stream);
	(void)fflush(stream);
}

void engine_run(const char *const *words)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	AUTO(spawn_result_done) struct spawn_result result = { 0 };
	AUTO_FREE char *program = program_find();
	AUTO_STRS argv = { 0 };
	AUTO_STRS env = { 0 };
	struct err err;

	if (!program)
		return;
	strs_add(&argv, program);
	for (size_t i = 0; words[i]; i++)
		strs_add(&argv, words[i]);
	environment_build(environ, ENVIRONMENT_CHILD, &env);
	const struct spawn spawn = {
		.argv = (const char *const *)strs_argv(&argv),
		.env = (const char *const *)strs_argv(&env),
		.timeout_ms = RUN_TIMEOUT_MS,
	};
	if (!spawn_run(loop, &spawn, &result, &err)) {
		program_explain(err.text);
		return;
	}
	print(stdout, &result.out);
	print(stderr, &result.err);
	if (result.timed_out)
		fprintf(stderr, " !     letsencrypt %s took longer than %d s and was ended\n", words[0], RUN_TIMEOUT_MS / 1000);
}
