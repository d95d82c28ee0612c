/* SPDX-License-Identifier: MIT */
#ifndef PROXY_COPIES_H
#define PROXY_COPIES_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/nginx.h"
#include "util/attr.h"

struct err;

/*
 * A temporary folder in which a configuration looks as it would with some changes: copies of the main file and of each file on a chain of includes that leads to
 * a change; everything else is included from where it is. The copies may hold what only the operator may read: the folder is 0700.
 */
struct copies {
	const char *main_path;              /* of the real main file */
	const struct nginx_change *changes; /* borrowed */
	size_t change_count;
	char *main_folder;                  /* of the real main file: relative names resolve against it */
	char *folder;                       /* ours, NULL = not made */
	char *copied_main_path;             /* for nginx -c */
	int files_fd;
	int include_count;                  /* how often a file was looked into */
};

/* Makes folder and copies. Also after a failure copies_done removes what is there. */
bool copies_init(struct copies *copies, const char *main_path, const struct nginx_change *changes, size_t change_count, struct err *err) MUST_USE;
void copies_done(struct copies *copies);
#define COPIES_EMPTY { .files_fd = -1 }
/* A text of nginx's with the real paths in place of copied ones; the caller frees it. */
char *copies_real_words(const struct copies *copies, const char *words) MUST_USE NEVER_NULL;

/* An empty folder of the same kind: its path, which the caller frees after copies_remove_folder. NULL = failed. */
char *copies_make_folder(struct err *err) MUST_USE;
void copies_remove_folder(const char *folder);

#endif
