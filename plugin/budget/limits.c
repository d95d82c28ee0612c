/* SPDX-License-Identifier: MIT */
/* The limits of one CA and their overrides, in memory. */
#include "budget/limits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "budget/address.h"
#include "budget/names.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"

static const char *const limit_names[LIMIT_COUNT] = {
	[LIMIT_ACCOUNTS_PER_ADDRESS] = "NewRegistrationsPerIPAddress",
	[LIMIT_ACCOUNTS_PER_RANGE] = "NewRegistrationsPerIPv6Range",
	[LIMIT_ORDERS] = "NewOrdersPerAccount",
	[LIMIT_FAILURES] = "FailedAuthorizationsPerDomainPerAccount",
	[LIMIT_DOMAIN] = "CertificatesPerDomain",
	[LIMIT_DOMAIN_OF_ACCOUNT] = "CertificatesPerDomainPerAccount",
	[LIMIT_SET] = "CertificatesPerFQDNSet",
	[LIMIT_PAUSING] = "FailedAuthorizationsForPausingPerDomainPerAccount",
};

const char *limit_name(enum limit limit)
{
	assert(limit < LIMIT_COUNT);
	return limit_names[limit];
}

bool limit_find(const char *name, enum limit *ret_limit)
{
	for (size_t i = 0; i < COUNT(limit_names); i++) {
		if (strcmp(limit_names[i], name) == 0) {
			*ret_limit = (enum limit)i;
			return true;
		}
	}
	return false;
}

static char *id_of_address(const char *id, struct err *err)
{
	char *address = address_canonical(id);

	if (address == NULL)
		err_record(err, ERR_CONFIG, 0, "'%s' is not an address", id);
	return address;
}

static char *id_of_range(const char *id, struct err *err)
{
	const char *slash = strchr(id, '/');
	AUTO_FREE char *start = mem_strndup(id, slash != NULL ? (size_t)(slash - id) : strlen(id));
	AUTO_FREE char *address = address_canonical(start);
	AUTO_FREE char *block = address != NULL && address_is_v6(address) ? address_block(address, 32, 48) : NULL;

	if (block == NULL || strcmp(block, id) != 0) {
		err_record(err, ERR_CONFIG, 0, "'%s' is not an IPv6 block like 2602:80a:6000::/48", id);
		return NULL;
	}
	return mem_take(&block);
}

static char *id_of_domain(const char *id, struct err *err)
{
	AUTO_FREE char *lower = text_lower(id);
	AUTO_FREE char *address = address_canonical(lower);
	const char *reason = NULL;

	if (address != NULL)
		return address_block(address, 32, 64);
	if (name_kind(lower, &reason) == NAME_BAD) {
		err_record(err, ERR_CONFIG, 0, "'%s' %s", id, reason);
		return NULL;
	}
	return mem_take(&lower);
}

static char *id_of_set(const char *id, struct err *err)
{
	AUTO_STRS list = { 0 };
	AUTO(names_done) struct names names = { 0 };

	strs_split(&list, id, ",");
	return names_make(&list, &names, err) ? mem_strdup(names.hash) : NULL;
}

/* The id as it stands in a bucket's key; NULL: not such an id. */
static char *to_key(enum limit limit, const char *id, struct err *err)
{
	if (id[0] == '\0') {
		err_record(err, ERR_CONFIG, 0, "for whom is missing");
		return NULL;
	}
	switch (limit) {
	case LIMIT_ACCOUNTS_PER_ADDRESS: return id_of_address(id, err);
	case LIMIT_ACCOUNTS_PER_RANGE: return id_of_range(id, err);
	case LIMIT_ORDERS:
	case LIMIT_FAILURES:
	case LIMIT_DOMAIN_OF_ACCOUNT:
	case LIMIT_PAUSING: return mem_strdup(id);
	case LIMIT_DOMAIN: return id_of_domain(id, err);
	case LIMIT_SET: return id_of_set(id, err);
	case LIMIT_COUNT: break;
	}
	assert(!"a limit");
	return NULL;
}

/* Where the override is or belongs. */
static size_t place(const struct limits *limits, enum limit limit, const char *id, bool *ret_is_there)
{
	size_t low = 0;
	size_t high = limits->override_count;

	*ret_is_there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct limit_override *override = &limits->overrides[middle];
		int order = override->limit != limit ? (override->limit < limit ? -1 : 1) : strcmp(override->id, id);

		if (order == 0) {
			*ret_is_there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool limits_override(struct limits *limits, enum limit limit, const char *id, const struct rate *rate, struct err *err)
{
	bool is_there;
	char *key = to_key(limit, id, err);

	if (key == NULL)
		return err_wrap(err, "%s", limit_name(limit));
	size_t at = place(limits, limit, key, &is_there);
	if (is_there) {
		free(key);
		limits->overrides[at].rate = *rate;
		return true;
	}
	if (limits->override_count == limits->override_room) {
		limits->override_room = limits->override_room > 0 ? limits->override_room * 2 : 8;
		limits->overrides = mem_resize(limits->overrides, limits->override_room, sizeof(*limits->overrides));
	}
	memmove(&limits->overrides[at + 1], &limits->overrides[at], (limits->override_count - at) * sizeof(*limits->overrides));
	limits->overrides[at] = (struct limit_override){ .limit = limit, .id = key, .rate = *rate };
	limits->override_count++;
	return true;
}

void limits_forget_overrides(struct limits *limits)
{
	for (size_t i = 0; i < limits->override_count; i++)
		free(limits->overrides[i].id);
	limits->override_count = 0;
}

const struct rate *limits_rate(const struct limits *limits, enum limit limit, const char *id)
{
	bool is_there;
	size_t at = place(limits, limit, id, &is_there);

	if (is_there)
		return &limits->overrides[at].rate;
	return limits->is_limited[limit] ? &limits->rates[limit] : NULL;
}

void limits_done(struct limits *limits)
{
	limits_forget_overrides(limits);
	free(limits->overrides);
	free(limits->name);
	strs_done(&limits->directories);
	strs_done(&limits->issuers);
	strs_done(&limits->sources);
	*limits = (struct limits){ 0 };
}
