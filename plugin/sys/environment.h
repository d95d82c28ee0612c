/* SPDX-License-Identifier: MIT */
#ifndef SYS_ENVIRONMENT_H
#define SYS_ENVIRONMENT_H

#include "util/attr.h"

struct strs;

/* For whom an environment is built. */
enum environment_for {
	ENVIRONMENT_CHILD, /* what a command runs for whoever typed it: children know who asks */
	ENVIRONMENT_WORKER /* what works for everybody: nothing of who happened to start it */
};

/* The value of `name`, NULL if it is not set or empty: borrowed. */
const char *environment_get(char *const *environment, const char *name);
/* Adds what core and plugn need, taken from `environment`, with defaults for what is missing; and nothing else (design 7). */
void environment_build(char *const *environment, enum environment_for whom, struct strs *ret_env);

#endif
