/* SPDX-License-Identifier: MIT */
/*
 * Signed requests, RFC 8555 §6: every POST of this folder goes through acme_post. It decides what is sent again, after which pause, and what is told.
 */
#include "acme/request.h"

#include <string.h>

#include "acme/internal.h"
#include "acme/problem.h"
#include "crypto/jws.h"
#include "json/read.h"
#include "net/http.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "util/b64.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

/* A CA in order refuses a nonce once in a while, a test CA nine of ten. The first repetitions follow at once. */
#define BAD_NONCES_MAX 100
#define BAD_NONCES_AT_ONCE 12
#define BAD_NONCE_PAUSE_MS 50
#define BREAKS_MAX 3
#define BREAK_PAUSE_MS 250
#define SERVER_ERRORS_MAX 8
#define SERVER_ERROR_PAUSE_MS 1000
#define PAUSE_MAX_MS 30000

enum outcome {
	SUCCEEDED,
	REFUSED,      /* the answer is final */
	BAD_NONCE,
	SERVER_ERROR, /* 500, 502, 503, 504 */
	MISPLACED,    /* 404: the directory may have changed */
	BROKEN,       /* sent, maybe; no answer */
	NOT_SENT,     /* reached nobody */
	HOPELESS      /* untrusted, misconfigured, stopped: no use in trying again */
};

/* How far a request has got. */
struct progress {
	const struct acme_request *request;
	char *nonce; /* came with badNonce, for the repetition; NULL = take one */
	int bad_nonces, breaks, server_errors;
	int64_t pause_until_at; /* Retry-After of the last answer, by the clock of answered_at; 0 = none */
	int64_t answered_at;
	long status; /* of the answer to what was sent last; 0 = there was none, or it was not sent for want of a nonce */
};

int64_t acme_answered_at(const struct http_response *response)
{
	struct clock clock = clock_system();

	return response->date_at > 0 ? response->date_at : clock_now(&clock);
}

/* ---- one try ---- */

static enum outcome judge_failure(const struct err *err)
{
	return err->kind == ERR_NETWORK || err->kind == ERR_TIMEOUT ? BROKEN : HOPELESS;
}

static enum outcome judge_status(long status, const struct err *err)
{
	if (strcmp(err->type, "badNonce") == 0)
		return BAD_NONCE;
	if (status == 500 || (status >= 502 && status <= 504))
		return SERVER_ERROR;
	return status == 404 ? MISPLACED : REFUSED;
}

/* An answer that is no success, into `err` and `progress`. */
static enum outcome judge_answer(struct progress *progress, const struct http_response *response, const char *subject, struct err *err)
{
	progress->answered_at = acme_answered_at(response);
	progress->status = response->status;
	(void)acme_problem_fail(response, subject, progress->answered_at, err);
	progress->pause_until_at = err->retry_at;
	return judge_status(response->status, err);
}

static bool take_nonce(struct acme *acme, struct progress *progress, enum outcome *ret_outcome, struct err *err)
{
	long status; /* of the request for a nonce: it says nothing of what was to be sent with it */

	if (progress->nonce)
		return true;
	progress->status = 0;
	if (acme_nonce_take(acme, progress->request->deadline_ms, &progress->nonce, &status, err))
		return true;
	progress->pause_until_at = 0; /* Retry-After of a nonce: the growing pause will do */
	*ret_outcome = status ? judge_status(status, err) : judge_failure(err);
	if (*ret_outcome == BROKEN)
		*ret_outcome = NOT_SENT;
	return false;
}

/* Sends the body and gives the nonce back, or keeps the one that came with a badNonce. */
static enum outcome exchange(struct acme *acme, struct progress *progress, const char *url, const char *body, struct http_response *ret_response,
			     struct err *err)
{
	const struct acme_request *request = progress->request;
	const struct http_request post = {
		.method = HTTP_POST,
		.url = url,
		.content_type = "application/jose+json",
		.accept = request->accept,
		.body = body,
		.body_size = strlen(body),
		.timeout_ms = acme_request_timeout_ms(acme, request->deadline_ms),
	};
	struct http_call *call = http_start(acme->http, &post, NULL, NULL);
	enum outcome outcome = SUCCEEDED;

	if (request->ret_sent_ms)
		*request->ret_sent_ms = loop_now_ms(acme->loop);
	acme_nonces_prefetch(acme, request->followers);
	free(mem_take(&progress->nonce));
	progress->status = 0;
	progress->pause_until_at = 0;
	if (!http_end(call, ret_response, err)) {
		acme_nonce_return(acme, NULL);
		(void)err_wrap(err, "%s", request->subject);
		return judge_failure(err);
	}
	acme_note_date(acme, ret_response);
	if (ret_response->status < 200 || ret_response->status > 299)
		outcome = judge_answer(progress, ret_response, request->subject, err);
	if (outcome == BAD_NONCE && ret_response->replay_nonce && b64url_is(ret_response->replay_nonce))
		progress->nonce = mem_strdup(ret_response->replay_nonce);
	else
		acme_nonce_return(acme, ret_response->replay_nonce);
	return outcome;
}

static enum outcome try_once(struct acme *acme, struct progress *progress, struct http_response *ret_response, struct err *err)
{
	const struct acme_request *request = progress->request;
	AUTO_FREE char *url = NULL;
	AUTO_FREE char *body = NULL;
	enum outcome outcome;

	if (!take_nonce(acme, progress, &outcome, err)) {
		(void)err_wrap(err, "%s", request->subject);
		return outcome;
	}
	url = mem_strdup(request->url ? request->url : acme->directory.urls[request->resource]);
	body = jws_sign(request->key, &(struct jws_header){ .kid = request->kid, .nonce = progress->nonce, .url = url }, request->payload, err);
	if (!body)
		return HOPELESS;
	return exchange(acme, progress, url, body, ret_response, err);
}

/* ---- again? ---- */

/* Waits, unless that would pass the deadline: then `err` stays what it is. */
static bool pause_for(struct acme *acme, int64_t pause_ms, int64_t deadline_ms, struct err *err)
{
	if (pause_ms <= 0)
		return true;
	if (deadline_ms != LOOP_NEVER && loop_now_ms(acme->loop) + pause_ms >= deadline_ms)
		return false;
	if (loop_sleep(acme->loop, pause_ms) == WAIT_STOPPED)
		return err_set(err, ERR_STOPPED, "stopped by a signal; run it again to go on");
	return true;
}

static int64_t growing_pause(int64_t first_ms, int count)
{
	int64_t pause_ms = first_ms << (count < 16 ? count : 16);

	return pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
}

static int64_t server_error_pause(const struct progress *progress)
{
	if (progress->pause_until_at > progress->answered_at)
		return (progress->pause_until_at - progress->answered_at) * 1000;
	return growing_pause(SERVER_ERROR_PAUSE_MS, progress->server_errors - 1);
}

/* A server error that was said by the CA itself, not by something in front of it that may have lost the answer. */
static bool is_certainly_undone(const struct progress *progress, const struct err *err)
{
	return progress->status == 503 || (progress->status == 500 && err->kind != ERR_NETWORK);
}

static bool may_try_again(struct acme *acme, struct progress *progress, enum outcome outcome, struct err *err)
{
	const struct acme_request *request = progress->request;
	int64_t deadline_ms = request->deadline_ms;

	if (outcome != SUCCEEDED && request->is_final && request->is_final(err))
		return false;
	switch (outcome) {
	case BAD_NONCE:
		return ++progress->bad_nonces < BAD_NONCES_MAX &&
		       pause_for(acme, progress->bad_nonces > BAD_NONCES_AT_ONCE ? BAD_NONCE_PAUSE_MS : 0, deadline_ms, err);
	case SERVER_ERROR:
		if (request->is_once && progress->status != 0 && !is_certainly_undone(progress, err))
			return false;
		return ++progress->server_errors < SERVER_ERRORS_MAX && pause_for(acme, server_error_pause(progress), deadline_ms, err);
	case MISPLACED:
		return (!request->url || progress->status == 0) && acme_directory_refresh(acme); /* nonces come from an entry of it, too */
	case BROKEN:
		if (request->is_once)
			return false;
		/* fall through */
	case NOT_SENT:
		return ++progress->breaks < BREAKS_MAX && pause_for(acme, growing_pause(BREAK_PAUSE_MS, progress->breaks - 1), deadline_ms, err);
	case SUCCEEDED:
	case REFUSED:
	case HOPELESS:
		return false;
	}
	return false;
}

bool acme_meet(struct acme *acme, int64_t deadline_ms, struct err *err)
{
	const struct acme_request request = { .deadline_ms = deadline_ms };
	struct progress progress = { .request = &request };
	enum outcome outcome = SUCCEEDED;

	if (acme->date_at > 0)
		return true;
	if (!acme_load_directory(acme, err))
		return false;
	while (!take_nonce(acme, &progress, &outcome, err))
		if (!may_try_again(acme, &progress, outcome, err))
			return false;
	acme_nonce_return(acme, progress.nonce);
	free(progress.nonce);
	return true;
}

bool acme_post(struct acme *acme, const struct acme_request *request, struct http_response *ret_response, struct err *err)
{
	struct progress progress = { .request = request };
	enum outcome outcome;

	if (request->ret_status)
		*request->ret_status = 0;
	if (!acme_load_directory(acme, err))
		return err_wrap(err, "%s", request->subject);
	do {
		http_response_done(ret_response);
		outcome = try_once(acme, &progress, ret_response, err);
	} while (outcome != SUCCEEDED && may_try_again(acme, &progress, outcome, err));

	if (progress.nonce) { /* of a badNonce that was the last */
		acme_nonce_return(acme, progress.nonce);
		free(progress.nonce);
	}
	if (request->ret_status)
		*request->ret_status = progress.status;
	if (outcome != SUCCEEDED)
		http_response_done(ret_response);
	return outcome == SUCCEEDED;
}

bool acme_get(struct acme *acme, const char *url, const char *subject, bool is_patient, struct http_response *ret_response, struct err *err)
{
	/* The same rules as for a signed request, but for the nonce. */
	const struct acme_request rules = { .url = url, .subject = subject, .deadline_ms = acme->deadline_ms };
	struct progress progress = { .request = &rules };
	enum outcome outcome;

	do {
		const struct http_request get = {
			.method = HTTP_GET, .url = url, .accept = "application/json", .timeout_ms = acme_request_timeout_ms(acme, acme->deadline_ms)
		};

		http_response_done(ret_response);
		progress.pause_until_at = 0;
		if (!http_send(acme->http, &get, ret_response, err)) {
			outcome = judge_failure(err);
			continue;
		}
		acme_note_date(acme, ret_response);
		if (ret_response->status == 200)
			return true;
		outcome = judge_answer(&progress, ret_response, subject, err);
		if (!is_patient)
			break;
	} while (may_try_again(acme, &progress, outcome, err));
	http_response_done(ret_response);
	return false;
}

bool acme_read_body(const struct http_response *response, const struct json_field *fields, void *target, const char *what, struct err *err)
{
	if (json_read(buf_text(&response->body), response->body.size, fields, target, err))
		return true;
	if (strcmp(response->content_type, "application/json") != 0)
		return err_set(err, ERR_PROTOCOL, "the CA answered with '%s' instead of %s; check the property server and any proxy in between",
			       response->content_type, what);
	return err_wrap(err, "%s that the CA sent cannot be read", what);
}

/* ---- many at once ---- */

struct batch {
	struct acme *acme;
	size_t count, next, running;
	void (*run)(void *ctx, size_t index);
	void *ctx;
	struct loop_event ended;
};

static void work(void *arg)
{
	struct batch *batch = arg;

	while (batch->next < batch->count)
		batch->run(batch->ctx, batch->next++);
	if (--batch->running == 0)
		loop_set(batch->acme->loop, &batch->ended);
}

void acme_each(struct acme *acme, size_t count, size_t width, void (*run)(void *ctx, size_t index), void *ctx)
{
	struct batch batch = { .acme = acme, .count = count, .running = count < width ? count : width, .run = run, .ctx = ctx };

	if (count == 0)
		return;
	for (size_t i = batch.running; i > 0; i--)
		loop_start(acme->loop, work, &batch);
	(void)loop_wait_finish(acme->loop, &batch.ended, LOOP_NEVER);
}
