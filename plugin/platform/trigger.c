/* SPDX-License-Identifier: MIT */
/* Triggers: how the platform is asked, and told. Each costs some 80 ms and many processes, so what a file says is read from the file. */

#include <string.h>
#include <unistd.h>

#include "platform/host.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include "util/err.h"
#include "util/mem.h"

/* A rebuild takes seconds; on k3s a certificate redeploys the app. */
#define TIMEOUT_MS 600000
/* Core's log of events implements every trigger. */
#define EVENTS_PLUGIN "20_events"

bool trigger_is_implemented(struct platform *platform, const char *trigger)
{
	struct err ignored = { 0 };
	AUTO_FD enabled_fd = dir_open(platform->enabled_path, &ignored);
	AUTO_STRS plugins = { 0 };

	if (enabled_fd < 0 || !dir_list(enabled_fd, &plugins, &ignored))
		return false;
	for (size_t i = 0; i < plugins.count; i++) {
		AUTO_FREE char *path = mem_fmt("%s/%s", plugins.items[i], trigger);

		if (strcmp(plugins.items[i], EVENTS_PLUGIN) != 0 && faccessat(enabled_fd, path, X_OK, 0) == 0)
			return true;
	}
	return false;
}

bool platform_trigger(struct platform *platform, const char *const *words, struct spawn_result *ret_result, struct err *err)
{
	AUTO_STRS argv = { 0 };
	AUTO(spawn_result_done) struct spawn_result result = { 0 };

	strs_add(&argv, "plugn");
	strs_add(&argv, "trigger");
	for (; *words != NULL; words++)
		strs_add(&argv, *words);
	struct spawn spawn = {
		.argv = (const char *const *)strs_argv(&argv),
		.env = platform_child_env(platform),
		.timeout_ms = TIMEOUT_MS,
		.must_finish = true,
	};
	if (!spawn_check(platform->loop, &spawn, &result, err))
		return false;
	if (ret_result != NULL) {
		*ret_result = result;
		result = (struct spawn_result){ 0 };
	}
	return true;
}

static bool tell(struct platform *platform, const char *trigger, const char *app, struct err *err)
{
	return platform_check_app(platform, app, err) && platform_trigger(platform, (const char *const[]){ trigger, app, NULL }, NULL, err);
}

bool platform_build_config(struct platform *platform, const char *app, struct err *err)
{
	return tell(platform, "proxy-build-config", app, err);
}

bool platform_certs_updated(struct platform *platform, const char *app, struct err *err)
{
	return tell(platform, "post-certs-update", app, err);
}

bool platform_domains_updated(struct platform *platform, const char *app, struct err *err)
{
	return tell(platform, "post-domains-update", app, err);
}

bool platform_certs_removed(struct platform *platform, const char *app, struct err *err)
{
	return tell(platform, "post-certs-remove", app, err);
}

bool platform_write_cron(struct platform *platform, struct err *err)
{
	/* Its name before Dokku 0.36. A trigger that nobody implements succeeds, so the name cannot be tried. */
	const char *trigger = trigger_is_implemented(platform, "scheduler-cron-write") ? "scheduler-cron-write" : "cron-write";

	return platform_trigger(platform, (const char *const[]){ trigger, NULL }, NULL, err);
}

bool platform_crontab_has(struct platform *platform, const char *words, bool *ret_has, struct err *err)
{
	AUTO(spawn_result_done) struct spawn_result result = { 0 };
	const struct spawn spawn = {
		.argv = (const char *const[]){ "crontab", "-l", NULL },
		.env = platform_child_env(platform),
	};

	if (!spawn_run(platform->loop, &spawn, &result, err))
		return false;
	*ret_has = result.status == 0 && strstr(buf_text(&result.out), words) != NULL;
	return true;
}
