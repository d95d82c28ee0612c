/* SPDX-License-Identifier: MIT */
/* Sets of names in the order and the spelling in which the CA hashes them (Boulder: identifier.Normalize, core.HashIdentifiers). */
#include "budget/names.h"

#include <string.h>

#include "budget/address.h"
#include "crypto/digest.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"

/* The CA takes an address only as it would write it. */
static bool is_canonical(const char *address)
{
	AUTO_FREE char *canonical = address_canonical(address);

	return canonical != NULL && strcmp(canonical, address) == 0;
}

static bool sort_in(const char *name, struct strs *dns, struct strs *addresses, struct err *err)
{
	const char *reason = NULL;
	AUTO_FREE char *lower = text_lower(name);

	switch (name_kind(lower, &reason)) {
	case NAME_DNS:
	case NAME_WILDCARD: strs_add(dns, lower); return true;
	case NAME_IPV4:
	case NAME_IPV6:
		if (!is_canonical(lower))
			return err_set(err, ERR_REFUSED, "'%s' is not the shortest form of that address", name);
		strs_add(addresses, lower);
		return true;
	case NAME_BAD: break;
	}
	return err_set(err, ERR_REFUSED, "'%s' %s", name, reason);
}

static void add_unique(struct strs *sorted, struct strs *list)
{
	strs_sort(sorted);
	for (size_t i = 0; i < sorted->count; i++) {
		if (i == 0 || strcmp(sorted->items[i], sorted->items[i - 1]) != 0)
			strs_add(list, sorted->items[i]);
	}
}

static void hash(const struct strs *list, char ret_hash[static NAMES_HASH_SIZE])
{
	AUTO_FREE char *joined = strs_join(list, ",");

	digest_sha256_hex(joined, strlen(joined), ret_hash);
}

bool names_make(const struct strs *list, struct names *ret_names, struct err *err)
{
	AUTO_STRS dns = { 0 };
	AUTO_STRS addresses = { 0 };
	AUTO(names_done) struct names names = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		if (!sort_in(list->items[i], &dns, &addresses, err))
			return false;
	}
	add_unique(&dns, &names.list);
	names.dns_count = names.list.count;
	add_unique(&addresses, &names.list);
	if (names.list.count == 0)
		return err_set(err, ERR_REFUSED, "there are no names");
	if (names.list.count > NAMES_MAX)
		return err_set(err, ERR_REFUSED, "%zu names are more than the %d that a certificate can have", names.list.count, NAMES_MAX);
	hash(&names.list, names.hash);
	*ret_names = names;
	names = (struct names){ 0 };
	return true;
}

void names_done(struct names *names)
{
	strs_done(&names->list);
	*names = (struct names){ 0 };
}
