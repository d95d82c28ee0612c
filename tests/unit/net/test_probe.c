/* SPDX-License-Identifier: MIT */
#include "net/probe.h"

#include "net/transfer.h"
#include "sys/loop.h"
#include "tests/unit/net/server.h"
#include "tests/unit/stopping.h"

struct fixture {
	struct server tls, plain;
	struct loop *loop;
	struct transfers *transfers;
};

static int setup(void **state)
{
	struct fixture *fixture = mem_new(1, sizeof(*fixture));

	fixture->tls = server_start(true);
	fixture->plain = server_start(false);
	fixture->loop = loop_new();
	fixture->transfers = transfers_new(fixture->loop);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	transfers_free(fixture->transfers);
	loop_free(fixture->loop);
	server_stop(&fixture->tls);
	server_stop(&fixture->plain);
	free(fixture);
	return 0;
}

static struct probe ask(struct fixture *fixture, int port, const char *name, const char *path, int64_t timeout_ms)
{
	struct probe probe = { .address = "127.0.0.1", .port = port, .name = name, .path = path };

	probe_all(fixture->transfers, &probe, 1, timeout_ms);
	return probe;
}

static void a_page_is_asked_for_by_name(void **state)
{
	struct fixture *fixture = *state;
	AUTO(probe_done) struct probe probe = ask(fixture, fixture->plain.port, "blog.example.com", "/host", 5000);

	assert_int_equal(probe.outcome, PROBE_ANSWERED);
	assert_int_equal(probe.status, 200);
	assert_string_equal(buf_text(&probe.body), "blog.example.com");
}

static void any_status_is_an_answer(void **state)
{
	struct fixture *fixture = *state;
	AUTO(probe_done) struct probe missing = ask(fixture, fixture->plain.port, "a.example", "/nowhere", 5000);
	AUTO(probe_done) struct probe redirect = ask(fixture, fixture->plain.port, "a.example", "/redirect", 5000);

	assert_int_equal(missing.outcome, PROBE_ANSWERED);
	assert_int_equal(missing.status, 404);
	assert_int_equal(redirect.status, 302);
}

static void assert_redirect(struct fixture *fixture, const char *path, const char *name, bool is_https, int port, const char *target)
{
	AUTO(probe_done) struct probe probe = ask(fixture, fixture->plain.port, "a.example", path, 5000);

	assert_int_equal(probe.outcome, PROBE_ANSWERED);
	if (!name) {
		assert_null(probe.redirect.name);
		return;
	}
	assert_string_equal(probe.redirect.name, name);
	assert_int_equal(probe.redirect.is_https, is_https);
	assert_int_equal(probe.redirect.port, port);
	assert_string_equal(probe.redirect.path, target);
}

static void a_redirect_is_told(void **state)
{
	assert_redirect(*state, "/redirect", "a.example", false, 80, "/hello");
	assert_redirect(*state, "/away", "other.example", true, 8443, "/a%20b?c=d");
	assert_redirect(*state, "/elsewhere", NULL, false, 0, NULL);
	assert_redirect(*state, "/hello", NULL, false, 0, NULL);
}

static void a_page_over_tls(void **state)
{
	struct fixture *fixture = *state;
	AUTO(probe_done) struct probe probe = { .address = "127.0.0.1", .port = fixture->tls.port, .name = "a.example", .path = "/host", .is_https = true };

	probe_all(fixture->transfers, &probe, 1, 5000);
	assert_int_equal(probe.outcome, PROBE_ANSWERED);
	assert_string_equal(buf_text(&probe.body), "a.example");
}

static void a_listener_with_proxy_protocol_is_told_who_asks(void **state)
{
	struct fixture *fixture = *state;
	struct server plain = server_start_with(false, true);
	struct server tls = server_start_with(true, true);
	struct probe probes[] = {
		{ .address = "127.0.0.1", .port = plain.port, .name = "a.example", .path = "/hello", .has_proxy_protocol = true },
		{ .address = "127.0.0.1", .port = tls.port, .name = "a.example", .path = "/hello", .is_https = true, .has_proxy_protocol = true },
		{ .address = "127.0.0.1", .port = tls.port, .name = "a.example", .has_proxy_protocol = true },
		{ .address = "127.0.0.1", .port = plain.port, .name = "a.example", .path = "/hello" },
	};

	probe_all(fixture->transfers, probes, COUNT(probes), 5000);
	assert_string_equal(buf_text(&probes[0].body), "hello");
	assert_string_equal(buf_text(&probes[1].body), "hello");
	assert_string_equal(probes[2].leaf_sha256, tls.leaf_sha256);
	assert_int_equal(probes[3].outcome, PROBE_BROKEN);
	for (size_t i = 0; i < COUNT(probes); i++)
		probe_done(&probes[i]);
	server_stop(&plain);
	server_stop(&tls);
}

static void a_long_page_is_cut(void **state)
{
	struct fixture *fixture = *state;
	AUTO(probe_done) struct probe probe = ask(fixture, fixture->plain.port, "a.example", "/big", 5000);

	assert_int_equal(probe.outcome, PROBE_ANSWERED);
	assert_int_equal(probe.body.size, 4096);
}

static void the_leaf_served_for_a_name(void **state)
{
	struct fixture *fixture = *state;
	AUTO(probe_done) struct probe one = ask(fixture, fixture->tls.port, "blog.example.com", NULL, 5000);
	AUTO(probe_done) struct probe other = ask(fixture, fixture->tls.port, SERVER_OTHER_NAME, NULL, 5000);

	assert_int_equal(one.outcome, PROBE_ANSWERED);
	assert_string_equal(one.leaf_sha256, fixture->tls.leaf_sha256);
	assert_int_equal(other.outcome, PROBE_ANSWERED);
	assert_string_equal(other.leaf_sha256, fixture->tls.other_leaf_sha256);
}

static void who_does_not_answer_says_why(void **state)
{
	struct fixture *fixture = *state;
	int nobody = server_free_port();
	const struct {
		int port;
		const char *path;
		int64_t timeout_ms;
		enum probe_outcome outcome;
	} cases[] = {
		{ nobody, "/hello", 5000, PROBE_UNREACHABLE },
		{ nobody, NULL, 5000, PROBE_UNREACHABLE },
		{ fixture->tls.port, "/hello", 5000, PROBE_BROKEN },
		{ fixture->plain.port, NULL, 200, PROBE_BROKEN },
		{ fixture->plain.port, "/cut", 5000, PROBE_BROKEN },
		{ fixture->plain.port, "/silent", 100, PROBE_BROKEN },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(probe_done) struct probe probe = ask(fixture, cases[i].port, "a.example", cases[i].path, cases[i].timeout_ms);

		if (probe.outcome != cases[i].outcome)
			fail_msg("case %zu: outcome %d: %s", i, (int)probe.outcome, probe.reason);
		assert_string_not_equal(probe.reason, "");
		assert_string_equal(probe.leaf_sha256, "");
	}
}

static void all_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct probe probes[40];

	for (size_t i = 0; i < COUNT(probes); i++)
		probes[i] = (struct probe){ .address = "127.0.0.1", .port = i % 2 ? fixture->tls.port : fixture->plain.port, .name = "a.example", .path = i % 2 ? NULL : "/hello" };
	probe_all(fixture->transfers, probes, COUNT(probes), 20000);
	for (size_t i = 0; i < COUNT(probes); i++) {
		if (probes[i].outcome != PROBE_ANSWERED)
			fail_msg("probe %zu: %s", i, probes[i].reason);
		probe_done(&probes[i]);
	}
	probe_all(fixture->transfers, NULL, 0, 1);
}

static void one_struct_may_be_used_again(void **state)
{
	struct fixture *fixture = *state;
	AUTO(probe_done) struct probe probe = ask(fixture, fixture->plain.port, "a.example", "/hello", 5000);

	assert_string_equal(buf_text(&probe.body), "hello");
	probe_all(fixture->transfers, &probe, 1, 5000);
	assert_string_equal(buf_text(&probe.body), "hello");
}

/* One that was kept could lead to a worker of the proxy that is about to end. */
static void each_makes_a_connection_of_its_own(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 3; i++) {
		AUTO(probe_done) struct probe page = ask(fixture, fixture->plain.port, "a.example", "/hello", 5000);
		AUTO(probe_done) struct probe leaf = ask(fixture, fixture->tls.port, "a.example", NULL, 5000);

		assert_int_equal(page.outcome, PROBE_ANSWERED);
		assert_int_equal(leaf.outcome, PROBE_ANSWERED);
	}
	assert_int_equal(fixture->plain.counts->connections, 3);
	assert_int_equal(fixture->tls.counts->connections, 3);
}

static void ipv6_addresses(void **state)
{
	struct fixture *fixture = *state;
	struct probe probe = { .address = "::1", .port = server_free_port(), .name = "2001:db8::1", .path = "/hello" };

	probe_all(fixture->transfers, &probe, 1, 5000);
	assert_int_equal(probe.outcome, PROBE_UNREACHABLE);
	assert_null(strstr(probe.reason, "URL"));
	probe_done(&probe);
}

static bool is_stopped(void *arg)
{
	struct fixture *fixture = arg;
	AUTO(probe_done) struct probe probe = ask(fixture, fixture->plain.port, "a.example", "/silent", 60000);

	return probe.outcome == PROBE_UNREACHABLE && strcmp(probe.reason, "stopped") == 0;
}

static void a_signal_ends_all(void **state)
{
	assert_true(holds_after_a_signal(is_stopped, *state));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_is_asked_for_by_name),
		TEST(any_status_is_an_answer),
		TEST(a_redirect_is_told),
		TEST(a_page_over_tls),
		TEST(a_listener_with_proxy_protocol_is_told_who_asks),
		TEST(a_long_page_is_cut),
		TEST(the_leaf_served_for_a_name),
		TEST(who_does_not_answer_says_why),
		TEST(all_at_once),
		TEST(one_struct_may_be_used_again),
		TEST(each_makes_a_connection_of_its_own),
		TEST(ipv6_addresses),
		TEST(a_signal_ends_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
