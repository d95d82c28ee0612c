/* SPDX-License-Identifier: MIT */
#include "acme/acme.h"

#include "tests/unit/acme/fake_http.h"
#include "util/strs.h"

#define WINDOW "{\"suggestedWindow\":{\"start\":\"2027-02-01T00:00:00Z\",\"end\":\"2027-02-02T00:00:00.5Z\"},\"explanationURL\":\"https://ca.test/why\"}"
#define START 1801440000

static void each_gets_its_window_or_its_error(void **state)
{
	static const struct {
		const char *id, *line;
		struct fake_answer answer;
		enum err_kind kind;
		int64_t retry_s; /* for a window: from now */
	} cases[] = {
		{ "a.1", "GET /ari/a.1", { .status = 200, .body = WINDOW, .retry_after = "7200" }, ERR_NONE, 7200 },
		{ "a.2", "GET /ari/a.2", { .status = 404, .body = PROBLEM("malformed", "unknown") }, ERR_ACME, 0 },
		{ "a.3", "GET /ari/a.3", { .status = 200, .body = WINDOW }, ERR_NONE, 6 * 3600 },
		{ "a.4", "GET /ari/a.4", { .status = 200, .body = WINDOW, .retry_after = "1" }, ERR_NONE, 60 },
		{ "a.5", "GET /ari/a.5", { .status = 200, .body = WINDOW, .retry_after = "9999999" }, ERR_NONE, 86400 },
		{ "a.6", "GET /ari/a.6", { .status = 200, .body = WINDOW, .retry_after = "Fri, 15 Jan 2027 10:00:00 GMT" }, ERR_NONE, 7200 },
		{ "a.7", "GET /ari/a.7", { .status = 200, .body = "{}" }, ERR_PROTOCOL, 0 },
		{ "a.8", "GET /ari/a.8", { .status = 200, .body = "<html>", .type = "text/html" }, ERR_PROTOCOL, 0 },
		{ "a.9", "GET /ari/a.9",
		  { .status = 200, .body = "{\"suggestedWindow\":{\"start\":\"2027-02-02T00:00:00Z\",\"end\":\"2027-02-01T00:00:00Z\"}}" }, ERR_PROTOCOL, 0 },
		{ "a.10", "GET /ari/a.10", { .status = 200, .body = "{\"suggestedWindow\":{\"start\":\"soon\",\"end\":\"later\"}}" }, ERR_PROTOCOL, 0 },
		{ "a.11", "GET /ari/a.11", { .status = 503, .type = "text/html", .retry_after = "600" }, ERR_NETWORK, 0 },
		{ "a.12", "GET /ari/a.12", { .failure = ERR_NETWORK }, ERR_NETWORK, 0 },
	};
	struct fixture *fixture = *state;
	struct acme_window windows[COUNT(cases)];
	struct err errs[COUNT(cases)];
	AUTO_STRS ids = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		fake_on(fixture->http, cases[i].line, cases[i].answer);
		strs_add(&ids, cases[i].id);
	}
	acme_windows(fixture->acme, &ids, windows, errs);
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t off_s;

		if (errs[i].kind != cases[i].kind)
			fail_msg("%s: %s: %s", cases[i].id, err_kind_name(errs[i].kind), errs[i].text);
		if (cases[i].kind != ERR_NONE)
			continue;
		assert_int_equal(windows[i].start_at, START);
		assert_int_equal(windows[i].end_at, START + 86400);
		assert_string_equal(windows[i].explanation_url, "https://ca.test/why");
		off_s = windows[i].retry_at - START_AT - cases[i].retry_s;
		if (off_s != 0)
			fail_msg("%s: asked again %lld s off", cases[i].id, (long long)off_s);
		acme_window_done(&windows[i]);
		assert_null(windows[i].explanation_url);
	}
	assert_int_equal(fake_count(fixture->http, "GET /ari/a.11"), 1); /* a CA in trouble is not waited for */
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 0);
}

static void all_are_asked_side_by_side(void **state)
{
	struct fixture *fixture = *state;
	struct acme_window windows[30];
	struct err errs[30];
	AUTO_STRS ids = { 0 };

	fake_on(fixture->http, "GET /ari/x", (struct fake_answer){ .status = 200, .body = WINDOW });
	for (size_t i = 0; i < COUNT(windows); i++)
		strs_add(&ids, "x");
	acme_windows(fixture->acme, &ids, windows, errs);
	for (size_t i = 0; i < COUNT(windows); i++) {
		assert_int_equal(errs[i].kind, ERR_NONE);
		assert_int_equal(fake_request(fixture->http, "GET /ari/x", i)->at_ms, 0);
		acme_window_done(&windows[i]);
	}
}

static void a_ca_without_it_is_not_asked(void **state)
{
	struct fixture *fixture = *state;
	struct acme_window window;
	struct err err;
	AUTO_STRS ids = { 0 };

	(void)fixture_acme(fixture, "{\"newNonce\":\"" BASE "/n\",\"newAccount\":\"" BASE "/a\",\"newOrder\":\"" BASE "/o\",\"revokeCert\":\"" BASE "/r\"}");
	strs_add(&ids, "x");
	acme_windows(fixture->acme, &ids, &window, &err);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_int_equal(window.start_at, 0);
	assert_int_equal(fixture->http->request_count, 0);
}

static void without_a_directory_each_gets_that_error(void **state)
{
	struct fixture *fixture = *state;
	struct acme_window windows[2];
	struct err errs[2];
	AUTO_STRS ids = { 0 };

	fake_off(fixture->http, "GET /dir");
	fake_on(fixture->http, "GET /dir", (struct fake_answer){ .failure = ERR_TLS });
	(void)fixture_acme(fixture, NULL);
	strs_add(&ids, "x");
	strs_add(&ids, "y");
	acme_windows(fixture->acme, &ids, windows, errs);
	assert_int_equal(errs[0].kind, ERR_TLS);
	assert_int_equal(errs[1].kind, ERR_TLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_gets_its_window_or_its_error),
		TEST(all_are_asked_side_by_side),
		TEST(a_ca_without_it_is_not_asked),
		TEST(without_a_directory_each_gets_that_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
