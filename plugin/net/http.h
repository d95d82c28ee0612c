/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/loop.h"
#include "util/attr.h"
#include "util/buf.h"
#include "util/strs.h"

struct err;
struct transfers;

/*
 * HTTPS client for CAs. https only, certificates always verified: against the trust file of the client and nothing else, whatever the environment says (SSL_CERT_FILE,
 * CURL_CA_BUNDLE, … change nothing). No redirects, no compression, bodies bounded (1 MiB), HTTP/2 where the server has it.
 */
struct http;

/* `trust_file`: absolute path of a PEM file, the only roots believed in; NULL = the system's list. A missing or empty one is ERR_CONFIG at the first request. */
struct http *http_new(struct transfers *transfers, const char *user_agent, const char *trust_file) MUST_USE NEVER_NULL;
void http_free(struct http *http);
static inline void http_freep(struct http **http)
{
	http_free(*http);
}

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST };

struct http_request {
	enum http_method method;
	const char *url;
	const char *content_type; /* of the body; NULL without one */
	const char *accept;       /* NULL = any */
	const char *if_none_match, *if_modified_since; /* NULL = not sent */
	const char *body;         /* must live until the call has ended */
	size_t body_size;
	int64_t timeout_ms;       /* connecting included; 0 = 30 s */
};

struct http_response {
	long status;
	struct buf body;
	char *content_type;    /* without parameters, lower case; "" if absent */
	char *location;        /* NULL if absent, as all below */
	char *replay_nonce;
	char *retry_after;
	char *etag, *last_modified;
	int64_t date_at;       /* Date header, 0 = absent or unparsable */
	struct strs link;      /* values of Link headers, unparsed: header_link reads them */
};
void http_response_done(struct http_response *response);

/*
 * One request under way. http_start never waits; `done` (may be NULL) is called from the loop when the answer is there or the request failed; then http_end
 * gives the result and frees the call. http_end waits if it has not ended. Statuses are answers: only what prevents an answer is a failure (ERR_NETWORK,
 * ERR_TLS, ERR_TIMEOUT, ERR_STOPPED, ERR_CONFIG for the trust file, ERR_PROTOCOL), with host, reason and next step. A body is sent once at most: nothing is
 * repeated behind the caller's back.
 */
struct http_call;
struct http_call *http_start(struct http *http, const struct http_request *request, void (*done)(void *ctx), void *ctx) MUST_USE NEVER_NULL;
bool http_end(struct http_call *call, struct http_response *ret_response, struct err *err) MUST_USE;
/* Gives it up before its end and frees it; `done` is not called any more. */
void http_cancel(struct http_call *call);
/* Both in one. */
bool http_send(struct http *http, const struct http_request *request, struct http_response *ret_response, struct err *err) MUST_USE;

#endif
