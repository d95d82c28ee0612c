/* SPDX-License-Identifier: MIT */
#ifndef FLOW_OUTCOME_H
#define FLOW_OUTCOME_H

#include <stdbool.h>

struct context;
struct err;
struct planned;
struct talk;

/* What became of a job: told to whoever follows it, written down as an event, and (a failure) with the app. All borrowed. */
struct outcome {
	struct context *context;
	const char *app;
	const char *reason;
	const struct planned *planned;
	const struct talk *talk;
	bool has_asked_ca;      /* and got no certificate */
};
/* Says why. For a hook's job a refusal, a wait, and a cause that one has told already, take one line. Returns the exit status: 1, 75 … */
int outcome_failed(const struct outcome *outcome, const struct err *err);
void outcome_installed(const struct outcome *outcome);
/* Nothing was left to do: what failed before does so no more. */
void outcome_is_well(const struct outcome *outcome);

#endif
