/* SPDX-License-Identifier: MIT */
#ifndef TRACE_PLAY_H
#define TRACE_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/ledger.h"
#include "tests/trace/operation.h"
#include "util/attr.h"
#include "util/buf.h"

struct err;

/* The ledger, and what a trace has told it so far. */
struct trace {
	struct ledger ledger;
	struct limits limits;
	int64_t now_ns;
	bool has_begun;
	struct operation operation; /* the last one */
	struct buf defaults;        /* the limits, as the trace told them last */
	struct buf overrides;
	bool has_new_limits;        /* since whoever keeps them looked */
};

/*
 * Appends the answer to a line (which a NUL follows). What makes no sense is answered with an error and changes nothing but the time. False: the ledger's store
 * failed, maybe in the middle of an operation.
 */
bool trace_play(struct trace *trace, const char *line, size_t size, struct buf *out, struct err *err) MUST_USE;

#endif
