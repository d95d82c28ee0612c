/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_REFUSAL_H
#define BUDGET_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "budget/limits.h"
#include "util/strs.h"

/* What the CA's words say of a refusal for its rate (acme-facts C5, C6; boulder ratelimits/limiter.go, errors/errors.go). */
struct refusal {
	bool is_pause;      /* names are paused for the account until its owner follows `link` */
	char *link;         /* "" = none */
	struct strs names;  /* of a pause: those that are told */
	bool has_limit;     /* it names a limit … */
	enum limit limit;   /* LIMIT_DOMAIN for LIMIT_DOMAIN_OF_ACCOUNT, too: the words are the same */
	char *id;           /* … and whose it is, as quoted, in lower case: a name, a registered domain; "" = not told (of IPv6 addresses it never is) */
	int64_t burst;      /* 0 = not told */
	int64_t period_ns;  /* 0 = not told */
	int64_t retry_at;   /* "retry after …", Unix seconds, cut to the second; 0 = not told */
};
/* From any text in which the CA's words occur. Nothing recognised leaves all fields empty. */
void refusal_read(const char *text, struct refusal *ret_refusal);
void refusal_done(struct refusal *refusal);

#endif
