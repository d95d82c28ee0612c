/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_FOLLOW_H
#define HOOKS_FOLLOW_H

#include <stdint.h>

struct engine_told;
struct hook_call;

/*
 * Prints what the engine says of what it was told, until it has said all, for at most `wait_s` seconds. Holds nothing up: when nobody reads it or its
 * parent is gone, it ends.
 */
void follow(const struct hook_call *call, const char *app, const struct engine_told *told, int64_t wait_s);

#endif
