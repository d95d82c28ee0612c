/* SPDX-License-Identifier: MIT */
#ifndef FLOW_STATE_H
#define FLOW_STATE_H

#include "sys/state_line.h"

struct app;
struct context;
struct decision;

/* The state lines as the engine uses them: see sys/state_line.h. */

/* What the app's files say right now, in one number: changes when any of them does. */
uint64_t state_fingerprint(struct context *context, const char *app);
/* The line is there and its fingerprint is this. */
bool state_read(struct context *context, const char *app, uint64_t fingerprint, struct state *ret_state);
void state_write(struct context *context, const char *app, uint64_t fingerprint, const struct state *state);
/* The engine changed something that no file tells. */
void state_forget(struct context *context, const char *app);

/* "Nothing to do" was decided from what the files said when they had this fingerprint: holds until the renewal, the next question about its window, or tomorrow. */
void state_remember(struct context *context, const struct app *app, const struct decision *decision, uint64_t fingerprint);
/* After a job: writes the line if there is nothing left to do for the app, so that its next deploy ends at once; else there is none. */
void state_settle(struct context *context, const char *app);

#endif
