/* SPDX-License-Identifier: MIT */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "util/clock.h"

/*
 * The host's wall clock. A test build (-DCLOCK_FROM_FILE) reads Unix seconds from the file named by LETSENCRYPT_TEST_CLOCK instead, when that is set (change
 * it by a rename: a half-written number ends the program). A second number in it is clock_uptime_s; without it the host has been up for a day.
 */
struct clock clock_system(void);
/* The host's wall clock in every build: what the times of files are compared with. */
int64_t clock_of_files(void);
/* The same in nanoseconds: for names in order of time. */
int64_t clock_of_files_ns(void);
/* Seconds since boot. */
int64_t clock_uptime_s(void);

#endif
