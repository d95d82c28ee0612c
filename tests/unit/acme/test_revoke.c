/* SPDX-License-Identifier: MIT */
#include "acme/acme.h"

#include "tests/unit/acme/fake_http.h"

#define REVOKE "POST /revoke"

static void reasons_by_name_and_number(void **state)
{
	static const struct {
		const char *text;
		int reason; /* -1: none */
	} cases[] = { { "unspecified", 0 },	      { "keyCompromise", 1 }, { "keycompromise", 1 }, { "affiliationChanged", 3 }, { "superseded", 4 },
		      { "cessationOfOperation", 5 }, { "0", 0 },	      { "1", 1 },	      { "2", -1 },		   { "4", 4 },
		      { "6", -1 },		      { "", -1 },	      { "nonsense", -1 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int reason = -1;

		assert_int_equal(acme_reason_parse(cases[i].text, &reason), cases[i].reason >= 0);
		assert_int_equal(reason, cases[i].reason);
	}
	for (const char *const *name = acme_reason_names(); *name; name++) {
		int reason;

		assert_true(acme_reason_parse(*name, &reason));
	}
}

static void signed_by_the_account(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	fake_on(fixture->http, REVOKE, (struct fake_answer){ .status = 200 });
	assert_true(acme_revoke(fixture->acme, &fixture->account, NULL, "\1\2\3", 3, 4, &err));
	assert_string_equal(fake_request(fixture->http, REVOKE, 0)->payload, "{\"certificate\":\"AQID\",\"reason\":4}");
	assert_string_equal(fake_request(fixture->http, REVOKE, 0)->kid, BASE "/account/1");
}

static void signed_by_the_key_of_the_certificate(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	fake_on(fixture->http, REVOKE, (struct fake_answer){ .status = 200 });
	assert_true(acme_revoke(fixture->acme, NULL, fixture->account.key, "\1\2\3", 3, 1, &err));
	assert_null(fake_request(fixture->http, REVOKE, 0)->kid);
	assert_true(fake_request(fixture->http, REVOKE, 0)->has_jwk);
}

static void done_before_is_done(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	fake_on(fixture->http, REVOKE, (struct fake_answer){ .status = 400, .body = PROBLEM("alreadyRevoked", "again?") });
	assert_true(acme_revoke(fixture->acme, &fixture->account, NULL, "\1", 1, 0, &err));
}

static void a_refusal_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	fake_on(fixture->http, REVOKE, (struct fake_answer){ .status = 403, .body = PROBLEM("unauthorized", "not yours") });
	assert_false(acme_revoke(fixture->acme, &fixture->account, NULL, "\1", 1, 0, &err));
	assert_int_equal(err.kind, ERR_ACME);
	assert_non_null(strstr(err.text, "revocation: not yours"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_by_name_and_number),
		TEST(signed_by_the_account),
		TEST(signed_by_the_key_of_the_certificate),
		TEST(done_before_is_done),
		TEST(a_refusal_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
