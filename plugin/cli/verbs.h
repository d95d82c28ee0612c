/* SPDX-License-Identifier: MIT */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/option.h"
#include "util/attr.h"
#include "util/strs.h"

struct context;
struct err;
struct out;
struct verb;

/* One call of a command. */
struct call {
	const struct verb *verb;   /* NULL = not even the command was understood */
	struct options options;
	struct strs words;         /* what is not an option */
	struct out *out;
	char *const *environment;  /* as main got it */
};
void call_done(struct call *call);

/* The one table of commands: what it is called, what it takes, what it does. It is parsed by, and it prints the help. */
struct verb {
	const char *name;                 /* "enable", typed as "letsencrypt:enable" */
	const char *usage;                /* "<app>... | --all [--force]" */
	const char *help;                 /* without commas: the platform's help tears lines there. NULL = not listed */
	size_t words_min;                 /* 1: an app comes first (or --all) */
	size_t words_max;
	size_t raw_index;                 /* see option_parse */
	const struct option_row *options; /* beside the common ones */
	/* *ret_exit is 0 before. */
	bool (*run)(struct call *call, int *ret_exit, struct err *err);
};
/* Sorted by name; ends with a row without name. */
extern const struct verb verbs[];

/*
 * Understands a command line without the program's name: `words[0]` is "letsencrypt:enable", "letsencrypt" (enable, or help without further words) or
 * "enable". ERR_USAGE and ERR_NO_APP end with the usage of the command; ret_call is filled as far as it got.
 */
bool verbs_parse(char *const *words, const struct environment *environment, struct call *ret_call, struct err *err) MUST_USE;
/* Runs it, or prints its help when that was asked for. */
bool verbs_run(struct call *call, int *ret_exit, struct err *err) MUST_USE;
/* The row of a name as typed, with or without "letsencrypt:"; NULL = none. */
const struct verb *verbs_find(const char *name);

/* For the commands: opens what they need; checks the apps that were typed. */
bool call_open(const struct call *call, struct context *ret_context, struct err *err) MUST_USE;
bool call_open_for_apps(const struct call *call, struct context *ret_context, struct err *err) MUST_USE;
/* With JSON: one object for each app that was typed or talked about: what was said, and how it stands now. */
void call_print_results(struct call *call, struct context *context);

bool verb_active(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_auto_renew(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_budget(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_cleanup(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_cloned(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_cron_job(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_default(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_disable(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_enable(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_events(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_found(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_help(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_installed(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_list(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_plan(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_renamed(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_report(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_report_trigger(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_revoke(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_set(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_snippet(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_version(struct call *call, int *ret_exit, struct err *err) MUST_USE;
bool verb_work(struct call *call, int *ret_exit, struct err *err) MUST_USE;

#endif
