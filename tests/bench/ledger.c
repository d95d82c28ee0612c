/* SPDX-License-Identifier: MIT */
/* How many decisions a second the budget's arithmetic makes, and how many whole orders its rules judge over books in memory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "budget/domain.h"
#include "budget/ledger.h"
#include "budget/memory.h"
#include "budget/names.h"
#include "util/err.h"

#define DECISIONS 50000000
#define ORDERS 500000
#define SETS 1000
#define START_NS (1700000000 * NS_PER_S)

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool make_rate(struct rate *rate)
{
	const char *reason;

	return rate_make(50, 50, 7 * 86400 * NS_PER_S, rate, &reason);
}

static void decide(const struct rate *rate)
{
	int64_t tat_ns = GCRA_UNTOUCHED;
	int64_t allowed = 0;
	double start = seconds();

	for (int64_t i = 0; i < DECISIONS; i++) {
		int64_t now_ns = START_NS + i * NS_PER_S;

		if (gcra_has_unit(rate, tat_ns, now_ns)) {
			tat_ns = gcra_spend(rate, tat_ns, now_ns);
			allowed++;
		}
	}
	printf("decisions: %.0f a second (%" PRId64 " of %d allowed)\n", DECISIONS / (seconds() - start), allowed, DECISIONS);
}

static bool make_sets(struct names *sets, struct err *err)
{
	for (int i = 0; i < SETS; i++) {
		AUTO_STRS list = { 0 };

		strs_addf(&list, "app%d.example%d.com", i, i % 10);
		strs_addf(&list, "www.app%d.example%d.com", i, i % 10);
		if (!names_make(&list, &sets[i], err))
			return false;
	}
	return true;
}

static bool judge(const struct ledger *ledger, const struct names *sets, struct err *err)
{
	int allowed = 0;
	double start = seconds();

	for (int64_t i = 0; i < ORDERS; i++) {
		AUTO_VERDICT verdict = { 0 };
		int64_t now_ns = START_NS + i * NS_PER_S * 20;
		enum order_as as;

		if (!ledger_order(ledger, now_ns, "1", &sets[i % SETS], false, &verdict, err))
			return false;
		allowed += verdict.is_allowed;
		if (verdict.is_allowed && !ledger_issued(ledger, now_ns, "1", &sets[i % SETS], now_ns, &as, err))
			return false;
	}
	printf("orders of two names: %.0f a second (%d of %d allowed and issued)\n", ORDERS / (seconds() - start), allowed, ORDERS);
	return true;
}

static bool run(struct err *err)
{
	static const char list[] = "com\norg\n";
	static struct names sets[SETS];
	AUTO_MEMORY *memory = memory_new();
	AUTO_SUFFIXES *suffixes = suffixes_read(list, strlen(list), err);
	AUTO_LIMITS limits = { 0 };
	struct ledger ledger = { .rules = { .limits = &limits, .suffixes = suffixes }, .store = memory_store(), .ctx = memory };
	struct rate rate;

	if (suffixes == NULL || !make_rate(&rate) || !make_sets(sets, err))
		return false;
	for (int i = 0; i < LIMIT_COUNT; i++) {
		limits.is_limited[i] = i != LIMIT_DOMAIN_OF_ACCOUNT;
		limits.rates[i] = rate;
	}
	decide(&rate);
	bool is_done = judge(&ledger, sets, err);
	for (int i = 0; i < SETS; i++)
		names_done(&sets[i]);
	return is_done;
}

int main(void)
{
	struct err err = { 0 };

	if (!run(&err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return 0;
}
