/* SPDX-License-Identifier: MIT */
/* Orders that fail, and answers that get lost. */
#include "tests/unit/acme/order_scene.h"

#include "tests/unit/stopping.h"

/* ---- failures ---- */

static void each_name_that_failed_is_told(void **state)
{
	struct scene *scene = *state;

	names(scene, 3);
	prepare_validation(scene);
	on_authz(scene, 0, "invalid", "invalid", PROBLEM("dns", "no such host"));
	on_authz(scene, 1, "valid", "valid", NULL);
	on_authz(scene, 2, "invalid", "invalid", PROBLEM("unauthorized", "got 404"));
	on_order(scene, ORDER, "invalid");
	assert_fails(scene, ERR_ACME, "n0.example.com: no such host — check the A and AAAA records");
	assert_string_equal(scene->err.type, "");
	assert_non_null(strstr(scene->err.text, "\nn0.") ? strstr(scene->err.text, "n2.example.com: got 404 — ") : NULL);
	assert_null(strstr(scene->err.text, "n1."));
	assert_non_null(strstr(buf_text(&scene->trace), "failed:n0.example.com"));
	assert_non_null(strstr(buf_text(&scene->trace), "failed:n2.example.com"));
	assert_null(strstr(buf_text(&scene->trace), "failed:n1"));
	assert_int_equal(fake_request(scene->http, "POST /authz/0", 1)->at_ms, fake_request(scene->http, "POST /authz/2", 1)->at_ms);
	assert_int_equal(fake_count(scene->http, "POST /authz/1"), 2);
}

static void an_order_may_fail_at_the_end(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "ready");
	on_authz(scene, 0, "valid", "valid", NULL);
	on_order(scene, FINALIZE, "processing");
	fake_on(scene->http, ORDER, (struct fake_answer){ .status = 200, .body = order_body(scene, "invalid", PROBLEM("caa", "CAA forbids")) });
	assert_fails(scene, ERR_ACME, "blog.example.com: CAA forbids — allow the CA in the CAA records");
	assert_null(strstr(buf_text(&scene->trace), "failed:"));
}

static void without_http_01_nothing_is_answered(void **state)
{
	struct scene *scene = *state;

	name(scene, "a.example.com");
	name(scene, "*.example.com");
	prepare_validation(scene);
	assert_fails(scene, ERR_REFUSED, "*.example.com: the CA does not offer to prove it by http-01 (it offers: dns-01, dns-02)");
	assert_int_equal(fake_count(scene->http, "POST /challenge/0"), 0);
}

static void a_token_that_is_no_token_is_refused(void **state)
{
	char too_long[257];
	const char *const tokens[] = { "../../x", "", "a b", "a/b", too_long };

	(void)state;
	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	for (size_t i = 0; i < COUNT(tokens); i++) {
		struct scene *scene = NULL;
		AUTO_FREE char *body = NULL;

		(void)setup((void **)&scene);
		name(scene, "a.example.com");
		on_order(scene, NEW_ORDER, "pending");
		body = mem_fmt("{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.example.com\"},\"challenges\":[{\"type\":\"http-01\",\"url\":\"" BASE
			       "/c\",\"token\":\"%s\",\"status\":\"pending\"}]}",
			       tokens[i]);
		fake_on(scene->http, "POST /authz/0", (struct fake_answer){ .status = 200, .body = body });
		assert_fails(scene, ERR_PROTOCOL, "no usable token");
		assert_null(strchr(buf_text(&scene->trace), '='));
		(void)teardown((void **)&scene);
	}
}

static void refusals_of_the_order_itself(void **state)
{
	static const struct {
		struct fake_answer answer;
		enum err_kind kind;
		const char *type, *said;
	} cases[] = {
		{ { .status = 429, .body = PROBLEM("rateLimited", "too many"), .retry_after = "60" }, ERR_RATE_LIMITED, "rateLimited",
		  "n0.example.com and 1 more: too many" },
		{ { .status = 400, .body = PROBLEM("accountDoesNotExist", "who?") }, ERR_ACME, "accountDoesNotExist", "who?" },
		{ { .status = 400, .body = PROBLEM("rejectedIdentifier", "policy") }, ERR_ACME, "rejectedIdentifier", "remove it from the app's domains" },
		{ { .failure = ERR_NETWORK }, ERR_NETWORK, "", "n0.example.com and 1 more: the line is dead" },
		{ { .failure = ERR_TIMEOUT }, ERR_TIMEOUT, "", "the line is dead" },
		{ { .status = 504, .type = "text/html" }, ERR_NETWORK, "", "status 504" },
		{ { .status = 201, .body = "{}" }, ERR_PROTOCOL, "", "does not say its URL" },
		{ { .status = 201, .body = "{}", .location = "http://ca.test/order/1" }, ERR_PROTOCOL, "", "does not say its URL" },
		{ { .status = 201, .body = "{}", .location = BASE "/order/1" }, ERR_PROTOCOL, "", "the order that the CA sent cannot be read: 'status' is missing" },
		{ { .status = 201, .body = "<html>", .type = "text/html", .location = BASE "/order/1" }, ERR_PROTOCOL, "", "'text/html' instead of the order" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;

		(void)setup((void **)&scene);
		names(scene, 2);
		fake_on(scene->http, NEW_ORDER, cases[i].answer);
		assert_fails(scene, cases[i].kind, cases[i].said);
		assert_string_equal(scene->err.type, cases[i].type);
		assert_int_equal(fake_count(scene->http, NEW_ORDER), 1);
		/* Whatever else is wrong with the answer: an order that has a URL is known to the caller. */
		assert_int_equal(strstr(buf_text(&scene->trace), "placed") != NULL, cases[i].answer.location && strncmp(cases[i].answer.location, "https", 5) == 0);
		(void)teardown((void **)&scene);
	}
}

static void nothing_is_sent_when_the_url_could_not_be_kept(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	scene->placed_fails = true;
	assert_fails(scene, ERR_STORE, "the disk is full");
	assert_int_equal(scene->http->request_count, 2);
}

static void an_order_for_other_names_is_not_touched(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "pending");
	strs_done(&scene->names);
	name(scene, "shop.example.com");
	assert_fails(scene, ERR_PROTOCOL, "is for other names");
	assert_int_equal(fake_count(scene->http, "POST /authz/0"), 0);
}

static void a_state_that_is_none_is_told(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "confused");
	assert_fails(scene, ERR_PROTOCOL, "'confused'");
}

/* ---- answers that get lost ---- */

static void a_lost_finalize_is_looked_up(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "ready");
	fake_on(scene->http, FINALIZE, (struct fake_answer){ .failure = ERR_NETWORK });
	on_order(scene, ORDER, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root"));
	assert_run(scene);
	assert_int_equal(fake_count(scene->http, FINALIZE), 1);
}

static void a_finalize_that_never_arrived_is_sent_again(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "ready");
	fake_on(scene->http, FINALIZE, (struct fake_answer){ .failure = ERR_NETWORK });
	on_order(scene, FINALIZE, "valid");
	on_order(scene, ORDER, "ready");
	fake_on(scene->http, CERT, chain_answer(scene, "Root"));
	assert_run(scene);
	assert_int_equal(fake_count(scene->http, FINALIZE), 2);
	assert_string_equal(buf_text(&scene->trace), "placed [placed] key [finalizing] finalizing valid [downloading] ");
}

static void an_order_that_stays_ready_ends(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "ready");
	on_order(scene, FINALIZE, "ready");
	assert_fails(scene, ERR_PROTOCOL, "stays 'ready'");
	assert_int_equal(fake_count(scene->http, FINALIZE), 3);
}

static void an_answer_that_the_ca_has_already_is_no_failure(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "pending");
	on_authz(scene, 0, "pending", "pending", NULL);
	fake_on(scene->http, "POST /challenge/0", (struct fake_answer){ .failure = ERR_NETWORK });
	fake_on(scene->http, "POST /challenge/0", (struct fake_answer){ .status = 400, .body = PROBLEM("malformed", "not pending") });
	on_authz(scene, 0, "pending", "processing", NULL);
	on_order(scene, ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);
}

static void an_answer_that_the_ca_refuses_is_one(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "pending");
	on_authz(scene, 0, "pending", "pending", NULL);
	fake_on(scene->http, "POST /challenge/0", (struct fake_answer){ .status = 400, .body = PROBLEM("malformed", "bad answer") });
	assert_fails(scene, ERR_ACME, "blog.example.com: bad answer");
}

static bool is_stopped(void *arg)
{
	struct scene *scene = arg;

	return !run(scene) && scene->err.kind == ERR_STOPPED;
}

static void a_signal_stops_the_waiting(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "pending");
	assert_true(holds_after_a_signal(is_stopped, scene));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(each_name_that_failed_is_told),
		SCENE(an_order_may_fail_at_the_end),
		SCENE(without_http_01_nothing_is_answered),
		cmocka_unit_test(a_token_that_is_no_token_is_refused),
		cmocka_unit_test(refusals_of_the_order_itself),
		SCENE(nothing_is_sent_when_the_url_could_not_be_kept),
		SCENE(an_order_for_other_names_is_not_touched),
		SCENE(a_state_that_is_none_is_told),
		SCENE(a_lost_finalize_is_looked_up),
		SCENE(a_finalize_that_never_arrived_is_sent_again),
		SCENE(an_order_that_stays_ready_ends),
		SCENE(an_answer_that_the_ca_has_already_is_no_failure),
		SCENE(an_answer_that_the_ca_refuses_is_one),
		SCENE(a_signal_stops_the_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
