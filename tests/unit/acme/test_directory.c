/* SPDX-License-Identifier: MIT */
#include "acme/directory.h"

#include "tests/unit/acme/fake_http.h"

#define URLS "\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\",\"revokeCert\":\"https://a/r\""

static void reads_what_a_ca_offers(void **state)
{
	AUTO(acme_directory_done) struct acme_directory directory = { 0 };
	static const char text[] = "{" URLS ",\"unknown\":[1],\"renewalInfo\":\"https://a/ari\",\"meta\":{\"termsOfService\":\"https://a/t\","
				   "\"externalAccountRequired\":true,\"profiles\":{\"z\":\"last\",\"b\":\"first\"}}}";
	struct err err;

	(void)state;
	assert_true(acme_directory_read(text, strlen(text), &directory, &err));
	assert_string_equal(directory.urls[ACME_NEW_NONCE], "https://a/n");
	assert_string_equal(directory.urls[ACME_NEW_ACCOUNT], "https://a/a");
	assert_string_equal(directory.urls[ACME_NEW_ORDER], "https://a/o");
	assert_string_equal(directory.urls[ACME_REVOKE_CERT], "https://a/r");
	assert_string_equal(directory.urls[ACME_RENEWAL_INFO], "https://a/ari");
	assert_string_equal(directory.meta.terms_url, "https://a/t");
	assert_true(directory.meta.needs_external_account);
	assert_int_equal(directory.profiles.count, 2);
	assert_string_equal(directory.profiles.items[0], "b");
}

static void refuses_what_is_none(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "", "not JSON" },
		{ "<html>", "not JSON" },
		{ "[]", "not a JSON object" },
		{ "{}", "'newNonce' is missing" },
		{ "{\"newNonce\":1}", "'newNonce' is not a string" },
		{ "{\"newNonce\":\"http://a/n\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\",\"revokeCert\":\"https://a/r\"}", "http://a/n" },
		{ "{" URLS ",\"renewalInfo\":\"ftp://a\"}", "ftp://a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct acme_directory directory;
		struct err err;

		assert_false(acme_directory_read(cases[i].text, strlen(cases[i].text), &directory, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_non_null(strstr(err.text, cases[i].said));
	}
}

static void a_kept_one_costs_no_request(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	assert_true(acme_load_directory(fixture->acme, &err));
	assert_int_equal(fixture->http->request_count, 0);
	assert_null(acme_directory_text(fixture->acme));
	assert_string_equal(acme_terms_url(fixture->acme), BASE "/terms");
	assert_true(acme_has_ari(fixture->acme));
	assert_false(acme_needs_external_account(fixture->acme));
	assert_string_equal(acme_profiles(fixture->acme)->items[1], "tlsserver");
}

static void is_fetched_when_the_kept_one_is_broken(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	(void)fixture_acme(fixture, "{\"newNonce\":\"cut of");
	assert_true(acme_load_directory(fixture->acme, &err));
	assert_true(acme_load_directory(fixture->acme, &err));
	assert_int_equal(fake_count(fixture->http, "GET /dir"), 1);
	assert_string_equal(acme_directory_text(fixture->acme), DIRECTORY);
}

static void a_server_that_is_no_ca_is_a_fault_of_the_setting(void **state)
{
	static const struct fake_answer answers[] = {
		{ .status = 200, .body = "<html>hello</html>", .type = "text/html" },
		{ .status = 404, .body = "<html>where?</html>", .type = "text/html" },
		{ .status = 200, .body = "{}" },
	};
	struct fixture *fixture = *state;
	struct err err;

	for (size_t i = 0; i < COUNT(answers); i++) {
		fake_off(fixture->http, "GET /dir");
		fake_on(fixture->http, "GET /dir", answers[i]);
		(void)fixture_acme(fixture, NULL);
		assert_false(acme_load_directory(fixture->acme, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_non_null(strstr(err.text, "is '" BASE "/dir' an ACME directory?"));
		assert_null(strchr(err.text, '\n'));
	}
}

struct loading {
	struct fixture *fixture;
	bool is_loaded;
};

static void load(void *arg)
{
	struct loading *loading = arg;
	struct err err;

	loading->is_loaded = acme_load_directory(loading->fixture->acme, &err);
}

static void fibers_fetch_it_once(void **state)
{
	struct fixture *fixture = *state;
	struct loading loadings[3] = { { fixture, false }, { fixture, false }, { fixture, false } };

	(void)fixture_acme(fixture, NULL);
	for (size_t i = 0; i < COUNT(loadings); i++)
		loop_start(fixture->loop, load, &loadings[i]);
	(void)loop_sleep(fixture->loop, 1000);
	for (size_t i = 0; i < COUNT(loadings); i++)
		assert_true(loadings[i].is_loaded);
	assert_int_equal(fake_count(fixture->http, "GET /dir"), 1);
}

static void an_old_one_is_fetched_anew_when_a_url_is_gone(void **state)
{
	static const char old[] = "{\"newNonce\":\"" BASE "/nonce\",\"newAccount\":\"" BASE "/old\",\"newOrder\":\"" BASE "/old\",\"revokeCert\":\"" BASE "/old\"}";
	struct fixture *fixture = *state;
	struct err err;

	(void)fixture_acme(fixture, old);
	fake_on(fixture->http, "POST /old", (struct fake_answer){ .status = 404, .body = PROBLEM("malformed", "no such page") });
	fake_on(fixture->http, "POST /account", (struct fake_answer){ .status = 200, .body = "{\"status\":\"valid\"}", .location = BASE "/account/7" });
	assert_true(acme_account_find(fixture->acme, &fixture->account, &err));
	assert_string_equal(fixture->account.url, BASE "/account/7");
	assert_int_equal(fake_count(fixture->http, "GET /dir"), 1);
	assert_int_equal(fake_count(fixture->http, "POST /old"), 1);
}

static void a_fetched_one_is_believed(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	(void)fixture_acme(fixture, NULL);
	fake_on(fixture->http, "POST /account", (struct fake_answer){ .status = 404, .body = PROBLEM("malformed", "no such page") });
	assert_false(acme_account_find(fixture->acme, &fixture->account, &err));
	assert_int_equal(err.kind, ERR_ACME);
	assert_int_equal(fake_count(fixture->http, "GET /dir"), 1);
	assert_int_equal(fake_count(fixture->http, "POST /account"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_a_ca_offers),
		cmocka_unit_test(refuses_what_is_none),
		TEST(a_kept_one_costs_no_request),
		TEST(is_fetched_when_the_kept_one_is_broken),
		TEST(a_server_that_is_no_ca_is_a_fault_of_the_setting),
		TEST(fibers_fetch_it_once),
		TEST(an_old_one_is_fetched_anew_when_a_url_is_gone),
		TEST(a_fetched_one_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
