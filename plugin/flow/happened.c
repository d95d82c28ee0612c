/* SPDX-License-Identifier: MIT */
#include "flow/happened.h"

#include <string.h>

enum meaning {
	MEANS_JOB,
	MEANS_NEW_CERTIFICATE,
	MEANS_NO_CERTIFICATE,
	MEANS_GONE
};

static const struct row {
	const char *trigger;
	enum meaning meaning;
	const char *reason; /* of the job */
} rows[] = {
	{ "post-certs-remove", MEANS_NO_CERTIFICATE, NULL },
	{ "post-certs-update", MEANS_NEW_CERTIFICATE, NULL },
	{ "post-delete", MEANS_GONE, NULL },
	{ "post-deploy", MEANS_JOB, "deploy" },
	{ "post-domains-update", MEANS_JOB, "domains" },
	{ "post-proxy-ports-update", MEANS_JOB, "ports" },
	{ "proxy-disable", MEANS_JOB, "proxy" },
	{ "proxy-enable", MEANS_JOB, "proxy" },
};

static const struct happened nothing = { HAPPENED_NOTHING, NULL };

struct happened happened(const char *trigger, const struct happened_facts *facts)
{
	const struct row *row = NULL;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].trigger, trigger) == 0)
			row = &rows[i];
	if (!row)
		return nothing;
	switch (row->meaning) {
	case MEANS_JOB:
		return facts->exists && facts->is_wanted ? (struct happened){ HAPPENED_JOB, row->reason } : nothing;
	case MEANS_NEW_CERTIFICATE:
		return facts->exists && facts->has_tls && !facts->is_own ? (struct happened){ HAPPENED_HOLD, "a certificate was installed by hand" } : nothing;
	case MEANS_NO_CERTIFICATE:
		return facts->exists && !facts->has_tls && facts->used_one ? (struct happened){ HAPPENED_HOLD, "the certificate was removed by hand" } : nothing;
	case MEANS_GONE:
		return (struct happened){ HAPPENED_FORGET, NULL };
	}
	return nothing;
}
