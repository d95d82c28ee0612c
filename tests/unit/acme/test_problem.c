/* SPDX-License-Identifier: MIT */
#include "acme/problem.h"

#include <stdlib.h>
#include <time.h>

#include "tests/unit/acme/fake_http.h"

#define URN "urn:ietf:params:acme:error:"

static const struct {
	const char *about;
	long status;
	const char *type, *body, *retry_after;
	enum err_kind kind;
	const char *short_type, *text;
	int64_t retry_at;
} cases[] = {
	{ "detail and what to do", 400, NULL, "{\"type\":\"" URN "badPublicKey\",\"detail\":\"weak\"}", NULL, ERR_ACME, "badPublicKey",
	  "blog: weak — choose another key-type", 0 },
	{ "a type without advice", 400, NULL, "{\"type\":\"" URN "malformed\",\"detail\":\"no\"}", NULL, ERR_ACME, "malformed", "blog: no", 0 },
	{ "an unknown type", 400, NULL, "{\"type\":\"https://ca/odd\",\"detail\":\"no\"}", NULL, ERR_ACME, "https://ca/odd", "blog: no", 0 },
	{ "no detail", 400, NULL, "{\"type\":\"" URN "malformed\"}", NULL, ERR_ACME, "malformed", "blog: malformed", 0 },
	{ "as plain JSON", 400, "application/json", "{\"type\":\"" URN "malformed\",\"detail\":\"no\"}", NULL, ERR_ACME, "malformed", "blog: no", 0 },
	{ "the same type means another thing for an account", 403, NULL, "{\"type\":\"" URN "unauthorized\",\"detail\":\"no\"}", NULL, ERR_ACME, "unauthorized",
	  "blog: no — the CA does not allow it to this account", 0 },
	{ "sub-problems name by name", 400, NULL,
	  "{\"type\":\"" URN "rejectedIdentifier\",\"detail\":\"some are refused\",\"subproblems\":["
	  "{\"type\":\"" URN "rejectedIdentifier\",\"detail\":\"policy\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"}},"
	  "{\"type\":\"" URN "caa\",\"detail\":\"CAA says no\",\"identifier\":{\"type\":\"dns\",\"value\":\"b.example\"}}]}",
	  NULL, ERR_ACME, "rejectedIdentifier",
	  "blog: some are refused — the CA issues nothing for it: remove it from the app's domains\n"
	  "a.example: policy\n"
	  "b.example: CAA says no — allow the CA in the CAA records of this name or of its parents",
	  0 },
	{ "control bytes and line feeds are shown, not obeyed", 400, NULL, "{\"type\":\"" URN "malformed\",\"detail\":\"a\\u001b[31m\\nroot: fine\"}", NULL, ERR_ACME,
	  "malformed", "blog: a\\x1b[31m\\x0aroot: fine", 0 },
	{ "a limit with its moment", 429, NULL, "{\"type\":\"" URN "rateLimited\",\"detail\":\"too many\"}", "3600", ERR_RATE_LIMITED, "rateLimited",
	  "blog: too many — it works again after 2027-01-15 09:00 UTC", START_AT + 3600 },
	{ "a limit without one", 429, NULL, "{\"type\":\"" URN "rateLimited\",\"detail\":\"too many\"}", NULL, ERR_RATE_LIMITED, "rateLimited",
	  "blog: too many — the CA does not say until when; try again later", 0 },
	{ "a paused account keeps its link", 429, NULL,
	  "{\"type\":\"" URN "rateLimited\",\"detail\":\"Your account is temporarily prevented. Please visit: https://ca/sfe/v1/unpause?jwt=abc\"}", NULL,
	  ERR_RATE_LIMITED, "rateLimited",
	  "blog: Your account is temporarily prevented. Please visit: https://ca/sfe/v1/unpause?jwt=abc — open that link and confirm there, then try again", 0 },
	{ "a limit without document", 429, "text/html", "<html>", "60", ERR_RATE_LIMITED, "",
	  "blog: the CA's server refuses more requests for now (status 429) — it works again after 2027-01-15 08:01 UTC", START_AT + 60 },
	{ "a page of something in between", 403, "text/html", "<html>\nForbidden\n</html>", NULL, ERR_PROTOCOL, "",
	  "blog: the answer was status 403 with text/html, and no ACME server says that; check the property server and any proxy in between", 0 },
	{ "a server in trouble", 502, "text/html", "<html>", "5", ERR_NETWORK, "",
	  "blog: the CA's server answered with status 502 (text/html): this is trouble at the CA; try again later", START_AT + 5 },
	{ "JSON that is no problem", 400, NULL, "{}", NULL, ERR_PROTOCOL, "",
	  "blog: the answer was status 400 with application/problem+json, and no ACME server says that; check the property server and any proxy in between", 0 },
	{ "broken JSON", 500, NULL, "{\"type\":", NULL, ERR_NETWORK, "",
	  "blog: the CA's server answered with status 500 (application/problem+json): this is trouble at the CA; try again later", 0 },
};

static void tells_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(http_response_done) struct http_response response = { .status = cases[i].status, .body = BUF_MAX(4000) };
		struct err err = { .retry_at = 9, .type = "old" };

		(void)buf_adds(&response.body, cases[i].body);
		response.content_type = mem_strdup(cases[i].type ? cases[i].type : "application/problem+json");
		response.retry_after = cases[i].retry_after ? mem_strdup(cases[i].retry_after) : NULL;
		assert_false(acme_problem_fail(&response, "blog", START_AT, &err));
		if (err.kind != cases[i].kind || strcmp(err.text, cases[i].text) != 0 || strcmp(err.type, cases[i].short_type) != 0 ||
		    err.retry_at != cases[i].retry_at)
			fail_msg("%s: %s '%s' %lld:\n%s", cases[i].about, err_kind_name(err.kind), err.type, (long long)err.retry_at, err.text);
	}
}

static void a_validation_gets_advice_of_its_own(void **state)
{
	AUTO(acme_problem_done) struct acme_problem problem = { .type = mem_strdup(URN "unauthorized"), .detail = mem_strdup("404") };
	AUTO_BUF text = BUF_MAX(1000);

	(void)state;
	acme_problem_explain(&problem, ACME_STAGE_VALIDATION, "blog", &text);
	assert_non_null(strstr(buf_text(&text), "blog: 404 — another server answers for this name: check the A and AAAA records"));
}

static void long_details_are_cut_but_a_link_is_not(void **state)
{
	AUTO(acme_problem_done) struct acme_problem problem = { .type = mem_strdup(URN "rateLimited") };
	AUTO_BUF detail = BUF_MAX(100000);
	AUTO_BUF text = BUF_MAX(100000);

	(void)state;
	while (detail.size < 1500)
		(void)buf_addc(&detail, 'x');
	(void)buf_adds(&detail, "END");
	while (detail.size < 50000)
		(void)buf_addc(&detail, 'y');
	problem.detail = buf_take(&detail);
	acme_problem_explain(&problem, ACME_STAGE_REQUEST, "blog", &text);
	assert_non_null(strstr(buf_text(&text), "xEND"));
	assert_true(text.size < 2100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_each),
		cmocka_unit_test(a_validation_gets_advice_of_its_own),
		cmocka_unit_test(long_details_are_cut_but_a_link_is_not),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
