/* SPDX-License-Identifier: MIT */
#ifndef FLOW_GATE_H
#define FLOW_GATE_H

#include <stdbool.h>

#include "sys/loop.h"

/* Lets one fiber through at a time. `{ 0 }` is open. */
struct gate {
	bool is_taken;
	struct loop_event freed;
};

/* False when the wait was stopped or the deadline passed. */
static inline bool gate_enter(struct loop *loop, struct gate *gate, int64_t deadline_ms)
{
	while (gate->is_taken)
		if (loop_wait(loop, &gate->freed, deadline_ms) != WAIT_DONE)
			return false;
	gate->is_taken = true;
	loop_reset(&gate->freed);
	return true;
}

static inline void gate_leave(struct loop *loop, struct gate *gate)
{
	gate->is_taken = false;
	loop_set(loop, &gate->freed);
}

#endif
