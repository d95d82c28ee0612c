/* SPDX-License-Identifier: MIT */
/* The CA's rules of orders, certificates, failures and accounts (Boulder: wfe2.NewOrder, ra.countCertificateIssued, ra.countFailedValidations). */
#include "budget/ledger.h"

#include <stdlib.h>

#include "budget/gcra.h"
#include "budget/names.h"
#include "util/mem.h"

#define DAY_NS (86400 * NS_PER_S)
#define RENEWAL_NS (120 * DAY_NS)
#define GRACE_NS (14 * DAY_NS)       /* after unpausing, without a new pause */
#define SHORT_LIVED_NS (10 * DAY_NS)
#define PAUSED_TOLD_MAX 15

static bool tat_of(const struct ledger *ledger, const struct charge *charge, int64_t *ret_tat_ns, struct err *err)
{
	return ledger->store->tat(ledger->ctx, charge->limit, charge->bucket, ret_tat_ns, err);
}

static bool set_tat(const struct ledger *ledger, const struct charge *charge, int64_t tat_ns, struct err *err)
{
	return ledger->store->set_tat(ledger->ctx, charge->limit, charge->bucket, tat_ns, err);
}

static bool spend(const struct ledger *ledger, int64_t now_ns, const struct charge *charge, struct err *err)
{
	int64_t tat_ns;

	return tat_of(ledger, charge, &tat_ns, err) && set_tat(ledger, charge, gcra_spend(&charge->rate, tat_ns, now_ns), err);
}

/* Beyond the limit nothing is counted. */
static bool spend_if_there(const struct ledger *ledger, int64_t now_ns, const struct charge *charge, bool *ret_was_there, struct err *err)
{
	int64_t tat_ns;

	if (!tat_of(ledger, charge, &tat_ns, err))
		return false;
	*ret_was_there = gcra_has_unit(&charge->rate, tat_ns, now_ns);
	return !*ret_was_there || set_tat(ledger, charge, gcra_spend(&charge->rate, tat_ns, now_ns), err);
}

static bool refund(const struct ledger *ledger, int64_t now_ns, const struct charges *charges, struct err *err)
{
	for (size_t i = 0; i < charges->count; i++) {
		const struct charge *charge = &charges->items[i];
		int64_t tat_ns;

		if (!charge->is_spent)
			continue;
		if (!tat_of(ledger, charge, &tat_ns, err))
			return false;
		int64_t refunded_ns = gcra_refund(&charge->rate, tat_ns, now_ns);
		if (refunded_ns != tat_ns && !set_tat(ledger, charge, refunded_ns, err))
			return false;
	}
	return true;
}

/*
 * The denial among the charges that the CA names: the one that ends last, then the one with the fewest units, then the last of them. NULL if all have a unit.
 */
static bool find_denial(const struct ledger *ledger, int64_t now_ns, const struct charges *charges, const struct charge **ret_denial, int64_t *ret_retry_at_ns,
	struct err *err)
{
	int64_t fewest = 0;

	*ret_denial = NULL;
	for (size_t i = 0; i < charges->count; i++) {
		const struct charge *charge = &charges->items[i];
		int64_t tat_ns;

		if (!tat_of(ledger, charge, &tat_ns, err))
			return false;
		if (gcra_has_unit(&charge->rate, tat_ns, now_ns))
			continue;
		int64_t retry_at_ns = gcra_unit_at(&charge->rate, tat_ns, now_ns);
		int64_t remaining = gcra_remaining(&charge->rate, tat_ns, now_ns);
		if (*ret_denial == NULL || retry_at_ns > *ret_retry_at_ns || (retry_at_ns == *ret_retry_at_ns && remaining <= fewest)) {
			*ret_denial = charge;
			*ret_retry_at_ns = retry_at_ns;
			fewest = remaining;
		}
	}
	return true;
}

/* All of the charges together: any denial denies all, and then nothing is spent. */
static bool charge_all(const struct ledger *ledger, int64_t now_ns, const struct charges *charges, struct verdict *verdict, struct err *err)
{
	const struct charge *denial;

	if (!find_denial(ledger, now_ns, charges, &denial, &verdict->retry_at_ns, err))
		return false;
	if (denial != NULL) {
		verdict->limit = denial->limit;
		verdict->bucket = mem_strdup(denial->bucket);
		verdict->rate = denial->rate;
		return true;
	}
	for (size_t i = 0; i < charges->count; i++) {
		if (charges->items[i].is_spent && !spend(ledger, now_ns, &charges->items[i], err))
			return false;
	}
	verdict->is_allowed = true;
	return true;
}

static void move_verdict(struct verdict *from, struct verdict *to)
{
	*to = *from;
	*from = (struct verdict){ 0 };
}

bool ledger_is_renewal(const struct ledger *ledger, int64_t now_ns, const struct names *names, bool *ret_is_renewal, struct err *err)
{
	int64_t newest_ns;

	if (!ledger->store->newest(ledger->ctx, names->hash, &newest_ns, err))
		return false;
	*ret_is_renewal = newest_ns != GCRA_UNTOUCHED && newest_ns > ns_sub(now_ns, RENEWAL_NS);
	return true;
}

bool ledger_paused(const struct ledger *ledger, const char *account, const struct names *names, struct strs *ret_paused, struct err *err)
{
	for (size_t i = 0; i < names->list.count && ret_paused->count < PAUSED_TOLD_MAX; i++) {
		struct pause pause;

		if (!ledger->store->pause(ledger->ctx, account, names->list.items[i], &pause, err))
			return false;
		if (pause.is_paused)
			strs_add(ret_paused, names->list.items[i]);
	}
	return true;
}

/* Under which rule the order goes, once no name is paused. */
static bool classify(const struct ledger *ledger, int64_t now_ns, const struct names *names, bool replaces, enum order_as *ret_as, struct err *err)
{
	bool is_renewal;

	if (replaces) {
		*ret_as = ORDER_ARI;
		return true;
	}
	if (!ledger_is_renewal(ledger, now_ns, names, &is_renewal, err))
		return false;
	*ret_as = is_renewal ? ORDER_RENEWAL : ORDER_NEW;
	return true;
}

bool ledger_order(const struct ledger *ledger, int64_t now_ns, const char *account, const struct names *names, bool replaces, struct verdict *ret_verdict,
	struct err *err)
{
	AUTO_VERDICT verdict = { 0 };
	AUTO_CHARGES charges = { 0 };

	if (!ledger_paused(ledger, account, names, &verdict.paused, err))
		return false;
	if (verdict.paused.count == 0) {
		if (!classify(ledger, now_ns, names, replaces, &verdict.as, err))
			return false;
		charges_order(&ledger->rules, account, names, verdict.as, &charges);
		if (!charge_all(ledger, now_ns, &charges, &verdict, err))
			return false;
	}
	move_verdict(&verdict, ret_verdict);
	return true;
}

/* Of what a new order needs only the account's orders were spent. */
bool ledger_refund_order(const struct ledger *ledger, int64_t now_ns, const char *account, const struct names *names, struct err *err)
{
	AUTO_CHARGES charges = { 0 };

	charges_order(&ledger->rules, account, names, ORDER_NEW, &charges);
	return refund(ledger, now_ns, &charges, err);
}

bool ledger_account(const struct ledger *ledger, int64_t now_ns, const char *address, struct verdict *ret_verdict, struct err *err)
{
	AUTO_VERDICT verdict = { 0 };
	AUTO_CHARGES charges = { 0 };

	charges_account(&ledger->rules, address, &charges);
	if (!charge_all(ledger, now_ns, &charges, &verdict, err))
		return false;
	move_verdict(&verdict, ret_verdict);
	return true;
}

bool ledger_refund_account(const struct ledger *ledger, int64_t now_ns, const char *address, struct err *err)
{
	AUTO_CHARGES charges = { 0 };

	charges_account(&ledger->rules, address, &charges);
	return refund(ledger, now_ns, &charges, err);
}

static bool remember_set(const struct ledger *ledger, const struct names *names, int64_t not_before_ns, struct err *err)
{
	int64_t newest_ns;

	if (!ledger->store->newest(ledger->ctx, names->hash, &newest_ns, err))
		return false;
	return newest_ns >= not_before_ns || ledger->store->set_newest(ledger->ctx, names->hash, not_before_ns, err);
}

bool ledger_issued(const struct ledger *ledger, int64_t now_ns, const char *account, const struct names *names, int64_t not_before_ns, enum order_as *ret_as,
	struct err *err)
{
	AUTO_CHARGES charges = { 0 };
	bool is_renewal;
	bool was_there;

	/* Decided before this certificate is one of the set's. */
	if (!ledger_is_renewal(ledger, now_ns, names, &is_renewal, err))
		return false;
	charges_certificate(&ledger->rules, account, names, is_renewal, &charges);
	for (size_t i = 0; i < charges.count; i++) {
		if (!spend_if_there(ledger, now_ns, &charges.items[i], &was_there, err))
			return false;
	}
	if (!remember_set(ledger, names, not_before_ns, err))
		return false;
	*ret_as = is_renewal ? ORDER_RENEWAL : ORDER_NEW;
	return true;
}

/* Too many failures in a row: paused, unless the owner unpaused it less than 14 days ago. The CA keeps that moment in whole seconds. */
static bool pause_name(const struct ledger *ledger, int64_t now_ns, const char *account, const char *name, struct err *err)
{
	struct pause pause;

	if (!ledger->store->pause(ledger->ctx, account, name, &pause, err))
		return false;
	if (pause.is_paused || (pause.unpaused_at_ns != GCRA_UNTOUCHED && ns_to_second(pause.unpaused_at_ns) > ns_sub(now_ns, GRACE_NS)))
		return true;
	pause.is_paused = true;
	return ledger->store->set_pause(ledger->ctx, account, name, &pause, err);
}

bool ledger_failed(const struct ledger *ledger, int64_t now_ns, const char *account, const char *name, bool *ret_is_paused, struct err *err)
{
	AUTO_CHARGES failures = { 0 };
	AUTO_CHARGES in_a_row = { 0 };
	struct pause pause;
	bool was_there;

	charges_failure(&ledger->rules, account, name, &failures);
	for (size_t i = 0; i < failures.count; i++) {
		if (!spend_if_there(ledger, now_ns, &failures.items[i], &was_there, err))
			return false;
	}
	charges_pausing(&ledger->rules, account, name, &in_a_row);
	for (size_t i = 0; i < in_a_row.count; i++) {
		if (!spend_if_there(ledger, now_ns, &in_a_row.items[i], &was_there, err))
			return false;
		if (!was_there && !pause_name(ledger, now_ns, account, name, err))
			return false;
	}
	if (!ledger->store->pause(ledger->ctx, account, name, &pause, err))
		return false;
	*ret_is_paused = pause.is_paused;
	return true;
}

bool ledger_valid(const struct ledger *ledger, const char *account, const char *name, struct err *err)
{
	AUTO_CHARGES in_a_row = { 0 };

	charges_pausing(&ledger->rules, account, name, &in_a_row);
	for (size_t i = 0; i < in_a_row.count; i++) {
		if (!set_tat(ledger, &in_a_row.items[i], GCRA_UNTOUCHED, err))
			return false;
	}
	return true;
}

bool ledger_unpause(const struct ledger *ledger, int64_t now_ns, const char *account, int64_t *ret_count, struct err *err)
{
	return ledger->store->unpause(ledger->ctx, account, now_ns, ret_count, err);
}

void verdict_done(struct verdict *verdict)
{
	strs_done(&verdict->paused);
	free(verdict->bucket);
	*verdict = (struct verdict){ 0 };
}

bool ledger_level(const struct ledger *ledger, int64_t now_ns, const struct charge *charge, struct level *ret_level, struct err *err)
{
	int64_t tat_ns;

	if (!tat_of(ledger, charge, &tat_ns, err))
		return false;
	int64_t remaining = gcra_remaining(&charge->rate, tat_ns, now_ns);
	*ret_level = (struct level){
		.remaining = remaining > 0 ? remaining : 0,
		.next_unit_at_ns = gcra_next_unit_at(&charge->rate, tat_ns, now_ns),
		.full_at_ns = gcra_full_at(tat_ns, now_ns),
	};
	return true;
}

void ledger_window(int64_t issued_ns, int64_t not_after_ns, int64_t *ret_start_ns, int64_t *ret_end_ns)
{
	int64_t validity_ns = ns_sub(ns_add(not_after_ns, NS_PER_S), issued_ns);
	int64_t ideal_ns = ns_sub(not_after_ns, validity_ns / (validity_ns < SHORT_LIVED_NS ? 2 : 3));

	*ret_start_ns = ns_to_second(ns_sub(ideal_ns, validity_ns / 100));
	*ret_end_ns = ns_to_second(ns_add(ideal_ns, validity_ns / 100));
}
