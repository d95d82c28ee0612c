/* SPDX-License-Identifier: MIT */
/* Which buckets a request touches, in the CA's order (Boulder's ratelimits/transaction.go). */
#include "budget/charge.h"

#include <stdlib.h>
#include <string.h>

#include "budget/address.h"
#include "budget/domain.h"
#include "budget/names.h"
#include "util/mem.h"
#include "util/strs.h"

#define RANGE_BITS 48

/* Takes `bucket`. */
static void add(struct charges *charges, enum limit limit, char *bucket, const struct rate *rate, bool is_spent)
{
	if (charges->count == charges->room) {
		charges->room = charges->room > 0 ? charges->room * 2 : 8;
		charges->items = mem_resize(charges->items, charges->room, sizeof(*charges->items));
	}
	charges->items[charges->count++] = (struct charge){ .limit = limit, .bucket = bucket, .rate = *rate, .is_spent = is_spent };
}

/* A bucket whose key is also the id of its overrides. */
static void add_plain(const struct charge_rules *rules, enum limit limit, const char *bucket, bool is_spent, struct charges *charges)
{
	const struct rate *rate = limits_rate(rules->limits, limit, bucket);

	if (rate != NULL)
		add(charges, limit, mem_strdup(bucket), rate, is_spent);
}

/* A bucket of something of an account; its overrides are for the whole account. */
static void add_owned(const struct charge_rules *rules, enum limit limit, const char *account, const char *what, bool is_spent, struct charges *charges)
{
	const struct rate *rate = limits_rate(rules->limits, limit, account);

	if (rate != NULL)
		add(charges, limit, mem_fmt("%s:%s", account, what), rate, is_spent);
}

static bool has_own_domains(const struct charge_rules *rules, const char *account)
{
	return limits_rate(rules->limits, LIMIT_DOMAIN_OF_ACCOUNT, account) != NULL;
}

static void add_domains(const struct charge_rules *rules, const char *account, const struct strs *domains, enum limit limit, bool is_spent,
	struct charges *charges)
{
	for (size_t i = 0; i < domains->count; i++) {
		if (limit == LIMIT_DOMAIN_OF_ACCOUNT)
			add_owned(rules, limit, account, domains->items[i], is_spent, charges);
		else
			add_plain(rules, limit, domains->items[i], is_spent, charges);
	}
}

static void add_failures(const struct charge_rules *rules, enum limit limit, const char *account, const struct names *names, struct charges *charges)
{
	for (size_t i = 0; i < names->list.count; i++)
		add_owned(rules, limit, account, names->list.items[i], false, charges);
}

void charges_order(const struct charge_rules *rules, const char *account, const struct names *names, enum order_as as, struct charges *charges)
{
	if (as == ORDER_ARI)
		return;
	if (as == ORDER_NEW)
		add_plain(rules, LIMIT_ORDERS, account, true, charges);
	add_failures(rules, LIMIT_FAILURES, account, names, charges);
	if (as == ORDER_NEW) {
		AUTO_STRS domains = { 0 };

		domain_all(rules->suffixes, names, &domains);
		add_domains(rules, account, &domains, has_own_domains(rules, account) ? LIMIT_DOMAIN_OF_ACCOUNT : LIMIT_DOMAIN, false, charges);
	}
	add_plain(rules, LIMIT_SET, names->hash, false, charges);
}

void charges_certificate(const struct charge_rules *rules, const char *account, const struct names *names, bool is_renewal, struct charges *charges)
{
	if (!is_renewal) {
		AUTO_STRS domains = { 0 };

		domain_all(rules->suffixes, names, &domains);
		add_domains(rules, account, &domains, LIMIT_DOMAIN, true, charges);
		add_domains(rules, account, &domains, LIMIT_DOMAIN_OF_ACCOUNT, true, charges);
	}
	add_plain(rules, LIMIT_SET, names->hash, true, charges);
}

void charges_failure(const struct charge_rules *rules, const char *account, const char *name, struct charges *charges)
{
	add_owned(rules, LIMIT_FAILURES, account, name, true, charges);
}

void charges_pausing(const struct charge_rules *rules, const char *account, const char *name, struct charges *charges)
{
	add_owned(rules, LIMIT_PAUSING, account, name, true, charges);
}

void charges_account(const struct charge_rules *rules, const char *address, struct charges *charges)
{
	add_plain(rules, LIMIT_ACCOUNTS_PER_ADDRESS, address, true, charges);
	if (address_is_v6(address)) {
		AUTO_FREE char *range = address_block(address, 0, RANGE_BITS);

		add_plain(rules, LIMIT_ACCOUNTS_PER_RANGE, range, true, charges);
	}
}

static int compare(const void *a, const void *b)
{
	const struct charge *left = a;
	const struct charge *right = b;

	if (left->limit != right->limit)
		return left->limit < right->limit ? -1 : 1;
	return strcmp(left->bucket, right->bucket);
}

void charges_all(const struct charge_rules *rules, const char *account, const struct names *names, struct charges *charges)
{
	add_plain(rules, LIMIT_ORDERS, account, true, charges);
	add_failures(rules, LIMIT_FAILURES, account, names, charges);
	charges_certificate(rules, account, names, false, charges);
	add_failures(rules, LIMIT_PAUSING, account, names, charges);
	if (charges->count > 1)
		qsort(charges->items, charges->count, sizeof(*charges->items), compare);
}

void charges_done(struct charges *charges)
{
	for (size_t i = 0; i < charges->count; i++)
		free(charges->items[i].bucket);
	free(charges->items);
	*charges = (struct charges){ 0 };
}
