/* SPDX-License-Identifier: MIT */
#ifndef FLOW_INTAKE_H
#define FLOW_INTAKE_H

#include <stdbool.h>

#include "util/attr.h"

struct context;
struct err;

/*
 * Takes in what the hooks left in the spool: what follows from each entry is in the store before its file goes, so a kill loses nothing; what is taken in a second time
 * changes nothing (at worst a job is looked at twice). Cheap when there is nothing. Commands call it first, so that what was done by hand before counts before
 * what is typed now.
 */
bool intake_spool(struct context *context, struct err *err) MUST_USE;

#endif
