/* SPDX-License-Identifier: MIT */
#include "acme/order.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tests/unit/acme/fake_http.h"
#include "tests/unit/stopping.h"

#define NEW_ORDER "POST /order"
#define ORDER "POST /order/1"
#define FINALIZE "POST /finalize"
#define CERT "POST /cert"

/* A test's CA, and an order on its way: what it was told goes into `trace`. */
struct scene {
	struct fixture *base;
	struct http *http;
	struct strs names;
	struct strs texts; /* memory of the answers */
	struct buf trace;
	struct key *key;
	struct acme_order_request request;
	struct acme_order_steps steps;
	struct acme_order_result result;
	bool placed_fails;
	int64_t expires_at, valid_at;
	struct err err;
};

static const char *keep(struct scene *scene, char *text)
{
	strs_add(&scene->texts, text);
	free(text);
	return scene->texts.items[scene->texts.count - 1];
}

/* ---- the CA ---- */

/* The order as the CA shows it; `problem`: JSON of its error, or NULL. */
static const char *order_body(struct scene *scene, const char *status, const char *problem)
{
	AUTO_STRS identifiers = { 0 };
	AUTO_STRS authzs = { 0 };
	AUTO_FREE char *identifier_list = NULL;
	AUTO_FREE char *authz_list = NULL;

	for (size_t i = 0; i < scene->names.count; i++) {
		strs_addf(&identifiers, "{\"type\":\"dns\",\"value\":\"%s\"}", scene->names.items[i]);
		strs_addf(&authzs, "\"" BASE "/authz/%zu\"", scene->names.count - 1 - i); /* not in the order of the names */
	}
	identifier_list = strs_join(&identifiers, ",");
	authz_list = strs_join(&authzs, ",");
	return keep(scene, mem_fmt("{\"status\":\"%s\",\"expires\":\"2027-01-22T08:00:00Z\",\"identifiers\":[%s],\"authorizations\":[%s],\"finalize\":\"" BASE
				   "/finalize\",\"certificate\":\"" BASE "/cert\"%s%s}",
				   status, identifier_list, authz_list, problem ? ",\"error\":" : "", problem ? problem : ""));
}

static void on_order(struct scene *scene, const char *line, const char *status)
{
	fake_on(scene->http, line, (struct fake_answer){ .status = 200, .body = order_body(scene, status, NULL), .location = BASE "/order/1" });
}

/* `problem`: JSON of the error of its http-01 challenge, or NULL. */
static const char *authz_body(struct scene *scene, size_t index, const char *status, const char *challenge_status, const char *problem)
{
	const char *name = scene->names.items[index];
	bool is_wildcard = name[0] == '*';

	return keep(scene,
		    mem_fmt("{\"status\":\"%s\",\"wildcard\":%s,\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},\"challenges\":["
			    "{\"type\":\"dns-01\",\"url\":\"" BASE "/dns\",\"token\":\"dns\",\"status\":\"pending\"}%s"
			    "{\"type\":\"%s\",\"url\":\"" BASE "/challenge/%zu\",\"token\":\"token-%zu\",\"status\":\"%s\"%s%s}]}",
			    status, is_wildcard ? "true" : "false", is_wildcard ? name + 2 : name, ",", is_wildcard ? "dns-02" : "http-01", index, index,
			    challenge_status, problem ? ",\"error\":" : "", problem ? problem : ""));
}

static const char *authz_line(struct scene *scene, size_t index)
{
	return keep(scene, mem_fmt("POST /authz/%zu", index));
}

static const char *challenge_line(struct scene *scene, size_t index)
{
	return keep(scene, mem_fmt("POST /challenge/%zu", index));
}

static void on_authz(struct scene *scene, size_t index, const char *status, const char *challenge_status, const char *problem)
{
	fake_on(scene->http, authz_line(scene, index),
		(struct fake_answer){ .status = 200, .body = authz_body(scene, index, status, challenge_status, problem) });
}

/* A certificate whose issuer has this common name: enough of a chain to tell its root. */
static char *make_pem(const char *issuer_cn)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *issuer = X509_NAME_new();
	BIO *out = BIO_new(BIO_s_mem());
	char *data, *pem;
	long size;

	assert_int_equal(X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_UTF8, (const unsigned char *)issuer_cn, -1, -1, 0), 1);
	assert_int_equal(X509_set_version(cert, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
	assert_int_equal(X509_set_issuer_name(cert, issuer), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(out, cert), 1);
	size = BIO_get_mem_data(out, &data);
	pem = mem_strndup(data, (size_t)size);
	BIO_free(out);
	X509_NAME_free(issuer);
	X509_free(cert);
	EVP_PKEY_free(key);
	return pem;
}

static struct fake_answer chain_answer(struct scene *scene, const char *issuer_cn)
{
	return (struct fake_answer){ .status = 200, .type = "application/pem-certificate-chain", .body = keep(scene, make_pem(issuer_cn)) };
}

static void name(struct scene *scene, const char *text)
{
	strs_add(&scene->names, text);
}

static void names(struct scene *scene, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strs_addf(&scene->names, "n%zu.example.com", i);
}

/* Placing, and proving that all goes well. */
static void prepare_validation(struct scene *scene)
{
	on_order(scene, NEW_ORDER, "pending");
	for (size_t i = 0; i < scene->names.count; i++) {
		on_authz(scene, i, "pending", "pending", NULL);
		fake_on(scene->http, challenge_line(scene, i), (struct fake_answer){ .status = 200, .body = "{}" });
	}
}

static void prepare_issue(struct scene *scene)
{
	on_order(scene, FINALIZE, "processing");
	on_order(scene, ORDER, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root One"));
}

/* ---- what is told ---- */

static bool placed(void *ctx, const char *order_url, int64_t expires_at, struct err *err)
{
	struct scene *scene = ctx;

	assert_string_equal(order_url, BASE "/order/1");
	scene->expires_at = expires_at;
	(void)buf_adds(&scene->trace, "placed ");
	return !scene->placed_fails || err_set(err, ERR_STORE, "the disk is full");
}

static bool present(void *ctx, const char *about, const char *token, const char *key_authorization, struct err *err)
{
	struct scene *scene = ctx;
	AUTO_FREE char *wanted = mem_fmt("%s.%s", token, scene->base->account.thumbprint);

	(void)err;
	assert_string_equal(key_authorization, wanted);
	(void)buf_addf(&scene->trace, "%s=%s ", about, token);
	return true;
}

static bool certificate_key(void *ctx, const struct key **ret_key, struct err *err)
{
	struct scene *scene = ctx;

	if (!scene->key)
		scene->key = key_generate(KEY_EC256, err);
	*ret_key = scene->key;
	(void)buf_adds(&scene->trace, "key ");
	return scene->key != NULL;
}

static bool finalizing(void *ctx, struct err *err)
{
	struct scene *scene = ctx;

	(void)err;
	(void)buf_adds(&scene->trace, "finalizing ");
	return true;
}

static void valid(void *ctx, int64_t date_at)
{
	struct scene *scene = ctx;

	scene->valid_at = date_at;
	(void)buf_adds(&scene->trace, "valid ");
}

static void step(void *ctx, const char *text)
{
	struct scene *scene = ctx;

	(void)buf_addf(&scene->trace, "[%s] ", text);
}

static void failed(void *ctx, const char *about)
{
	struct scene *scene = ctx;

	(void)buf_addf(&scene->trace, "failed:%s ", about);
}

static int setup(void **state)
{
	struct scene *scene = mem_new(1, sizeof(*scene));

	(void)fixture_setup((void **)&scene->base);
	scene->http = scene->base->http;
	scene->trace = (struct buf)BUF_MAX(10000);
	scene->request = (struct acme_order_request){ .account = &scene->base->account, .names = &scene->names, .deadline_ms = scene->base->deadline_ms };
	scene->steps = (struct acme_order_steps){ placed, present, certificate_key, finalizing, valid, step, failed, scene };
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	acme_order_result_done(&scene->result);
	key_free(scene->key);
	strs_done(&scene->names);
	strs_done(&scene->texts);
	buf_done(&scene->trace);
	(void)fixture_teardown((void **)&scene->base);
	free(scene);
	return 0;
}

static bool run(struct scene *scene)
{
	return acme_order_run(scene->base->acme, &scene->request, &scene->steps, &scene->result, &scene->err);
}

static void assert_run(struct scene *scene)
{
	if (!run(scene))
		fail_msg("%s: %s", err_kind_name(scene->err.kind), scene->err.text);
}

static void assert_fails(struct scene *scene, enum err_kind kind, const char *said)
{
	assert_false(run(scene));
	if (scene->err.kind != kind || !strstr(scene->err.text, said))
		fail_msg("%s: %s", err_kind_name(scene->err.kind), scene->err.text);
}

/* ---- from newOrder to the certificate ---- */

static void one_name_takes_eight_requests(void **state)
{
	struct scene *scene = *state;
	const struct http *http = scene->http;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	on_order(scene, ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);

	assert_int_equal(http->request_count, 8);
	assert_string_equal(buf_text(&scene->trace), "placed [placed] [validating] blog.example.com=token-0 key [finalizing] finalizing valid [downloading] ");
	assert_int_equal(scene->expires_at, START_AT + 7 * 86400);
	assert_int_equal(scene->valid_at, START_AT);
	assert_non_null(strstr(buf_text(&scene->result.chain_pem), "BEGIN CERTIFICATE"));
	assert_false(scene->result.replaces_was_refused);
	assert_false(scene->result.chain_not_found);
	assert_string_equal(fake_request(http, NEW_ORDER, 0)->payload, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"blog.example.com\"}]}");
	assert_string_equal(fake_request(http, "POST /challenge/0", 0)->payload, "{}");
	assert_string_equal(fake_request(http, ORDER, 0)->payload, "");
	assert_string_equal(fake_request(http, CERT, 0)->accept, "application/pem-certificate-chain");
	assert_true(strncmp(fake_request(http, FINALIZE, 0)->payload, "{\"csr\":\"MI", 10) == 0);
	/* HEAD 0, newOrder 80, authorization 160, challenge 240, poll 340, finalize 420, poll 520, certificate 600 */
	assert_int_equal(fake_request(http, "POST /challenge/0", 0)->at_ms, 240);
	assert_int_equal(fake_request(http, ORDER, 0)->at_ms, 340);
	assert_int_equal(fake_request(http, ORDER, 1)->at_ms, 520);
	assert_int_equal(fake_now_ms, 680);
}

static void twenty_names_take_fifty_five(void **state)
{
	struct scene *scene = *state;
	int64_t last_present_ms;

	names(scene, 20);
	prepare_validation(scene);
	on_order(scene, ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);

	assert_int_equal(scene->http->request_count, 55);
	assert_int_equal(scene->http->most_under_way, ACME_NONCE_MAX);
	assert_int_equal(fake_count(scene->http, "HEAD /nonce"), ACME_NONCE_MAX);
	/* Each name with the token of its own authorization, however the CA lists them; and all of them before any challenge is answered. */
	for (size_t i = 0; i < 20; i++) {
		AUTO_FREE char *pair = mem_fmt(" n%zu.example.com=token-%zu ", i, i);

		assert_non_null(strstr(buf_text(&scene->trace), pair));
	}
	last_present_ms = 320;
	for (size_t i = 0; i < 20; i++)
		assert_true(fake_request(scene->http, challenge_line(scene, i), 0)->at_ms >= last_present_ms);
	assert_int_equal(fake_now_ms, 840);
}

static void what_is_asked_for_goes_into_the_order(void **state)
{
	struct scene *scene = *state;

	name(scene, "192.0.2.1");
	name(scene, "2001:db8::1");
	name(scene, "a.example.com");
	scene->request.profile = "shortlived";
	scene->request.replaces = "aki.serial";
	on_order(scene, NEW_ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);
	assert_string_equal(fake_request(scene->http, NEW_ORDER, 0)->payload,
			    "{\"identifiers\":[{\"type\":\"ip\",\"value\":\"192.0.2.1\"},{\"type\":\"ip\",\"value\":\"2001:db8::1\"},"
			    "{\"type\":\"dns\",\"value\":\"a.example.com\"}],\"profile\":\"shortlived\",\"replaces\":\"aki.serial\"}");
}

static void an_order_that_is_ready_at_once_is_finalized(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "ready");
	on_order(scene, FINALIZE, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root"));
	assert_run(scene);
	assert_int_equal(scene->http->request_count, 4);
	assert_string_equal(buf_text(&scene->trace), "placed [placed] key [finalizing] finalizing valid [downloading] ");
}

static void what_is_proven_is_not_proven_again(void **state)
{
	struct scene *scene = *state;

	names(scene, 3);
	on_order(scene, NEW_ORDER, "pending");
	on_authz(scene, 0, "valid", "pending", NULL); /* proven by another challenge */
	on_authz(scene, 1, "pending", "pending", NULL);
	on_authz(scene, 2, "pending", "processing", NULL); /* an earlier run has told the CA to look, and it may still do so */
	fake_on(scene->http, "POST /challenge/1", (struct fake_answer){ .status = 200, .body = "{}" });
	on_order(scene, ORDER, "ready");
	prepare_issue(scene);
	assert_run(scene);
	assert_null(strstr(buf_text(&scene->trace), "token-0"));
	assert_non_null(strstr(buf_text(&scene->trace), "token-1"));
	assert_non_null(strstr(buf_text(&scene->trace), "token-2"));
	assert_int_equal(fake_count(scene->http, "POST /challenge/1"), 1);
}

/* ---- polling ---- */

static void the_pauses_grow(void **state)
{
	/* After the challenge was sent: the first at 100 ms; then a sixth of what it took so far, at least 100 ms, at most 1 s, after half a minute 5 s. */
	static const int64_t at_ms[] = { 100, 200, 300, 400, 500, 600, 700, 816, 952, 1110, 1295, 1510, 1761, 2054, 2396, 2795, 3260, 3803, 4436, 5175, 6037, 7037, 8037, 9037,
					 10037, 11037, 12037, 13037, 14037, 15037, 16037, 17037, 18037, 19037, 20037, 21037, 22037, 23037, 24037, 25037, 26037, 27037, 28037, 29037,
					 30037, 35037 };
	struct scene *scene = *state;
	int64_t sent_ms;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	for (size_t i = 1; i < COUNT(at_ms); i++)
		on_order(scene, ORDER, "pending");
	on_order(scene, ORDER, "ready");
	on_order(scene, FINALIZE, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root"));
	assert_run(scene);
	sent_ms = fake_request(scene->http, "POST /challenge/0", 0)->at_ms;
	assert_int_equal(fake_count(scene->http, ORDER), COUNT(at_ms));
	for (size_t i = 0; i < COUNT(at_ms); i++)
		assert_int_equal(fake_request(scene->http, ORDER, i)->at_ms - sent_ms, at_ms[i]);
}

static void retry_after_is_heeded(void **state)
{
	struct scene *scene = *state;
	const char *pending, *processing;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	pending = order_body(scene, "pending", NULL);
	processing = order_body(scene, "processing", NULL);
	fake_on(scene->http, ORDER, (struct fake_answer){ .status = 200, .body = pending, .retry_after = "7" });
	on_order(scene, ORDER, "ready");
	fake_on(scene->http, FINALIZE, (struct fake_answer){ .status = 200, .body = processing, .retry_after = "Fri, 15 Jan 2027 08:00:20 GMT" });
	on_order(scene, ORDER, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root"));
	assert_run(scene);
	assert_int_equal(fake_request(scene->http, ORDER, 1)->at_ms - fake_request(scene->http, ORDER, 0)->at_ms, 7000 + FAKE_RTT_MS);
	/* The date is 20 s after the start, the answer came in its 8th second. */
	assert_int_equal(fake_request(scene->http, ORDER, 2)->at_ms - fake_request(scene->http, FINALIZE, 0)->at_ms, 13000 + FAKE_RTT_MS);
	assert_int_equal(scene->valid_at, START_AT + 20);
}

static void what_takes_too_long_is_left_to_the_next_run(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	prepare_validation(scene);
	on_order(scene, ORDER, "pending");
	assert_fails(scene, ERR_TIMEOUT, "blog.example.com: the CA has not finished the order within the time limit (it is 'pending')");
	assert_true(fake_now_ms <= 120 * 1000);
	assert_true(fake_now_ms > 110 * 1000);
}

static void a_pause_beyond_the_time_limit_is_not_begun(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	on_order(scene, NEW_ORDER, "ready");
	fake_on(scene->http, FINALIZE, (struct fake_answer){ .status = 200, .body = order_body(scene, "processing", NULL), .retry_after = "3600" });
	assert_fails(scene, ERR_TIMEOUT, "the next run takes it up");
	assert_int_equal(fake_count(scene->http, ORDER), 0);
	assert_true(fake_now_ms < 1000);
}

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
	static const char *const tokens[] = { "../../x", "", "a b", "a/b" };

	(void)state;
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

/* ---- orders of an earlier run ---- */

static void one_is_taken_up_wherever_it_stands(void **state)
{
	static const struct {
		const char *status;
		size_t order_count, finalize_count, challenge_count;
	} cases[] = { { "pending", 3, 1, 1 }, { "ready", 2, 1, 0 }, { "processing", 2, 0, 0 }, { "valid", 1, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;

		(void)setup((void **)&scene);
		name(scene, "blog.example.com");
		scene->request.url = BASE "/order/1";
		on_order(scene, ORDER, cases[i].status);
		if (cases[i].challenge_count) {
			on_authz(scene, 0, "pending", "pending", NULL);
			fake_on(scene->http, "POST /challenge/0", (struct fake_answer){ .status = 200, .body = "{}" });
			on_order(scene, ORDER, "ready");
		}
		prepare_issue(scene);
		assert_run(scene);
		assert_int_equal(fake_count(scene->http, NEW_ORDER), 0);
		assert_int_equal(fake_count(scene->http, ORDER), cases[i].order_count);
		assert_int_equal(fake_count(scene->http, FINALIZE), cases[i].finalize_count);
		assert_int_equal(fake_count(scene->http, "POST /challenge/0"), cases[i].challenge_count);
		assert_null(strstr(buf_text(&scene->trace), "placed "));
		(void)teardown((void **)&scene);
	}
}

static void one_that_became_invalid_is_told(void **state)
{
	struct scene *scene = *state;

	name(scene, "blog.example.com");
	scene->request.url = BASE "/order/1";
	on_order(scene, ORDER, "invalid");
	on_authz(scene, 0, "invalid", "invalid", PROBLEM("connection", "refused"));
	assert_fails(scene, ERR_ACME, "blog.example.com: refused — ");
	assert_non_null(strstr(buf_text(&scene->trace), "failed:blog.example.com"));
}

static void one_that_is_gone_is_missing(void **state)
{
	static const struct {
		struct fake_answer answer;
		enum err_kind kind;
	} cases[] = {
		{ { .status = 404, .body = PROBLEM("malformed", "expired") }, ERR_MISSING },
		{ { .status = 404, .body = "", .type = "" }, ERR_MISSING },
		{ { .status = 403, .body = PROBLEM("unauthorized", "not yours") }, ERR_MISSING },
		{ { .status = 400, .body = PROBLEM("accountDoesNotExist", "who?") }, ERR_ACME },
		{ { .status = 429, .body = PROBLEM("rateLimited", "slow") }, ERR_RATE_LIMITED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;

		(void)setup((void **)&scene);
		name(scene, "blog.example.com");
		scene->request.url = BASE "/order/1";
		fake_on(scene->http, ORDER, cases[i].answer);
		assert_fails(scene, cases[i].kind, "blog.example.com");
		(void)teardown((void **)&scene);
	}
}

/* ---- replaces ---- */

static void refused_replaces_is_left_out(void **state)
{
	static const struct {
		struct fake_answer answer;
		size_t placed_count;
	} cases[] = {
		{ { .status = 409, .body = PROBLEM("alreadyReplaced", "cannot indicate an order replaces it") }, 2 },
		{ { .status = 404, .body = PROBLEM("malformed", "could not find an existing certificate") }, 2 },
		{ { .status = 403, .body = PROBLEM("unauthorized", "requester account did not request the certificate being replaced") }, 2 },
		{ { .status = 400, .body = PROBLEM("malformed", "could not parse ARI CertID") }, 2 },
		{ { .status = 500, .body = PROBLEM("serverInternal", "could not find an order for the given certificate") }, 2 },
		{ { .status = 400, .body = PROBLEM("rejectedIdentifier", "no certificate for this name") }, 1 },
		{ { .status = 400, .body = PROBLEM("malformed", "no") }, 1 },
		{ { .status = 429, .body = PROBLEM("rateLimited", "too many certificates") }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;
		bool is_placed;

		(void)setup((void **)&scene);
		name(scene, "certificate.example.com"); /* the words of the refusal count, not those of the name */
		scene->request.replaces = "aki.serial";
		fake_on(scene->http, NEW_ORDER, cases[i].answer);
		on_order(scene, NEW_ORDER, "ready");
		prepare_issue(scene);
		is_placed = run(scene);
		if (is_placed != (cases[i].placed_count == 2))
			fail_msg("%s: %s", cases[i].answer.body, is_placed ? "was placed" : scene->err.text);
		assert_int_equal(scene->result.replaces_was_refused, is_placed);
		assert_int_equal(fake_count(scene->http, NEW_ORDER), cases[i].placed_count);
		assert_non_null(strstr(fake_request(scene->http, NEW_ORDER, 0)->payload, "aki.serial"));
		if (is_placed)
			assert_null(strstr(fake_request(scene->http, NEW_ORDER, 1)->payload, "replaces"));
		(void)teardown((void **)&scene);
	}
}

/* ---- the chain ---- */

static void an_alternate_is_fetched_only_when_wanted(void **state)
{
	static const struct {
		const char *preferred;
		const char *root;
		size_t fetched_count;
		bool is_missed;
	} cases[] = { { NULL, "Root One", 1, false }, { "Root One", "Root One", 1, false }, { "Root Two", "Root Two", 2, false },
		      { "Root Three", "Root Three", 3, false }, { "Root Nine", "Root One", 3, true } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene *scene = NULL;
		struct fake_answer chain;
		const char *wanted = NULL;

		(void)setup((void **)&scene);
		name(scene, "blog.example.com");
		scene->request.preferred_chain = cases[i].preferred;
		on_order(scene, NEW_ORDER, "ready");
		on_order(scene, FINALIZE, "valid");
		for (int k = 0; k < 3; k++) {
			static const char *const roots[] = { "Root One", "Root Two", "Root Three" };
			static const char *const lines[] = { CERT, CERT "/1", CERT "/2" };

			chain = chain_answer(scene, roots[k]);
			chain.links[0] = "<" BASE "/dir>;rel=\"index\"";
			chain.links[1] = "<" BASE "/cert/1>;rel=\"alternate\"";
			chain.links[2] = "<" BASE "/cert/2>; rel=alternate";
			fake_on(scene->http, lines[k], chain);
			if (strcmp(roots[k], cases[i].root) == 0)
				wanted = chain.body;
		}
		assert_run(scene);
		assert_string_equal(buf_text(&scene->result.chain_pem), wanted);
		assert_int_equal(scene->result.chain_not_found, cases[i].is_missed);
		assert_int_equal(fake_count(scene->http, CERT) + fake_count(scene->http, CERT "/1") + fake_count(scene->http, CERT "/2"), cases[i].fetched_count);
		(void)teardown((void **)&scene);
	}
}

static void what_is_no_certificate_is_refused(void **state)
{
	static const struct fake_answer answers[] = {
		{ .status = 200, .type = "text/html", .body = "<html>" },
		{ .status = 200, .type = "application/pem-certificate-chain", .body = "<html>" },
		{ .status = 200, .type = "application/pem-certificate-chain", .body = "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct scene *scene = NULL;

		(void)setup((void **)&scene);
		name(scene, "blog.example.com");
		on_order(scene, NEW_ORDER, "ready");
		on_order(scene, FINALIZE, "valid");
		fake_on(scene->http, CERT, answers[i]);
		assert_fails(scene, ERR_PROTOCOL, "certificate");
		assert_null(scene->result.chain_pem.data);
		(void)teardown((void **)&scene);
	}
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

#define SCENE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(one_name_takes_eight_requests),
		SCENE(twenty_names_take_fifty_five),
		SCENE(what_is_asked_for_goes_into_the_order),
		SCENE(an_order_that_is_ready_at_once_is_finalized),
		SCENE(what_is_proven_is_not_proven_again),
		SCENE(the_pauses_grow),
		SCENE(retry_after_is_heeded),
		SCENE(what_takes_too_long_is_left_to_the_next_run),
		SCENE(a_pause_beyond_the_time_limit_is_not_begun),
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
		cmocka_unit_test(one_is_taken_up_wherever_it_stands),
		SCENE(one_that_became_invalid_is_told),
		cmocka_unit_test(one_that_is_gone_is_missing),
		cmocka_unit_test(refused_replaces_is_left_out),
		cmocka_unit_test(an_alternate_is_fetched_only_when_wanted),
		cmocka_unit_test(what_is_no_certificate_is_refused),
		SCENE(a_signal_stops_the_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
