/* SPDX-License-Identifier: MIT */
#ifndef FLOW_ISSUE_H
#define FLOW_ISSUE_H

#include <stdbool.h>

#include "flow/plan.h"
#include "flow/talk.h"
#include "util/attr.h"

struct store_job;
struct worker;

/* One job, from reading the app to its certificate being served; says what it does and what became of it. */
struct issue;

/* The talk must outlive it. */
struct issue *issue_new(struct worker *worker, const struct store_job *job, const struct talk *talk) MUST_USE NEVER_NULL;
void issue_free(struct issue *issue);
/*
 * Reads and decides, without the budget. False: it has ended after having said why; *ret_exit as of issue_run.
 */
bool issue_begin(struct issue *issue, int *ret_exit) MUST_USE;
/* Its decision, for plan_budget; it may become one to wait or to refuse. */
struct planned *issue_planned(struct issue *issue) MUST_USE NEVER_NULL;
/* It will be run by a fiber that may join worker->snippets and worker->renewals. */
void issue_expect(struct issue *issue);
/*
 * Carries the decision out, also one to wait or to refuse. Both batches have been joined or forgotten when it returns. Fails after having said why.
 * *ret_exit: 0, 1, 75.
 */
void issue_run(struct issue *issue, int *ret_exit);

#endif
