/* SPDX-License-Identifier: MIT */
/* Which buckets an order needs, how, and in what words it waits for one. */
#include "store/book_inner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "budget/names.h"
#include "util/err.h"
#include "util/mem.h"

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)

/* ---- buckets ---- */

static const struct charge *find(const struct charges *charges, const struct charge *wanted)
{
	for (size_t i = 0; i < charges->count; i++) {
		if (charges->items[i].limit == wanted->limit && strcmp(charges->items[i].bucket, wanted->bucket) == 0)
			return &charges->items[i];
	}
	return NULL;
}

static void add(struct needs *needs, const struct need *need)
{
	needs->items = items_grow(needs->items, needs->count, sizeof(*needs->items));
	needs->items[needs->count++] = *need;
}

static int64_t keep_of(const struct book_keep *keep, const struct charge *charge)
{
	bool is_domain = charge->limit == LIMIT_DOMAIN || charge->limit == LIMIT_DOMAIN_OF_ACCOUNT;
	int64_t units = is_domain ? keep->domain : charge->limit == LIMIT_SET ? keep->set : charge->limit == LIMIT_FAILURES ? keep->failure : 0;

	/* A full bucket has a unit for everybody. */
	return units < charge->rate.burst ? units : charge->rate.burst - 1;
}

bool share_rate(const struct book_share *share, const struct rate *domain, struct rate *ret_rate)
{
	int64_t percent = domain->burst / 100 * share->units + domain->burst % 100 * share->units / 100;
	int64_t units = share->is_percent ? percent : share->units;
	const char *reason;

	if (units < 1)
		units = 1;
	return rate_make(units, units, domain->period_ns, ret_rate, &reason);
}

/* The group's cap beside the domain's bucket, for a domain that is charged. */
static void add_share(const struct book_share *share, const struct charge *domain, bool is_new, struct needs *needs)
{
	struct rate rate;

	if (!share_rate(share, &domain->rate, &rate))
		return;
	add(needs, &(struct need){ .limit = LIMIT_DOMAIN,
				   .is_share = true,
				   .bucket = mem_fmt("%s:%s", share->group, domain->bucket),
				   .rate = rate,
				   .is_checked = is_new && !share->is_passed,
				   .units = is_new });
}

void needs_make(const struct book_request *request, const struct charge_rules *rules, const struct names *names, enum order_as as, bool is_renewal,
		struct needs *ret_needs)
{
	AUTO_CHARGES all = { 0 };
	AUTO_CHARGES now = { 0 };
	AUTO_CHARGES later = { 0 };

	*ret_needs = (struct needs){ 0 };
	if (!rules->limits)
		return;
	charges_all(rules, request->account, names, &all);
	charges_order(rules, request->account, names, as, &now);
	charges_certificate(rules, request->account, names, is_renewal, &later);
	for (size_t i = 0; i < all.count; i++) {
		const struct charge *charge = &all.items[i];
		const struct charge *checked = find(&now, charge);
		bool is_reserved = charge->limit == LIMIT_FAILURES || find(&later, charge);

		if (charge->limit == LIMIT_PAUSING || (charge->limit == LIMIT_ORDERS && !checked))
			continue;
		add(ret_needs, &(struct need){ .limit = charge->limit,
					       .bucket = mem_strdup(charge->bucket),
					       .rate = charge->rate,
					       .keep = keep_of(&request->keep, charge),
					       .is_checked = checked,
					       .is_spent = checked && checked->is_spent,
					       .units = is_reserved });
		if (charge->limit == LIMIT_DOMAIN && request->share.group)
			add_share(&request->share, charge, as == ORDER_NEW, ret_needs);
	}
}

void needs_done(struct needs *needs)
{
	for (size_t i = 0; i < needs->count; i++)
		free(needs->items[i].bucket);
	free(needs->items);
	*needs = (struct needs){ 0 };
}

const char *need_name(const struct need *need)
{
	return need->is_share ? SHARE : limit_name(need->limit);
}

/* ---- words ---- */

static char *period_text(int64_t period_ns)
{
	static const struct {
		int64_t ns;
		const char *word;
	} units[] = { { DAY_NS, "day" }, { HOUR_NS, "hour" }, { MINUTE_NS, "minute" }, { NS_PER_S, "second" } };

	for (size_t i = 0; i < COUNT(units); i++) {
		int64_t count = period_ns / units[i].ns;

		if (period_ns % units[i].ns == 0)
			return mem_fmt("%" PRId64 " %s%s", count, units[i].word, count == 1 ? "" : "s");
	}
	return mem_fmt("%" PRId64 " ns", period_ns);
}

/* What stands after the account, or all of it. */
static const char *after_colon(const char *bucket)
{
	const char *colon = strchr(bucket, ':');

	return colon ? colon + 1 : bucket;
}

static char *what_text(const struct need *need)
{
	const char *whose = after_colon(need->bucket);

	if (need->is_share)
		return mem_fmt("new certificates for %s that are the share of group '%.*s'", whose, (int)(whose - need->bucket) - 1, need->bucket);
	switch (need->limit) {
	case LIMIT_ORDERS: return mem_fmt("new orders of account %s", need->bucket);
	case LIMIT_FAILURES: return mem_fmt("failed validations of %s", whose);
	case LIMIT_PAUSING: return mem_fmt("failed validations in a row of %s", whose);
	case LIMIT_DOMAIN: return mem_fmt("new certificates for %s", need->bucket);
	case LIMIT_DOMAIN_OF_ACCOUNT: return mem_fmt("new certificates for %s to this account", whose);
	case LIMIT_SET: return mem_strdup("certificates for exactly these names");
	case LIMIT_ACCOUNTS_PER_ADDRESS:
	case LIMIT_ACCOUNTS_PER_RANGE:
	case LIMIT_COUNT: break;
	}
	return mem_fmt("%s of %s", limit_name(need->limit), need->bucket);
}

char *need_message(const struct need *need, const struct stand *stand, int64_t now_ns)
{
	AUTO_FREE char *what = what_text(need);
	AUTO_FREE char *period = period_text(need->rate.period_ns);
	bool is_domain = need->limit == LIMIT_DOMAIN || need->limit == LIMIT_DOMAIN_OF_ACCOUNT;
	AUTO_FREE char *kept = need->keep > 0 ? mem_fmt(", %" PRId64 " kept%s", need->keep, is_domain ? " for renewals" : "") : mem_strdup("");
	const char *since = stand->is_unproven ? " since an earlier book was lost" : "";
	int64_t used = need->rate.burst - gcra_remaining(&need->rate, stand->tat_ns, now_ns);

	return mem_fmt("the %" PRId64 " %s within %s %s used up%s (%" PRId64 " used, %" PRId64 " reserved%s)", need->rate.burst, what, period,
		       stand->is_unproven ? "count as" : "are", since, used, stand->reserved, kept);
}
