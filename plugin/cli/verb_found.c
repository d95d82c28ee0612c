/* SPDX-License-Identifier: MIT */
/* found: what `install`, as root, hands over of another client's certificates. */
#include "cli/verbs.h"
#include "flow/context.h"
#include "flow/found.h"

bool verb_found(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };

	(void)ret_exit;
	return call_open(call, &context, err) && found_write(&context, call->words.items[0], err);
}
