/* SPDX-License-Identifier: MIT */
#ifndef FLOW_PROGRESS_H
#define FLOW_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "flow/talk.h"
#include "util/attr.h"

struct context;

/*
 * What a worker says of a job that another process asked for: lines in $D/--global/progress/<job>, which that process reads as they come. Lost with a crash, and nothing depends on it.
 */
struct progress {
	int folder_fd;
	char name[24];
};
/* The folder, made when it is missing; the caller closes it. -1: it cannot be, and nothing that is said is kept. */
int progress_folder(struct context *context);
/* folder_fd: borrowed, one for all jobs. */
void progress_init(int folder_fd, int64_t job_id, struct progress *ret_progress);
struct talk progress_talk(struct progress *progress);
/* Removes what nobody read within a day. */
void progress_sweep(struct context *context);

/* Tells the hook that put `entry` into the spool which job follows from it, 0 = none: $D/--global/progress/<entry>. */
void progress_promise(struct context *context, const char *entry, int64_t job_id);

struct progress_reader {
	int64_t job_id;
	size_t offset;
};
/* Says to context->talk what is new. */
void progress_tell(struct context *context, struct progress_reader *reader);

#endif
