/* SPDX-License-Identifier: MIT */
#include "flow/intake.h"

#include <string.h>

#include "flow/app.h"
#include "flow/automatic.h"
#include "flow/context.h"
#include "flow/happened.h"
#include "flow/progress.h"
#include "flow/settings.h"
#include "flow/state.h"
#include "platform/platform.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/loop.h"
#include "sys/spool.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/when.h"

#define LOCK_MS 10000

static bool is_wanted(struct context *context, const char *app, const struct app_held *held)
{
	AUTO(settings_done) struct settings settings = { 0 };
	struct err unread = { 0 };

	if (!settings_read(context->platform, app, &settings, &unread))
		return true;
	return settings.enabled == 1 || (settings.enabled < 0 && (settings.auto_enable || held->is_ours));
}

/* An app whose files cannot be read stops nobody: its job will tell why. */
static bool read_facts(struct context *context, const char *app, struct happened_facts *ret_facts, struct err *err)
{
	AUTO(app_held_done) struct app_held held = { 0 };

	if (!platform_check_app(context->platform, app, err))
		return err->kind == ERR_NO_APP;
	if (!app_read_held(context, app, &held, err)) {
		*ret_facts = (struct happened_facts){ .exists = true, .is_wanted = true };
		return err->kind != ERR_STORE;
	}
	*ret_facts = (struct happened_facts){
		.exists = true,
		.is_wanted = is_wanted(context, app, &held),
		.has_tls = held.has_tls,
		.is_own = held.is_ours || held.is_known,
		.used_one = *held.app.leaf != '\0',
	};
	return true;
}

static bool hold(struct context *context, const char *app, const char *why, struct err *err)
{
	char cause[] = "certs";
	char decision[] = "nothing";
	AUTO_FREE char *name = mem_strdup(app);
	AUTO_FREE char *result = mem_fmt("held back: %s", why);
	AUTO_FREE char *next = mem_fmt("dokku letsencrypt:enable %s", app);
	AUTO(store_app_done) struct store_app known = { 0 };
	struct store_event event = { .app = name, .cause = cause, .decision = decision, .result = result, .next = next };

	if (!store_app_get(context->store, app, &known, err) || !store_app_hold(context->store, app, why, err))
		return false;
	state_forget(context, app);
	return strcmp(known.held_back_reason, why) == 0 || store_event_add(context->store, &event, err);
}

/* Who follows the job is told, and need not wait. */
static void tell_put_off(struct context *context, const char *app, int64_t job, int64_t not_before_at)
{
	AUTO_FD progress_fd = progress_folder(context);
	AUTO_FREE char *when = when_human(not_before_at);
	struct progress progress;

	progress_init(progress_fd, job, &progress);
	const struct talk talk = progress_talk(&progress);
	talk_say(&talk, TALK_INFO1, app, "%s waits until %s: nothing starts by itself within ten minutes of boot", app, when);
	talk_say(&talk, TALK_END, app, "%s", "");
}

static bool add_job(struct context *context, const char *app, const char *reason, int64_t *ret_job, struct err *err)
{
	int64_t not_before_at = automatic_not_before(context);

	if (!store_job_add(context->store, app, reason, false, not_before_at, ret_job, err))
		return false;
	if (not_before_at > 0)
		tell_put_off(context, app, *ret_job, not_before_at);
	return true;
}

/* *ret_job 0: nothing comes of it. */
static bool carry_out(struct context *context, const struct happened *what, const char *app, int64_t *ret_job, struct err *err)
{
	switch (what->kind) {
	case HAPPENED_NOTHING:
		return true;
	case HAPPENED_JOB:
		return add_job(context, app, what->word, ret_job, err);
	case HAPPENED_HOLD:
		return hold(context, app, what->word, err);
	case HAPPENED_FORGET:
		state_forget(context, app);
		return store_app_forget(context->store, app, err);
	}
	return err_set(err, ERR_BUG, "an entry of the spool means nothing");
}

static bool take_in(struct context *context, int global_fd, const struct spool_entry *entry, struct err *err)
{
	const char *trigger = entry->words.items[0];
	const char *app = entry->words.count > 1 ? entry->words.items[1] : "";
	struct happened_facts facts = { 0 };
	struct happened what;
	int64_t job = 0;

	if (name_is_app(app)) {
		if (!read_facts(context, app, &facts, err))
			return false;
		what = happened(trigger, &facts);
		if (!carry_out(context, &what, app, &job, err))
			return false;
	}
	progress_promise(context, entry->name, job);
	return spool_remove(global_fd, entry->name, err);
}

/* One process at a time: what the first took in, the second must not repeat after a third has changed it. */
static bool take_all(struct context *context, int global_fd, struct err *err)
{
	AUTO(spool_entries_done) struct spool_entries entries = { 0 };
	AUTO_FD lock_fd = lock_take(context->loop, global_fd, "spool.lock", loop_now_ms(context->loop) + LOCK_MS, err);

	if (lock_fd < 0 || !context_store(context, err) || !spool_list(global_fd, &entries, err))
		return false;
	for (size_t i = 0; i < entries.count; i++)
		if (!take_in(context, global_fd, &entries.items[i], err))
			return err_wrap(err, "what the platform told (%s %s)", entries.items[i].words.items[0],
					entries.items[i].words.count > 1 ? entries.items[i].words.items[1] : "");
	return true;
}

bool intake_spool(struct context *context, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);

	return global_fd >= 0 && (!spool_has_any(global_fd) || take_all(context, global_fd, err));
}
