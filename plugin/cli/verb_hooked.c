/* SPDX-License-Identifier: MIT */
/* What the hook program starts: work, snippet, cloned, renamed. Nobody typed these: they say only what went wrong, and all but `work` end with 0. */
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/automatic.h"
#include "flow/context.h"
#include "flow/worker.h"
#include "util/err.h"

static bool work(struct context *context, const struct strs *words, struct err *err)
{
	bool is_over = false;

	(void)words;
	return automatic_await_boot(context, &is_over, err) && (!is_over || worker_serve(context, err));
}

static bool place_snippet(struct context *context, const struct strs *words, struct err *err)
{
	return app_is_reloaded(context, words->items[0], err);
}

static bool clone_app(struct context *context, const struct strs *words, struct err *err)
{
	return app_was_cloned(context, words->items[0], words->items[1], err);
}

static bool rename_app(struct context *context, const struct strs *words, struct err *err)
{
	return app_was_renamed(context, words->items[0], words->items[1], err);
}

/* What went wrong is said here; failed_exit: the status that it ends with then. */
static bool run(struct call *call, bool (*act)(struct context *context, const struct strs *words, struct err *err), int failed_exit, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	const struct strs *words = &call->words;

	if (!call_open(call, &context, err))
		return false;
	if (act(&context, words, err))
		return true;
	automatic_failed(&context, call->verb->name, words->count > 0 ? words->items[words->count - 1] : NULL, err);
	*ret_exit = failed_exit;
	return true;
}

/* A deploy that follows its worker need not wait for one that could not work. */
bool verb_work(struct call *call, int *ret_exit, struct err *err)
{
	return run(call, work, 1, ret_exit, err);
}

bool verb_snippet(struct call *call, int *ret_exit, struct err *err)
{
	return run(call, place_snippet, 0, ret_exit, err);
}

bool verb_cloned(struct call *call, int *ret_exit, struct err *err)
{
	return run(call, clone_app, 0, ret_exit, err);
}

bool verb_renamed(struct call *call, int *ret_exit, struct err *err)
{
	return run(call, rename_app, 0, ret_exit, err);
}
