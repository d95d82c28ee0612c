/* SPDX-License-Identifier: MIT */
#ifndef FLOW_CHALLENGE_H
#define FLOW_CHALLENGE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/batch.h"
#include "util/attr.h"
#include "util/strs.h"

struct app;
struct buf;
struct context;
struct err;
struct talk;
struct worker;

/* HTTP-01 through the app's own proxy configuration (design 5): the snippet, token files, and the self-test before the CA is told. */

/* How an app answers for an account in this run. */
struct challenge {
	const char *thumbprint; /* of the account; borrowed */
	bool needs_files;       /* the snippet speaks for another account: by token files */
	bool awaits_proxy;      /* the platform is about to tell the proxy of new names: the self-test waits for that, up to a minute */
	bool is_unsettled;      /* nginx may have been reloaded just before the self-test, by us or by the platform: its old workers still answer beside the new ones */
	int64_t right_ms;       /* of the self-test: since when all answers are right */
};

/*
 * Sees to it that the app's server blocks answer challenges of the account with io_challenge->thumbprint. One test and one reload for all apps of the run that need a
 * snippet.
 */
bool challenge_prepare(struct worker *worker, const struct app *app, const struct talk *talk, struct challenge *io_challenge, struct err *err) MUST_USE;
/*
 * The same for one app and at once, without a reload: for who is about to have one. Tested from copies; nothing is written when it is there as it should be.
 */
bool challenge_place_snippet(struct context *context, const char *app, const char *thumbprint, struct err *err) MUST_USE;
/* The app's nginx.conf; ERR_REFUSED when there is none, or when it does not include the folder of the snippet. */
bool challenge_read_conf(struct context *context, const char *app, struct buf *ret_conf, struct err *err) MUST_USE;
/* "<file>:<line>" of a `return` that comes before every location of the app, the snippet's too; NULL = there is none. The caller frees it. */
char *challenge_find_return(struct context *context, const char *app) MUST_USE;
/* For the batch of the worker. */
void challenge_write_snippets(void *worker, struct batch_item *items);

/*
 * Asks the proxy for each name (flow/selftest): a random file in the app's webroot and (unless token files are used) a random token. Names whose answer is wrong are added to
 * ret_wrong, with what was seen in ret_reasons (same index); what cannot be reached is only noted.
 */
bool challenge_self_test(struct worker *worker, const struct app *app, const struct strs *names, struct challenge *io_challenge, const struct talk *talk,
			 struct strs *ret_wrong, struct strs *ret_reasons, struct err *err) MUST_USE;
/*
 * To be called when the CA is about to be told to look: after a reload of ours right answers must have stayed right for a while, since old workers of nginx answer
 * beside the new ones. The while passes with placing the order. ERR_REFUSED: they did not; the order is not worth going on with.
 */
bool challenge_settle(struct worker *worker, const struct app *app, const struct strs *names, struct challenge *io_challenge, const struct talk *talk,
		      struct err *err) MUST_USE;

/* Token files of an order, 0644 in the app's webroot. */
bool challenge_write_token(struct context *context, const char *app, const char *token, const char *content, struct err *err) MUST_USE;
void challenge_remove_token(struct context *context, const char *app, const char *token);

#endif
