/* SPDX-License-Identifier: MIT */
#ifndef FLOW_WISHES_H
#define FLOW_WISHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/progress.h"
#include "util/attr.h"

struct context;
struct err;

/* What one command waits for: jobs of the queue, whoever carries them out. */
struct wish {
	int64_t id;     /* of its job */
	bool is_ended;
	int exit_status;
	struct progress_reader reader;
};
struct wishes {
	struct wish *items;
	size_t count;
	bool is_endless; /* no command: all that is in queue and spool is wanted */
};

bool wishes_has(const struct wishes *wishes, int64_t id);
/* Nothing is left to wait for. */
bool wishes_are_done(const struct wishes *wishes);
void wishes_end(const struct wishes *wishes, int64_t id, int exit_status);
/* Says to context->talk what another worker has said of them, and ends those that it has ended. */
bool wishes_follow(struct context *context, const struct wishes *wishes, struct err *err) MUST_USE;

#endif
