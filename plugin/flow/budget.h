/* SPDX-License-Identifier: MIT */
#ifndef FLOW_BUDGET_H
#define FLOW_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "budget/limits.h"
#include "flow/rules.h"
#include "flow/turn.h"
#include "store/book.h"
#include "util/attr.h"

/* Nothing waits in a process for its budget longer than this. */
#define BUDGET_PATIENCE_S 10

struct context;
struct err;

/* The budget that a CA gives us, as the engine asks for it: the book of the store with the limits that hold, opened once a run. */
struct budget {
	struct context *context;
	char *server;         /* directory URL */
	struct limits limits; /* templates, overrides of the operator, what refusals taught; `has_limits` false: nothing is known */
	bool has_limits;
	char *ca;             /* whose buckets they are: limits.name, or the server's host */
	struct book book;     /* borrows from the above and from the context's rules */
	int64_t offset_s;     /* the CA's clock less the host's, as it was last seen … */
	int64_t kept_offset_s;/* … and as the store has it */
	struct budget *next;
};
/* Budgets and rules of a run; of the context. */
struct budgets {
	struct rules rules;
	struct budget *first;
};
void budgets_free(struct budgets *budgets);

/*
 * The budget of the server that the settings name; borrowed. NULL = failed (a file of limits or a property that makes no sense: nothing is issued on guessed limits).
 * The first time on this host it is started from the certificates that are found.
 */
struct budget *budget_open(struct context *context, const char *server, struct err *err) MUST_USE;
/* At the end of a scheduled run: drops what does not matter any more of the books that were open, and fetches a newer list of public suffixes. */
void budget_tidy(struct context *context);

/* The two clocks of design 4. */
struct budget_now {
	int64_t admit_ns; /* the earlier one */
	int64_t book_ns;  /* the later one */
};
/* `date_at`: Date of the CA's latest answer in this run, 0 = none. */
struct budget_now budget_now(const struct budget *budget, int64_t date_at);
/* Remembers how far the CA's clock is from the host's. */
bool budget_note_date(struct budget *budget, int64_t date_at, struct err *err) MUST_USE;

/* What the book calls an account: the last part of its URL. Borrowed from `url`. */
const char *budget_account(const char *url);

/* One request for a certificate, as the book judges it. */
struct budget_request {
	struct store_order order;  /* owned */
	struct book_request book;  /* borrows from order and from the group */
	int64_t window_start_at, window_end_at; /* of the certificate that it replaces; 0 = open */
	enum urgency urgency;
	char *group;               /* "" = a group of its own */
};
void budget_request_done(struct budget_request *request);
/* From an order as it would be placed; `is_by_graceperiod`: the user's graceperiod, not the CA, says that it is due. lease_until and moments stay 0. */
void budget_request_fill(const struct budget *budget, enum urgency urgency, bool is_by_graceperiod, struct budget_request *io_request);
/* Sets the moments; a renewal is exempt only if its window is open by both clocks. */
void budget_request_at(const struct budget_now *now, struct budget_request *io_request);

/* What the CA's 429 for this request teaches; the next ones are not sent before its moment. Nothing else than ERR_RATE_LIMITED is looked at. */
bool budget_learn(struct budget *budget, const struct store_order *order, const struct err *refusal, struct err *err) MUST_USE;

#endif
