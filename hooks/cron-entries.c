/* SPDX-License-Identifier: MIT */
/* The platform asks for lines of its crontab: one starts the renewal, unless somebody has switched that off. */
#include "hooks/hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/schedule.h"
#include "util/err.h"
#include "util/mem.h"

int hook_cron_entries(const struct hook_call *call)
{
	const char *scheduler = hook_word(call, 0);
	if (scheduler[0] && strcmp(scheduler, "docker-local") != 0)
		return 0;
	struct err err = { 0 };
	struct clock clock = clock_system();
	struct schedule schedule;
	AUTO_FREE char *folder = mem_fmt("%s/data/letsencrypt/--global", call->lib_root);
	AUTO_FD global_fd = dir_open(folder, &err);
	if (global_fd < 0 || !schedule_is_on(global_fd))
		return 0;
	if (!schedule_open(global_fd, clock_now(&clock), NULL, &schedule, &err)) {
		hook_warn(&err);
		return 0;
	}
	printf("%" PRId64 " * * * *;dokku letsencrypt:auto-renew --scheduled --by %s;%s/letsencrypt.log\n", schedule.minute,
	       schedule_by_name(SCHEDULE_BY_CRON_ENTRIES), call->logs_dir);
	return 0;
}
