/* SPDX-License-Identifier: MIT */
/*
 * The engine writes into $D/--global/progress: under the entry's name the number of the job that follows from it (0 = none), under the job's number what it
 * says of that (sys/progress_line.h).
 */
#include "hooks/follow.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks/engine.h"
#include "hooks/hook.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/progress_line.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define LINE_MAX_SIZE 4096
/* There is no way to be told: it looks again. */
#define PAUSE_MS 30

struct follower {
	const char *folder; /* of the progress */
	const char *entry;
	const char *logs_dir;
	pid_t worker_pid;
	pid_t parent_pid;
	char job[24];       /* "" = not known yet */
	size_t offset;      /* in what the job says */
	bool has_ended;
	bool is_alone;      /* nobody reads it */
};

/* ---- what the engine says ---- */

static void find_job(struct follower *follower, int folder_fd)
{
	AUTO_BUF content = BUF_MAX(sizeof(follower->job) - 1);
	struct err ignored;
	int64_t number;

	if (!file_read(folder_fd, follower->entry, &content, &ignored))
		return;
	AUTO_FREE char *text = text_trim(buf_text(&content));
	if (!parse_int(text, 0, INT64_MAX, &number))
		return;
	(void)snprintf(follower->job, sizeof(follower->job), "%" PRId64, number);
	follower->has_ended = number == 0;
}

static void print_line(FILE *stream, const char *prefix, const char *text)
{
	AUTO_BUF line = BUF_MAX(LINE_MAX_SIZE);

	text_escape(&line, text, false);
	(void)fprintf(stream, "%s%s\n", prefix, buf_text(&line));
	(void)fflush(stream);
}

static void print_said(void *ctx, const struct progress_line *line)
{
	struct follower *follower = ctx;

	if (follower->has_ended)
		return;
	switch (line->kind) {
	case PROGRESS_INFO1:
		print_line(stdout, "-----> ", line->text);
		return;
	case PROGRESS_INFO2:
		print_line(stdout, "=====> ", line->text);
		return;
	case PROGRESS_VERBOSE:
		print_line(stdout, "       ", line->text);
		return;
	case PROGRESS_WARN:
		print_line(stderr, " !     ", line->text);
		return;
	case PROGRESS_END:
		follower->has_ended = true;
		return;
	case PROGRESS_STEP:
		return;
	}
}

static void look(struct follower *follower)
{
	struct err ignored;
	AUTO_FD folder_fd = dir_open(follower->folder, &ignored);

	if (folder_fd < 0)
		return;
	if (!follower->job[0])
		find_job(follower, folder_fd);
	if (follower->job[0] && !follower->has_ended)
		progress_line_each(folder_fd, follower->job, &follower->offset, print_said, follower);
}

/* ---- until when ---- */

/* One that ended well may have left the work to another, which had begun before it. */
static bool worker_has_failed(const struct follower *follower)
{
	int status;

	return waitpid(follower->worker_pid, &status, WNOHANG) == follower->worker_pid && status != 0;
}

static void note_alone(void *ctx, int fd, short revents)
{
	struct follower *follower = ctx;

	(void)fd;
	(void)revents;
	follower->is_alone = true;
}

/* False: the time is over. */
static bool follow_until(struct follower *follower, struct loop *loop, int64_t deadline_ms)
{
	for (;;) {
		/* Before the look: what a worker said before it ended is there then. */
		bool has_failed = worker_has_failed(follower);

		look(follower);
		if (follower->has_ended || follower->is_alone || getppid() != follower->parent_pid)
			return true;
		if (has_failed) {
			(void)fprintf(stderr, " !     letsencrypt: its worker ended early; why, its log may tell: %s/" ENGINE_LOG "\n", follower->logs_dir);
			return true;
		}
		if (loop_now_ms(loop) >= deadline_ms)
			return false;
		(void)loop_sleep(loop, PAUSE_MS);
	}
}

void follow(const struct hook_call *call, const char *app, const struct engine_told *told, int64_t wait_s)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	AUTO_FREE char *folder = mem_fmt("%s/data/letsencrypt/--global/progress", call->lib_root);
	struct follower follower = { .folder = folder, .entry = told->entry, .logs_dir = call->logs_dir, .worker_pid = told->worker_pid, .parent_pid = getppid() };

	/* No event is asked for: only that its other end is gone. */
	loop_watch(loop, STDOUT_FILENO, 0, note_alone, &follower);
	if (!follow_until(&follower, loop, loop_now_ms(loop) + wait_s * 1000))
		printf("       What is left to do for the certificate of %s goes on in the background; how it stands: dokku letsencrypt:report %s\n", app, app);
	loop_unwatch(loop, STDOUT_FILENO);
}
