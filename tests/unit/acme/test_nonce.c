/* SPDX-License-Identifier: MIT */
#include "acme/nonce.h"

#include "acme/request.h"
#include "tests/unit/acme/fake_http.h"

/* Signed requests, all at the same time. */
struct crowd {
	struct fixture *fixture;
	size_t succeeded, failed;
	struct err err;
};

static void post_one(void *ctx, size_t index)
{
	struct crowd *crowd = ctx;
	AUTO(http_response_done) struct http_response response = { 0 };
	AUTO_FREE char *payload = mem_fmt("%zu", index);
	const struct acme_request request = {
		.url = BASE "/thing",
		.key = crowd->fixture->account.key,
		.kid = crowd->fixture->account.url,
		.payload = payload,
		.subject = "thing",
		.deadline_ms = crowd->fixture->deadline_ms,
	};

	if (acme_post(crowd->fixture->acme, &request, &response, &crowd->err))
		crowd->succeeded++;
	else
		crowd->failed++;
}

static struct crowd post_many(struct fixture *fixture, size_t count)
{
	struct crowd crowd = { .fixture = fixture };

	acme_each(fixture->acme, count, count, post_one, &crowd);
	return crowd;
}

static void one_request_costs_one_head_and_the_next_none(void **state)
{
	struct fixture *fixture = *state;

	fake_on(fixture->http, "POST /thing", (struct fake_answer){ .status = 200 });
	assert_int_equal(post_many(fixture, 1).succeeded, 1);
	assert_int_equal(post_many(fixture, 1).succeeded, 1);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 1);
	assert_int_equal(acme_date_at(fixture->acme), START_AT);
}

static void at_most_ten_are_in_circulation(void **state)
{
	struct fixture *fixture = *state;

	fake_on(fixture->http, "POST /thing", (struct fake_answer){ .status = 200 });
	assert_int_equal(post_many(fixture, 40).succeeded, 40);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), ACME_NONCE_MAX);
	assert_int_equal(fixture->http->most_under_way, ACME_NONCE_MAX);
}

static void no_more_heads_than_somebody_waits_for(void **state)
{
	struct fixture *fixture = *state;

	fake_on(fixture->http, "POST /thing", (struct fake_answer){ .status = 200 });
	assert_int_equal(post_many(fixture, 3).succeeded, 3);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 3);
}

static void who_comes_first_is_served_first(void **state)
{
	struct fixture *fixture = *state;

	fake_on(fixture->http, "POST /thing", (struct fake_answer){ .status = 200 });
	assert_int_equal(post_many(fixture, 35).succeeded, 35);
	for (size_t i = 0; i < 35; i++) {
		AUTO_FREE char *payload = mem_fmt("%zu", i);

		assert_string_equal(fake_request(fixture->http, "POST /thing", i)->payload, payload);
	}
}

static void an_answer_without_nonce_is_made_good_by_a_head(void **state)
{
	struct fixture *fixture = *state;

	fake_on(fixture->http, "POST /thing", (struct fake_answer){ .status = 200, .has_no_nonce = true });
	assert_int_equal(post_many(fixture, 12).succeeded, 12);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 12);
}

static void a_ca_without_nonces_is_told_of(void **state)
{
	struct fixture *fixture = *state;
	struct crowd crowd;

	fake_off(fixture->http, "HEAD /nonce");
	fake_on(fixture->http, "HEAD /nonce", (struct fake_answer){ .status = 200, .has_no_nonce = true });
	crowd = post_many(fixture, 20);
	assert_int_equal(crowd.failed, 20);
	assert_int_equal(crowd.err.kind, ERR_PROTOCOL);
	assert_non_null(strstr(crowd.err.text, "thing: '" BASE "/nonce' gives no nonce"));
}

static void a_dead_line_fails_everybody_who_waits(void **state)
{
	struct fixture *fixture = *state;
	struct crowd crowd;

	fake_off(fixture->http, "HEAD /nonce");
	fake_on(fixture->http, "HEAD /nonce", (struct fake_answer){ .failure = ERR_NETWORK });
	crowd = post_many(fixture, 25);
	assert_int_equal(crowd.failed, 25);
	assert_int_equal(crowd.err.kind, ERR_NETWORK);
}

static void a_busy_server_is_waited_for(void **state)
{
	struct fixture *fixture = *state;

	fake_off(fixture->http, "HEAD /nonce");
	for (int i = 0; i < 3; i++)
		fake_on(fixture->http, "HEAD /nonce", (struct fake_answer){ .status = 503, .type = "text/html" });
	fake_on(fixture->http, "HEAD /nonce", (struct fake_answer){ .status = 200 });
	fake_on(fixture->http, "POST /thing", (struct fake_answer){ .status = 200 });
	assert_int_equal(post_many(fixture, 1).succeeded, 1);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 4);
}

static void prefetching_counts_what_circulates(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	assert_true(acme_load_directory(fixture->acme, &err));
	acme_nonces_prefetch(fixture->acme, 4);
	acme_nonces_prefetch(fixture->acme, 3);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 4);
	acme_nonces_prefetch(fixture->acme, 100);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), ACME_NONCE_MAX);
}

static void warming_up_sends_one_and_the_first_request_takes_it(void **state)
{
	struct fixture *fixture = *state;

	fake_on(fixture->http, "POST /thing", (struct fake_answer){ .status = 200 });
	acme_warm_up(fixture->acme);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 1);
	acme_warm_up(fixture->acme);
	assert_int_equal(post_many(fixture, 1).succeeded, 1);
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 1);
}

static void heads_under_way_are_given_up_at_the_end(void **state)
{
	struct fixture *fixture = *state;

	acme_warm_up(fixture->acme);
	acme_free(fixture->acme);
	fixture->acme = NULL;
	(void)loop_sleep(fixture->loop, 1000); /* nothing comes in any more: the sanitizer would tell */
	assert_int_equal(fake_count(fixture->http, "HEAD /nonce"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_request_costs_one_head_and_the_next_none),
		TEST(at_most_ten_are_in_circulation),
		TEST(no_more_heads_than_somebody_waits_for),
		TEST(who_comes_first_is_served_first),
		TEST(an_answer_without_nonce_is_made_good_by_a_head),
		TEST(a_ca_without_nonces_is_told_of),
		TEST(a_dead_line_fails_everybody_who_waits),
		TEST(a_busy_server_is_waited_for),
		TEST(prefetching_counts_what_circulates),
		TEST(warming_up_sends_one_and_the_first_request_takes_it),
		TEST(heads_under_way_are_given_up_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
