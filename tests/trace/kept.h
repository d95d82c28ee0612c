/* SPDX-License-Identifier: MIT */
#ifndef TRACE_KEPT_H
#define TRACE_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/book.h"
#include "tests/trace/play.h"
#include "util/attr.h"

struct err;

/* The ledger of a trace in a file: operations are kept in batches, with the limits and the moment that the trace had reached. */
struct kept {
	struct store *store; /* NULL: nothing is kept */
	struct book book;
	bool is_open;        /* a batch is under way */
};

/* Opens the file, and puts the trace where it was; *ret_applied: after so many operations. Both must stay where they are. */
bool kept_open(struct kept *kept, const char *path, struct trace *trace, int64_t *ret_applied, struct err *err) MUST_USE;
/* Before an operation. */
bool kept_begin(struct kept *kept, struct err *err) MUST_USE;
/* After the last one of a batch. */
bool kept_commit(struct kept *kept, struct trace *trace, int64_t applied, struct err *err) MUST_USE;
void kept_done(struct kept *kept);

#endif
