/* SPDX-License-Identifier: MIT */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

struct err;
struct strs;

/* What the platform says by environment variables: flags that stood before the command are nowhere else. Text is borrowed; NULL = not set. */
struct environment {
	const char *app_name; /* DOKKU_APP_NAME: --app */
	bool is_quiet;        /* DOKKU_QUIET_OUTPUT: --quiet */
	bool is_forced;       /* DOKKU_APPS_FORCE_DELETE: --force */
	bool is_tracing;      /* DOKKU_TRACE: --trace */
};

/* Everything that options can say; each command knows some of it. Text is borrowed from the command line. */
struct options {
	const char *app;
	const char *reason;
	const char *add;
	const char *until;
	const char *by;
	const char *other; /* for OPTION_OTHER */
	bool is_all;
	bool is_forced;
	bool is_quiet;
	bool is_tracing;
	bool is_json;
	bool is_following;
	bool is_rebuilding;
	bool is_unpausing;
	bool is_scheduled;
	bool is_for_platform;
	bool wants_help;
};

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *: "--name VALUE" or "--name=VALUE" */
	OPTION_FORMAT, /* bool: true for "json", false for "stdout" or "text" */
	OPTION_WORD,   /* not an option but a word like any other ("--global") */
	OPTION_OTHER   /* const char *: one word that starts with '-' and that no other row has; `name` is what the help calls it */
};

/* One row of a command's table, which ends with a row without name. The table is what is parsed by, and what the help prints. */
struct option_row {
	const char *name; /* "--force" */
	const char *letter; /* "-f", NULL = none. Never -n, -e or -E: the platform loses them over ssh. */
	enum option_kind kind;
	size_t offset;    /* of the member of struct options */
	const char *value;/* what the help calls the value, NULL = none */
	const char *help;
};
#define OPTION_END { NULL, NULL, OPTION_FLAG, 0, NULL, NULL }

/* Rows that every command has. */
extern const struct option_row option_common[];

/*
 * Reads `words` (NULL-terminated) by the rows of `own` and the common ones, options anywhere. The word that becomes number `raw_index` of the plain
 * words is taken as it is unless it is exactly an option (values that start with '-'); SIZE_MAX = none. Where `own` has "--app", its app (or the
 * environment's) is put in front. ERR_USAGE proposes the nearest option; *ret_options is then filled as far as it got.
 */
bool option_parse(const struct option_row *own, size_t raw_index, char *const *words, const struct environment *environment,
		  struct options *ret_options, struct strs *ret_words, struct err *err) MUST_USE;

#endif
