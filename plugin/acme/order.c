/* SPDX-License-Identifier: MIT */
/*
 * An order from newOrder to the certificate, RFC 8555 §7.1.6 and §7.4. It is whatever the CA says it is: each turn looks at its state and does what that state
 * asks for. So one that was placed by an earlier run is carried on from wherever it stands.
 */
#include "acme/order.h"

#include <assert.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/authz.h"
#include "acme/chain.h"
#include "acme/document.h"
#include "acme/internal.h"
#include "acme/problem.h"
#include "acme/request.h"
#include "crypto/csr.h"
#include "json/write.h"
#include "net/http.h"
#include "net/url.h"
#include "sys/loop.h"
#include "util/b64.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define POLL_FIRST_MS 100
#define POLL_MAX_MS 1000       /* while the CA may be done any moment … */
#define POLL_SLOW_MAX_MS 5000  /* … and when it takes as long as this */
#define POLL_SLOW_FROM_MS 30000
#define CSR_MAX ((size_t)64 * 1024)
#define FINALIZE_MAX 3

void acme_order_result_done(struct acme_order_result *result)
{
	buf_done(&result->chain_pem);
	*result = (struct acme_order_result){ 0 };
}

/* One order on its way. */
struct run {
	struct acme *acme;
	const struct acme_order_request *request;
	const struct acme_order_steps *steps;
	struct acme_order_result *result;
	char *subject; /* of failures: the name, or the first of them and how many more */
	char *url;
	struct acme_document order;
	bool is_answered;      /* its challenges */
	bool was_seen_valid;
	int finalize_count;
	int64_t changed_ms;    /* when the last request was sent that moves the order on */
	int64_t next_poll_ms;  /* by our own rule */
	int64_t not_before_ms; /* by Retry-After */
};

static void run_done(struct run *run)
{
	acme_document_done(&run->order);
	free(run->subject);
	free(run->url);
}

static void tell_step(const struct run *run, const char *step)
{
	if (run->steps->step)
		run->steps->step(run->steps->ctx, step);
}

static bool has_status(const struct run *run, const char *status)
{
	return strcmp(run->order.status, status) == 0;
}

static struct acme_request request_for(const struct run *run, const char *url, const char *payload)
{
	return (struct acme_request){
		.url = url,
		.key = run->request->account->key,
		.kid = run->request->account->url,
		.payload = payload,
		.subject = run->subject,
		.deadline_ms = run->request->deadline_ms,
	};
}

/* ---- what an answer says ---- */

static void heed_retry_after(struct run *run, const struct http_response *response)
{
	int64_t now_at = acme_answered_at(response);
	int64_t retry_at;

	run->not_before_ms = 0;
	if (response->retry_after && parse_retry_after(response->retry_after, now_at, &retry_at))
		run->not_before_ms = loop_now_ms(run->acme->loop) + (retry_at - now_at) * 1000;
}

static bool check_names(const struct run *run, struct err *err)
{
	return acme_document_is_for(&run->order, run->request->names) ||
	       err_set(err, ERR_PROTOCOL, "%s: the order at the CA is for other names; nothing was done with it", run->subject);
}

static bool read_order(struct run *run, const struct http_response *response, struct err *err)
{
	acme_document_done(&run->order);
	if (!acme_read_body(response, acme_document_fields, &run->order, "the order", err))
		return err_wrap(err, "%s", run->subject);
	heed_retry_after(run, response);
	if (has_status(run, "valid") && !run->was_seen_valid) {
		run->was_seen_valid = true;
		if (run->steps->valid)
			run->steps->valid(run->steps->ctx, response->date_at);
	}
	return true;
}

/* ---- placing ---- */

/*
 * The refusal is about `replaces`, RFC 9773 §5: already replaced; or the certificate is unknown, of another account, or for other names. Only the first has a
 * type of its own, the others are told by Let's Encrypt's and Pebble's words.
 */
static bool is_about_replaces(const struct err *err)
{
	const char *detail = strstr(err->text, ": "); /* after the names, which may hold these words as well */

	if (strcmp(err->type, "alreadyReplaced") == 0)
		return true;
	return err->kind == ERR_ACME && strcmp(err->type, "rejectedIdentifier") != 0 && detail &&
	       (text_find_nocase(detail, "certificate") || text_find_nocase(detail, "replace") || strstr(detail, "ARI"));
}

static bool send_new_order(struct run *run, const char *replaces, struct http_response *ret_response, struct err *err)
{
	AUTO_FREE char *payload = acme_document_request(run->request, replaces);
	struct acme_request request = request_for(run, NULL, payload);

	request.resource = ACME_NEW_ORDER;
	request.is_once = true;
	request.followers = run->request->names->count;
	request.is_final = replaces ? is_about_replaces : NULL;
	request.ret_sent_ms = &run->changed_ms;
	return acme_post(run->acme, &request, ret_response, err);
}

static bool place(struct run *run, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	const char *replaces = run->request->replaces;
	int64_t expires_at = 0;
	bool is_read;
	bool is_placed = send_new_order(run, replaces, &response, err);

	if (!is_placed && replaces && is_about_replaces(err)) {
		run->result->replaces_was_refused = true;
		is_placed = send_new_order(run, NULL, &response, err);
	}
	if (!is_placed)
		return false;
	if (!response.location || !url_check_https(response.location, err))
		return err_set(err, ERR_PROTOCOL, "%s: the CA took the order but does not say its URL; check any proxy in between", run->subject);
	run->url = mem_strdup(response.location);
	is_read = read_order(run, &response, err);
	if (is_read && run->order.expires)
		(void)parse_rfc3339(run->order.expires, &expires_at);
	if (!run->steps->placed(run->steps->ctx, run->url, expires_at, err)) /* even if the rest made no sense: the URL is what counts */
		return false;
	tell_step(run, "placed");
	return is_read;
}

static bool fetch_order(struct run *run, long *ret_status, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	struct acme_request request = request_for(run, run->url, "");

	request.ret_status = ret_status;
	return acme_post(run->acme, &request, &response, err) && read_order(run, &response, err);
}

/* The order moves on by what was just sent: the pauses between polls are short again. */
static void expect_change(struct run *run)
{
	run->next_poll_ms = run->changed_ms + POLL_FIRST_MS;
}

/* An order of an earlier run. */
static bool take_up(struct run *run, struct err *err)
{
	long status;

	run->url = mem_strdup(run->request->url);
	run->changed_ms = loop_now_ms(run->acme->loop);
	expect_change(run);
	if (fetch_order(run, &status, err))
		return true;
	if (status == 404 || (status == 403 && strcmp(err->type, "unauthorized") == 0))
		return err_set(err, ERR_MISSING, "%s: the CA does not know the order '%s' (it has expired, or is another account's); a new one has to be placed",
			       run->subject, run->url);
	return false;
}

/* ---- polling ---- */

static bool fail_late(const struct run *run, struct err *err)
{
	return err_set(err, ERR_TIMEOUT, "%s: the CA has not finished the order within the time limit (it is '%s'); it goes on there, and the next run takes it up",
		       run->subject, run->order.status);
}

/* A sixth of what the change has taken so far: few polls, little lost. */
static int64_t poll_pause_ms(int64_t taken_ms)
{
	int64_t max_ms = taken_ms < POLL_SLOW_FROM_MS ? POLL_MAX_MS : POLL_SLOW_MAX_MS;

	return taken_ms / 6 < POLL_FIRST_MS ? POLL_FIRST_MS : taken_ms / 6 < max_ms ? taken_ms / 6 : max_ms;
}

/* Waits until it is time, then looks at the order. */
static bool poll_order(struct run *run, struct err *err)
{
	struct loop *loop = run->acme->loop;
	int64_t at_ms = run->not_before_ms > run->next_poll_ms ? run->not_before_ms : run->next_poll_ms;
	int64_t now_ms = loop_now_ms(loop);
	long status;

	if ((at_ms > now_ms ? at_ms : now_ms) >= run->request->deadline_ms)
		return fail_late(run, err);
	if (at_ms > now_ms && loop_sleep(loop, at_ms - now_ms) == WAIT_STOPPED)
		return err_set(err, ERR_STOPPED, "%s: stopped by a signal; the next run takes the order up", run->subject);
	now_ms = loop_now_ms(loop);
	run->next_poll_ms = now_ms + poll_pause_ms(now_ms - run->changed_ms);
	return fetch_order(run, &status, err);
}

/* ---- the states ---- */

static bool answer_challenges(struct run *run, struct err *err)
{
	AUTO(acme_authzs_done) struct acme_authzs authzs = { 0 };

	tell_step(run, "validating");
	if (!acme_authzs_fetch(run->acme, run->request, &run->order.authorization_urls, &authzs, err))
		return false;
	if (!acme_authzs_answer(run->acme, run->request, run->steps, &authzs, &run->changed_ms, err))
		return false;
	run->is_answered = true;
	expect_change(run);
	return true;
}

/* While the CA validates there is time for it. */
static bool make_csr(const struct run *run, struct buf *ret_csr, struct err *err)
{
	const struct key *key = NULL;
	AUTO_BUF der = BUF_MAX(CSR_MAX);

	if (!run->steps->certificate_key(run->steps->ctx, &key, err) || !csr_make(key, run->request->names, &der, err))
		return false;
	return b64url_encode(ret_csr, der.data, der.size) || err_set(err, ERR_BUG, "%s: the certificate request is too large", run->subject);
}

/* An answer that got lost, or "orderNotReady" on a repetition: the order itself knows how far it is. */
static bool may_have_been_finalized(const struct err *err)
{
	return err->kind == ERR_NETWORK || err->kind == ERR_TIMEOUT || strcmp(err->type, "orderNotReady") == 0;
}

static bool finalize(struct run *run, const char *csr, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	AUTO_JSON *json = json_new_object();
	AUTO_FREE char *payload = NULL;
	AUTO_FREE char *url = mem_strdup(run->order.finalize_url);
	struct acme_request request;

	if (run->finalize_count++ == 0) {
		tell_step(run, "finalizing");
		if (!run->steps->finalizing(run->steps->ctx, err))
			return false;
	} else if (run->finalize_count > FINALIZE_MAX) {
		return err_set(err, ERR_PROTOCOL, "%s: the order stays 'ready' although it was finalized; this is trouble at the CA, try again later", run->subject);
	}
	json_set_str(json, "csr", csr);
	payload = json_text(json);
	request = request_for(run, url, payload);
	request.is_once = true;
	request.ret_sent_ms = &run->changed_ms;
	if (acme_post(run->acme, &request, &response, err)) {
		expect_change(run);
		return read_order(run, &response, err);
	}
	expect_change(run);
	return may_have_been_finalized(err) && poll_order(run, err);
}

static bool download(struct run *run, struct err *err)
{
	if (!run->order.certificate_url)
		return err_set(err, ERR_PROTOCOL, "%s: the CA says that the order is valid but not where its certificate is; try again", run->subject);
	tell_step(run, "downloading");
	return acme_chain_fetch(run->acme, run->request, run->order.certificate_url, &run->result->chain_pem, &run->result->chain_not_found, err);
}

/* Which names failed is known to their authorizations; a refusal at finalizing stands in the order itself. */
static bool fail_invalid(const struct run *run, struct err *err)
{
	AUTO(acme_authzs_done) struct acme_authzs authzs = { 0 };
	AUTO_BUF text = BUF_MAX(sizeof(err->text));
	bool has_authzs = acme_authzs_fetch(run->acme, run->request, &run->order.authorization_urls, &authzs, err);

	if (!has_authzs && err->kind == ERR_STOPPED)
		return false;
	if (!has_authzs || acme_authzs_explain(&authzs, run->steps, &text) == 0)
		acme_problem_explain(&run->order.problem, ACME_STAGE_VALIDATION, run->subject, &text);
	return err_set(err, ERR_ACME, "%s", buf_text(&text));
}

static bool carry_on(struct run *run, struct err *err)
{
	AUTO_BUF csr = BUF_MAX(2 * CSR_MAX);

	while (!has_status(run, "valid")) {
		bool is_on;

		if (has_status(run, "invalid"))
			return fail_invalid(run, err);
		if (has_status(run, "pending") && !run->is_answered)
			is_on = answer_challenges(run, err) && (csr.size || make_csr(run, &csr, err));
		else if (has_status(run, "ready"))
			is_on = (csr.size || make_csr(run, &csr, err)) && finalize(run, buf_text(&csr), err);
		else if (has_status(run, "pending") || has_status(run, "processing"))
			is_on = poll_order(run, err);
		else
			is_on = err_set(err, ERR_PROTOCOL, "%s: the CA shows the order as '%s', which is no state of one; try again later", run->subject,
					run->order.status);
		if (!is_on)
			return false;
	}
	return download(run, err);
}

static char *subject_for(const struct strs *names)
{
	assert(names->count > 0);
	return names->count == 1 ? mem_strdup(names->items[0]) : mem_fmt("%s and %zu more", names->items[0], names->count - 1);
}

bool acme_order_run(struct acme *acme, const struct acme_order_request *request, const struct acme_order_steps *steps, struct acme_order_result *ret_result,
		    struct err *err)
{
	AUTO(acme_order_result_done) struct acme_order_result result = { 0 };
	AUTO(run_done) struct run run = { .acme = acme, .request = request, .steps = steps, .result = &result };

	run.subject = subject_for(request->names);
	if (!(request->url ? take_up(&run, err) : place(&run, err)) || !check_names(&run, err) || !carry_on(&run, err))
		return false;
	*ret_result = result;
	result = (struct acme_order_result){ 0 };
	return true;
}
