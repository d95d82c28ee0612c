/* SPDX-License-Identifier: MIT */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

/*
 * The one error value. It belongs to the caller, lives on the stack and owns nothing. A function that can fail returns bool (true = done) or a pointer
 * (NULL = failed) and takes `struct err *err` last; what it failed at is complete enough to be printed: the thing, the reason, the next step.
 */
enum err_kind {
	ERR_NONE,
	ERR_USAGE,        /* the command line */
	ERR_CONFIG,       /* a property or a file that an operator wrote */
	ERR_NO_APP,       /* no such app */
	ERR_MISSING,      /* a file or a thing that should be there is not */
	ERR_EXISTS,
	ERR_IO,           /* a system call failed */
	ERR_LOCKED,       /* somebody else has the lock, deadline passed */
	ERR_NETWORK,      /* the peer could not be reached, or broke off */
	ERR_TLS,          /* the peer's certificate is not trusted */
	ERR_PROTOCOL,     /* the peer's answer makes no sense */
	ERR_ACME,         /* a problem document, or an object that became invalid */
	ERR_RATE_LIMITED, /* refused for its rate; retry_at if known */
	ERR_WAITS,        /* nothing is wrong: it waits until retry_at */
	ERR_REFUSED,      /* we refuse: a name, an app, a setting */
	ERR_CHILD,        /* a program that we started failed */
	ERR_TIMEOUT,
	ERR_STOPPED,      /* a signal asked us to end */
	ERR_STORE,        /* the database */
	ERR_BUG
};

struct err {
	enum err_kind kind;
	int64_t retry_at; /* Unix seconds, 0 = unknown */
	char type[48];    /* for ERR_ACME and ERR_RATE_LIMITED: the problem type without its urn prefix ("badNonce"), else "" */
	char text[3000];  /* for people; lines end with '\n' except the last; other control bytes are escaped */
};

/* The function behind the macros below. `sys_errno` != 0 appends ": strerror". Never clobbers errno. */
void err_record(struct err *err, enum err_kind kind, int sys_errno, const char *format, ...) PRINTF(4, 5);
/* Puts "formatted: " in front of the text. */
void err_prefix(struct err *err, const char *format, ...) PRINTF(2, 3);
/* Appends a line. */
void err_append(struct err *err, const char *format, ...) PRINTF(2, 3);

/* All three are false, and visibly so to compilers and analyzers. */
#define err_set(err, kind, ...) (err_record((err), (kind), 0, __VA_ARGS__), false)
#define err_sys(err, ...) (err_record((err), ERR_IO, errno, __VA_ARGS__), false)
#define err_wrap(err, ...) (err_prefix((err), __VA_ARGS__), false)

/* The exit status of a program that ends with this: 0, 1, 20 (no such app), 75 (only waits). */
int err_exit_status(enum err_kind kind);
/* "usage", "config", …: for JSON output. */
const char *err_kind_name(enum err_kind kind);

#endif
