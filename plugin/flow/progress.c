/* SPDX-License-Identifier: MIT */
/* A worker's words on their way to another process, and out of it again. */
#include "flow/progress.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/context.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/progress_line.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

static_assert((int)TALK_INFO1 == PROGRESS_INFO1 && (int)TALK_INFO2 == PROGRESS_INFO2 && (int)TALK_VERBOSE == PROGRESS_VERBOSE &&
		      (int)TALK_WARN == PROGRESS_WARN && (int)TALK_STEP == PROGRESS_STEP && (int)TALK_END == PROGRESS_END,
	      "a worker's words mean the same to who reads them");

int progress_folder(struct context *context)
{
	struct err ignored;
	int global_fd = platform_global_fd(context->platform, &ignored);

	return global_fd < 0 ? -1 : dir_make_at(global_fd, "progress", 0700, &ignored);
}

void progress_init(int folder_fd, int64_t job_id, struct progress *ret_progress)
{
	ret_progress->folder_fd = folder_fd;
	(void)snprintf(ret_progress->name, sizeof(ret_progress->name), "%" PRId64, job_id);
}

static void write_down(void *ctx, enum talk_kind kind, const char *app, const char *text)
{
	struct progress *progress = ctx;

	if (progress->folder_fd >= 0)
		progress_line_add(progress->folder_fd, progress->name,
				  &(struct progress_line){ .kind = (enum progress_kind)kind, .app = app ? app : "", .text = text });
}

struct talk progress_talk(struct progress *progress)
{
	return (struct talk){ .say = write_down, .ctx = progress };
}

void progress_sweep(struct context *context)
{
	AUTO_FD folder_fd = progress_folder(context);

	if (folder_fd >= 0)
		dir_sweep(folder_fd, "", WHEN_DAY);
}

void progress_promise(struct context *context, const char *entry, int64_t job_id)
{
	AUTO_FREE char *text = mem_fmt("%" PRId64 "\n", job_id);
	AUTO_FD folder_fd = progress_folder(context);
	struct err ignored;

	if (folder_fd >= 0)
		(void)!file_replace_fast(folder_fd, entry, text, strlen(text), 0600, &ignored);
}

static void tell_line(void *ctx, const struct progress_line *line)
{
	const struct talk *talk = ctx;

	talk->say(talk->ctx, (enum talk_kind)line->kind, *line->app ? line->app : NULL, line->text);
}

void progress_tell(struct context *context, struct progress_reader *reader)
{
	AUTO_FD folder_fd = progress_folder(context);
	char name[24];

	(void)snprintf(name, sizeof(name), "%" PRId64, reader->job_id);
	if (folder_fd >= 0)
		progress_line_each(folder_fd, name, &reader->offset, tell_line, &context->talk);
}
