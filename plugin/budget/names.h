/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_NAMES_H
#define BUDGET_NAMES_H

#include <stdbool.h>

#include "util/attr.h"
#include "util/strs.h"

struct err;

#define NAMES_MAX 100
#define NAMES_HASH_SIZE 65 /* hex and a NUL */

/* The names of one certificate, as the CA compares sets: lower case, unique, DNS names before addresses, each sorted by bytes. */
struct names {
	struct strs list;
	size_t dns_count; /* so many of them are DNS names */
	char hash[NAMES_HASH_SIZE]; /* SHA-256 of them joined by commas */
};

/* ERR_REFUSED: there are none, more than NAMES_MAX, or one that the CA's syntax check refuses. */
bool names_make(const struct strs *list, struct names *ret_names, struct err *err) MUST_USE;
void names_done(struct names *names);

#endif
