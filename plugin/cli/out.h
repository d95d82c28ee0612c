/* SPDX-License-Identifier: MIT */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "flow/talk.h"
#include "util/attr.h"

struct err;
struct json;
struct strs;

/*
 * All that a command prints: lines in the platform's own form (byte for byte), a status line on a terminal, or JSON. Control bytes are escaped here.
 * With JSON, what is said is recorded app by app instead of being printed; warnings go to stderr all the same.
 */
struct out;

struct out_setup {
	FILE *out;
	FILE *err;
	bool is_quiet; /* leaves out the kinds that end with _QUIET */
	bool is_json;
	int columns;   /* width of the terminal that `err` is, for the status line; 0 = none */
};
struct out *out_new(const struct out_setup *setup) MUST_USE NEVER_NULL;
/* Prints what is still held back, and releases everything. False: not all could be written to `out` (a reader that went away is no failure). */
bool out_close(struct out *out);
/* The width of the terminal on `fd` if lines can be erased there, else 0. */
int out_terminal_columns(int fd, const char *term);

enum out_kind {
	OUT_INFO1,         /* "-----> " */
	OUT_INFO2,         /* "=====> " */
	OUT_INFO2_QUIET,
	OUT_VERBOSE,       /* 7 spaces */
	OUT_VERBOSE_QUIET,
	OUT_PLAIN,         /* nothing in front */
	OUT_PLAIN_QUIET,
	OUT_WARN,          /* " !     ", on stderr */
	OUT_NOTE           /* nothing in front, on stderr */
};
/* One line; the newline is added. */
void out_say(struct out *out, enum out_kind kind, const char *format, ...) PRINTF(3, 4);
/* Each line of the error as a warning; with JSON also as an object on stdout. */
void out_err(struct out *out, const struct err *err);

/* For flow/: belongs to `out`. */
struct talk out_talk(struct out *out);
/*
 * How many apps will be talked about: with one (the default) its lines are printed as they come; else (SIZE_MAX = unknown) those of each app at its
 * end, as one block.
 */
void out_expect(struct out *out, size_t app_count);

bool out_is_json(const struct out *out);
/* A compact line. */
void out_json(struct out *out, const struct json *value);
/* The apps of which something was recorded, in the order in which they came. */
void out_recorded_apps(const struct out *out, struct strs *ret_apps);
/* Adds "messages" and "warnings" of `app` (NULL: those of no app) to `object` and forgets them. */
void out_take_record(struct out *out, const char *app, struct json *object);

#endif
