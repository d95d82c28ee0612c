/* SPDX-License-Identifier: MIT */
#ifndef FLOW_BATCH_H
#define FLOW_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/loop.h"
#include "util/attr.h"
#include "util/err.h"

/*
 * What many fibers want done is done once for all: each brings an item and waits; when no other fiber is about to bring one, or the first has waited long
 * enough, one fiber carries the batch out and all go on.
 */
struct batch_item {
	struct loop_event done;
	bool is_ok;
	struct err err;      /* when not ok */
	struct batch_item *next;
};

struct batch {
	struct loop *loop;
	/* Carries out the items (a list) and sets is_ok or err of each. Runs in a fiber of its own. */
	void (*carry_out)(void *ctx, struct batch_item *items);
	void *ctx;
	int64_t patience_ms; /* how long the latest waits for others at most; the first: ten times that */
	size_t expected;     /* fibers that may still bring an item: batch_expect, batch_forget */
	struct loop_event changed;
	struct batch_item *items;
	int64_t latest_ms;   /* when the latest item came */
	bool is_collecting;
};

/* This fiber may bring an item later … */
void batch_expect(struct batch *batch);
/* … and now it will not. */
void batch_forget(struct batch *batch);
/* Brings the item (of an expecting fiber) and waits until it is carried out; also a termination signal does not end that wait. */
bool batch_join(struct batch *batch, struct batch_item *item, struct err *err) MUST_USE;

#endif
