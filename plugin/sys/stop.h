/* SPDX-License-Identifier: MIT */
#ifndef SYS_STOP_H
#define SYS_STOP_H

#include <stdbool.h>

/*
 * Termination signals (INT, TERM, HUP) become one flag and one readable descriptor; SIGPIPE is ignored. Call once in main. A HUP that was ignored when the
 * program started (nohup) stays so. Global because signal dispositions are.
 */
void stop_install(void);
/* That part of it alone: for programs that a termination signal may simply end. */
void stop_ignore_broken_pipes(void);
bool stop_is_requested(void);
/* The first signal that came, 0 if none. */
int stop_signal(void);
/* Readable once a signal came; -1 before stop_install. */
int stop_fd(void);

#endif
