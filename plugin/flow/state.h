/* SPDX-License-Identifier: MIT */
#ifndef FLOW_STATE_H
#define FLOW_STATE_H

#include "sys/state_line.h"

struct app;
struct context;
struct decision;

/* The state lines as the engine uses them: see sys/state_line.h. */

/* What the files that are the same for all apps say right now … */
uint64_t state_of_host(const struct context *context);
/* … and with it what the app's files say, in one number: changes when any of them does. */
uint64_t state_fingerprint(const struct context *context, const char *app, uint64_t host);
/* The line is there and its fingerprint is this. */
bool state_read(struct context *context, const char *app, uint64_t fingerprint, struct state *ret_state);
/* The same with the fingerprint of this moment, which is only taken if there is a line. */
bool state_read_now(struct context *context, const char *app, uint64_t host, struct state *ret_state);
void state_write(struct context *context, const char *app, uint64_t fingerprint, const struct state *state);
/* The engine changed something that no file tells. */
void state_forget(struct context *context, const char *app);

/* "Nothing to do" was decided from what the files said when they had this fingerprint: holds until the renewal, the next question about its window, or tomorrow. */
void state_remember(struct context *context, const struct app *app, const struct decision *decision, uint64_t fingerprint);
/* After a job: writes the line if there is nothing left to do for the app, so that its next deploy ends at once; else there is none. */
void state_settle(struct context *context, const char *app);

#endif
