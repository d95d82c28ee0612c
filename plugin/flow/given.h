/* SPDX-License-Identifier: MIT */
#ifndef FLOW_GIVEN_H
#define FLOW_GIVEN_H

#include <stdbool.h>

#include "sys/file.h"
#include "util/attr.h"

struct buf;
struct err;

/*
 * Reads a file that an operator names by its absolute path; links are followed. ret_stamp may be NULL. ERR_CONFIG: not such a path; else the failures of
 * file_read. They quote the path.
 */
bool given_read(const char *path, struct buf *ret_text, struct file_stamp *ret_stamp, struct err *err) MUST_USE;

#endif
