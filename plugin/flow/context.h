/* SPDX-License-Identifier: MIT */
#ifndef FLOW_CONTEXT_H
#define FLOW_CONTEXT_H

#include <stdbool.h>

#include "flow/talk.h"
#include "util/attr.h"
#include "util/clock.h"

struct budgets;
struct err;
struct loop;
struct nginx;
struct platform;
struct store;
struct transfers;

/* What a command needs, opened in one place; each thing when it is first asked for. */
struct context {
	struct loop *loop;
	struct platform *platform;
	struct clock clock;
	struct talk talk;
	/* below: NULL until the function of the same name was called */
	struct store *store;
	struct transfers *transfers;
	struct nginx *nginx;
	struct budgets *budgets; /* flow/budget opens it */
	char *templates; /* folder templates/ of the installed plugin */
	bool is_unheard; /* the operator could not be told something: not tried again in this run */
};

/* `environment` as main got it. */
bool context_open(struct context *ret_context, char *const *environment, struct talk talk, struct err *err) MUST_USE;
void context_close(struct context *context);
/* All borrowed; NULL = failed. */
struct store *context_store(struct context *context, struct err *err) MUST_USE;
struct transfers *context_transfers(struct context *context) MUST_USE NEVER_NULL;
struct nginx *context_nginx(struct context *context) MUST_USE NEVER_NULL;
/* Text of a file below templates/ ("nginx/challenge.conf"); the caller frees it. NULL = failed. */
char *context_template(struct context *context, const char *name, struct err *err) MUST_USE;
/* Descriptors of $D/--global/{certs,accounts,state}, made if missing; the caller closes them. -1 = failed. */
int context_certs_fd(struct context *context, struct err *err) MUST_USE;
int context_accounts_fd(struct context *context, struct err *err) MUST_USE;

#endif
