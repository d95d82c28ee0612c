/* SPDX-License-Identifier: MIT */
/*
 * Questions to the proxy on this host: what does it answer, which certificate does it serve? Apart from net/http because nothing is verified here; so it never
 * gets hold of a secret, and never talks to a CA.
 */
#include "net/probe.h"

#include <assert.h>
#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/curl_set.h"
#include "net/transfer.h"
#include "sys/loop.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define BODY_MAX 4096

/* All probes of one call. */
struct batch {
	struct loop *loop;
	size_t left;
	struct loop_event ended;
};

struct question {
	struct batch *batch;
	struct probe *probe;
	CURL *easy;
	struct curl_slist *connect_to;
	char reason[CURL_ERROR_SIZE];
	bool is_over;
};

static void redirect_done(struct probe_redirect *redirect)
{
	free(redirect->name);
	free(redirect->path);
	*redirect = (struct probe_redirect){ 0 };
}

void probe_done(struct probe *probe)
{
	buf_done(&probe->body);
	redirect_done(&probe->redirect);
}

static size_t take_answer(char *data, size_t size, size_t count, void *ctx)
{
	struct buf *body = ctx;
	size_t total = size * count;
	size_t room = body->max - body->size;

	(void)buf_add(body, data, total < room ? total : room);
	return total <= room ? total : 0; /* cut: the rest is not wanted */
}

/* An IPv6 address stands in brackets where a port may follow. */
static char *bracketed(const char *host)
{
	return strchr(host, ':') ? mem_fmt("[%s]", host) : mem_strdup(host);
}

static void set_question(struct question *question, int64_t timeout_ms)
{
	const struct probe *probe = question->probe;
	CURL *easy = question->easy;
	AUTO_FREE char *host = bracketed(probe->name);
	AUTO_FREE char *address = bracketed(probe->address);
	AUTO_FREE char *connect_to = mem_fmt("::%s:%d", address, probe->port);
	/* Without a port in the URL none stands in Host, as it is when the CA asks. */
	bool is_tls = probe->is_https || !probe->path;
	AUTO_FREE char *url = mem_fmt("%s://%s%s", is_tls ? "https" : "http", host, probe->path ? probe->path : "/");

	question->connect_to = curl_slist_append(NULL, connect_to);
	assert(question->connect_to);
	CURL_SET(easy, CURLOPT_URL, url);
	CURL_SET(easy, CURLOPT_CONNECT_TO, question->connect_to);
	CURL_SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	CURL_SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	CURL_SET(easy, CURLOPT_FRESH_CONNECT, 1L);
	CURL_SET(easy, CURLOPT_FORBID_REUSE, 1L);
	CURL_SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	CURL_SET(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	CURL_SET(easy, CURLOPT_ERRORBUFFER, question->reason);
	CURL_SET(easy, CURLOPT_WRITEFUNCTION, take_answer);
	CURL_SET(easy, CURLOPT_WRITEDATA, &question->probe->body);
	if (probe->has_proxy_protocol)
		CURL_SET(easy, CURLOPT_HAPROXYPROTOCOL, 1L);
	if (!probe->path) {
		CURL_SET(easy, CURLOPT_CONNECT_ONLY, 1L);
		CURL_SET(easy, CURLOPT_CERTINFO, 1L);
	}
	if (is_tls) {
		CURL_SET(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		CURL_SET(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* SHA-256 of the certificate in `pem` as hex; leaves `ret_hex` alone if there is none. */
static void hash_leaf(const char *pem, char ret_hex[static 65])
{
	BIO *text = BIO_new_mem_buf(pem, -1);
	char *kind = NULL, *header = NULL;
	unsigned char *der = NULL;
	unsigned char digest[32];
	long der_size = 0;
	AUTO_BUF hex = BUF_MAX(64);

	if (text && PEM_read_bio(text, &kind, &header, &der, &der_size) == 1 &&
	    EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)der_size, digest, NULL) == 1) {
		text_hex(&hex, digest, sizeof(digest));
		memcpy(ret_hex, buf_text(&hex), 65);
	}
	OPENSSL_free(kind);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(text);
}

static void read_leaf(const struct question *question)
{
	struct curl_certinfo *chain = NULL;

	if (curl_easy_getinfo(question->easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain || chain->num_of_certs < 1)
		return;
	for (const struct curl_slist *line = chain->certinfo[0]; line; line = line->next)
		if (text_starts(line->data, "Cert:"))
			hash_leaf(line->data + strlen("Cert:"), question->probe->leaf_sha256);
}

/* A part of a URL that curl has split, in memory of our own; NULL = it has none. */
static char *part_of(CURLU *url, CURLUPart what, unsigned flags)
{
	char *part = NULL;
	char *copy = curl_url_get(url, what, &part, flags) == CURLUE_OK ? mem_strdup(part) : NULL;

	curl_free(part);
	return copy;
}

static void split_redirect(CURLU *url, struct probe_redirect *ret_redirect)
{
	AUTO_FREE char *scheme = part_of(url, CURLUPART_SCHEME, 0);
	AUTO_FREE char *port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	AUTO_FREE char *path = part_of(url, CURLUPART_PATH, 0);
	AUTO_FREE char *query = part_of(url, CURLUPART_QUERY, 0);
	AUTO_FREE char *host = part_of(url, CURLUPART_HOST, 0);
	int64_t number = 0;

	if (!scheme || !host || !port || !path || !parse_int(port, 1, 65535, &number) || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return;
	*ret_redirect = (struct probe_redirect){
		.name = text_lower(host),
		.is_https = strcmp(scheme, "https") == 0,
		.port = (int)number,
		.path = mem_fmt("%s%s%s", path, query ? "?" : "", query ? query : ""),
	};
}

static void read_redirect(const struct question *question)
{
	struct probe *probe = question->probe;
	char *target = NULL;
	CURLU *url = NULL;

	if (probe->status != 301 && probe->status != 302 && probe->status != 303 && probe->status != 307 && probe->status != 308)
		return;
	if (curl_easy_getinfo(question->easy, CURLINFO_REDIRECT_URL, &target) != CURLE_OK || !target)
		return;
	url = curl_url();
	assert(url);
	if (curl_url_set(url, CURLUPART_URL, target, 0) == CURLUE_OK)
		split_redirect(url, &probe->redirect);
	curl_url_cleanup(url);
}

static bool was_connected(const struct question *question)
{
	long local_port = 0; /* known from when the connection stands; the time of connecting only from after the handshake */

	(void)curl_easy_getinfo(question->easy, CURLINFO_LOCAL_PORT, &local_port);
	return local_port > 0;
}

static const char *reason_of(const struct question *question, CURLcode code)
{
	long system_error = 0;

	(void)curl_easy_getinfo(question->easy, CURLINFO_OS_ERRNO, &system_error);
	if (code == CURLE_COULDNT_CONNECT && system_error)
		return strerror((int)system_error);
	if (code == CURLE_OK)
		return "it shows no certificate";
	return question->reason[0] ? question->reason : curl_easy_strerror(code);
}

static void set_outcome(const struct question *question, CURLcode code)
{
	struct probe *probe = question->probe;
	bool is_cut = code == CURLE_WRITE_ERROR && probe->path;

	(void)curl_easy_getinfo(question->easy, CURLINFO_RESPONSE_CODE, &probe->status);
	if (!probe->path && code == CURLE_OK)
		read_leaf(question);
	read_redirect(question);
	if (is_cut || (code == CURLE_OK && (probe->path || probe->leaf_sha256[0]))) {
		probe->outcome = PROBE_ANSWERED;
		return;
	}
	probe->outcome = was_connected(question) ? PROBE_BROKEN : PROBE_UNREACHABLE;
	(void)snprintf(probe->reason, sizeof(probe->reason), "%.*s", (int)sizeof(probe->reason) - 1, reason_of(question, code));
}

static void on_ended(void *ctx, int curl_code)
{
	struct question *question = ctx;

	question->is_over = true;
	set_outcome(question, (CURLcode)curl_code);
	if (--question->batch->left == 0)
		loop_set(question->batch->loop, &question->batch->ended);
}

static void probe_reset(struct probe *probe)
{
	probe_done(probe);
	probe->body = (struct buf)BUF_MAX(BODY_MAX);
	probe->outcome = PROBE_UNREACHABLE;
	probe->status = 0;
	probe->leaf_sha256[0] = '\0';
	(void)snprintf(probe->reason, sizeof(probe->reason), "stopped");
}

void probe_all(struct transfers *transfers, struct probe *probes, size_t count, int64_t timeout_ms)
{
	struct batch batch = { .loop = transfers_loop(transfers), .left = count };
	AUTO_FREE struct question *questions = mem_new(count + 1, sizeof(*questions));

	for (size_t i = 0; i < count; i++) {
		questions[i] = (struct question){ .batch = &batch, .probe = &probes[i], .easy = curl_easy_init() };
		assert(questions[i].easy);
		probe_reset(&probes[i]);
		set_question(&questions[i], timeout_ms);
		transfers_add(transfers, questions[i].easy, on_ended, &questions[i]);
	}
	if (count > 0)
		(void)loop_wait(batch.loop, &batch.ended, LOOP_NEVER); /* each probe has its own time limit */
	for (size_t i = 0; i < count; i++) {
		if (!questions[i].is_over)
			transfers_cancel(transfers, questions[i].easy);
		curl_easy_cleanup(questions[i].easy);
		curl_slist_free_all(questions[i].connect_to);
	}
}
