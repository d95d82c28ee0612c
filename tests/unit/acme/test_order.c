/* SPDX-License-Identifier: MIT */
#include "tests/unit/acme/order_scene.h"

/* ---- from newOrder to the certificate ---- */

static void one_name_takes_eight_requests(void **state)
{
	struct scene *scene = *state;
	const struct http *http = scene->http;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	on_order(scene, ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);

	assert_int_equal(http->request_count, 8);
	assert_string_equal(buf_text(&scene->trace), "placed [placed] [validating] blog.example.com=token-0 key [finalizing] finalizing valid [downloading] ");
	assert_int_equal(scene->expires_at, START_AT + 7 * 86400);
	assert_int_equal(scene->valid_at, START_AT);
	assert_non_null(strstr(buf_text(&scene->result.chain_pem), "BEGIN CERTIFICATE"));
	assert_false(scene->result.replaces_was_refused);
	assert_false(scene->result.chain_not_found);
	assert_string_equal(fake_request(http, NEW_ORDER, 0)->payload, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"blog.example.com\"}]}");
	assert_string_equal(fake_request(http, "POST /challenge/0", 0)->payload, "{}");
	assert_string_equal(fake_request(http, ORDER, 0)->payload, "");
	assert_string_equal(fake_request(http, CERT, 0)->accept, "application/pem-certificate-chain");
	assert_true(strncmp(fake_request(http, FINALIZE, 0)->payload, "{\"csr\":\"MI", 10) == 0);
	/* HEAD 0, newOrder 80, authorization 160, challenge 240, poll 340, finalize 420, poll 520, certificate 600 */
	assert_int_equal(fake_request(http, "POST /challenge/0", 0)->at_ms, 240);
	assert_int_equal(fake_request(http, ORDER, 0)->at_ms, 340);
	assert_int_equal(fake_request(http, ORDER, 1)->at_ms, 520);
	assert_int_equal(fake_now_ms, 680);
}

static void twenty_names_take_fifty_five(void **state)
{
	struct scene *scene = *state;
	int64_t last_present_ms;

	names(scene, 20);
	prepare_validation(scene);
	on_order(scene, ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);

	assert_int_equal(scene->http->request_count, 55);
	assert_int_equal(scene->http->most_under_way, ACME_NONCE_MAX);
	assert_int_equal(fake_count(scene->http, "HEAD /nonce"), ACME_NONCE_MAX);
	/* Each name with the token of its own authorization, however the CA lists them; and all of them before any challenge is answered. */
	for (size_t i = 0; i < 20; i++) {
		AUTO_FREE char *pair = mem_fmt(" n%zu.example.com=token-%zu ", i, i);

		assert_non_null(strstr(buf_text(&scene->trace), pair));
	}
	last_present_ms = 320;
	for (size_t i = 0; i < 20; i++)
		assert_true(fake_request(scene->http, challenge_line(scene, i), 0)->at_ms >= last_present_ms);
	assert_int_equal(fake_now_ms, 840);
}

static void what_is_asked_for_goes_into_the_order(void **state)
{
	struct scene *scene = *state;

	name(scene, "192.0.2.1");
	name(scene, "2001:db8::1");
	name(scene, "a.example.com");
	scene->request.profile = "shortlived";
	scene->request.replaces = "aki.serial";
	on_order(scene, NEW_ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);
	assert_string_equal(fake_request(scene->http, NEW_ORDER, 0)->payload,
			    "{\"identifiers\":[{\"type\":\"ip\",\"value\":\"192.0.2.1\"},{\"type\":\"ip\",\"value\":\"2001:db8::1\"},"
			    "{\"type\":\"dns\",\"value\":\"a.example.com\"}],\"profile\":\"shortlived\",\"replaces\":\"aki.serial\"}");
}

static void an_order_that_is_ready_at_once_is_finalized(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "ready");
	on_order(scene, FINALIZE, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root"));
	assert_run(scene);
	assert_int_equal(scene->http->request_count, 4);
	assert_string_equal(buf_text(&scene->trace), "placed [placed] key [finalizing] finalizing valid [downloading] ");
}

static void what_is_proven_is_not_proven_again(void **state)
{
	struct scene *scene = *state;

	names(scene, 3);
	on_order(scene, NEW_ORDER, "pending");
	on_authz(scene, 0, "valid", "pending", NULL); /* proven by another challenge */
	on_authz(scene, 1, "pending", "pending", NULL);
	on_authz(scene, 2, "pending", "processing", NULL); /* an earlier run has told the CA to look, and it may still do so */
	fake_on(scene->http, "POST /challenge/1", (struct fake_answer){ .status = 200, .body = "{}" });
	on_order(scene, ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);
	assert_null(strstr(buf_text(&scene->trace), "token-0"));
	assert_non_null(strstr(buf_text(&scene->trace), "token-1"));
	assert_non_null(strstr(buf_text(&scene->trace), "token-2"));
	assert_int_equal(fake_count(scene->http, "POST /challenge/1"), 1);
}

/* ---- polling ---- */

static void the_pauses_grow(void **state)
{
	/* After the challenge was sent: the first at 100 ms; then a sixth of what it took so far, at least 100 ms, at most 1 s, after half a minute 5 s. */
	static const int64_t at_ms[] = { 100, 200, 300, 400, 500, 600, 700, 816, 952, 1110, 1295, 1510, 1761, 2054, 2396, 2795, 3260, 3803, 4436, 5175, 6037, 7037, 8037, 9037,
					 10037, 11037, 12037, 13037, 14037, 15037, 16037, 17037, 18037, 19037, 20037, 21037, 22037, 23037, 24037, 25037, 26037, 27037, 28037, 29037,
					 30037, 35037 };
	struct scene *scene = *state;
	int64_t sent_ms;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	for (size_t i = 1; i < COUNT(at_ms); i++)
		on_order(scene, ORDER, "pending");
	on_order(scene, ORDER, "ready");
	on_order(scene, FINALIZE, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root"));
	assert_run(scene);
	sent_ms = fake_request(scene->http, "POST /challenge/0", 0)->at_ms;
	assert_int_equal(fake_count(scene->http, ORDER), COUNT(at_ms));
	for (size_t i = 0; i < COUNT(at_ms); i++)
		assert_int_equal(fake_request(scene->http, ORDER, i)->at_ms - sent_ms, at_ms[i]);
}

static void retry_after_is_heeded(void **state)
{
	struct scene *scene = *state;
	const char *pending, *processing;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	pending = order_body(scene, "pending", NULL);
	processing = order_body(scene, "processing", NULL);
	fake_on(scene->http, ORDER, (struct fake_answer){ .status = 200, .body = pending, .retry_after = "7" });
	on_order(scene, ORDER, "ready");
	fake_on(scene->http, FINALIZE, (struct fake_answer){ .status = 200, .body = processing, .retry_after = "Fri, 15 Jan 2027 08:00:20 GMT" });
	on_order(scene, ORDER, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root"));
	assert_run(scene);
	assert_int_equal(fake_request(scene->http, ORDER, 1)->at_ms - fake_request(scene->http, ORDER, 0)->at_ms, 7000 + FAKE_RTT_MS);
	/* The date is 20 s after the start, the answer came in its 8th second. */
	assert_int_equal(fake_request(scene->http, ORDER, 2)->at_ms - fake_request(scene->http, FINALIZE, 0)->at_ms, 13000 + FAKE_RTT_MS);
	assert_int_equal(scene->valid_at, START_AT + 20);
}

static void what_takes_too_long_is_left_to_the_next_run(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	on_order(scene, ORDER, "pending");
	assert_fails(scene, ERR_TIMEOUT, "blog.example.com: the CA has not finished the order within the time limit (it is 'pending')");
	assert_true(fake_now_ms <= 120 * 1000);
	assert_true(fake_now_ms > 110 * 1000);
}

static void a_pause_beyond_the_time_limit_is_not_begun(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "ready");
	fake_on(scene->http, FINALIZE, (struct fake_answer){ .status = 200, .body = order_body(scene, "processing", NULL), .retry_after = "3600" });
	assert_fails(scene, ERR_TIMEOUT, "the next run takes it up");
	assert_int_equal(fake_count(scene->http, ORDER), 0);
	assert_true(fake_now_ms < 1000);
}

/* ---- orders of an earlier run ---- */

static void one_is_taken_up_wherever_it_stands(void **state)
{
	static const struct {
		const char *status;
		size_t order_count, finalize_count, challenge_count;
	} cases[] = { { "pending", 3, 1, 1 }, { "ready", 2, 1, 0 }, { "processing", 2, 0, 0 }, { "valid", 1, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;

		(void)setup((void **)&scene);
		name(scene, "blog.example.com");
		scene->request.url = BASE "/order/1";
		on_order(scene, ORDER, cases[i].status);
		if (cases[i].challenge_count) {
			on_authz(scene, 0, "pending", "pending", NULL);
			fake_on(scene->http, "POST /challenge/0", (struct fake_answer){ .status = 200, .body = "{}" });
			on_order(scene, ORDER, "ready");
		}
		prepare_issue(scene);
		assert_run(scene);
		assert_int_equal(fake_count(scene->http, NEW_ORDER), 0);
		assert_int_equal(fake_count(scene->http, ORDER), cases[i].order_count);
		assert_int_equal(fake_count(scene->http, FINALIZE), cases[i].finalize_count);
		assert_int_equal(fake_count(scene->http, "POST /challenge/0"), cases[i].challenge_count);
		assert_null(strstr(buf_text(&scene->trace), "placed "));
		(void)teardown((void **)&scene);
	}
}

static void one_that_became_invalid_is_told(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	scene->request.url = BASE "/order/1";
	on_order(scene, ORDER, "invalid");
	on_authz(scene, 0, "invalid", "invalid", PROBLEM("connection", "refused"));
	assert_fails(scene, ERR_ACME, "blog.example.com: refused — ");
	assert_non_null(strstr(buf_text(&scene->trace), "failed:blog.example.com"));
}

static void one_that_is_gone_is_missing(void **state)
{
	static const struct {
		struct fake_answer answer;
		enum err_kind kind;
	} cases[] = {
		{ { .status = 404, .body = PROBLEM("malformed", "expired") }, ERR_MISSING },
		{ { .status = 404, .body = "", .type = "" }, ERR_MISSING },
		{ { .status = 403, .body = PROBLEM("unauthorized", "not yours") }, ERR_MISSING },
		{ { .status = 400, .body = PROBLEM("accountDoesNotExist", "who?") }, ERR_ACME },
		{ { .status = 429, .body = PROBLEM("rateLimited", "slow") }, ERR_RATE_LIMITED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;

		(void)setup((void **)&scene);
		name(scene, "blog.example.com");
		scene->request.url = BASE "/order/1";
		fake_on(scene->http, ORDER, cases[i].answer);
		assert_fails(scene, cases[i].kind, "blog.example.com");
		(void)teardown((void **)&scene);
	}
}

/* The CA has moved what gives nonces since the directory was kept: that says nothing of the order. */
static void one_is_not_missing_because_nonces_are(void **state)
{
	static const char moved[] =
		"{\"newNonce\":\"" BASE "/old\",\"newAccount\":\"" BASE "/account\",\"newOrder\":\"" BASE "/order\",\"revokeCert\":\"" BASE "/revoke\"}";
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	(void)fixture_acme(scene->base, moved);
	scene->request.url = BASE "/order/1";
	on_order(scene, ORDER, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root One"));
	fake_on(scene->http, "HEAD /old", (struct fake_answer){ .status = 404, .has_no_nonce = true });
	assert_run(scene);
	assert_int_equal(fake_count(scene->http, "GET /dir"), 1);
	assert_int_equal(fake_count(scene->http, ORDER), 1);
}

static void one_is_not_missing_where_there_are_no_nonces(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	scene->request.url = BASE "/order/1";
	fake_off(scene->http, "HEAD /nonce");
	fake_on(scene->http, "HEAD /nonce", (struct fake_answer){ .status = 404, .has_no_nonce = true });
	assert_fails(scene, ERR_PROTOCOL, "blog.example.com");
	assert_int_equal(fake_count(scene->http, ORDER), 0);
}

/* ---- replaces ---- */

static void refused_replaces_is_left_out(void **state)
{
	static const struct {
		struct fake_answer answer;
		size_t placed_count;
	} cases[] = {
		{ { .status = 409, .body = PROBLEM("alreadyReplaced", "cannot indicate an order replaces it") }, 2 },
		{ { .status = 404, .body = PROBLEM("malformed", "could not find an existing certificate") }, 2 },
		{ { .status = 403, .body = PROBLEM("unauthorized", "requester account did not request the certificate being replaced") }, 2 },
		{ { .status = 400, .body = PROBLEM("malformed", "could not parse ARI CertID") }, 2 },
		{ { .status = 500, .body = PROBLEM("serverInternal", "could not find an order for the given certificate") }, 2 },
		{ { .status = 400, .body = PROBLEM("rejectedIdentifier", "no certificate for this name") }, 1 },
		{ { .status = 400, .body = PROBLEM("malformed", "no") }, 1 },
		{ { .status = 429, .body = PROBLEM("rateLimited", "too many certificates") }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;
		bool is_placed;

		(void)setup((void **)&scene);
		name(scene, "certificate.example.com"); /* the words of the refusal count, not those of the name */
		scene->request.replaces = "aki.serial";
		fake_on(scene->http, NEW_ORDER, cases[i].answer);
		on_order(scene, NEW_ORDER, "ready");
		prepare_issue(scene);
		is_placed = run(scene);
		if (is_placed != (cases[i].placed_count == 2))
			fail_msg("%s: %s", cases[i].answer.body, is_placed ? "was placed" : scene->err.text);
		assert_int_equal(scene->result.replaces_was_refused, is_placed);
		assert_int_equal(fake_count(scene->http, NEW_ORDER), cases[i].placed_count);
		assert_non_null(strstr(fake_request(scene->http, NEW_ORDER, 0)->payload, "aki.serial"));
		if (is_placed)
			assert_null(strstr(fake_request(scene->http, NEW_ORDER, 1)->payload, "replaces"));
		(void)teardown((void **)&scene);
	}
}

/* ---- the chain ---- */

static void an_alternate_is_fetched_only_when_wanted(void **state)
{
	static const struct {
		const char *preferred;
		const char *root;
		size_t fetched_count;
		bool is_missed;
	} cases[] = { { NULL, "Root One", 1, false }, { "Root One", "Root One", 1, false }, { "Root Two", "Root Two", 2, false },
		      { "Root Three", "Root Three", 3, false }, { "Root Nine", "Root One", 3, true } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;
		struct fake_answer chain;
		const char *wanted = NULL;

		(void)setup((void **)&scene);
		name(scene, "blog.example.com");
		scene->request.preferred_chain = cases[i].preferred;
		on_order(scene, NEW_ORDER, "ready");
		on_order(scene, FINALIZE, "valid");
		for (int k = 0; k < 3; k++) {
			static const char *const roots[] = { "Root One", "Root Two", "Root Three" };
			static const char *const lines[] = { CERT, CERT "/1", CERT "/2" };

			chain = chain_answer(scene, roots[k]);
			chain.links[0] = "<" BASE "/dir>;rel=\"index\"";
			chain.links[1] = "<" BASE "/cert/1>;rel=\"alternate\"";
			chain.links[2] = "<" BASE "/cert/2>; rel=alternate";
			fake_on(scene->http, lines[k], chain);
			if (strcmp(roots[k], cases[i].root) == 0)
				wanted = chain.body;
		}
		assert_run(scene);
		assert_string_equal(buf_text(&scene->result.chain_pem), wanted);
		assert_int_equal(scene->result.chain_not_found, cases[i].is_missed);
		assert_int_equal(fake_count(scene->http, CERT) + fake_count(scene->http, CERT "/1") + fake_count(scene->http, CERT "/2"), cases[i].fetched_count);
		(void)teardown((void **)&scene);
	}
}

static void what_is_no_certificate_is_refused(void **state)
{
	static const struct fake_answer answers[] = {
		{ .status = 200, .type = "text/html", .body = "<html>" },
		{ .status = 200, .type = "application/pem-certificate-chain", .body = "<html>" },
		{ .status = 200, .type = "application/pem-certificate-chain", .body = "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct scene *scene = NULL;

		(void)setup((void **)&scene);
		name(scene, "blog.example.com");
		on_order(scene, NEW_ORDER, "ready");
		on_order(scene, FINALIZE, "valid");
		fake_on(scene->http, CERT, answers[i]);
		assert_fails(scene, ERR_PROTOCOL, "certificate");
		assert_null(scene->result.chain_pem.data);
		(void)teardown((void **)&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(one_name_takes_eight_requests),
		SCENE(twenty_names_take_fifty_five),
		SCENE(what_is_asked_for_goes_into_the_order),
		SCENE(an_order_that_is_ready_at_once_is_finalized),
		SCENE(what_is_proven_is_not_proven_again),
		SCENE(the_pauses_grow),
		SCENE(retry_after_is_heeded),
		SCENE(what_takes_too_long_is_left_to_the_next_run),
		SCENE(a_pause_beyond_the_time_limit_is_not_begun),
		cmocka_unit_test(one_is_taken_up_wherever_it_stands),
		SCENE(one_that_became_invalid_is_told),
		cmocka_unit_test(one_that_is_gone_is_missing),
		SCENE(one_is_not_missing_because_nonces_are),
		SCENE(one_is_not_missing_where_there_are_no_nonces),
		cmocka_unit_test(refused_replaces_is_left_out),
		cmocka_unit_test(an_alternate_is_fetched_only_when_wanted),
		cmocka_unit_test(what_is_no_certificate_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
