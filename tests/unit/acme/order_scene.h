/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ACME_ORDER_SCENE_H
#define TESTS_ACME_ORDER_SCENE_H

#include "acme/order.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tests/unit/acme/fake_http.h"

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

static inline const char *keep(struct scene *scene, char *text)
{
	strs_add(&scene->texts, text);
	free(text);
	return scene->texts.items[scene->texts.count - 1];
}

/* ---- the CA ---- */

/* The order as the CA shows it; `problem`: JSON of its error, or NULL. */
static inline const char *order_body(struct scene *scene, const char *status, const char *problem)
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

static inline void on_order(struct scene *scene, const char *line, const char *status)
{
	fake_on(scene->http, line, (struct fake_answer){ .status = 200, .body = order_body(scene, status, NULL), .location = BASE "/order/1" });
}

/* `problem`: JSON of the error of its http-01 challenge, or NULL. */
static inline const char *authz_body(struct scene *scene, size_t index, const char *status, const char *challenge_status, const char *problem)
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

static inline const char *authz_line(struct scene *scene, size_t index)
{
	return keep(scene, mem_fmt("POST /authz/%zu", index));
}

static inline const char *challenge_line(struct scene *scene, size_t index)
{
	return keep(scene, mem_fmt("POST /challenge/%zu", index));
}

static inline void on_authz(struct scene *scene, size_t index, const char *status, const char *challenge_status, const char *problem)
{
	fake_on(scene->http, authz_line(scene, index),
		(struct fake_answer){ .status = 200, .body = authz_body(scene, index, status, challenge_status, problem) });
}

/* A certificate whose issuer has this common name: enough of a chain to tell its root. */
static inline char *make_pem(const char *issuer_cn)
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

static inline struct fake_answer chain_answer(struct scene *scene, const char *issuer_cn)
{
	return (struct fake_answer){ .status = 200, .type = "application/pem-certificate-chain", .body = keep(scene, make_pem(issuer_cn)) };
}

static inline void name(struct scene *scene, const char *text)
{
	strs_add(&scene->names, text);
}

static inline void names(struct scene *scene, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strs_addf(&scene->names, "n%zu.example.com", i);
}

/* Placing, and proving that all goes well. */
static inline void prepare_validation(struct scene *scene)
{
	on_order(scene, NEW_ORDER, "pending");
	for (size_t i = 0; i < scene->names.count; i++) {
		on_authz(scene, i, "pending", "pending", NULL);
		fake_on(scene->http, challenge_line(scene, i), (struct fake_answer){ .status = 200, .body = "{}" });
	}
}

static inline void prepare_issue(struct scene *scene)
{
	on_order(scene, FINALIZE, "processing");
	on_order(scene, ORDER, "valid");
	fake_on(scene->http, CERT, chain_answer(scene, "Root One"));
}

/* ---- what is told ---- */

static inline bool placed(void *ctx, const char *order_url, int64_t expires_at, struct err *err)
{
	struct scene *scene = ctx;

	assert_string_equal(order_url, BASE "/order/1");
	scene->expires_at = expires_at;
	(void)buf_adds(&scene->trace, "placed ");
	return !scene->placed_fails || err_set(err, ERR_STORE, "the disk is full");
}

static inline bool present(void *ctx, const char *about, const char *token, const char *key_authorization, struct err *err)
{
	struct scene *scene = ctx;
	AUTO_FREE char *wanted = mem_fmt("%s.%s", token, scene->base->account.thumbprint);

	(void)err;
	assert_string_equal(key_authorization, wanted);
	(void)buf_addf(&scene->trace, "%s=%s ", about, token);
	return true;
}

static inline bool certificate_key(void *ctx, const struct key **ret_key, struct err *err)
{
	struct scene *scene = ctx;

	if (!scene->key)
		scene->key = key_generate(KEY_EC256, err);
	*ret_key = scene->key;
	(void)buf_adds(&scene->trace, "key ");
	return scene->key != NULL;
}

static inline bool finalizing(void *ctx, struct err *err)
{
	struct scene *scene = ctx;

	(void)err;
	(void)buf_adds(&scene->trace, "finalizing ");
	return true;
}

static inline void valid(void *ctx, int64_t date_at)
{
	struct scene *scene = ctx;

	scene->valid_at = date_at;
	(void)buf_adds(&scene->trace, "valid ");
}

static inline void step(void *ctx, const char *text)
{
	struct scene *scene = ctx;

	(void)buf_addf(&scene->trace, "[%s] ", text);
}

static inline void failed(void *ctx, const char *about)
{
	struct scene *scene = ctx;

	(void)buf_addf(&scene->trace, "failed:%s ", about);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline bool run(struct scene *scene)
{
	return acme_order_run(scene->base->acme, &scene->request, &scene->steps, &scene->result, &scene->err);
}

static inline void assert_run(struct scene *scene)
{
	if (!run(scene))
		fail_msg("%s: %s", err_kind_name(scene->err.kind), scene->err.text);
}

static inline void assert_fails(struct scene *scene, enum err_kind kind, const char *said)
{
	assert_false(run(scene));
	if (scene->err.kind != kind || !strstr(scene->err.text, said))
		fail_msg("%s: %s", err_kind_name(scene->err.kind), scene->err.text);
}

#define SCENE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
