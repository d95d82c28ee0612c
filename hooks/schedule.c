/* SPDX-License-Identifier: MIT */
/* For `install`, which writes the host's own schedule: one minute for both mechanisms, kept where both programs read it. */
#include "hooks/hook.h"

#include <inttypes.h>
#include <stdio.h>

#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/schedule.h"
#include "util/err.h"
#include "util/mem.h"

int hook_set_up_schedule(const char *lib_root, const char *host)
{
	struct err err = { 0 };
	struct clock clock = clock_system();
	struct schedule schedule;
	AUTO_FREE char *folder = mem_fmt("%s/data/letsencrypt/--global", lib_root);
	AUTO_FD global_fd = dir_open(folder, &err);

	if (global_fd < 0 || !schedule_open(global_fd, clock_now(&clock), host, &schedule, &err)) {
		hook_warn(&err);
		return 1;
	}
	printf("%" PRId64 "\n", schedule.minute);
	return 0;
}
