/* SPDX-License-Identifier: MIT */
/*
 * What a CA refuses, in its own words and with what to do about it. RFC 8555 §6.7, RFC 9457. What is not a problem document (a proxy's HTML page) becomes one
 * line of ours.
 */
#include "acme/problem.h"

#include <stdio.h>
#include <string.h>

#include "net/http.h"
#include "util/attr.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"
#include "util/when.h"

#define DETAIL_MAX 2000   /* the link of a paused account is several hundred bytes long and has to stay whole */
#define SUBDETAIL_MAX 300

const struct json_field acme_identifier_fields[] = {
	JSON_STR("type", struct acme_identifier, type, false),
	JSON_STR("value", struct acme_identifier, value, false),
	JSON_END,
};

static const struct json_field subproblem_fields[] = {
	JSON_STR("type", struct acme_subproblem, type, false),
	JSON_STR("detail", struct acme_subproblem, detail, false),
	JSON_OBJ("identifier", struct acme_subproblem, identifier, acme_identifier_fields, false),
	JSON_END,
};

const struct json_field acme_problem_fields[] = {
	JSON_STR("type", struct acme_problem, type, false),
	JSON_STR("detail", struct acme_problem, detail, false),
	JSON_OBJS("subproblems", struct acme_problem, subproblems, subproblem_fields, struct acme_subproblem, false),
	JSON_END,
};

void acme_identifier_done(struct acme_identifier *identifier)
{
	free(identifier->type);
	free(identifier->value);
}

void acme_problem_done(struct acme_problem *problem)
{
	struct acme_subproblem *subproblems = problem->subproblems.items;

	for (size_t i = 0; i < problem->subproblems.count; i++) {
		free(subproblems[i].type);
		free(subproblems[i].detail);
		acme_identifier_done(&subproblems[i].identifier);
	}
	free(subproblems);
	free(problem->type);
	free(problem->detail);
	*problem = (struct acme_problem){ 0 };
}

static const char *short_type(const char *type)
{
	static const char *const prefixes[] = { "urn:ietf:params:acme:error:", "urn:acme:error:", NULL };

	if (!type)
		return "";
	for (const char *const *prefix = prefixes; *prefix; prefix++)
		if (text_starts(type, *prefix))
			return type + strlen(*prefix);
	return type;
}

/* ---- what to do ---- */

#define SEE_DNS "check the A and AAAA records of this name"

static const struct {
	const char *type;
	const char *of_request;    /* NULL: the same as for a validation */
	const char *of_validation; /* NULL: nothing more to say */
} advices[] = {
	{ "accountDoesNotExist", "the account has to be registered again", NULL },
	{ "badCSR", "choose another key-type, or report this with the CA's words", NULL },
	{ "badPublicKey", "choose another key-type", NULL },
	{ "badSignatureAlgorithm", "the CA does not take this kind of account key; a new account is needed", NULL },
	{ "caa", NULL, "allow the CA in the CAA records of this name or of its parents" },
	{ "connection", NULL, SEE_DNS ", and that port 80 of this host is open to the internet" },
	{ "dns", NULL, SEE_DNS ", and that its name servers answer" },
	{ "externalAccountRequired", "set the properties eab-kid and eab-hmac-key to what the CA gave you", NULL },
	{ "incorrectResponse", NULL, "another server answers for this name: " SEE_DNS ", and proxies in front of this host" },
	{ "invalidContact", "set another e-mail address", NULL },
	{ "invalidProfile", "set the property profile to one that the CA has", NULL },
	{ "rejectedIdentifier", NULL, "the CA issues nothing for it: remove it from the app's domains" },
	{ "serverInternal", NULL, "this is trouble at the CA: try again later" },
	{ "tls", NULL, "a redirect leads to https that does not work yet: let /.well-known/acme-challenge/ be answered over http" },
	{ "unauthorized", "the CA does not allow it to this account", "another server answers for this name: " SEE_DNS ", and proxies in front of this host" },
	{ "unsupportedContact", "set another e-mail address", NULL },
	{ "unsupportedIdentifier", NULL, "the CA has no certificates for it: remove it from the app's domains" },
	{ "userActionRequired", "the CA wants its new terms to be agreed to: follow the link", NULL },
};

static const char *advice_for(const char *type, enum acme_stage stage)
{
	for (size_t i = 0; i < COUNT(advices); i++)
		if (strcmp(advices[i].type, type) == 0)
			return stage == ACME_STAGE_REQUEST && advices[i].of_request ? advices[i].of_request : advices[i].of_validation;
	return NULL;
}

/* ---- telling it ---- */

/* "subject: detail", the detail on one line and cut. */
static void add_detail(struct buf *out, const char *subject, const char *detail, const char *type, size_t max)
{
	AUTO_FREE char *cut = mem_strndup(detail && *detail ? detail : type, strnlen(detail && *detail ? detail : type, max));

	text_escape(out, subject, false);
	(void)buf_adds(out, ": ");
	text_escape(out, cut, false);
}

void acme_problem_explain(const struct acme_problem *problem, enum acme_stage stage, const char *subject, struct buf *ret_text)
{
	const struct acme_subproblem *subproblems = problem->subproblems.items;
	const char *type = short_type(problem->type);
	const char *advice = advice_for(type, stage);

	add_detail(ret_text, subject, problem->detail, *type ? type : "the CA gives no reason", DETAIL_MAX);
	if (advice)
		(void)buf_addf(ret_text, " — %s", advice);
	for (size_t i = 0; i < problem->subproblems.count; i++) {
		const struct acme_subproblem *sub = &subproblems[i];
		const char *sub_type = short_type(sub->type);
		const char *sub_advice = strcmp(sub_type, type) == 0 ? NULL : advice_for(sub_type, ACME_STAGE_VALIDATION);

		(void)buf_addc(ret_text, '\n');
		add_detail(ret_text, sub->identifier.value ? sub->identifier.value : subject, sub->detail, *sub_type ? sub_type : "refused", SUBDETAIL_MAX);
		if (sub_advice)
			(void)buf_addf(ret_text, " — %s", sub_advice);
	}
}

static bool is_json(const char *content_type)
{
	return strcmp(content_type, "application/json") == 0 || text_ends(content_type, "+json");
}

/* Not what an ACME server says: one line. */
static bool fail_without_document(const struct http_response *response, const char *subject, struct err *err)
{
	const char *content_type = response->content_type && *response->content_type ? response->content_type : "nothing";

	if (response->status >= 500)
		return err_set(err, ERR_NETWORK, "%s: the CA's server answered with status %ld (%s): this is trouble at the CA; try again later", subject,
			       response->status, content_type);
	return err_set(err, ERR_PROTOCOL, "%s: the answer was status %ld with %s, and no ACME server says that; check the property server and any proxy in between",
		       subject, response->status, content_type);
}

/* When to come back, for people. A pause has no time: only the link in its text lifts it (Let's Encrypt). */
static void explain_limit(const struct err *err, struct buf *text)
{
	if (err->retry_at > 0) {
		AUTO_FREE char *moment = when_human(err->retry_at);

		(void)buf_addf(text, " — it works again after %s", moment);
	} else if (strstr(buf_text(text), "/unpause")) {
		(void)buf_adds(text, " — open that link and confirm there, then try again");
	} else {
		(void)buf_adds(text, " — the CA does not say until when; try again later");
	}
}

bool acme_problem_fail(const struct http_response *response, const char *subject, int64_t now_at, struct err *err)
{
	AUTO(acme_problem_done) struct acme_problem problem = { 0 };
	AUTO_BUF text = BUF_MAX(sizeof(err->text));
	struct err ignored;
	const char *type;
	bool is_limit;
	bool is_document = is_json(response->content_type ? response->content_type : "") &&
			   json_read(buf_text(&response->body), response->body.size, acme_problem_fields, &problem, &ignored) &&
			   (problem.type || problem.detail);

	type = short_type(problem.type);
	is_limit = response->status == 429 || strcmp(type, "rateLimited") == 0;
	if (is_document)
		acme_problem_explain(&problem, ACME_STAGE_REQUEST, subject, &text);
	else if (is_limit)
		(void)buf_addf(&text, "%s: the CA's server refuses more requests for now (status 429)", subject);

	if (is_document || is_limit)
		(void)err_set(err, is_limit ? ERR_RATE_LIMITED : ERR_ACME, "%s", buf_text(&text));
	else
		(void)fail_without_document(response, subject, err);
	if (response->retry_after)
		(void)parse_retry_after(response->retry_after, now_at, &err->retry_at);
	if (is_limit) {
		int64_t retry_at = err->retry_at;

		explain_limit(err, &text);
		(void)err_set(err, ERR_RATE_LIMITED, "%s", buf_text(&text));
		err->retry_at = retry_at;
	}
	if (is_document)
		(void)snprintf(err->type, sizeof(err->type), "%.*s", (int)sizeof(err->type) - 1, type);
	return false;
}
