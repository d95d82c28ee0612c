/* SPDX-License-Identifier: MIT */
/* Token buckets as the CA keeps them. Pure: the store behind it holds the TATs, the caller knows the time. */
#include "budget/gcra.h"

#include <stddef.h>

/* An empty bucket is full again within 73 years: so sums of a moment of this century and of what follows from a rate stay within int64_t. */
#define CAPACITY_MAX_NS (INT64_MAX / 4)

int64_t ns_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

int64_t ns_sub(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return b < 0 ? INT64_MAX : INT64_MIN;
	return difference;
}

int64_t ns_from_s(int64_t seconds)
{
	int64_t ns;

	if (__builtin_mul_overflow(seconds, NS_PER_S, &ns))
		return seconds > 0 ? INT64_MAX : INT64_MIN;
	return ns;
}

int64_t ns_to_second(int64_t at_ns)
{
	int64_t part = at_ns % NS_PER_S;

	return ns_sub(at_ns, part < 0 ? part + NS_PER_S : part);
}

/* Why the CA's own arithmetic could not work with it, or NULL. */
static const char *fault(int64_t count, int64_t burst, int64_t period_ns)
{
	if (count < 1)
		return "its count is not positive";
	if (burst < 1)
		return "its burst is not positive";
	if (period_ns < 1)
		return "its period is not positive";
	if (count > period_ns)
		return "more than one unit comes back in a nanosecond";
	if (period_ns / count > CAPACITY_MAX_NS / burst)
		return "an empty bucket would take more than 73 years to fill";
	return NULL;
}

bool rate_make(int64_t count, int64_t burst, int64_t period_ns, struct rate *ret_rate, const char **ret_reason)
{
	*ret_reason = fault(count, burst, period_ns);
	if (*ret_reason != NULL)
		return false;

	int64_t interval_ns = period_ns / count;
	*ret_rate = (struct rate){
		.count = count, .burst = burst, .period_ns = period_ns, .interval_ns = interval_ns, .capacity_ns = interval_ns * burst
	};
	return true;
}

int64_t gcra_full_at(int64_t tat_ns, int64_t now_ns)
{
	return tat_ns > now_ns ? tat_ns : now_ns;
}

int64_t gcra_unit_at(const struct rate *rate, int64_t tat_ns, int64_t now_ns)
{
	return ns_add(gcra_full_at(tat_ns, now_ns), rate->interval_ns - rate->capacity_ns);
}

bool gcra_has_unit(const struct rate *rate, int64_t tat_ns, int64_t now_ns)
{
	return now_ns >= gcra_unit_at(rate, tat_ns, now_ns);
}

int64_t gcra_remaining(const struct rate *rate, int64_t tat_ns, int64_t now_ns)
{
	int64_t missing_ns = ns_sub(gcra_full_at(tat_ns, now_ns), now_ns);

	return ns_sub(rate->capacity_ns, missing_ns) / rate->interval_ns;
}

int64_t gcra_spend(const struct rate *rate, int64_t tat_ns, int64_t now_ns)
{
	return ns_add(gcra_full_at(tat_ns, now_ns), rate->interval_ns);
}

int64_t gcra_refund(const struct rate *rate, int64_t tat_ns, int64_t now_ns)
{
	return tat_ns >= now_ns ? ns_sub(tat_ns, rate->interval_ns) : tat_ns;
}

int64_t gcra_next_unit_at(const struct rate *rate, int64_t tat_ns, int64_t now_ns)
{
	if (tat_ns <= now_ns)
		return now_ns;

	int64_t remaining = gcra_remaining(rate, tat_ns, now_ns);
	int64_t wanted = remaining > 0 ? remaining + 1 : 1;
	return ns_add(tat_ns, wanted * rate->interval_ns - rate->capacity_ns);
}
