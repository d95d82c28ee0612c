/* SPDX-License-Identifier: MIT */
/* The platform asks for lines of its crontab: one for the renewal, while it is wanted. */
#include "hooks/hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"

/* splitmix64: close numbers in, unrelated numbers out. */
static uint64_t mixed(uint64_t value)
{
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

int hook_cron_entries(const struct hook_call *call)
{
	const char *scheduler = hook_word(call, 0);
	if (scheduler[0] && strcmp(scheduler, "docker-local") != 0)
		return 0;
	struct err err;
	AUTO_FREE char *folder = mem_fmt("%s/data/letsencrypt/--global", call->lib_root);
	AUTO_FD folder_fd = dir_open(folder, &err);
	if (folder_fd < 0 || !file_exists(folder_fd, "autorenew"))
		return 0;

	/* A time of day that is this host's own, so that not all hosts come to the CA at once: drawn from when and where the flag was made. Never the full hour. */
	struct file_stamp flag = file_stamp(folder_fd, "autorenew");
	uint64_t drawn = mixed(flag.inode ^ mixed((uint64_t)flag.mtime_ns));
	printf("%" PRIu64 " %" PRIu64 " * * *;dokku letsencrypt:auto-renew;%s/letsencrypt.log\n", 1 + drawn % 59, drawn / 59 % 24, call->logs_dir);
	return 0;
}
