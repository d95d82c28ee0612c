/* SPDX-License-Identifier: MIT */
#ifndef SYS_SPOOL_H
#define SYS_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"
#include "util/strs.h"

struct err;

/*
 * What the hooks tell the engine (design 7, 10): one file an entry in $D/--global/spool (0700). An entry is complete and on the disk before it has its name,
 * so it survives whatever happens to the hook and to the host; it goes when the engine has put what follows from it into its store.
 */
struct spool_entry {
	char *name;        /* of its file: grows with time */
	struct strs words; /* the trigger, then its arguments */
};
struct spool_entries {
	struct spool_entry *items;
	size_t count;
};
void spool_entries_done(struct spool_entries *entries);

/* global_fd: of $D/--global. *ret_name: the caller frees it. ERR_USAGE: a word with a line end. */
bool spool_put(int global_fd, const char *const *words, size_t count, char **ret_name, struct err *err) MUST_USE;
/* Oldest first. A file that is no entry is removed; an entry that cannot be read now is left where it is. */
bool spool_list(int global_fd, struct spool_entries *ret_entries, struct err *err) MUST_USE;
/* Gone already is fine. */
bool spool_remove(int global_fd, const char *name, struct err *err) MUST_USE;
/* Whether there is any: cheap. */
bool spool_has_any(int global_fd);

#endif
