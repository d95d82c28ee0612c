/* SPDX-License-Identifier: MIT */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct err;
struct loop;

/*
 * Exclusive open-file-description locks (F_OFD_SETLK) on files that are never removed; the holder's pid is written into them. Released by close or death.
 * A lock is its descriptor.
 */

/* Takes it at once, or fails with ERR_LOCKED naming the holder. -1 = failed. */
int lock_try(int dir_fd, const char *name, struct err *err) MUST_USE;
/* Holds it together with others that share it, so that nobody has it for itself meanwhile; else as lock_try, but the holder it names may be an earlier one. */
int lock_share(int dir_fd, const char *name, struct err *err) MUST_USE;
/* Waits for it until `deadline_ms` of the loop. */
int lock_take(struct loop *loop, int dir_fd, const char *name, int64_t deadline_ms, struct err *err) MUST_USE;

#endif
