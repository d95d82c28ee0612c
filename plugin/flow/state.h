/* SPDX-License-Identifier: MIT */
#ifndef FLOW_STATE_H
#define FLOW_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct context;
struct err;

/*
 * The state line of an app ($D/--global/state/<app>): "nothing to do before check_at, as long as these files are as they are". What a run or a hook needs to know to
 * end at once. Absent, unreadable or out of date = work to do. It is a cache: never synced, made anew at any time.
 */
struct state {
	int64_t check_at; /* to be looked at then, whatever the files say */
	int64_t renew_at; /* 0 = the app has no certificate of ours */
};

/* What the app's files say right now, in one number: changes when any of them does. */
uint64_t state_fingerprint(struct context *context, const char *app);
/* The line is there and its fingerprint is this. */
bool state_read(struct context *context, const char *app, uint64_t fingerprint, struct state *ret_state);
/* The same with the fingerprint of this moment, which is only taken if there is a line. */
bool state_read_now(struct context *context, const char *app, struct state *ret_state);
void state_write(struct context *context, const char *app, uint64_t fingerprint, const struct state *state);
/* The engine changed something that no file tells. */
void state_forget(struct context *context, const char *app);

#endif
