/* SPDX-License-Identifier: MIT */
#include "acme/request.h"

#include "tests/unit/acme/fake_http.h"
#include "tests/unit/stopping.h"

#define THING "POST /thing"
#define BAD_NONCE { .status = 400, .body = PROBLEM("badNonce", "stale") }
#define OK { .status = 200, .body = "{}" }

static struct acme_request thing(const struct fixture *fixture)
{
	return (struct acme_request){
		.url = BASE "/thing",
		.key = fixture->account.key,
		.kid = fixture->account.url,
		.payload = "{\"a\":1}",
		.subject = "blog.example.com",
		.deadline_ms = fixture->deadline_ms,
	};
}

static bool post(const struct fixture *fixture, const struct acme_request *request, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };

	return acme_post(fixture->acme, request, &response, err);
}

static void a_request_is_signed_for_its_url(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	const struct fake_request *seen;
	struct err err;

	fake_on(fixture->http, THING, (struct fake_answer)OK);
	assert_true(post(fixture, &request, &err));
	seen = fake_request(fixture->http, THING, 0);
	assert_string_equal(seen->payload, "{\"a\":1}");
	assert_string_equal(seen->kid, BASE "/account/1");
	assert_false(seen->has_jwk);
	assert_string_equal(seen->content_type, "application/jose+json");

	request.kid = NULL;
	assert_true(post(fixture, &request, &err));
	seen = fake_request(fixture->http, THING, 1);
	assert_null(seen->kid);
	assert_true(seen->has_jwk);
}

/* Answers in turn, and what becomes of them. */
struct scene {
	const char *about;
	struct fake_answer answers[6];
	size_t answer_count;
	bool is_once, is_done;
	enum err_kind kind;
	size_t sent_count;
	int64_t waited_ms; /* between the first and the last time it was sent; -1 = does not matter */
};

static const struct scene scenes[] = {
	{ "badNonce goes again at once", { BAD_NONCE, BAD_NONCE, OK }, 3, true, true, ERR_NONE, 3, 2 * FAKE_RTT_MS },
	{ "badNonce for ever ends", { BAD_NONCE }, 1, false, false, ERR_ACME, 100, -1 },
	{ "Retry-After in seconds", { { .status = 503, .type = "text/html", .retry_after = "7" }, OK }, 2, false, true, ERR_NONE, 2, 7000 + FAKE_RTT_MS },
	{ "Retry-After as a date", { { .status = 503, .retry_after = "Fri, 15 Jan 2027 08:00:05 GMT" }, OK }, 2, false, true, ERR_NONE, 2, 5000 + FAKE_RTT_MS },
	{ "Retry-After of the past", { { .status = 503, .retry_after = "Fri, 15 Jan 2021 08:00:05 GMT" }, OK }, 2, false, true, ERR_NONE, 2, 1000 + FAKE_RTT_MS },
	{ "Retry-After that is garbage", { { .status = 500, .retry_after = "soon" }, OK }, 2, false, true, ERR_NONE, 2, 1000 + FAKE_RTT_MS },
	{ "growing pauses", { { .status = 502 }, { .status = 504 }, { .status = 500 }, OK }, 4, false, true, ERR_NONE, 4, 7000 + 3 * FAKE_RTT_MS },
	{ "Retry-After beyond the time limit", { { .status = 503, .retry_after = "3600" } }, 1, false, false, ERR_NETWORK, 1, 0 },
	{ "a server error for ever", { { .status = 500, .body = PROBLEM("serverInternal", "oops") } }, 1, false, false, ERR_ACME, 8, -1 },
	{ "a line that breaks", { { .failure = ERR_NETWORK }, OK }, 2, false, true, ERR_NONE, 2,
	  250 + 2 * FAKE_RTT_MS }, /* its nonce is lost as well */
	{ "no answer in time", { { .failure = ERR_TIMEOUT }, OK }, 2, false, true, ERR_NONE, 2, -1 },
	{ "a line that stays broken", { { .failure = ERR_NETWORK } }, 1, false, false, ERR_NETWORK, 3, -1 },
	{ "untrusted is final", { { .failure = ERR_TLS } }, 1, false, false, ERR_TLS, 1, 0 },
	{ "a lost answer to what may go once", { { .failure = ERR_NETWORK } }, 1, true, false, ERR_NETWORK, 1, 0 },
	{ "no answer to what may go once", { { .failure = ERR_TIMEOUT } }, 1, true, false, ERR_TIMEOUT, 1, 0 },
	{ "a gateway may have lost it", { { .status = 502, .type = "text/html" } }, 1, true, false, ERR_NETWORK, 1, 0 },
	{ "a gateway may have lost it, 504", { { .status = 504, .type = "text/html" } }, 1, true, false, ERR_NETWORK, 1, 0 },
	{ "500 by somebody else", { { .status = 500, .type = "text/html" } }, 1, true, false, ERR_NETWORK, 1, 0 },
	{ "500 by the CA itself", { { .status = 500, .body = PROBLEM("serverInternal", "x"), .retry_after = "60" }, OK }, 2, true, true, ERR_NONE, 2,
	  60000 + FAKE_RTT_MS },
	{ "503 was not let in", { { .status = 503, .body = PROBLEM("rateLimited", "busy"), .retry_after = "2" }, OK }, 2, true, true, ERR_NONE, 2,
	  2000 + FAKE_RTT_MS },
	{ "429 is never repeated", { { .status = 429, .body = PROBLEM("rateLimited", "too many"), .retry_after = "1" } }, 1, false, false, ERR_RATE_LIMITED, 1, 0 },
	{ "a refusal is final", { { .status = 403, .body = PROBLEM("unauthorized", "no") } }, 1, false, false, ERR_ACME, 1, 0 },
	{ "404 of a URL that is no entry of the directory", { { .status = 404, .body = PROBLEM("malformed", "no") } }, 1, false, false, ERR_ACME, 1, 0 },
	{ "a redirect is no answer", { { .status = 302, .type = "text/html", .location = BASE "/x" } }, 1, false, false, ERR_PROTOCOL, 1, 0 },
};

static void plays_each_scene(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scenes); i++) {
		const struct scene *scene = &scenes[i];
		struct fixture *fixture = NULL;
		struct acme_request request;
		struct err err = { 0 };
		int64_t first_ms;

		(void)fixture_setup((void **)&fixture);
		request = thing(fixture);
		request.is_once = scene->is_once;
		for (size_t k = 0; k < scene->answer_count; k++)
			fake_on(fixture->http, THING, scene->answers[k]);
		if (post(fixture, &request, &err) != scene->is_done || (!scene->is_done && err.kind != scene->kind))
			fail_msg("%s: ended with kind %s: %s", scene->about, err_kind_name(err.kind), err.text);
		if (fake_count(fixture->http, THING) != scene->sent_count)
			fail_msg("%s: sent %zu times", scene->about, fake_count(fixture->http, THING));
		first_ms = fake_request(fixture->http, THING, 0)->at_ms;
		if (scene->waited_ms >= 0 && fake_request(fixture->http, THING, scene->sent_count - 1)->at_ms - first_ms != scene->waited_ms)
			fail_msg("%s: sent last after %lld ms", scene->about,
				 (long long)(fake_request(fixture->http, THING, scene->sent_count - 1)->at_ms - first_ms));
		if (!scene->is_done && !strstr(err.text, "blog.example.com"))
			fail_msg("%s: does not name the name: %s", scene->about, err.text);
		(void)fixture_teardown((void **)&fixture);
	}
}

static void a_bad_nonce_is_replaced_by_the_one_that_came_with_it(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	struct err err;

	fake_on(fixture->http, THING, (struct fake_answer)BAD_NONCE);
	fake_on(fixture->http, THING, (struct fake_answer)OK);
	assert_true(post(fixture, &request, &err));
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 1);
	assert_string_equal(fake_request(fixture->http, THING, 0)->nonce, "nonce1");
	assert_string_equal(fake_request(fixture->http, THING, 1)->nonce, "nonce2");
}

static void a_bad_nonce_without_a_better_one_costs_a_head(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	struct err err;

	fake_on(fixture->http, THING, (struct fake_answer){ .status = 400, .body = PROBLEM("badNonce", "stale"), .has_no_nonce = true });
	fake_on(fixture->http, THING, (struct fake_answer)OK);
	assert_true(post(fixture, &request, &err));
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 2);
}

static void what_waits_too_long_says_until_when(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	struct err err;

	fake_on(fixture->http, THING, (struct fake_answer){ .status = 503, .type = "text/html", .retry_after = "3600" });
	assert_false(post(fixture, &request, &err));
	assert_int_equal(err.retry_at, START_AT + 3600);
}

static void the_host_clock_serves_where_the_ca_tells_no_time(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	struct err err;

	fake_off(fixture->http, "HEAD /nonce");
	fake_on(fixture->http, "HEAD /nonce", (struct fake_answer){ .status = 200, .has_no_date = true });
	fake_on(fixture->http, THING, (struct fake_answer){ .status = 429, .retry_after = "60", .has_no_date = true });
	assert_false(post(fixture, &request, &err));
	assert_int_equal(err.retry_at, START_AT + 60);
	assert_int_equal(acme_date_at(fixture->acme), 0);
}

static void the_status_of_a_refusal_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	long status = 1;
	struct err err;

	request.ret_status = &status;
	fake_on(fixture->http, THING, (struct fake_answer){ .failure = ERR_TLS });
	assert_false(post(fixture, &request, &err));
	assert_int_equal(status, 0);
	fake_off(fixture->http, THING);
	fake_on(fixture->http, THING, (struct fake_answer){ .status = 409, .body = PROBLEM("alreadyReplaced", "x") });
	assert_false(post(fixture, &request, &err));
	assert_int_equal(status, 409);
	assert_string_equal(err.type, "alreadyReplaced");
}

static bool always(const struct err *err)
{
	return strcmp(err->type, "serverInternal") == 0;
}

static void a_server_error_may_be_final(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	struct err err;

	request.is_final = always;
	fake_on(fixture->http, THING, (struct fake_answer){ .status = 500, .body = PROBLEM("serverInternal", "x") });
	assert_false(post(fixture, &request, &err));
	assert_int_equal(fake_count(fixture->http, THING), 1);
}

/* Nothing was sent yet, so nothing can be done twice. */
static void what_may_be_sent_once_waits_for_its_nonce(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	struct err err;

	request.is_once = true;
	fake_off(fixture->http, "HEAD /nonce");
	fake_on(fixture->http, "HEAD /nonce", (struct fake_answer){ .status = 502, .type = "text/html" });
	fake_on(fixture->http, "HEAD /nonce", (struct fake_answer){ .status = 200 });
	fake_on(fixture->http, THING, (struct fake_answer){ .status = 200 });
	assert_true(post(fixture, &request, &err));
	assert_int_equal(fake_count(fixture->http, THING), 1);
}

static void followers_get_their_nonces_while_it_is_under_way(void **state)
{
	struct fixture *fixture = *state;
	struct acme_request request = thing(fixture);
	struct err err;

	request.followers = 4;
	fake_on(fixture->http, THING, (struct fake_answer)OK);
	assert_true(post(fixture, &request, &err));
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 4);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(fake_request(fixture->http, "HEAD /nonce", i)->at_ms, fake_request(fixture->http, THING, 0)->at_ms);
}

struct count {
	size_t now, most, calls;
	struct loop *loop;
};

static void count_one(void *ctx, size_t index)
{
	struct count *count = ctx;

	assert_int_equal(index, count->calls++);
	if (++count->now > count->most)
		count->most = count->now;
	(void)loop_sleep(count->loop, 10);
	count->now--;
}

static void each_goes_side_by_side_up_to_a_width(void **state)
{
	struct fixture *fixture = *state;
	struct count count = { .loop = fixture->loop };

	acme_each(fixture->acme, 0, 5, count_one, &count);
	assert_int_equal(count.calls, 0);
	acme_each(fixture->acme, 17, 5, count_one, &count);
	assert_int_equal(count.calls, 17);
	assert_int_equal(count.most, 5);
	assert_int_equal(count.now, 0);
}

static bool is_stopped(void *arg)
{
	struct fixture *fixture = arg;
	struct acme_request request = thing(fixture);
	struct err err;

	return !post(fixture, &request, &err) && err.kind == ERR_STOPPED && fake_count(fixture->http, THING) == 0;
}

static void a_signal_ends_it(void **state)
{
	struct fixture *fixture = *state;

	fake_on(fixture->http, THING, (struct fake_answer)OK);
	assert_true(holds_after_a_signal(is_stopped, fixture));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_signed_for_its_url),
		cmocka_unit_test(plays_each_scene),
		TEST(a_bad_nonce_is_replaced_by_the_one_that_came_with_it),
		TEST(a_bad_nonce_without_a_better_one_costs_a_head),
		TEST(what_waits_too_long_says_until_when),
		TEST(the_host_clock_serves_where_the_ca_tells_no_time),
		TEST(the_status_of_a_refusal_is_told),
		TEST(a_server_error_may_be_final),
		TEST(what_may_be_sent_once_waits_for_its_nonce),
		TEST(followers_get_their_nonces_while_it_is_under_way),
		TEST(each_goes_side_by_side_up_to_a_width),
		TEST(a_signal_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
