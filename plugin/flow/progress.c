/* SPDX-License-Identifier: MIT */
/* A worker's words on their way to another process: "<kind>\t<app>\t<text>" a line. */
#include "flow/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/context.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

#define PROGRESS_MAX ((size_t)1024 * 1024)

static int progress_folder(struct context *context)
{
	struct err ignored;
	int global_fd = platform_global_fd(context->platform, &ignored);

	return global_fd < 0 ? -1 : dir_make_at(global_fd, "progress", 0700, &ignored);
}

void progress_open(struct context *context, int64_t job_id, struct progress *ret_progress)
{
	ret_progress->folder_fd = progress_folder(context);
	(void)snprintf(ret_progress->name, sizeof(ret_progress->name), "%" PRId64, job_id);
}

void progress_close(struct progress *progress)
{
	fd_done(&progress->folder_fd);
}

static void write_down(void *ctx, enum talk_kind kind, const char *app, const char *text)
{
	struct progress *progress = ctx;
	AUTO_FREE char *line = mem_fmt("%c\t%s\t%s\n", '0' + (int)kind, app ? app : "", text);
	struct err ignored;

	if (progress->folder_fd >= 0)
		(void)!file_append(progress->folder_fd, progress->name, line, strlen(line), 0600, &ignored);
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

static void tell_line(const struct talk *talk, char *line)
{
	char *app = strchr(line, '\t');
	char *text = app ? strchr(app + 1, '\t') : NULL;

	if (!text || *line < '0' || *line > '0' + (int)TALK_END)
		return;
	*app++ = '\0';
	*text++ = '\0';
	talk->say(talk->ctx, (enum talk_kind)(*line - '0'), *app ? app : NULL, text);
}

void progress_tell(struct context *context, struct progress_reader *reader)
{
	AUTO_BUF content = BUF_MAX(PROGRESS_MAX);
	AUTO_FD folder_fd = progress_folder(context);
	char name[24];
	struct err ignored;
	char *end = NULL;

	(void)snprintf(name, sizeof(name), "%" PRId64, reader->job_id);
	if (folder_fd < 0 || !file_read(folder_fd, name, &content, &ignored) || content.size <= reader->offset)
		return;
	for (char *line = content.data + reader->offset; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		tell_line(&context->talk, line);
		reader->offset = (size_t)(end + 1 - content.data);
	}
}
