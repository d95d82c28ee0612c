/* SPDX-License-Identifier: MIT */
/*
 * Proving the names of an order by http-01, RFC 8555 §7.5 and §8.3. What the CA lists is matched by value: it may come in any order. A challenge that is
 * not pending is never answered, and no authorization is ever deactivated: Let's Encrypt counts both as failed validations.
 */
#include "acme/authz.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/order.h"
#include "acme/request.h"
#include "net/http.h"
#include "util/b64.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define HTTP_01 "http-01"
/* Of a file's name; Let's Encrypt's have 43 characters. */
#define TOKEN_SIZE_MAX 255

static const struct json_field challenge_fields[] = {
	JSON_STR("type", struct acme_challenge, type, true),
	JSON_STR("url", struct acme_challenge, url, false),
	JSON_STR("token", struct acme_challenge, token, false),
	JSON_STR("status", struct acme_challenge, status, false),
	JSON_OBJ("error", struct acme_challenge, problem, acme_problem_fields, false),
	JSON_END,
};

static const struct json_field authz_fields[] = {
	JSON_STR("status", struct acme_authz, status, true),
	JSON_BOOL("wildcard", struct acme_authz, is_wildcard, false),
	JSON_OBJ("identifier", struct acme_authz, identifier, acme_identifier_fields, true),
	JSON_OBJS("challenges", struct acme_authz, challenges, challenge_fields, struct acme_challenge, false),
	JSON_END,
};

static void authz_done(struct acme_authz *authz)
{
	struct acme_challenge *challenges = authz->challenges.items;

	for (size_t i = 0; i < authz->challenges.count; i++) {
		free(challenges[i].type);
		free(challenges[i].url);
		free(challenges[i].token);
		free(challenges[i].status);
		acme_problem_done(&challenges[i].problem);
	}
	free(challenges);
	free(authz->name);
	free(authz->status);
	acme_identifier_done(&authz->identifier);
	*authz = (struct acme_authz){ 0 };
}

void acme_authzs_done(struct acme_authzs *authzs)
{
	for (size_t i = 0; i < authzs->count; i++)
		authz_done(&authzs->items[i]);
	free(authzs->items);
	*authzs = (struct acme_authzs){ 0 };
}

static bool is_status(const char *status, const char *wanted)
{
	return status && strcmp(status, wanted) == 0;
}

static const struct acme_challenge *http_challenge(const struct acme_authz *authz)
{
	const struct acme_challenge *challenges = authz->challenges.items;

	for (size_t i = 0; i < authz->challenges.count; i++)
		if (is_status(challenges[i].type, HTTP_01))
			return &challenges[i];
	return NULL;
}

/* ---- fetching ---- */

/* A run over all authorizations; the failures of its fibers meet here. */
struct sweep {
	struct acme *acme;
	const struct acme_order_request *order;
	const struct acme_authzs *authzs;
	int64_t *ret_sent_ms;
	bool has_failed;
	struct err *err; /* the first failure */
};

static void note_failure(struct sweep *sweep, const struct err *err)
{
	if (!sweep->has_failed)
		*sweep->err = *err;
	sweep->has_failed = true;
}

static struct acme_request request_for(const struct sweep *sweep, const char *url, const char *payload, const char *subject)
{
	return (struct acme_request){
		.url = url,
		.key = sweep->order->account->key,
		.kid = sweep->order->account->url,
		.payload = payload,
		.subject = subject,
		.deadline_ms = sweep->order->deadline_ms,
	};
}

/* The name of the order that it is about, if it is known already. */
static const char *subject_of(const struct sweep *sweep, const struct acme_authz *authz)
{
	if (authz->name)
		return authz->name;
	return sweep->order->names->count == 1 ? sweep->order->names->items[0] : "authorization of a name";
}

static bool fetch(const struct sweep *sweep, struct acme_authz *authz, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	const struct acme_request request = request_for(sweep, authz->url, "", subject_of(sweep, authz));
	const char *url = authz->url;

	if (!acme_post(sweep->acme, &request, &response, err))
		return false;
	authz_done(authz);
	authz->url = url;
	if (!acme_read_body(&response, authz_fields, authz, "the authorization", err))
		return false;
	if (!authz->identifier.value)
		return err_set(err, ERR_PROTOCOL, "the authorization '%s' names nothing; this is trouble at the CA", url);
	authz->name = authz->is_wildcard ? mem_fmt("*.%s", authz->identifier.value) : text_lower(authz->identifier.value);
	return true;
}

static void fetch_one(void *ctx, size_t index)
{
	struct sweep *sweep = ctx;
	struct err err;

	if (!sweep->has_failed && !fetch(sweep, &sweep->authzs->items[index], &err))
		note_failure(sweep, &err);
}

bool acme_authzs_fetch(struct acme *acme, const struct acme_order_request *order, const struct strs *urls, struct acme_authzs *ret_authzs, struct err *err)
{
	AUTO(acme_authzs_done) struct acme_authzs authzs = { mem_new(urls->count + 1, sizeof(*authzs.items)), urls->count };
	struct sweep sweep = { .acme = acme, .order = order, .authzs = &authzs, .err = err };

	for (size_t i = 0; i < urls->count; i++)
		authzs.items[i].url = urls->items[i];
	acme_each(acme, urls->count, ACME_NONCE_MAX, fetch_one, &sweep);
	if (sweep.has_failed)
		return false;
	*ret_authzs = authzs;
	authzs = (struct acme_authzs){ 0 };
	return true;
}

/* ---- answering ---- */

static bool refuse_without_http(const struct acme_authz *authz, struct err *err)
{
	const struct acme_challenge *challenges = authz->challenges.items;
	AUTO_STRS types = { 0 };
	AUTO_FREE char *offered = NULL;

	for (size_t i = 0; i < authz->challenges.count; i++)
		strs_add(&types, challenges[i].type);
	offered = strs_join(&types, ", ");
	return err_set(err, ERR_REFUSED, "%s: the CA does not offer to prove it by " HTTP_01 " (it offers: %s), and nothing else is done here%s", authz->name,
		       types.count ? offered : "nothing", authz->is_wildcard ? "; a wildcard is proven by DNS: remove it from the app's domains" : "");
}

static bool present(const struct acme_order_request *order, const struct acme_order_steps *steps, const struct acme_authz *authz, struct err *err)
{
	const struct acme_challenge *challenge = http_challenge(authz);
	AUTO_FREE char *key_authorization = NULL;

	if (!challenge)
		return refuse_without_http(authz, err);
	/* The token becomes a file's name. */
	if (!challenge->url || !challenge->token || !b64url_is(challenge->token) || strlen(challenge->token) > TOKEN_SIZE_MAX)
		return err_set(err, ERR_PROTOCOL, "%s: the CA's challenge has no usable token or URL; this is trouble at the CA", authz->name);
	key_authorization = mem_fmt("%s.%s", challenge->token, order->account->thumbprint);
	return steps->present(steps->ctx, authz->name, challenge->token, key_authorization, err);
}

/* The CA refuses an answer that it already has: after a lost connection, for instance. Then the authorization tells. */
static bool is_under_way(const struct sweep *sweep, const struct acme_authz *authz)
{
	AUTO(acme_authzs_done) struct acme_authzs fresh = { mem_new(1, sizeof(*fresh.items)), 1 };
	const struct acme_challenge *challenge;
	struct err ignored;

	fresh.items[0].url = authz->url;
	if (!fetch(sweep, &fresh.items[0], &ignored))
		return false;
	challenge = http_challenge(&fresh.items[0]);
	return !is_status(fresh.items[0].status, "pending") || (challenge && !is_status(challenge->status, "pending"));
}

static void answer_one(void *ctx, size_t index)
{
	struct sweep *sweep = ctx;
	const struct acme_authz *authz = &sweep->authzs->items[index];
	const struct acme_challenge *challenge = http_challenge(authz);
	AUTO(http_response_done) struct http_response response = { 0 };
	struct acme_request request;
	struct err err;

	if (sweep->has_failed || !is_status(authz->status, "pending") || !challenge || !is_status(challenge->status, "pending"))
		return;
	request = request_for(sweep, challenge->url, "{}", authz->name);
	request.ret_sent_ms = sweep->ret_sent_ms;
	if (!acme_post(sweep->acme, &request, &response, &err) && !(err.kind == ERR_ACME && is_under_way(sweep, authz)))
		note_failure(sweep, &err);
}

bool acme_authzs_answer(struct acme *acme, const struct acme_order_request *order, const struct acme_order_steps *steps, const struct acme_authzs *authzs,
			int64_t *ret_sent_ms, struct err *err)
{
	struct sweep sweep = { .acme = acme, .order = order, .authzs = authzs, .ret_sent_ms = ret_sent_ms, .err = err };

	for (size_t i = 0; i < authzs->count; i++)
		if (is_status(authzs->items[i].status, "pending") && !present(order, steps, &authzs->items[i], err))
			return false;
	acme_each(acme, authzs->count, ACME_NONCE_MAX, answer_one, &sweep);
	return !sweep.has_failed;
}

/* ---- failures ---- */

static void explain(const struct acme_authz *authz, struct buf *out)
{
	const struct acme_challenge *challenges = authz->challenges.items;

	for (size_t i = 0; i < authz->challenges.count; i++) {
		const struct acme_problem *problem = &challenges[i].problem;

		if (problem->type || problem->detail) {
			acme_problem_explain(problem, ACME_STAGE_VALIDATION, authz->name, out);
			return;
		}
	}
	(void)buf_addf(out, "%s: its authorization at the CA is %s, without a reason; try again", authz->name, authz->status);
}

size_t acme_authzs_explain(const struct acme_authzs *authzs, const struct acme_order_steps *steps, struct buf *ret_text)
{
	size_t failed_count = 0;

	for (size_t i = 0; i < authzs->count; i++) {
		const struct acme_authz *authz = &authzs->items[i];

		if (is_status(authz->status, "valid") || is_status(authz->status, "pending"))
			continue;
		if (failed_count++ > 0)
			(void)buf_addc(ret_text, '\n');
		explain(authz, ret_text);
		if (steps->failed && is_status(authz->status, "invalid"))
			steps->failed(steps->ctx, authz->name);
	}
	return failed_count;
}
