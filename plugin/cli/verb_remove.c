/* SPDX-License-Identifier: MIT */
/* revoke, disable, cleanup: what takes something away from one app. */
#include "cli/out.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"

bool verb_revoke(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	bool is_done = false;

	(void)ret_exit;
	if (!call_open_for_apps(call, &context, err))
		return false;
	is_done = revoke_app(&context, call->words.items[0], call->options.reason, err);
	call_print_results(call, &context);
	return is_done;
}

static bool run_for_app(struct call *call, bool (*action)(struct context *context, const char *app, struct err *err), struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	bool is_done = false;

	if (!call_open_for_apps(call, &context, err))
		return false;
	is_done = action(&context, call->words.items[0], err);
	call_print_results(call, &context);
	return is_done;
}

bool verb_disable(struct call *call, int *ret_exit, struct err *err)
{
	(void)ret_exit;
	return run_for_app(call, disable_app, err);
}

bool verb_cleanup(struct call *call, int *ret_exit, struct err *err)
{
	(void)ret_exit;
	return run_for_app(call, cleanup_app, err);
}
