/* SPDX-License-Identifier: MIT */
#ifndef SYS_PROGRESS_LINE_H
#define SYS_PROGRESS_LINE_H

#include <stddef.h>

/*
 * What a worker says of a job, on its way to the process that waits for it (a command, or the hook of a deploy): $D/--global/progress/<job>, "<kind>\t<app>\t<text>" a
 * line. Never synced, and nothing depends on it.
 */

/* As in flow/talk.h, which says how each is shown. */
enum progress_kind {
	PROGRESS_INFO1,
	PROGRESS_INFO2,
	PROGRESS_VERBOSE,
	PROGRESS_WARN,
	PROGRESS_STEP,
	PROGRESS_END /* nothing more comes */
};

struct progress_line {
	enum progress_kind kind;
	const char *app;  /* "" = none */
	const char *text; /* without a line end; as it came: not fit for a terminal yet */
};

/* folder_fd: of $D/--global/progress. Failures are ignored. */
void progress_line_add(int folder_fd, const char *job, const struct progress_line *line);
/* Hands over each whole line after *offset, and moves it; of one that is still being written, nothing. What is not of this form is left out. */
void progress_line_each(int folder_fd, const char *job, size_t *offset, void (*take)(void *ctx, const struct progress_line *line), void *ctx);

#endif
