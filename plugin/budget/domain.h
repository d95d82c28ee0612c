/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_DOMAIN_H
#define BUDGET_DOMAIN_H

#include <stddef.h>

#include "util/attr.h"

struct err;
struct names;
struct strs;

/* A public suffix list (publicsuffix.org), private section included. */
struct suffixes;

void suffixes_free(struct suffixes *suffixes);
/* From the text of a list. ERR_CONFIG: not one, or one without rules. */
struct suffixes *suffixes_read(const char *text, size_t size, struct err *err) MUST_USE FREED_BY(suffixes_free);
static inline void suffixes_freep(struct suffixes **suffixes)
{
	suffixes_free(*suffixes);
}
#define AUTO_SUFFIXES AUTO(suffixes_freep) struct suffixes

/*
 * What the CA counts certificates for `name` (lower case, maybe a wildcard) by: its public suffix and one label; a name that is a suffix itself; an address
 * as "64.112.117.1/32" or its /64. The caller frees it.
 */
char *domain_registered(const struct suffixes *suffixes, const char *name) MUST_USE NEVER_NULL;
/* Those of all names, each once, sorted by bytes. */
void domain_all(const struct suffixes *suffixes, const struct names *names, struct strs *ret_domains);

#endif
