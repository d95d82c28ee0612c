/* SPDX-License-Identifier: MIT */
/* enable, auto-renew, and `letsencrypt <app>`. */
#include <stdint.h>

#include "cli/out.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"
#include "util/err.h"

static bool enable(struct call *call, struct context *context, int *ret_exit, struct err *err)
{
	const struct options *options = &call->options;

	if (!options->is_all)
		return enable_apps(context, &call->words, options->is_forced, ret_exit, err);
	return enable_all(context, options->is_forced, ret_exit, err);
}

/* An app that was typed twice is one app. */
static void drop_repeated(struct strs *words)
{
	AUTO_STRS once = { 0 };

	for (size_t i = 0; i < words->count; i++)
		(void)strs_add_new(&once, words->items[i]);
	strs_done(words);
	*words = strs_take(&once);
}

bool verb_enable(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	bool is_done = false;

	if (call->options.is_all && call->words.count > 0)
		return err_set(err, ERR_USAGE, "Either --all or apps by name ('%s')\nUsage: dokku letsencrypt:enable <app>... | --all [--force]",
			       call->words.items[0]);
	drop_repeated(&call->words);
	if (!call_open_for_apps(call, &context, err))
		return false;
	out_expect(call->out, call->options.is_all ? SIZE_MAX : call->words.count);
	is_done = enable(call, &context, ret_exit, err);
	call_print_results(call, &context);
	return is_done;
}

bool verb_default(struct call *call, int *ret_exit, struct err *err)
{
	if (call->words.count == 0 && !call->options.is_all)
		return verb_help(call, ret_exit, err);
	return verb_enable(call, ret_exit, err);
}

/* Of two mechanisms that start it each says which it is, so that one can keep off. */
static bool check_schedule(const struct call *call, struct err *err)
{
	const struct options *options = &call->options;

	if (options->by && !options->is_scheduled)
		return err_set(err, ERR_USAGE, "--by belongs to --scheduled: --scheduled --by cron-entries, or --scheduled --by host");
	if (options->is_scheduled && call->words.count > 0)
		return err_set(err, ERR_USAGE, "--scheduled renews all apps, not one ('%s')", call->words.items[0]);
	return true;
}

static bool auto_renew(const struct call *call, struct context *context, int *ret_exit, struct err *err)
{
	if (call->options.is_scheduled)
		return auto_renew_scheduled(context, call->options.by, ret_exit, err);
	if (call->words.count > 0)
		return auto_renew_app(context, call->words.items[0], ret_exit, err);
	return auto_renew_all(context, true, ret_exit, err);
}

bool verb_auto_renew(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	bool is_done = false;

	if (!check_schedule(call, err) || !call_open_for_apps(call, &context, err))
		return false;
	out_expect(call->out, call->words.count > 0 ? 1 : SIZE_MAX);
	is_done = auto_renew(call, &context, ret_exit, err);
	call_print_results(call, &context);
	return is_done;
}
