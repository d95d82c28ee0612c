/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_PROGRAM_H
#define HOOKS_PROGRAM_H

#include "util/attr.h"

/* The large program, which lies beside this one. */

/* Says in one line why it does not start and what to do; 1, the exit status. */
int program_explain(const char *reason);
/* Its path, after a look at what would keep it from starting; the caller frees it. NULL after program_explain. */
char *program_find(void) MUST_USE;
/* Becomes it. `words` ends with NULL, words[0] is "letsencrypt". Returns only when it cannot start: the exit status, after program_explain. */
int program_become(char *const words[]);
/* The same for triggers: with an empty stdin; and when it returns, what is to be said has been said. */
void program_become_for_trigger(char *const words[]);

#endif
