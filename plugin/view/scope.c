/* SPDX-License-Identifier: MIT */
/* Whose buckets are shown. */
#include "view/scope.h"

#include <stdlib.h>
#include <string.h>

#include "budget/domain.h"
#include "util/mem.h"
#include "view/bucket.h"

void scope_done(struct scope *scope)
{
	strs_done(&scope->names);
	strs_done(&scope->domains);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_sorted(const struct strs *list, const char *text)
{
	return list->count > 0 && bsearch(&text, list->items, list->count, sizeof(*list->items), by_text);
}

void scope_add(struct scope *scope, const struct strs *names)
{
	AUTO_STRS domains = { 0 };

	strs_add_all(&scope->names, names);
	strs_sort(&scope->names);
	for (size_t i = 0; i < names->count; i++) {
		AUTO_FREE char *domain = domain_registered(scope->suffixes, names->items[i]);

		strs_add(&domains, domain);
	}
	strs_sort(&domains);
	for (size_t i = 0; i < domains.count; i++)
		if (i == 0 || strcmp(domains.items[i], domains.items[i - 1]) != 0)
			strs_add(&scope->domains, domains.items[i]);
}

bool scope_has_domain(const struct scope *scope, const char *registered)
{
	return !scope->is_narrow || has_sorted(&scope->domains, registered);
}

static bool is_of_domain(const struct scope *scope, const char *name)
{
	AUTO_FREE char *domain = domain_registered(scope->suffixes, name);

	return !scope->domain || strcmp(domain, scope->domain) == 0;
}

static bool has_name(const struct scope *scope, const char *name)
{
	return (!scope->is_narrow || has_sorted(&scope->names, name)) && is_of_domain(scope, name);
}

/* Of an exact set: all of its names, so that nobody sees who else has one of them. */
static bool has_set(const struct scope *scope, const struct strs *names)
{
	for (size_t i = 0; scope->is_narrow && i < names->count; i++)
		if (!has_sorted(&scope->names, names->items[i]))
			return false;
	for (size_t i = 0; i < names->count; i++)
		if (is_of_domain(scope, names->items[i]))
			return true;
	return names->count == 0 && !scope->is_narrow && !scope->domain;
}

bool scope_has(const struct scope *scope, const struct view_row *row)
{
	const char *whose = view_row_whose(row);

	switch (row->limit) {
	case LIMIT_DOMAIN:
	case LIMIT_DOMAIN_OF_ACCOUNT:
		return scope_has_domain(scope, whose) && (!scope->domain || strcmp(whose, scope->domain) == 0);
	case LIMIT_FAILURES:
	case LIMIT_PAUSING: return has_name(scope, whose);
	case LIMIT_SET: return has_set(scope, &row->view.names);
	case LIMIT_ACCOUNTS_PER_ADDRESS:
	case LIMIT_ACCOUNTS_PER_RANGE:
	case LIMIT_ORDERS:
	case LIMIT_COUNT: break;
	}
	return !scope->domain;
}
