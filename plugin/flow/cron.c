/* SPDX-License-Identifier: MIT */
/* Whether the platform's crontab renews every day: a flag file, read by the hook that hands out our line of it. */
#include <stddef.h>

#include "flow/actions.h"
#include "flow/context.h"
#include "platform/platform.h"
#include "sys/file.h"
#include "util/err.h"

#define FLAG "autorenew"

bool cron_status(struct context *context, bool *ret_is_enabled, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);

	if (global_fd < 0)
		return false;
	*ret_is_enabled = file_exists(global_fd, FLAG);
	return true;
}

bool cron_switch(struct context *context, bool on, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);

	if (global_fd < 0)
		return false;
	if (on) {
		/* The flag that is there stays: the time of day is drawn from it. */
		if (!file_exists(global_fd, FLAG) && !file_replace(global_fd, FLAG, "", 0, 0644, err))
			return false;
	} else if (!file_remove(global_fd, FLAG, err)) {
		return false;
	}
	if (platform_write_cron(context->platform, err))
		return true;
	return err_wrap(err, "The choice is kept, but dokku's crontab could not be written (the next deploy of any app writes it)");
}
