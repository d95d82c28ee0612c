/* SPDX-License-Identifier: MIT */
#ifndef FLOW_NAMES_H
#define FLOW_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

struct strs;

/*
 * Sorts the domains of an app into names that can be issued (lower case, each once, order kept) and those that cannot, each with its reason (same index),
 * worded to follow the name: "has no dot: …". "_" is left out silently: it is the platform's placeholder. `profile`: addresses need one that has them.
 */
void names_sort(const struct strs *domains, const char *profile, struct strs *ret_names, struct strs *ret_refused, struct strs *ret_reasons);
/* How many names a certificate of this profile may have. */
size_t names_max(const char *profile);
/* Whether a certificate with these names is one for this name. */
bool names_cover(const struct strs *certificate_names, const char *name);

#endif
