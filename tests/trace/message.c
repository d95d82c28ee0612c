/* SPDX-License-Identifier: MIT */
/* The CA's words for its denials (Boulder's ratelimits/limiter.go, errors/errors.go, wfe2/wfe.go). */
#include "tests/trace/message.h"

#include <inttypes.h>
#include <string.h>

#include "budget/ledger.h"
#include "tests/trace/duration.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/when.h"

#define PAGE "https://letsencrypt.org/docs/rate-limits/"

struct words {
	const char *what;   /* up to the burst */
	const char *of;     /* after it; the last part of the bucket follows an open quote */
	const char *anchor;
};

static const struct words words[LIMIT_COUNT] = {
	[LIMIT_ACCOUNTS_PER_ADDRESS] = { "too many new registrations", "from this IP address", "#new-registrations-per-ip-address" },
	[LIMIT_ACCOUNTS_PER_RANGE] = { "too many new registrations", "from this /48 subnet of IPv6 addresses", "#new-registrations-per-ipv6-range" },
	[LIMIT_ORDERS] = { "too many new orders", "from this account", "#new-orders-per-account" },
	[LIMIT_FAILURES] = { "too many failed authorizations", "for \"", "#authorization-failures-per-identifier-per-account" },
	[LIMIT_DOMAIN] = { "too many certificates", "already issued for \"", "#new-certificates-per-registered-domain" },
	[LIMIT_DOMAIN_OF_ACCOUNT] = { "too many certificates", "already issued for \"", "#new-certificates-per-registered-domain" },
	[LIMIT_SET] = { "too many certificates", "already issued for this exact set of identifiers", "#new-certificates-per-exact-set-of-identifiers" },
	[LIMIT_PAUSING] = { "", "", "" }, /* never denies: it pauses */
};

/* The CA quotes what stands after the last colon of the key, which is little of an IPv6 address. */
static const char *last_part(const char *bucket)
{
	const char *colon = strrchr(bucket, ':');

	return colon != NULL ? colon + 1 : bucket;
}

static void add_moment(struct buf *out, int64_t at_ns)
{
	AUTO_FREE char *text = when_rfc3339(ns_to_second(at_ns) / NS_PER_S);

	buf_addf(out, "%.10s %.8s UTC", text, text + 11);
}

void message_denied(struct buf *out, const struct verdict *verdict)
{
	const struct words *word = &words[verdict->limit];

	buf_addf(out, "%s (%" PRId64 ") %s", word->what, verdict->rate.burst, word->of);
	if (word->of[strlen(word->of) - 1] == '"')
		buf_addf(out, "%s\"", last_part(verdict->bucket));
	buf_adds(out, " in the last ");
	duration_add(out, verdict->rate.period_ns);
	buf_adds(out, ", retry after ");
	add_moment(out, verdict->retry_at_ns);
	buf_adds(out, ": see " PAGE);
	buf_adds(out, word->anchor);
}

void message_paused(struct buf *out, const struct strs *names)
{
	AUTO_FREE char *list = strs_join(names, ", ");

	buf_addf(out, "Your account is temporarily prevented from requesting certificates for %s and possibly others. Please visit: ", list);
}
