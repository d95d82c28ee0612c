/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/happened.h"

/* What follows from each trigger, by how the app stands. */

#define ENABLED { .exists = true, .is_wanted = true }
#define SERVED { .exists = true, .is_wanted = true, .has_tls = true, .is_own = true, .used_one = true }
#define BY_HAND { .exists = true, .is_wanted = true, .has_tls = true, .used_one = true }
#define TAKEN_AWAY { .exists = true, .is_wanted = true, .used_one = true }
#define STRANGER { .exists = true }
#define GONE { .exists = false }

static const struct {
	const char *trigger;
	struct happened_facts facts;
	enum happened_kind kind;
	const char *word;
} cases[] = {
	{ "post-deploy", ENABLED, HAPPENED_JOB, "deploy" },
	{ "post-deploy", SERVED, HAPPENED_JOB, "deploy" },
	{ "post-deploy", STRANGER, HAPPENED_NOTHING, NULL },
	{ "post-deploy", GONE, HAPPENED_NOTHING, NULL },
	{ "post-domains-update", ENABLED, HAPPENED_JOB, "domains" },
	{ "post-domains-update", STRANGER, HAPPENED_NOTHING, NULL },
	{ "post-proxy-ports-update", SERVED, HAPPENED_JOB, "ports" },
	{ "proxy-enable", SERVED, HAPPENED_JOB, "proxy" },
	{ "proxy-disable", SERVED, HAPPENED_JOB, "proxy" },
	/* By the user, by ourselves, for the new app during a clone. */
	{ "post-certs-update", BY_HAND, HAPPENED_HOLD, "a certificate was installed by hand" },
	{ "post-certs-update", SERVED, HAPPENED_NOTHING, NULL },
	{ "post-certs-update", ENABLED, HAPPENED_NOTHING, NULL },
	{ "post-certs-update", GONE, HAPPENED_NOTHING, NULL },
	{ "post-certs-remove", TAKEN_AWAY, HAPPENED_HOLD, "the certificate was removed by hand" },
	{ "post-certs-remove", ENABLED, HAPPENED_NOTHING, NULL },
	{ "post-certs-remove", STRANGER, HAPPENED_NOTHING, NULL },
	{ "post-certs-remove", SERVED, HAPPENED_NOTHING, NULL },
	{ "post-certs-remove", GONE, HAPPENED_NOTHING, NULL },
	/* Its folder is still there when the hook runs, and maybe not when the entry is taken in. */
	{ "post-delete", SERVED, HAPPENED_FORGET, NULL },
	{ "post-delete", GONE, HAPPENED_FORGET, NULL },
	/* Of a newer release, before one went back. */
	{ "post-something", SERVED, HAPPENED_NOTHING, NULL },
	{ "", SERVED, HAPPENED_NOTHING, NULL },
};

static void each_trigger_means_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct happened what = happened(cases[i].trigger, &cases[i].facts);

		print_message("%zu: %s\n", i, cases[i].trigger);
		assert_int_equal(what.kind, cases[i].kind);
		if (cases[i].word)
			assert_string_equal(what.word, cases[i].word);
		else
			assert_null(what.word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_trigger_means_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
