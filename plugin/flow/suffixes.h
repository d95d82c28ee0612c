/* SPDX-License-Identifier: MIT */
#ifndef FLOW_SUFFIXES_H
#define FLOW_SUFFIXES_H

#include <stdbool.h>

#include "budget/domain.h"
#include "util/attr.h"

struct err;
struct http;

/* The value of public-suffix-list by which nothing is fetched. */
#define SUFFIX_LIST_NONE "none"
#define SUFFIX_LIST_URL "https://publicsuffix.org/list/public_suffix_list.dat"
#define SUFFIX_LIST_SYSTEM "/usr/share/publicsuffix/public_suffix_list.dat"

/* Where lists of public suffixes are looked for. */
struct suffix_places {
	const char *own;    /* absolute path of an operator's, NULL = none */
	int fetched_fd;     /* folder of the one that was fetched */
	const char *system; /* absolute path of the system's */
};

/*
 * The newest of them, by the date that it gives itself ("// VERSION:"), else by its file's. ERR_CONFIG: there is none, or the operator's cannot be read, or is
 * the newest and makes no sense; others that make none are passed over.
 */
struct suffixes *suffix_list_newest(const struct suffix_places *places, struct err *err) MUST_USE FREED_BY(suffixes_free);
/* Whether this file is a list; failures quote the path. */
bool suffix_list_check(const char *path, struct err *err) MUST_USE;
/*
 * Fetches the list from an https URL into the folder, unless it has not changed since. What is there stays unless a whole list came. Takes 20 s at most.
 * Failures of http_end; ERR_PROTOCOL: the answer is no list.
 */
bool suffix_list_fetch(struct http *http, const char *url, int fetched_fd, struct err *err) MUST_USE;

#endif
