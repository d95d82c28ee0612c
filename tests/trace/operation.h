/* SPDX-License-Identifier: MIT */
#ifndef TRACE_OPERATION_H
#define TRACE_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/buf.h"
#include "util/strs.h"

struct err;
struct limits;

enum operation_member {
	HAS_OP = 1 << 0,
	HAS_T = 1 << 1,
	HAS_ACCOUNT = 1 << 2,
	HAS_NAMES = 1 << 3,
	HAS_NAME = 1 << 4,
	HAS_IP = 1 << 5,
	HAS_NOT_BEFORE = 1 << 6,
	HAS_ISSUED = 1 << 7,
	HAS_NOT_AFTER = 1 << 8,
	HAS_REPLACES = 1 << 9
};

/* A line of a trace. Its buffers are used again for the next one. */
struct operation {
	unsigned has; /* enum operation_member */
	struct buf op;
	struct buf name;
	struct buf ip;
	struct strs names;
	int64_t t;
	int64_t account;
	int64_t not_before;
	int64_t issued;
	int64_t not_after;
	bool replaces;
	const char *overrides; /* JSON inside the line, or NULL */
	size_t overrides_size;
	const char *defaults;
	size_t defaults_size;
};

void operation_init(struct operation *operation);
/* `line` is followed by a NUL. */
bool operation_read(const char *line, size_t size, struct operation *operation, struct err *err) MUST_USE;
void operation_done(struct operation *operation);

/* JSON in the shape of the CA's YAML files. After a failure the limits are half changed. */
bool operation_defaults(const char *text, size_t size, struct limits *limits, struct err *err) MUST_USE;
bool operation_overrides(const char *text, size_t size, struct limits *limits, struct err *err) MUST_USE;

#endif
