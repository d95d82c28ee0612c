/* SPDX-License-Identifier: MIT */
/* One test and one reload for many. */
#include "flow/batch.h"

void batch_expect(struct batch *batch)
{
	batch->expected++;
}

void batch_forget(struct batch *batch)
{
	batch->expected--;
	loop_set(batch->loop, &batch->changed);
}

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void collect_and_carry_out(void *arg)
{
	struct batch *batch = arg;
	int64_t last_ms = loop_now_ms(batch->loop) + 10 * batch->patience_ms;
	struct batch_item *items = NULL;
	struct batch_item *next = NULL;

	while (batch->expected > 0 && loop_wait(batch->loop, &batch->changed, min(last_ms, batch->latest_ms + batch->patience_ms)) == WAIT_DONE)
		loop_reset(&batch->changed);
	items = batch->items;
	batch->items = NULL;
	batch->is_collecting = false;
	batch->carry_out(batch->ctx, items);
	for (struct batch_item *item = items; item; item = next) {
		next = item->next;
		loop_set(batch->loop, &item->done);
	}
}

bool batch_join(struct batch *batch, struct batch_item *item, struct err *err)
{
	item->next = batch->items;
	batch->items = item;
	batch->latest_ms = loop_now_ms(batch->loop);
	batch_forget(batch);
	if (!batch->is_collecting) {
		batch->is_collecting = true;
		loop_start(batch->loop, collect_and_carry_out, batch);
	}
	(void)loop_wait_finish(batch->loop, &item->done, LOOP_NEVER);
	if (!item->is_ok)
		*err = item->err;
	return item->is_ok;
}
