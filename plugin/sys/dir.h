/* SPDX-License-Identifier: MIT */
#ifndef SYS_DIR_H
#define SYS_DIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "util/attr.h"

struct err;
struct strs;

/* Folders as descriptors (O_DIRECTORY|O_CLOEXEC; `dir_open_at` and below with O_NOFOLLOW on the last component). Missing: ERR_MISSING. -1 = failed. */

/* By absolute path; links in it are followed (operators link their volumes). */
int dir_open(const char *path, struct err *err) MUST_USE;
int dir_open_at(int dir_fd, const char *name, struct err *err) MUST_USE;
/* Opens it, or makes it with exactly `mode` (as root: with the owner of `dir_fd`). An existing one keeps its mode. */
int dir_make_at(int dir_fd, const char *name, mode_t mode, struct err *err) MUST_USE;
/* The same with 0755; an existing one that others may not read gets that mode, too. */
int dir_make_public_at(int dir_fd, const char *name, struct err *err) MUST_USE;
/* Several components below dir_fd, none a link: "a/b/c". Each missing one is made with `mode`. */
int dir_make_path_at(int dir_fd, const char *path, mode_t mode, struct err *err) MUST_USE;
/* Names in it, sorted by bytes, without "." and "..". */
bool dir_list(int dir_fd, struct strs *ret_names, struct err *err) MUST_USE;
/* Removes `name` and all beneath it, never following links; absent is success. */
bool dir_remove_tree(int dir_fd, const char *name, struct err *err) MUST_USE;
/* fsync of the folder. */
bool dir_sync(int dir_fd, struct err *err) MUST_USE;
/* Removes entries (files or trees) whose name starts with `prefix` and that are at least `age_s` old: what a kill left. Failures are ignored. */
void dir_sweep(int dir_fd, const char *prefix, int64_t age_s);
/* 16 random hex digits: for temporary names. */
void dir_random_name(char ret_hex[static 17]);

#endif
