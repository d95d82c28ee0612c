/* SPDX-License-Identifier: MIT */
/*
 * The nonces in circulation, RFC 8555 §7.2. Whoever wants one and finds none stands in a queue; what comes in, by a HEAD or with another answer, goes to the
 * first of it. So nobody starves, and the number of nonces is the number of requests under way.
 */
#include "acme/nonce.h"

#include <assert.h>

#include "acme/internal.h"
#include "acme/problem.h"
#include "acme/request.h"
#include "net/http.h"
#include "sys/loop.h"
#include "util/b64.h"
#include "util/err.h"
#include "util/mem.h"

struct acme_nonce_waiter {
	struct loop_event over;
	char *nonce;
	bool has_failed;
	long status;
	struct err *err;
	struct acme_nonce_waiter *next;
};

static size_t count_heads(const struct acme_nonces *nonces)
{
	size_t count = 0;

	for (size_t i = 0; i < COUNT(nonces->heads); i++)
		count += nonces->heads[i].call != NULL;
	return count;
}

static size_t count_circulating(const struct acme_nonces *nonces)
{
	return nonces->fresh.count + nonces->lent_count + count_heads(nonces);
}

static size_t count_waiters(const struct acme_nonces *nonces)
{
	size_t count = 0;

	for (const struct acme_nonce_waiter *waiter = nonces->first_waiter; waiter; waiter = waiter->next)
		count++;
	return count;
}

static void enqueue(struct acme_nonces *nonces, struct acme_nonce_waiter *waiter)
{
	struct acme_nonce_waiter **link = &nonces->first_waiter;

	while (*link)
		link = &(*link)->next;
	*link = waiter;
}

static void dequeue(struct acme_nonces *nonces, struct acme_nonce_waiter *waiter)
{
	struct acme_nonce_waiter **link = &nonces->first_waiter;

	while (*link && *link != waiter)
		link = &(*link)->next;
	if (*link)
		*link = waiter->next;
}

/* To the first who waits, else to the stock. */
static void put_in(struct acme *acme, const char *nonce)
{
	struct acme_nonces *nonces = &acme->nonces;
	struct acme_nonce_waiter *waiter = nonces->first_waiter;

	if (!waiter) {
		strs_add(&nonces->fresh, nonce);
		return;
	}
	dequeue(nonces, waiter);
	waiter->nonce = mem_strdup(nonce);
	nonces->lent_count++;
	loop_set(acme->loop, &waiter->over);
}

/* All who wait learn of it: each decides for itself whether it tries again. */
static void fail_waiters(struct acme *acme, const struct err *failure, long status)
{
	struct acme_nonce_waiter *waiter;

	while ((waiter = acme->nonces.first_waiter)) {
		dequeue(&acme->nonces, waiter);
		waiter->has_failed = true;
		waiter->status = status;
		*waiter->err = *failure;
		loop_set(acme->loop, &waiter->over);
	}
}

/* ---- HEAD ---- */

static bool read_head(struct acme *acme, struct http_call *call, char **ret_nonce, long *ret_status, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };

	*ret_status = 0;
	if (!http_end(call, &response, err))
		return false;
	acme_note_date(acme, &response);
	if (response.status >= 300) {
		*ret_status = response.status;
		return acme_problem_fail(&response, "a nonce", acme_answered_at(&response), err);
	}
	if (!response.replay_nonce || !b64url_is(response.replay_nonce))
		return err_set(err, ERR_PROTOCOL, "'%s' gives no nonce; check the property server and any proxy in between", acme->directory.urls[ACME_NEW_NONCE]);
	*ret_nonce = mem_take(&response.replay_nonce);
	return true;
}

static void on_head(void *ctx)
{
	struct acme_nonce_head *head = ctx;
	struct acme *acme = head->acme;
	struct http_call *call = head->call;
	AUTO_FREE char *nonce = NULL;
	struct err err;
	long status;

	head->call = NULL;
	if (read_head(acme, call, &nonce, &status, &err))
		put_in(acme, nonce);
	else
		fail_waiters(acme, &err, status);
}

static void start_head(struct acme *acme)
{
	const struct http_request request = {
		.method = HTTP_HEAD,
		.url = acme->directory.urls[ACME_NEW_NONCE],
		.timeout_ms = acme_request_timeout_ms(acme, acme->deadline_ms),
	};
	struct acme_nonce_head *head = acme->nonces.heads;

	while (head->call)
		head++;
	assert(head < acme->nonces.heads + COUNT(acme->nonces.heads));
	head->acme = acme;
	head->call = http_start(acme->http, &request, on_head, head);
}

/* One HEAD for each who waits, as far as the cap allows. */
static void fetch_for_waiters(struct acme *acme)
{
	while (count_heads(&acme->nonces) < count_waiters(&acme->nonces) && count_circulating(&acme->nonces) < ACME_NONCE_MAX)
		start_head(acme);
}

/* ---- the seam ---- */

void acme_nonces_done(struct acme_nonces *nonces)
{
	assert(!nonces->first_waiter);
	for (size_t i = 0; i < COUNT(nonces->heads); i++)
		if (nonces->heads[i].call)
			http_cancel(nonces->heads[i].call);
	strs_done(&nonces->fresh);
}

bool acme_nonce_take(struct acme *acme, int64_t deadline_ms, char **ret_nonce, long *ret_status, struct err *err)
{
	struct acme_nonces *nonces = &acme->nonces;
	struct acme_nonce_waiter waiter = { .err = err };
	enum loop_wait outcome;

	*ret_status = 0;
	if (nonces->fresh.count > 0) {
		*ret_nonce = mem_strdup(nonces->fresh.items[nonces->fresh.count - 1]); /* the newest: old ones may have expired */
		strs_remove_at(&nonces->fresh, nonces->fresh.count - 1);
		nonces->lent_count++;
		return true;
	}
	enqueue(nonces, &waiter);
	fetch_for_waiters(acme);
	outcome = loop_wait(acme->loop, &waiter.over, deadline_ms);
	dequeue(nonces, &waiter);
	*ret_status = waiter.status;
	*ret_nonce = waiter.nonce;
	if (waiter.nonce)
		return true;
	if (waiter.has_failed)
		return false;
	if (outcome == WAIT_STOPPED)
		return err_set(err, ERR_STOPPED, "stopped by a signal; run it again to go on");
	return err_set(err, ERR_TIMEOUT, "'%s' was not reached within the time limit; try again later", acme->directory_url);
}

void acme_nonce_return(struct acme *acme, const char *nonce)
{
	assert(acme->nonces.lent_count > 0);
	acme->nonces.lent_count--;
	if (nonce && b64url_is(nonce))
		put_in(acme, nonce);
	else
		fetch_for_waiters(acme);
}

void acme_nonces_prefetch(struct acme *acme, size_t count)
{
	size_t wanted = count < ACME_NONCE_MAX ? count : ACME_NONCE_MAX;

	while (count_circulating(&acme->nonces) < wanted)
		start_head(acme);
}

void acme_warm_up(struct acme *acme)
{
	struct err ignored; /* the first request tells it */

	if ((acme->has_directory || acme->kept_text) && acme_load_directory(acme, &ignored))
		acme_nonces_prefetch(acme, 1);
}
