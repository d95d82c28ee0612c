/* SPDX-License-Identifier: MIT */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>

#include "util/attr.h"

struct buf;
struct err;
struct loop;

/*
 * One line of standard input, without its newline. `is_hidden`: a terminal does not echo it. ERR_USAGE: more than one line, or more than fits;
 * ERR_STOPPED: a termination signal came while it waited.
 */
bool input_line(struct loop *loop, bool is_hidden, struct buf *ret_line, struct err *err) MUST_USE;

#endif
