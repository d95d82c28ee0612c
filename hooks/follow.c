/* SPDX-License-Identifier: MIT */
/*
 * The engine writes into $D/--global/progress: under the entry's name the number of the job that follows from it (0 = none), under the job's number what it
 * says of that, "<kind>\t<app>\t<text>" a line, with the kinds of flow/talk.h.
 */
#include "hooks/follow.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks/engine.h"
#include "hooks/hook.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define PROGRESS_MAX ((size_t)1024 * 1024)
#define LINE_MAX_SIZE 4096
/* There is no way to be told: it looks again. */
#define PAUSE_MS 30

enum { KIND_INFO1 = '0', KIND_INFO2, KIND_VERBOSE, KIND_WARN, KIND_STEP, KIND_END };

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

static bool read_progress(const struct follower *follower, const char *name, struct buf *content)
{
	struct err ignored;
	AUTO_FD fd = dir_open(follower->folder, &ignored);

	return fd >= 0 && file_read(fd, name, content, &ignored);
}

static void find_job(struct follower *follower)
{
	AUTO_BUF content = BUF_MAX(sizeof(follower->job) - 1);
	int64_t number;

	if (!read_progress(follower, follower->entry, &content))
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

static void print_said(struct follower *follower, const char *line)
{
	const char *app = strchr(line, '\t');
	const char *text = app ? strchr(app + 1, '\t') : NULL;

	if (!text)
		return;
	switch (line[0]) {
	case KIND_INFO1:
		print_line(stdout, "-----> ", text + 1);
		return;
	case KIND_INFO2:
		print_line(stdout, "=====> ", text + 1);
		return;
	case KIND_VERBOSE:
		print_line(stdout, "       ", text + 1);
		return;
	case KIND_WARN:
		print_line(stderr, " !     ", text + 1);
		return;
	case KIND_END:
		follower->has_ended = true;
		return;
	default:
		return;
	}
}

/* Only whole lines: the rest of one is still being written. */
static void read_job(struct follower *follower)
{
	AUTO_BUF content = BUF_MAX(PROGRESS_MAX);
	char *end = NULL;

	if (!read_progress(follower, follower->job, &content) || content.size <= follower->offset)
		return;
	for (char *line = content.data + follower->offset; !follower->has_ended && (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		print_said(follower, line);
		follower->offset = (size_t)(end + 1 - content.data);
	}
}

static void look(struct follower *follower)
{
	if (!follower->job[0])
		find_job(follower);
	if (follower->job[0] && !follower->has_ended)
		read_job(follower);
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
