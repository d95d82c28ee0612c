/* SPDX-License-Identifier: MIT */
/* budget: what the CAs still give, and to whom it went. */
#include <inttypes.h>
#include <stddef.h>

#include "cli/out.h"
#include "cli/page.h"
#include "cli/show.h"
#include "cli/verbs.h"
#include "flow/actions.h"
#include "flow/context.h"
#include "json/write.h"
#include "util/err.h"
#include "view/budget.h"

static bool change(struct call *call, struct context *context, const char *word, size_t *ret_count, struct err *err)
{
	if (call->options.is_unpausing) {
		if (!budget_unpause(context, word, err))
			return false;
		if (!out_is_json(call->out))
			out_say(call->out, OUT_INFO1, "What the CA had paused is asked for again");
	}
	if (!call->options.is_rebuilding)
		return true;
	if (!budget_rebuild(context, ret_count, err))
		return false;
	if (!out_is_json(call->out))
		out_say(call->out, OUT_INFO1, "Counted anew: %zu certificates", *ret_count);
	return true;
}

bool verb_budget(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };
	AUTO(view_budget_done) struct view_budget budget = { 0 };
	const char *word = call->words.count > 0 ? call->words.items[0] : NULL;
	struct page page = page_of_output();
	size_t count = 0;

	(void)ret_exit;
	if (!call_open(call, &context, err) || !change(call, &context, word, &count, err) || !view_budget(&context, word, &budget, err))
		return false;
	if (!out_is_json(call->out)) {
		show_budget(call->out, &page, &budget);
		return true;
	}
	AUTO_JSON *object = show_budget_json(&budget);
	if (call->options.is_rebuilding)
		json_set_int(object, "rebuilt", (int64_t)count);
	out_json(call->out, object);
	return true;
}
