/* SPDX-License-Identifier: MIT */
/* The schedule has stopped and nobody looks into its log: whoever works with the platform is told, once a day. */
#include "hooks/hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/schedule.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"
#include "util/when.h"

#define FILE_TOLD "forgotten-told"

/* Also when the clock was set back since. */
static bool was_told_today(int global_fd, int64_t now_at)
{
	AUTO_BUF text = BUF_MAX(32);
	struct err ignored;
	int64_t told_at = 0;

	if (!file_read(global_fd, FILE_TOLD, &text, &ignored))
		return false;
	AUTO_FREE char *trimmed = text_trim(buf_text(&text));
	return parse_int(trimmed, 0, INT64_MAX, &told_at) && told_at > now_at - WHEN_DAY && told_at <= now_at;
}

void hook_tell_forgotten(const struct hook_call *call)
{
	struct err err = { 0 };
	struct clock clock = clock_system();
	int64_t now_at = clock_now(&clock);
	AUTO_FREE char *folder = mem_fmt("%s/data/letsencrypt/--global", call->lib_root);
	AUTO_FD global_fd = dir_open(folder, &err);
	int64_t since_at = global_fd < 0 ? 0 : schedule_forgotten_since(global_fd, now_at, clock_uptime_s());

	if (since_at == 0 || was_told_today(global_fd, now_at))
		return;
	AUTO_FREE char *line = mem_fmt("%" PRId64 "\n", now_at);
	AUTO_FREE char *text = schedule_forgotten_text(since_at, call->logs_dir);
	fprintf(stderr, " !     letsencrypt: %s\n", text);
	if (!file_replace_fast(global_fd, FILE_TOLD, line, strlen(line), 0600, &err))
		hook_warn(&err);
}
