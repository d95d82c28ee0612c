/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ACME_FAKE_HTTP_H
#define TESTS_ACME_FAKE_HTTP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/acme.h"
#include "crypto/jws.h"
#include "crypto/key.h"
#include "json/read.h"
#include "net/header.h"
#include "net/http.h"
#include "sys/loop.h"
#include "util/b64.h"
#include "util/err.h"
#include "util/mem.h"

/*
 * A CA of prepared answers instead of net/http, in a time of its own: this object defines all of net/http.h, so that module is not linked, and poll(2) and
 * clock_gettime(2), so that the loop's waits pass at once and to the millisecond. One include a test program.
 */
#define BASE "https://ca.test"
#define START_AT 1800000000
#define FAKE_RTT_MS 80

/* ---- time ---- */

static int64_t fake_now_ms;

int clock_gettime(clockid_t id, struct timespec *now)
{
	int64_t base_s = id == CLOCK_REALTIME ? START_AT : 1000;

	now->tv_sec = base_s + fake_now_ms / 1000;
	now->tv_nsec = fake_now_ms % 1000 * 1000000;
	return 0;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = 0;
	if (timeout_ms < 0)
		fail_msg("the loop waits for something that will never happen");
	fake_now_ms += timeout_ms;
	return 0;
}

/* ---- the CA ---- */

struct fake_answer {
	long status;             /* 0: no answer, but `failure` */
	const char *body;
	const char *type;        /* NULL = application/json, application/problem+json from 400 on */
	const char *location, *retry_after;
	const char *links[3];
	int64_t delay_ms;        /* 0 = FAKE_RTT_MS */
	enum err_kind failure;
	bool has_no_nonce, has_no_date;
};

struct fake_request {
	char *line;         /* "POST /order" */
	char *payload, *kid, *nonce, *url; /* of the JWS */
	bool has_jwk;
	char *content_type, *accept;
	int64_t at_ms;
};

struct fake_route {
	const char *line;
	struct fake_answer answers[64];
	size_t count, next; /* the last answer is given again and again */
};

struct http {
	struct loop *loop;
	struct fake_route routes[60];
	size_t route_count;
	struct fake_request requests[400];
	size_t request_count;
	int nonce_count;
	size_t under_way, most_under_way; /* POSTs */
};

struct http_call {
	struct http *http;
	struct fake_answer answer;
	bool is_post;
	struct loop_timer timer;
	struct loop_event ended;
	void (*done)(void *ctx);
	void *ctx;
};

/* Appends an answer to "POST /path". */
static inline void fake_on(struct http *http, const char *line, struct fake_answer answer)
{
	struct fake_route *route = http->routes;

	while (route < http->routes + http->route_count && strcmp(route->line, line) != 0)
		route++;
	if (route == http->routes + http->route_count) {
		assert_true(++http->route_count <= COUNT(http->routes));
		route->line = line;
	}
	assert_true(route->count < COUNT(route->answers));
	route->answers[route->count++] = answer;
}

/* Forgets the answers prepared for it. */
static inline void fake_off(struct http *http, const char *line)
{
	for (size_t i = 0; i < http->route_count; i++)
		if (strcmp(http->routes[i].line, line) == 0)
			http->routes[i].count = http->routes[i].next = 0;
}

static inline size_t fake_count(const struct http *http, const char *line)
{
	size_t count = 0;

	for (size_t i = 0; i < http->request_count; i++)
		count += strcmp(http->requests[i].line, line) == 0;
	return count;
}

/* The `index`th request of that kind. */
static inline const struct fake_request *fake_request(const struct http *http, const char *line, size_t index)
{
	for (size_t i = 0; i < http->request_count; i++)
		if (strcmp(http->requests[i].line, line) == 0 && index-- == 0)
			return &http->requests[i];
	fail_msg("there was no such request: %s", line);
	abort();
}

struct fake_jws {
	char *protected, *payload, *signature;
	char *kid, *nonce, *url;
	struct {
		char *kty;
	} jwk;
};

static inline void fake_read_jws(const struct http_request *request, struct fake_request *record)
{
	static const struct json_field outer[] = { JSON_STR("protected", struct fake_jws, protected, true), JSON_STR("payload", struct fake_jws, payload, true),
						   JSON_STR("signature", struct fake_jws, signature, true), JSON_END };
	static const struct json_field jwk[] = { JSON_STR("kty", struct fake_jws, jwk.kty, true), JSON_END };
	static const struct json_field header[] = { JSON_STR("kid", struct fake_jws, kid, false), JSON_STR("nonce", struct fake_jws, nonce, true),
						    JSON_STR("url", struct fake_jws, url, true), { "jwk", JSON_KIND_OBJECT, 0, false, jwk, 0 }, JSON_END };
	struct fake_jws jws = { 0 };
	AUTO_BUF protected = BUF_MAX(100000);
	AUTO_BUF payload = BUF_MAX(100000);
	struct err err;

	assert_true(json_read(request->body, request->body_size, outer, &jws, &err));
	assert_true(b64url_decode(&protected, jws.protected));
	assert_true(b64url_decode(&payload, jws.payload));
	assert_true(json_read(buf_text(&protected), protected.size, header, &jws, &err));
	record->payload = mem_strdup(buf_text(&payload));
	record->kid = jws.kid;
	record->nonce = jws.nonce;
	record->url = jws.url;
	record->has_jwk = jws.jwk.kty != NULL;
	free(jws.protected);
	free(jws.payload);
	free(jws.signature);
	free(jws.jwk.kty);
}

static inline void fake_record(struct http *http, const struct http_request *request)
{
	static const char *const methods[] = { [HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST" };
	struct fake_request *record = &http->requests[http->request_count++];

	assert_true(http->request_count < COUNT(http->requests));
	assert_true(strncmp(request->url, BASE, strlen(BASE)) == 0);
	record->line = mem_fmt("%s %s", methods[request->method], request->url + strlen(BASE));
	record->at_ms = fake_now_ms;
	record->content_type = request->content_type ? mem_strdup(request->content_type) : NULL;
	record->accept = request->accept ? mem_strdup(request->accept) : NULL;
	if (request->method != HTTP_POST)
		return;
	fake_read_jws(request, record);
	assert_string_equal(record->url, request->url);
	for (const struct fake_request *other = http->requests; other < record; other++)
		if (other->nonce)
			assert_string_not_equal(other->nonce, record->nonce);
}

static inline struct fake_answer fake_answer_for(struct http *http, const char *line)
{
	for (struct fake_route *route = http->routes; route < http->routes + http->route_count; route++) {
		if (strcmp(route->line, line) != 0 || route->count == 0)
			continue;
		if (route->next + 1 < route->count)
			return route->answers[route->next++];
		return route->answers[route->next];
	}
	fail_msg("no answer was prepared for: %s", line);
	return (struct fake_answer){ 0 };
}

static inline void fake_end(void *ctx)
{
	struct http_call *call = ctx;

	call->http->under_way -= call->is_post;
	loop_set(call->http->loop, &call->ended);
	if (call->done)
		call->done(call->ctx);
}

struct http_call *http_start(struct http *http, const struct http_request *request, void (*done)(void *ctx), void *ctx)
{
	struct http_call *call = mem_new(1, sizeof(*call));

	fake_record(http, request);
	*call = (struct http_call){ .http = http, .is_post = request->method == HTTP_POST, .done = done, .ctx = ctx };
	call->answer = fake_answer_for(http, http->requests[http->request_count - 1].line);
	call->timer = (struct loop_timer){ .fire = fake_end, .ctx = call };
	http->under_way += call->is_post;
	if (http->under_way > http->most_under_way)
		http->most_under_way = http->under_way;
	loop_timer_set(http->loop, &call->timer, loop_now_ms(http->loop) + (call->answer.delay_ms ? call->answer.delay_ms : FAKE_RTT_MS));
	return call;
}

static inline void fake_fill(struct http *http, const struct fake_answer *answer, struct http_response *ret)
{
	*ret = (struct http_response){ .status = answer->status, .body = BUF_MAX(1024 * 1024) };
	(void)buf_adds(&ret->body, answer->body ? answer->body : "");
	ret->content_type = mem_strdup(answer->type ? answer->type : answer->status >= 400 ? "application/problem+json" : "application/json");
	ret->location = answer->location ? mem_strdup(answer->location) : NULL;
	ret->retry_after = answer->retry_after ? mem_strdup(answer->retry_after) : NULL;
	ret->replay_nonce = answer->has_no_nonce ? NULL : mem_fmt("nonce%d", ++http->nonce_count);
	ret->date_at = answer->has_no_date ? 0 : START_AT + fake_now_ms / 1000;
	for (size_t i = 0; i < COUNT(answer->links) && answer->links[i]; i++)
		strs_add(&ret->link, answer->links[i]);
}

bool http_end(struct http_call *call, struct http_response *ret_response, struct err *err)
{
	struct http *http = call->http;
	struct fake_answer answer = call->answer;

	if (loop_wait(http->loop, &call->ended, LOOP_NEVER) != WAIT_DONE) {
		http_cancel(call);
		return err_set(err, ERR_STOPPED, "stopped");
	}
	free(call);
	if (answer.status == 0)
		return err_set(err, answer.failure, "the line is dead");
	fake_fill(http, &answer, ret_response);
	return true;
}

void http_cancel(struct http_call *call)
{
	if (!call->ended.is_set)
		call->http->under_way -= call->is_post;
	loop_timer_clear(call->http->loop, &call->timer);
	free(call);
}

bool http_send(struct http *http, const struct http_request *request, struct http_response *ret_response, struct err *err)
{
	return http_end(http_start(http, request, NULL, NULL), ret_response, err);
}

void http_response_done(struct http_response *response)
{
	buf_done(&response->body);
	free(response->content_type);
	free(response->location);
	free(response->replay_nonce);
	free(response->retry_after);
	strs_done(&response->link);
	*response = (struct http_response){ 0 };
}

struct http *http_new(struct transfers *transfers, const char *user_agent, const char *trust_file)
{
	(void)transfers;
	(void)user_agent;
	(void)trust_file;
	return mem_new(1, sizeof(struct http));
}

void http_free(struct http *http)
{
	for (size_t i = 0; i < http->request_count; i++) {
		struct fake_request *request = &http->requests[i];

		free(request->line);
		free(request->payload);
		free(request->kid);
		free(request->nonce);
		free(request->url);
		free(request->content_type);
		free(request->accept);
	}
	free(http);
}

/* ---- what each test starts from ---- */

#define DIRECTORY                                                                                                                        \
	"{\"newNonce\":\"" BASE "/nonce\",\"newAccount\":\"" BASE "/account\",\"newOrder\":\"" BASE "/order\",\"revokeCert\":\"" BASE   \
	"/revoke\",\"renewalInfo\":\"" BASE "/ari\",\"meta\":{\"termsOfService\":\"" BASE "/terms\",\"profiles\":{\"tlsserver\":\"t\",\"classic\":\"c\"}}}"
#define PROBLEM(type, detail) "{\"type\":\"urn:ietf:params:acme:error:" type "\",\"detail\":\"" detail "\"}"

struct fixture {
	struct loop *loop;
	struct http *http;
	struct acme *acme;
	struct acme_account account;
	int64_t deadline_ms;
};

static inline struct acme *fixture_acme(struct fixture *fixture, const char *directory_text)
{
	const struct acme_config config = { BASE "/dir", fixture->http, fixture->loop, directory_text, fixture->deadline_ms };

	acme_free(fixture->acme);
	fixture->acme = acme_new(&config);
	return fixture->acme;
}

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = mem_new(1, sizeof(*fixture));
	struct err err;

	fake_now_ms = 0;
	fixture->loop = loop_new();
	fixture->http = http_new(NULL, "", NULL);
	fixture->http->loop = fixture->loop;
	fixture->deadline_ms = loop_now_ms(fixture->loop) + 120 * 1000;
	fake_on(fixture->http, "HEAD /nonce", (struct fake_answer){ .status = 200 });
	fake_on(fixture->http, "GET /dir", (struct fake_answer){ .status = 200, .body = DIRECTORY });
	fixture->account.key = key_generate(KEY_EC256, &err);
	fixture->account.url = mem_strdup(BASE "/account/1");
	fixture->account.thumbprint = jwk_thumbprint(fixture->account.key, &err);
	(void)fixture_acme(fixture, DIRECTORY);
	*state = fixture;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	acme_free(fixture->acme);
	http_free(fixture->http);
	loop_free(fixture->loop);
	key_free(fixture->account.key);
	free(fixture->account.url);
	free(fixture->account.thumbprint);
	free(fixture);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
