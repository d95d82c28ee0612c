/* SPDX-License-Identifier: MIT */
#ifndef FLOW_STATE_H
#define FLOW_STATE_H

#include "sys/state_line.h"

struct context;

/* The state lines as the engine uses them: see sys/state_line.h. */

/* What the app's files say right now, in one number: changes when any of them does. */
uint64_t state_fingerprint(struct context *context, const char *app);
/* The line is there and its fingerprint is this. */
bool state_read(struct context *context, const char *app, uint64_t fingerprint, struct state *ret_state);
void state_write(struct context *context, const char *app, uint64_t fingerprint, const struct state *state);
/* The engine changed something that no file tells. */
void state_forget(struct context *context, const char *app);

#endif
