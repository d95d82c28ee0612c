/* SPDX-License-Identifier: MIT */
/*
 * The curl multi handle and its place in the loop: curl says which descriptors and which moment it waits for, the loop tells it when they have come. What holds
 * for every transfer of this program (no proxy, no signals, descriptors that children do not inherit) is set here.
 */
#include "net/transfer.h"

#include <assert.h>
#include <curl/curl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "net/curl_set.h"
#include "sys/loop.h"
#include "util/mem.h"

/* Where HTTP/2 is spoken one connection carries everything; this is for servers that know only HTTP/1.1. */
#define HOST_CONNECTIONS_MAX 6L
/* Idle ones kept. curl's own rule (four for each transfer under way) would close them in the quiet moments of an order. */
#define IDLE_CONNECTIONS_MAX 32L

struct transfers {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
};

/* What to do when a transfer has ended; travels as CURLOPT_PRIVATE. */
struct ending {
	void (*done)(void *ctx, int curl_code);
	void *ctx;
};

/* As CURL_SET, for the multi handle. */
#define SET_MULTI(multi, option, value)                                      \
	do {                                                                 \
		CURLMcode set_code = curl_multi_setopt(multi, option, value); \
		assert(set_code == CURLM_OK);                                \
		(void)set_code;                                              \
	} while (0)

/* Takes it off the multi handle; the caller frees the ending. */
static struct ending *take_off(struct transfers *transfers, CURL *easy)
{
	char *ending = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &ending);
	(void)curl_multi_remove_handle(transfers->multi, easy);
	CURL_SET(easy, CURLOPT_PRIVATE, NULL);
	return (struct ending *)(void *)ending;
}

static void report_ended(struct transfers *transfers)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(transfers->multi, &left))) {
		CURLcode code = message->data.result; /* the message dies with the removal */
		AUTO_FREE struct ending *ending = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		ending = take_off(transfers, message->easy_handle);
		ending->done(ending->ctx, (int)code);
	}
}

static void on_ready(void *ctx, int fd, short revents)
{
	struct transfers *transfers = ctx;
	int mask = (revents & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) | (revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
		   (revents & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);
	int running;

	(void)curl_multi_socket_action(transfers->multi, fd, mask, &running);
	report_ended(transfers);
}

static void on_timer(void *ctx)
{
	struct transfers *transfers = ctx;
	int running;

	(void)curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	report_ended(transfers);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct transfers *transfers = ctx;

	(void)easy;
	(void)socket_ctx;
	if (what == CURL_POLL_REMOVE)
		loop_unwatch(transfers->loop, fd);
	else
		loop_watch(transfers->loop, fd, (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0)), on_ready, transfers);
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct transfers *transfers = ctx;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_clear(transfers->loop, &transfers->timer);
	else
		loop_timer_set(transfers->loop, &transfers->timer, loop_now_ms(transfers->loop) + timeout_ms);
	return 0;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)ctx;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

struct transfers *transfers_new(struct loop *loop)
{
	struct transfers *transfers = mem_new(1, sizeof(*transfers));
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	assert(code == CURLE_OK);
	(void)code;
	transfers->loop = loop;
	transfers->timer.fire = on_timer;
	transfers->timer.ctx = transfers;
	transfers->multi = curl_multi_init();
	assert(transfers->multi);
	SET_MULTI(transfers->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	SET_MULTI(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
	SET_MULTI(transfers->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	SET_MULTI(transfers->multi, CURLMOPT_TIMERDATA, transfers);
	SET_MULTI(transfers->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	SET_MULTI(transfers->multi, CURLMOPT_MAX_HOST_CONNECTIONS, HOST_CONNECTIONS_MAX);
	SET_MULTI(transfers->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX);
	return transfers;
}

void transfers_free(struct transfers *transfers)
{
	if (!transfers)
		return;
	(void)curl_multi_cleanup(transfers->multi);
	loop_timer_clear(transfers->loop, &transfers->timer);
	free(transfers);
	curl_global_cleanup();
}

struct loop *transfers_loop(struct transfers *transfers)
{
	return transfers->loop;
}

void transfers_add(struct transfers *transfers, void *easy, void (*done)(void *ctx, int curl_code), void *ctx)
{
	struct ending *ending = mem_new(1, sizeof(*ending));
	CURLMcode code;

	*ending = (struct ending){ done, ctx };
	CURL_SET(easy, CURLOPT_PRIVATE, ending);
	CURL_SET(easy, CURLOPT_NOSIGNAL, 1L);
	CURL_SET(easy, CURLOPT_QUICK_EXIT, 1L); /* a lookup that hangs does not hold up who gave up waiting for it */
	CURL_SET(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	/* An empty proxy and a wildcard for its exceptions: http_proxy, ALL_PROXY and so on mean nothing here. */
	CURL_SET(easy, CURLOPT_PROXY, "");
	CURL_SET(easy, CURLOPT_NOPROXY, "*");
	code = curl_multi_add_handle(transfers->multi, easy);
	assert(code == CURLM_OK);
	(void)code;
}

void transfers_cancel(struct transfers *transfers, void *easy)
{
	free(take_off(transfers, easy));
}
