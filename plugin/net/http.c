/* SPDX-License-Identifier: MIT */
/*
 * HTTPS requests to CAs. All policy of a request stands in set_policy: whom it trusts, what it may not do. RFC 9110; RFC 8555 §6.1 wants https and a user agent.
 */
#include "net/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <string.h>

#include "net/curl_set.h"
#include "net/header.h"
#include "net/transfer.h"
#include "net/url.h"
#include "util/err.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/parse.h"

#define BODY_MAX ((size_t)1024 * 1024)
#define TIMEOUT_DEFAULT_MS 30000
#define CONNECT_TIMEOUT_MS 15000
/* Where Debian and Ubuntu keep the roots of the system. Named here, since libcurl's own default could be changed by how it was built. */
#define SYSTEM_TRUST_FILE "/etc/ssl/certs/ca-certificates.crt"

struct http {
	struct transfers *transfers;
	char *user_agent;
	char *trust_file;
};

struct http_call {
	const struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	char reason[CURL_ERROR_SIZE];
	const char *method;
	char *url;
	const char *body;
	size_t body_size, body_sent;
	int64_t timeout_ms;
	struct buf answer;
	int64_t started_ms;
	struct loop_event ended;
	CURLcode code;
	void (*done)(void *ctx);
	void *ctx;
};

struct http *http_new(struct transfers *transfers, const char *user_agent, const char *trust_file)
{
	struct http *http = mem_new(1, sizeof(*http));

	http->transfers = transfers;
	http->user_agent = mem_strdup(user_agent);
	http->trust_file = mem_strdup(trust_file ? trust_file : SYSTEM_TRUST_FILE);
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	free(http->user_agent);
	free(http->trust_file);
	free(http);
}

void http_response_done(struct http_response *response)
{
	buf_done(&response->body);
	free(response->content_type);
	free(response->location);
	free(response->replay_nonce);
	free(response->retry_after);
	free(response->etag);
	free(response->last_modified);
	strs_done(&response->link);
	*response = (struct http_response){ 0 };
}

/* ---- the request ---- */

static size_t take_answer(char *data, size_t size, size_t count, void *ctx)
{
	struct http_call *call = ctx;

	return buf_add(&call->answer, data, size * count) ? size * count : 0;
}

static size_t give_body(char *out, size_t size, size_t count, void *ctx)
{
	struct http_call *call = ctx;
	size_t left = call->body_size - call->body_sent;
	size_t now = left < size * count ? left : size * count;

	if (now)
		memcpy(out, call->body + call->body_sent, now);
	call->body_sent += now;
	return now;
}

/*
 * curl silently repeats a request when a connection that it kept turns out to be dead. For that it has to rewind the body, and may not: a newOrder whose answer
 * got lost would be placed twice. The call then ends with CURLE_SEND_FAIL_REWIND.
 */
static int refuse_rewind(void *ctx, curl_off_t offset, int origin)
{
	const struct http_call *call = ctx;

	(void)offset;
	(void)origin;
	return call->body_sent == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static void add_header(struct http_call *call, const char *name, const char *value)
{
	AUTO_FREE char *line = mem_fmt("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(call->headers, line);

	assert(longer);
	call->headers = longer;
}

static void set_policy(const struct http_call *call)
{
	CURL *easy = call->easy;
	long connect_timeout_ms = call->timeout_ms < CONNECT_TIMEOUT_MS ? (long)call->timeout_ms : CONNECT_TIMEOUT_MS;

	CURL_SET(easy, CURLOPT_PROTOCOLS_STR, "https");
	CURL_SET(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	CURL_SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	CURL_SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	CURL_SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	CURL_SET(easy, CURLOPT_CAINFO, call->http->trust_file);
	CURL_SET(easy, CURLOPT_CAPATH, NULL);
	CURL_SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	CURL_SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	CURL_SET(easy, CURLOPT_PIPEWAIT, 1L); /* rather wait for the first connection and share it than open another */
	CURL_SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	CURL_SET(easy, CURLOPT_USERAGENT, call->http->user_agent);
	CURL_SET(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
	CURL_SET(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	CURL_SET(easy, CURLOPT_ERRORBUFFER, call->reason);
}

static void set_request(struct http_call *call, const struct http_request *request)
{
	CURL *easy = call->easy;

	CURL_SET(easy, CURLOPT_URL, request->url);
	CURL_SET(easy, CURLOPT_WRITEFUNCTION, take_answer);
	CURL_SET(easy, CURLOPT_WRITEDATA, call);
	if (request->accept)
		add_header(call, "Accept", request->accept);
	if (request->if_none_match)
		add_header(call, "If-None-Match", request->if_none_match);
	if (request->if_modified_since)
		add_header(call, "If-Modified-Since", request->if_modified_since);
	switch (request->method) {
	case HTTP_GET:
		call->method = "GET";
		break;
	case HTTP_HEAD:
		call->method = "HEAD";
		CURL_SET(easy, CURLOPT_NOBODY, 1L);
		break;
	case HTTP_POST:
		call->method = "POST";
		call->body = request->body;
		call->body_size = request->body_size;
		CURL_SET(easy, CURLOPT_POST, 1L);
		CURL_SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
		CURL_SET(easy, CURLOPT_READFUNCTION, give_body);
		CURL_SET(easy, CURLOPT_READDATA, call);
		CURL_SET(easy, CURLOPT_SEEKFUNCTION, refuse_rewind);
		CURL_SET(easy, CURLOPT_SEEKDATA, call);
		add_header(call, "Content-Type", request->content_type ? request->content_type : "application/octet-stream");
		break;
	}
	CURL_SET(easy, CURLOPT_HTTPHEADER, call->headers);
}

static void call_free(struct http_call *call)
{
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	free(call->url);
	buf_done(&call->answer);
	free(call);
}

static void on_ended(void *ctx, int curl_code)
{
	struct http_call *call = ctx;
	struct loop *loop = transfers_loop(call->http->transfers);
	long status = 0;

	call->code = (CURLcode)curl_code;
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	log_debug("http", "%s %s: %ld %s in %lld ms", call->method, call->url, status, call->code == CURLE_OK ? "" : curl_easy_strerror(call->code),
		  (long long)(loop_now_ms(loop) - call->started_ms));
	loop_set(loop, &call->ended);
	if (call->done)
		call->done(call->ctx); /* may have freed the call */
}

struct http_call *http_start(struct http *http, const struct http_request *request, void (*done)(void *ctx), void *ctx)
{
	struct http_call *call = mem_new(1, sizeof(*call));

	call->http = http;
	call->easy = curl_easy_init();
	assert(call->easy);
	call->url = mem_strdup(request->url);
	call->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_DEFAULT_MS;
	call->answer = (struct buf)BUF_MAX(BODY_MAX);
	call->started_ms = loop_now_ms(transfers_loop(http->transfers));
	call->done = done;
	call->ctx = ctx;
	set_policy(call);
	set_request(call, request);
	transfers_add(http->transfers, call->easy, on_ended, call);
	return call;
}

/* ---- the answer ---- */

/* The value of a header that comes once, or NULL. */
static char *header_of(const struct http_call *call, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? mem_strdup(header->value) : NULL;
}

static void headers_of(const struct http_call *call, const char *name, struct strs *ret_values)
{
	struct curl_header *header;

	for (size_t i = 0; curl_easy_header(call->easy, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK; i++)
		strs_add(ret_values, header->value);
}

static void take_response(struct http_call *call, struct http_response *ret_response)
{
	AUTO_FREE char *date = header_of(call, "Date");
	AUTO_FREE char *content_type = header_of(call, "Content-Type");

	*ret_response = (struct http_response){ 0 };
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &ret_response->status);
	ret_response->body = call->answer;
	call->answer = (struct buf){ 0 };
	ret_response->content_type = header_media_type(content_type ? content_type : "");
	ret_response->location = header_of(call, "Location");
	ret_response->replay_nonce = header_of(call, "Replay-Nonce");
	ret_response->retry_after = header_of(call, "Retry-After");
	ret_response->etag = header_of(call, "ETag");
	ret_response->last_modified = header_of(call, "Last-Modified");
	if (date)
		(void)parse_http_date(date, &ret_response->date_at);
	headers_of(call, "Link", &ret_response->link);
}

/* What went wrong in curl's words, or the system's where those say more. */
static const char *reason_of(const struct http_call *call)
{
	static const char prefix[] = "SSL certificate problem: ";
	long system_error = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &system_error);
	if (call->code == CURLE_COULDNT_CONNECT && system_error)
		return strerror((int)system_error);
	if (!call->reason[0])
		return curl_easy_strerror(call->code);
	return strncmp(call->reason, prefix, strlen(prefix)) == 0 ? call->reason + strlen(prefix) : call->reason;
}

static bool fail(const struct http_call *call, struct err *err)
{
	AUTO_FREE char *host = url_host_port(call->url);
	const char *reason = reason_of(call);

	switch ((int)call->code) { /* int: of some ninety codes these are told apart */
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(err, ERR_NETWORK, "the address of '%s' cannot be found; check the name, and name resolution on this host", host);
	case CURLE_COULDNT_CONNECT:
		return err_set(err, ERR_NETWORK, "cannot connect to '%s': %s; check that this host may open connections there", host, reason);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ERR_TIMEOUT, "'%s' did not answer within %lld ms; try again later, or check this host's network", host,
			       (long long)call->timeout_ms);
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(err, ERR_TLS,
			       "the certificate of '%s' is not trusted by '%s': %s; for a private CA set the property ca-certificate to the file with its root", host,
			       call->http->trust_file, reason);
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, ERR_CONFIG,
			       "no trusted certificates can be read from '%s', so '%s' is not asked; put the PEM root certificates there or correct the property "
			       "ca-certificate", call->http->trust_file, host);
	case CURLE_SSL_CONNECT_ERROR:
		return err_set(err, ERR_NETWORK, "no TLS connection to '%s': %s; check that it is the right server and port", host, reason);
	case CURLE_WRITE_ERROR:
		return err_set(err, ERR_PROTOCOL, "the answer of '%s' is larger than %zu bytes; check that it is an ACME server", host, BODY_MAX);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_LOGIN_DENIED:
		return err_set(err, ERR_PROTOCOL, "'%s' is not an https URL without user name; nothing was sent there", call->url);
	default:
		return err_set(err, ERR_NETWORK, "the connection to '%s' broke off: %s; try again", host, reason);
	}
}

bool http_end(struct http_call *call, struct http_response *ret_response, struct err *err)
{
	struct loop *loop = transfers_loop(call->http->transfers);
	bool is_answered;

	if (loop_wait(loop, &call->ended, LOOP_NEVER) != WAIT_DONE) { /* its time limit is curl's business */
		AUTO_FREE char *host = url_host_port(call->url);

		http_cancel(call);
		return err_set(err, ERR_STOPPED, "stopped by a signal while waiting for '%s'; run it again to go on", host);
	}
	is_answered = call->code == CURLE_OK || fail(call, err);
	if (is_answered)
		take_response(call, ret_response);
	call_free(call);
	return is_answered;
}

void http_cancel(struct http_call *call)
{
	if (!call->ended.is_set)
		transfers_cancel(call->http->transfers, call->easy);
	call_free(call);
}

bool http_send(struct http *http, const struct http_request *request, struct http_response *ret_response, struct err *err)
{
	return http_end(http_start(http, request, NULL, NULL), ret_response, err);
}
