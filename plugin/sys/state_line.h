/* SPDX-License-Identifier: MIT */
#ifndef SYS_STATE_LINE_H
#define SYS_STATE_LINE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The state line of an app ($D/--global/state/<app>, design 8): "nothing to do before check_at, as long as these files are as they are". What a run or a hook
 * needs to know to end at once. Absent, unreadable or out of date = work to do. It is a cache: never synced, made anew at any time.
 */
struct state {
	int64_t check_at; /* to be looked at then, whatever the files say */
	int64_t renew_at; /* 0 = the app has no certificate of ours */
};

#define STATE_IMPRINT_SIZE 17

struct state_line {
	char imprint[STATE_IMPRINT_SIZE]; /* 16 hex digits */
	struct state state;
};

/* global_fd: of $D/--global; -1 = there is none. True if the line is there and was written with this imprint (sys/imprint.h). */
bool state_line_read(int global_fd, const char *app, uint64_t imprint, struct state *ret_state);
/* The same in two steps: taking an imprint costs more than finding that there is no line. */
bool state_line_read_any(int global_fd, const char *app, struct state_line *ret_line);
bool state_line_is_of(const struct state_line *line, uint64_t imprint);
/* Failures are ignored: without a line there is work to do. */
void state_line_write(int global_fd, const char *app, uint64_t imprint, const struct state *state);
void state_line_remove(int global_fd, const char *app);

#endif
