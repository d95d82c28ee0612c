/* SPDX-License-Identifier: MIT */
#ifndef STORE_ASIDE_H
#define STORE_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct err;

/*
 * Of this folder only: what becomes of a database that is corrupt. Whoever notices leaves a marker beside it; the next one who opens it sets it aside under a
 * name with the date, and makes it anew. While a process opens the file nobody sets it aside, and the reverse: so nobody finds half of its siblings, or makes
 * new ones that would then be moved with the old.
 */
struct aside {
	int dir_fd;  /* of the file's folder, -1: there is none */
	int lock_fd;
	char *name;  /* of the file */
};
#define ASIDE_NONE { .dir_fd = -1, .lock_fd = -1 }
void aside_done(struct aside *aside);
#define AUTO_ASIDE AUTO(aside_done) struct aside

/*
 * For opening `path` (absolute). Where no lock can be made (no such folder, a read-only disk) there is none: nobody could set anything aside there. ERR_STORE:
 * others had it for too long.
 */
bool aside_share(const char *path, struct aside *ret_aside, struct err *err) MUST_USE;
/* For setting it aside. ERR_STORE, also for want of rights. */
bool aside_own(const char *path, struct aside *ret_aside, struct err *err) MUST_USE;

/* For whoever has either: the file is corrupt. */
bool aside_mark(const struct aside *aside, struct err *err) MUST_USE;
/* It is to be set aside, or was, and the new one does not know yet what was lost. */
bool aside_is_marked(const struct aside *aside);

/* For the owner: renames the file and its siblings, if that is still to be done. Until aside_told it is marked. */
bool aside_put(const struct aside *aside, int64_t now_at, struct err *err) MUST_USE;
/* The new file knows it. */
bool aside_told(const struct aside *aside, struct err *err) MUST_USE;

#endif
