/* SPDX-License-Identifier: MIT */
/* What `install` has the program do on a host that had another client: found, as root, for certbot's certificates; takeover for the bash plugin's. */
#include "cli/verbs.h"
#include "flow/context.h"
#include "flow/found.h"
#include "flow/takeover.h"

bool verb_found(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };

	(void)ret_exit;
	return call_open(call, &context, err) && found_write(&context, call->words.items[0], err);
}

bool verb_takeover(struct call *call, int *ret_exit, struct err *err)
{
	AUTO(context_close) struct context context = { 0 };

	(void)ret_exit;
	return call_open(call, &context, err) && takeover(&context, err);
}
