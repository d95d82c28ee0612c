/* SPDX-License-Identifier: MIT */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <stddef.h>

/* Of this folder only. The tables, as numbered migrations: the first makes version 1 out of an empty file. What was once released is never changed. */
extern const char *const schema_migrations[];
extern const size_t schema_migration_count;

#endif
