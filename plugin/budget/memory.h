/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_MEMORY_H
#define BUDGET_MEMORY_H

#include <stddef.h>

#include "budget/ledger.h"
#include "util/attr.h"

/* The ledger's books in memory: for plans that are tried out, and for tests. */
struct memory;

void memory_free(struct memory *memory);
struct memory *memory_new(void) MUST_USE NEVER_NULL FREED_BY(memory_free);
static inline void memory_freep(struct memory **memory)
{
	memory_free(*memory);
}
#define AUTO_MEMORY AUTO(memory_freep) struct memory
/* Its `ctx` is a struct memory. Nothing in it fails. */
const struct ledger_store *memory_store(void);

#endif
