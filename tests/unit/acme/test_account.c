/* SPDX-License-Identifier: MIT */
#include "acme/acme.h"

#include "tests/unit/acme/fake_http.h"

#define ACCOUNT "POST /account"
#define VALID .body = "{\"status\":\"valid\"}", .location = BASE "/account/7"
#define WITH_EAB                                                                                                                         \
	"{\"newNonce\":\"" BASE "/nonce\",\"newAccount\":\"" BASE "/account\",\"newOrder\":\"" BASE "/order\",\"revokeCert\":\"" BASE   \
	"/revoke\",\"meta\":{\"externalAccountRequired\":true}}"

static const struct acme_registration by_mail = { .email = "me@example.com" };

static void a_new_one_is_made(void **state)
{
	struct fixture *fixture = *state;
	AUTO_FREE char *terms = NULL;
	const struct fake_request *request;
	struct err err;

	fake_on(fixture->http, ACCOUNT, (struct fake_answer){ .status = 201, VALID });
	assert_true(acme_account_register(fixture->acme, &fixture->account, &by_mail, &terms, &err));
	assert_string_equal(fixture->account.url, BASE "/account/7");
	assert_string_equal(terms, BASE "/terms");
	request = fake_request(fixture->http, ACCOUNT, 0);
	assert_string_equal(request->payload, "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:me@example.com\"]}");
	assert_true(request->has_jwk);
	assert_null(request->kid);
}

static void no_mail_no_contact(void **state)
{
	struct fixture *fixture = *state;
	const struct acme_registration bare = { 0 };
	AUTO_FREE char *terms = NULL;
	struct err err;

	fake_on(fixture->http, ACCOUNT, (struct fake_answer){ .status = 200, VALID });
	assert_true(acme_account_register(fixture->acme, &fixture->account, &bare, &terms, &err));
	assert_string_equal(fake_request(fixture->http, ACCOUNT, 0)->payload, "{\"termsOfServiceAgreed\":true}");
}

static void a_binding_goes_along(void **state)
{
	struct fixture *fixture = *state;
	const struct acme_registration bound = { .eab_kid = "kid-1", .eab_hmac_key = "c2VjcmV0" };
	AUTO_FREE char *terms = NULL;
	const char *payload;
	struct err err;

	(void)fixture_acme(fixture, WITH_EAB);
	fake_on(fixture->http, ACCOUNT, (struct fake_answer){ .status = 201, VALID });
	assert_true(acme_account_register(fixture->acme, &fixture->account, &bound, &terms, &err));
	assert_null(terms);
	payload = fake_request(fixture->http, ACCOUNT, 0)->payload;
	assert_non_null(strstr(payload, "{\"termsOfServiceAgreed\":true,\"externalAccountBinding\":{\"protected\":"));
	assert_string_equal(payload + strlen(payload) - 3, "\"}}");
	assert_null(strstr(payload, "c2VjcmV0"));
}

static void a_missing_binding_is_asked_for(void **state)
{
	struct fixture *fixture = *state;
	const struct acme_registration half = { .eab_kid = "kid-1" };
	AUTO_FREE char *terms = NULL;
	struct err err;

	(void)fixture_acme(fixture, WITH_EAB);
	assert_false(acme_account_register(fixture->acme, &fixture->account, &by_mail, &terms, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "eab-kid and eab-hmac-key"));
	assert_false(acme_account_register(fixture->acme, &fixture->account, &half, &terms, &err));
	assert_int_equal(err.kind, ERR_CONFIG);

	(void)fixture_acme(fixture, DIRECTORY);
	assert_false(acme_account_register(fixture->acme, &fixture->account, &half, &terms, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(fake_count(fixture->http, ACCOUNT), 0);
}

static void answers_that_are_no_account(void **state)
{
	static const struct {
		struct fake_answer answer;
		enum err_kind kind;
		const char *said;
	} cases[] = {
		{ { .status = 200, .body = "{\"status\":\"deactivated\"}", .location = BASE "/account/7" }, ERR_ACME, "'deactivated'" },
		{ { .status = 201, .body = "{\"status\":\"valid\"}" }, ERR_PROTOCOL, "URL of the account" },
		{ { .status = 201, .body = "{\"status\":\"valid\"}", .location = "/account/7" }, ERR_PROTOCOL, "URL of the account" },
		{ { .status = 201, .body = "<html>", .type = "text/html", .location = BASE "/account/7" }, ERR_PROTOCOL, "'text/html' instead of the account" },
		{ { .status = 201, .body = "{\"status\":1}", .location = BASE "/account/7" }, ERR_PROTOCOL, "'status' is not a string" },
		{ { .status = 400, .body = PROBLEM("unsupportedContact", "bad mail") }, ERR_ACME, "bad mail — set another e-mail address" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *terms = NULL;
		struct err err;

		fake_off(fixture->http, ACCOUNT);
		fake_on(fixture->http, ACCOUNT, cases[i].answer);
		assert_false(acme_account_register(fixture->acme, &fixture->account, &by_mail, &terms, &err));
		assert_int_equal(err.kind, cases[i].kind);
		if (!strstr(err.text, cases[i].said))
			fail_msg("'%s' is not in: %s", cases[i].said, err.text);
		assert_string_equal(fixture->account.url, BASE "/account/1");
	}
}

static void one_is_found_by_its_key(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	fake_on(fixture->http, ACCOUNT, (struct fake_answer){ .status = 200, VALID });
	assert_true(acme_account_find(fixture->acme, &fixture->account, &err));
	assert_string_equal(fixture->account.url, BASE "/account/7");
	assert_string_equal(fake_request(fixture->http, ACCOUNT, 0)->payload, "{\"onlyReturnExisting\":true}");
}

static void one_that_is_not_there_is_missing(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	fake_on(fixture->http, ACCOUNT, (struct fake_answer){ .status = 400, .body = PROBLEM("accountDoesNotExist", "who?") });
	assert_false(acme_account_find(fixture->acme, &fixture->account, &err));
	assert_int_equal(err.kind, ERR_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_one_is_made),
		TEST(no_mail_no_contact),
		TEST(a_binding_goes_along),
		TEST(a_missing_binding_is_asked_for),
		TEST(answers_that_are_no_account),
		TEST(one_is_found_by_its_key),
		TEST(one_that_is_not_there_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
