/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include <netdb.h>
#include <sched.h>

#include "net/transfer.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "tests/unit/net/server.h"
#include "tests/unit/stopping.h"
#include "util/err.h"
#include "util/strs.h"

/*
 * Names are looked up here: none is found, and for "stuck.example" that takes until `gate` is closed. (Literal addresses and localhost need no lookup.)
 */
static int gate[2] = { -1, -1 };

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret_list)
{
	char byte;

	(void)service;
	(void)hints;
	*ret_list = NULL;
	if (strcmp(node, "stuck.example") == 0)
		(void)!read(gate[0], &byte, 1);
	return EAI_NONAME;
}

struct fixture {
	struct server server;
	struct loop *loop;
	struct transfers *transfers;
	struct http *http;
	char *url;
	struct http_response response;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *fixture = mem_new(1, sizeof(*fixture));

	fixture->server = server_start(true);
	fixture->loop = loop_new();
	fixture->transfers = transfers_new(fixture->loop);
	fixture->http = http_new(fixture->transfers, "tester/1", fixture->server.trust_file);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	http_response_done(&fixture->response);
	http_free(fixture->http);
	transfers_free(fixture->transfers);
	loop_free(fixture->loop);
	server_stop(&fixture->server);
	free(fixture->url);
	free(fixture);
	return 0;
}

static struct http_request request_for(struct fixture *fixture, enum http_method method, const char *path)
{
	free(fixture->url);
	fixture->url = mem_fmt("https://127.0.0.1:%d%s", fixture->server.port, path);
	return (struct http_request){ .method = method, .url = fixture->url, .timeout_ms = 20000 };
}

static bool ask(struct fixture *fixture, const struct http_request *request)
{
	http_response_done(&fixture->response);
	return http_send(fixture->http, request, &fixture->response, &fixture->err);
}

static bool get(struct fixture *fixture, const char *path)
{
	struct http_request request = request_for(fixture, HTTP_GET, path);

	return ask(fixture, &request);
}

static void use_trust(struct fixture *fixture, const char *file)
{
	http_free(fixture->http);
	fixture->http = http_new(fixture->transfers, "tester/1", file);
}

static void assert_failed(const struct fixture *fixture, enum err_kind kind, const char *said)
{
	if (fixture->err.kind != kind || !strstr(fixture->err.text, said))
		fail_msg("%s: %s", err_kind_name(fixture->err.kind), fixture->err.text);
}

static void an_answer_arrives_whole(void **state)
{
	struct fixture *fixture = *state;
	const struct http_response *response = &fixture->response;

	assert_true(get(fixture, "/headers"));
	assert_int_equal(response->status, 201);
	assert_string_equal(buf_text(&response->body), "{}");
	assert_string_equal(response->content_type, "application/json");
	assert_string_equal(response->location, "https://a/b");
	assert_string_equal(response->replay_nonce, "abc");
	assert_string_equal(response->retry_after, "120");
	assert_int_equal(response->date_at, 1800000000);
	assert_int_equal(response->link.count, 2);
	assert_string_equal(response->link.items[1], "<https://a/2>;rel=\"alternate\"");
}

static void absent_headers_are_absent(void **state)
{
	struct fixture *fixture = *state;

	assert_true(get(fixture, "/nowhere"));
	assert_int_equal(fixture->response.status, 404);
	assert_string_equal(fixture->response.content_type, "");
	assert_null(fixture->response.location);
	assert_null(fixture->response.replay_nonce);
	assert_null(fixture->response.retry_after);
	assert_int_equal(fixture->response.date_at, 0);
	assert_int_equal(fixture->response.link.count, 0);
}

static void a_head_has_no_body(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = request_for(fixture, HTTP_HEAD, "/hello");

	assert_true(ask(fixture, &request));
	assert_int_equal(fixture->response.status, 200);
	assert_int_equal(fixture->response.body.size, 0);
}

static void a_post_carries_its_body_and_type(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = request_for(fixture, HTTP_POST, "/echo");
	AUTO_FREE char *big = mem_new(100001, 1);

	memset(big, 'b', 100000);
	request.content_type = "application/jose+json";
	request.body = big;
	request.body_size = 100000;
	assert_true(ask(fixture, &request));
	assert_int_equal(fixture->response.status, 201);
	assert_string_equal(fixture->response.content_type, "text/yes");
	assert_string_equal(buf_text(&fixture->response.body), big);

	request.body = NULL;
	request.body_size = 0;
	assert_true(ask(fixture, &request));
	assert_int_equal(fixture->response.body.size, 0);
}

static void it_says_who_asks_and_what_for(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = request_for(fixture, HTTP_GET, "/agent");

	request.accept = "text/odd";
	assert_true(ask(fixture, &request));
	assert_int_equal(fixture->response.status, 200);
}

static void redirects_are_answers(void **state)
{
	struct fixture *fixture = *state;

	assert_true(get(fixture, "/redirect"));
	assert_int_equal(fixture->response.status, 302);
	assert_string_equal(fixture->response.location, "/hello");
	assert_int_equal(fixture->server.counts->requests, 1);
}

static void one_after_the_other_share_a_connection(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 10; i++)
		assert_true(get(fixture, "/hello"));
	assert_int_equal(fixture->server.counts->requests, 10);
	assert_int_equal(fixture->server.counts->connections, 1);
}

static void count_ended(void *ctx)
{
	(*(int *)ctx)++;
}

static void many_at_once_take_six_connections(void **state)
{
	struct fixture *fixture = *state;
	struct http_call *calls[30];
	int ended_count = 0;

	for (size_t i = 0; i < COUNT(calls); i++) {
		struct http_request request = request_for(fixture, HTTP_GET, "/hello");

		calls[i] = http_start(fixture->http, &request, count_ended, &ended_count);
	}
	assert_int_equal(ended_count, 0);
	for (size_t i = 0; i < COUNT(calls); i++) {
		http_response_done(&fixture->response);
		assert_true(http_end(calls[i], &fixture->response, &fixture->err));
		assert_string_equal(buf_text(&fixture->response.body), "hello");
	}
	assert_int_equal(ended_count, COUNT(calls));
	assert_int_equal(fixture->server.counts->requests, COUNT(calls));
	assert_true(fixture->server.counts->connections <= 6);
}

/* ---- trust ---- */

static void a_stranger_is_not_trusted_whatever_the_environment_says(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(setenv("SSL_CERT_FILE", fixture->server.trust_file, 1), 0);
	assert_int_equal(setenv("CURL_CA_BUNDLE", fixture->server.trust_file, 1), 0);
	use_trust(fixture, NULL);
	assert_false(get(fixture, "/hello"));
	assert_failed(fixture, ERR_TLS, "is not trusted");
	assert_non_null(strstr(fixture->err.text, "'127.0.0.1:"));
	assert_non_null(strstr(fixture->err.text, "ca-certificate"));
	assert_int_equal(fixture->server.counts->requests, 0);
}

static void only_the_given_file_is_trusted(void **state)
{
	struct fixture *fixture = *state;
	struct server other = server_start(true);

	use_trust(fixture, other.trust_file);
	server_stop(&other);
	assert_false(get(fixture, "/hello")); /* the file is gone meanwhile */
	assert_failed(fixture, ERR_CONFIG, "no trusted certificates can be read");

	other = server_start(true);
	use_trust(fixture, other.trust_file);
	assert_false(get(fixture, "/hello"));
	assert_failed(fixture, ERR_TLS, "is not trusted by");
	server_stop(&other);
}

static void a_trust_file_without_certificate_is_a_fault_of_the_setting(void **state)
{
	struct fixture *fixture = *state;

	use_trust(fixture, "/dev/null");
	assert_false(get(fixture, "/hello"));
	assert_failed(fixture, ERR_CONFIG, "'/dev/null'");
	assert_int_equal(fixture->server.counts->requests, 0);
}

static void a_certificate_for_another_name_is_not_trusted(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = { .url = NULL };
	AUTO_FREE char *url = mem_fmt("https://localhost:%d/hello", fixture->server.port);

	request.url = url;
	assert_false(ask(fixture, &request));
	assert_failed(fixture, ERR_TLS, "'localhost:");
	assert_int_equal(fixture->server.counts->requests, 0);
}

static void proxies_of_the_environment_are_not_used(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(setenv("https_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	assert_true(get(fixture, "/hello"));
	assert_int_equal(unsetenv("https_proxy"), 0);
	assert_int_equal(unsetenv("ALL_PROXY"), 0);
}

/* ---- failures ---- */

static void nobody_there(void **state)
{
	struct fixture *fixture = *state;
	AUTO_FREE char *url = mem_fmt("https://127.0.0.1:%d/", server_free_port());
	struct http_request request = { .url = url };

	assert_false(ask(fixture, &request));
	assert_failed(fixture, ERR_NETWORK, "Connection refused");
}

static void no_such_name(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = { .url = "https://nowhere.example/dir" };

	assert_false(ask(fixture, &request));
	assert_failed(fixture, ERR_NETWORK, "the address of 'nowhere.example' cannot be found");
}

/* Threads of this process. */
static size_t count_threads(void)
{
	AUTO_STRS names = { 0 };
	struct err err;
	AUTO_FD fd = dir_open("/proc/self/task", &err);

	assert_true(dir_list(fd, &names, &err));
	return names.count;
}

/* If it were waited for, this test would never end: the gate opens only after. */
static void a_lookup_that_hangs_holds_up_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = { .url = "https://stuck.example/dir", .timeout_ms = 50 };

	assert_int_equal(pipe(gate), 0);
	assert_false(ask(fixture, &request));
	assert_failed(fixture, ERR_TIMEOUT, "'stuck.example' did not answer");
	assert_int_equal(close(gate[1]), 0);
	while (count_threads() > 1)
		(void)sched_yield();
	assert_int_equal(close(gate[0]), 0);
}

static void no_answer_in_time(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = request_for(fixture, HTTP_GET, "/silent");

	request.timeout_ms = 100;
	assert_false(ask(fixture, &request));
	assert_failed(fixture, ERR_TIMEOUT, "did not answer within 100 ms");
}

static void too_much_of_an_answer(void **state)
{
	struct fixture *fixture = *state;

	assert_false(get(fixture, "/big"));
	assert_failed(fixture, ERR_PROTOCOL, "larger than 1048576 bytes");
}

static void only_https_without_user(void **state)
{
	struct fixture *fixture = *state;
	AUTO_FREE char *plain = mem_fmt("http://127.0.0.1:%d/hello", fixture->server.port);
	AUTO_FREE char *user = mem_fmt("https://me:secret@127.0.0.1:%d/hello", fixture->server.port);
	const char *const urls[] = { plain, user, "file:///etc/passwd", "nonsense://x" };

	for (size_t i = 0; i < COUNT(urls); i++) {
		struct http_request request = { .url = urls[i] };

		assert_false(ask(fixture, &request));
		assert_failed(fixture, ERR_PROTOCOL, "is not an https URL");
	}
	assert_int_equal(fixture->server.counts->connections, 0);
}

static void no_tls_at_all(void **state)
{
	struct fixture *fixture = *state;
	struct server plain = server_start(false);
	AUTO_FREE char *url = mem_fmt("https://127.0.0.1:%d/hello", plain.port);
	struct http_request request = { .url = url, .timeout_ms = 5000 };

	(void)kill(plain.pid, SIGSTOP);
	request.timeout_ms = 100;
	assert_false(ask(fixture, &request));
	assert_failed(fixture, ERR_TIMEOUT, "did not answer");
	(void)kill(plain.pid, SIGCONT);
	server_stop(&plain);
}

/* curl would send it again by itself, since the connection was kept from an earlier request. */
static void a_body_is_sent_once_even_when_the_connection_dies(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request;

	assert_true(get(fixture, "/hello"));
	request = request_for(fixture, HTTP_POST, "/cut");
	request.body = "order";
	request.body_size = 5;
	assert_false(ask(fixture, &request));
	assert_failed(fixture, ERR_NETWORK, "broke off");
	assert_int_equal(fixture->server.counts->posts, 1);
	assert_true(get(fixture, "/hello"));
}

static void what_is_cancelled_calls_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct http_request request = request_for(fixture, HTTP_GET, "/silent");
	int ended_count = 0;
	struct http_call *call = http_start(fixture->http, &request, count_ended, &ended_count);

	(void)loop_sleep(fixture->loop, 20);
	http_cancel(call);
	assert_true(get(fixture, "/hello"));
	assert_int_equal(ended_count, 0);
}

static bool is_stopped(void *arg)
{
	struct fixture *fixture = arg;

	return !get(fixture, "/silent") && fixture->err.kind == ERR_STOPPED;
}

static void a_signal_ends_the_waiting(void **state)
{
	assert_true(holds_after_a_signal(is_stopped, *state));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_arrives_whole),
		TEST(absent_headers_are_absent),
		TEST(a_head_has_no_body),
		TEST(a_post_carries_its_body_and_type),
		TEST(it_says_who_asks_and_what_for),
		TEST(redirects_are_answers),
		TEST(one_after_the_other_share_a_connection),
		TEST(many_at_once_take_six_connections),
		TEST(a_stranger_is_not_trusted_whatever_the_environment_says),
		TEST(only_the_given_file_is_trusted),
		TEST(a_trust_file_without_certificate_is_a_fault_of_the_setting),
		TEST(a_certificate_for_another_name_is_not_trusted),
		TEST(proxies_of_the_environment_are_not_used),
		TEST(nobody_there),
		TEST(no_such_name),
		TEST(a_lookup_that_hangs_holds_up_nobody),
		TEST(no_answer_in_time),
		TEST(too_much_of_an_answer),
		TEST(only_https_without_user),
		TEST(no_tls_at_all),
		TEST(a_body_is_sent_once_even_when_the_connection_dies),
		TEST(what_is_cancelled_calls_nobody),
		TEST(a_signal_ends_the_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
