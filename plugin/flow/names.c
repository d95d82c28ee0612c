/* SPDX-License-Identifier: MIT */
/* Which of an app's domains a certificate can be issued for. */
#include "flow/names.h"

#include <string.h>

#include "util/mem.h"
#include "util/name.h"
#include "util/strs.h"
#include "util/text.h"

/* Let's Encrypt's profiles (letsencrypt.org/docs/profiles, 2026-08): tlsserver and shortlived have 25 names at most, shortlived also has addresses. */
static const struct {
	const char *profile;
	size_t max;
	bool has_addresses;
} profiles[] = {
	{ "tlsserver", 25, false },
	{ "shortlived", 25, true },
};
#define NAMES_MAX 100

size_t names_max(const char *profile)
{
	for (size_t i = 0; i < COUNT(profiles); i++)
		if (strcmp(profiles[i].profile, profile) == 0)
			return profiles[i].max;
	return NAMES_MAX;
}

static bool has_addresses(const char *profile)
{
	for (size_t i = 0; i < COUNT(profiles); i++)
		if (strcmp(profiles[i].profile, profile) == 0)
			return profiles[i].has_addresses;
	return false;
}

/* NULL: it can be issued. */
static const char *refusal(const char *name, const char *profile)
{
	const char *reason = NULL;

	switch (name_kind(name, &reason)) {
	case NAME_DNS:
		return NULL;
	case NAME_WILDCARD:
		return "is a wildcard, which needs the DNS-01 challenge: not available yet (list the names one by one with domains:add)";
	case NAME_IPV4:
	case NAME_IPV6:
		return has_addresses(profile) ? NULL : "is an address: only a profile that has them can name it (letsencrypt:set <app> profile shortlived)";
	case NAME_BAD:
		return reason;
	}
	return "is not a host name";
}

void names_sort(const struct strs *domains, const char *profile, struct strs *ret_names, struct strs *ret_refused, struct strs *ret_reasons)
{
	for (size_t i = 0; i < domains->count; i++) {
		AUTO_FREE char *name = text_lower(domains->items[i]);
		const char *reason = NULL;

		if (strcmp(name, "_") == 0 || strs_has(ret_names, name) || strs_has(ret_refused, name))
			continue;
		reason = refusal(name, profile);
		if (!reason) {
			strs_add(ret_names, name);
			continue;
		}
		strs_add(ret_refused, name);
		strs_add(ret_reasons, reason);
	}
}

bool names_cover(const struct strs *certificate_names, const char *name)
{
	for (size_t i = 0; i < certificate_names->count; i++)
		if (name_covers(certificate_names->items[i], name))
			return true;
	return false;
}
