/* SPDX-License-Identifier: MIT */
/* Looks whether an app's own vhost answers the challenge, before the CA is told: each wrong answer found here is a failed validation saved. */
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "flow/app.h"
#include "flow/challenge.h"
#include "flow/context.h"
#include "flow/talk.h"
#include "flow/walk.h"
#include "flow/worker.h"
#include "net/probe.h"
#include "proxy/nginx.h"
#include "sys/loop.h"
#include "util/b64.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define CONF_MAX ((size_t)4 * 1024 * 1024)
#define SELF_TEST_MS 5000
#define STEADY_MS 200
#define PAUSE_MS 20
/* The platform takes its time. */
#define AWAIT_MS 60000
#define PAUSE_LONG_MS 200
#define PROBE_MS 2000

struct self_test {
	struct worker *worker;
	struct context *context;
	const struct app *app;
	const struct strs *names;
	struct challenge *challenge;
	struct nginx_listens listens;
	const struct nginx_listen *listen; /* NULL: there is none to ask */
	char file[32];        /* name of the random file … */
	char content[48];     /* … and what is in it */
	char token[64];       /* a token nobody asked for … */
	char *answer;         /* … and its key authorization; NULL: not asked */
	struct probe *probes; /* for each name the file, then the token */
	struct walk *walks;   /* where each was led */
	size_t count;
	struct strs host_names; /* read when the first is led somewhere */
};

static void self_test_done(struct self_test *test)
{
	for (size_t i = 0; i < test->count; i++) {
		probe_done(&test->probes[i]);
		walk_done(&test->walks[i]);
	}
	free(test->probes);
	free(test->walks);
	strs_done(&test->host_names);
	free(test->answer);
	nginx_listens_done(&test->listens);
	if (*test->file)
		challenge_remove_token(test->context, test->app->name, test->file);
}

static void random_text(char *ret_text, size_t size)
{
	unsigned char bytes[24];
	AUTO_BUF text = BUF_MAX(64);

	digest_random(bytes, sizeof(bytes));
	(void)b64url_encode(&text, bytes, sizeof(bytes));
	(void)snprintf(ret_text, size, "%s", buf_text(&text));
}

static void make_probes(struct self_test *test)
{
	size_t each = test->answer ? 2 : 1;

	test->count = test->names->count * each;
	test->probes = mem_new(test->count, sizeof(*test->probes));
	test->walks = mem_new(test->count, sizeof(*test->walks));
}

static bool any_is_led(const struct self_test *test)
{
	for (size_t i = 0; i < test->count; i++)
		if (test->probes[i].outcome == PROBE_ANSWERED && test->probes[i].redirect.name)
			return true;
	return false;
}

static bool ask(struct self_test *test, struct err *err)
{
	AUTO_FREE char *file_path = mem_fmt("/.well-known/acme-challenge/%s", test->file);
	AUTO_FREE char *token_path = mem_fmt("/.well-known/acme-challenge/%s", test->token);
	size_t each = test->answer ? 2 : 1;

	for (size_t i = 0; i < test->count; i++) {
		probe_done(&test->probes[i]);
		walk_done(&test->walks[i]);
		test->probes[i] = (struct probe){
			.address = test->listen->address,
			.port = test->listen->port,
			.has_proxy_protocol = test->listen->has_proxy_protocol,
			.name = test->names->items[i / each],
			.path = i % each == 0 ? file_path : token_path,
		};
	}
	probe_all(context_transfers(test->context), test->probes, test->count, PROBE_MS);
	if (!any_is_led(test))
		return true;
	if (test->host_names.count == 0 && !walk_host_names(test->context, &test->host_names, err))
		return false;
	walk_all(test->context, &test->listens, &test->host_names, test->probes, test->walks, test->count, PROBE_MS);
	return true;
}

/* Who was led to the vhost of another app finds the token there, but not the file. */
static bool is_wrong(const struct self_test *test, size_t i)
{
	const struct probe *probe = &test->probes[i];
	const struct walk *walk = &test->walks[i];
	bool is_token = test->answer && i % 2 == 1;
	const char *expected = is_token ? test->answer : test->content;

	if (walk->leads_away || (walk->name && test->answer && !is_token))
		return false;
	return probe->outcome == PROBE_ANSWERED && strcmp(buf_text(&probe->body), expected) != 0;
}

static bool any_is_wrong(const struct self_test *test)
{
	for (size_t i = 0; i < test->count; i++)
		if (is_wrong(test, i))
			return true;
	return false;
}

/*
 * No answer, but one may come: a listener that takes no connection is there after the reload that nginx is about to make; a proxy that does not know the name yet
 * may close the connection without a word.
 */
static bool is_to_come(const struct self_test *test, size_t i)
{
	enum probe_outcome outcome = test->probes[i].outcome;

	return outcome == PROBE_UNREACHABLE || (test->challenge->awaits_proxy && outcome != PROBE_ANSWERED);
}

static bool must_ask_again(const struct self_test *test)
{
	for (size_t i = 0; i < test->count; i++)
		if (is_wrong(test, i) || is_to_come(test, i))
			return true;
	return false;
}

/* One reload for all whose self-test had begun before it. */
static bool mend(struct self_test *test, int64_t start_ms, struct err *err)
{
	if (test->worker->mended_ms >= start_ms)
		return true;
	test->worker->mended_ms = loop_now_ms(test->context->loop);
	return nginx_reload(context_nginx(test->context), err);
}

static bool wait_a_little(const struct self_test *test, struct err *err)
{
	if (loop_sleep(test->context->loop, test->challenge->awaits_proxy ? PAUSE_LONG_MS : PAUSE_MS) != WAIT_STOPPED)
		return true;
	return err_set(err, ERR_STOPPED, "stopped during the self-test of %s; the CA was not told to look", test->app->name);
}

/*
 * What is wrong or does not answer is asked again until the deadline: old workers of nginx answer beside the new ones for about 100 ms after a reload, and a port
 * that is new is open only after it. A run that was killed between writing the snippet and reloading left one that nginx does not know: half-way one reload mends that.
 */
static bool ask_until_right(struct self_test *test, struct err *err)
{
	int64_t start_ms = loop_now_ms(test->context->loop);
	int64_t patience_ms = test->challenge->awaits_proxy ? AWAIT_MS : SELF_TEST_MS;
	bool has_mended = false;

	for (;;) {
		if (!ask(test, err))
			return false;
		test->challenge->right_ms = loop_now_ms(test->context->loop);
		if (!must_ask_again(test) || test->challenge->right_ms - start_ms >= patience_ms)
			return true;
		if (!has_mended && test->challenge->right_ms - start_ms >= patience_ms / 2) {
			has_mended = true;
			if (!mend(test, start_ms, err))
				return false;
		}
		if (!wait_a_little(test, err))
			return false;
	}
}

/* Right answers must have stayed right for a while, and be right now. */
static bool ask_until_steady(struct self_test *test, struct err *err)
{
	struct loop *loop = test->context->loop;
	int64_t deadline_ms = loop_now_ms(loop) + SELF_TEST_MS;

	do {
		if (!wait_a_little(test, err) || !ask(test, err))
			return false;
		if (any_is_wrong(test))
			test->challenge->right_ms = loop_now_ms(loop);
	} while (loop_now_ms(loop) - test->challenge->right_ms < STEADY_MS && loop_now_ms(loop) < deadline_ms);
	return true;
}

static void tell_unknown(const struct self_test *test, const struct talk *talk, const char *name, size_t i)
{
	const struct probe *probe = &test->probes[i];

	if (test->walks[i].leads_away)
		talk_say(talk, TALK_VERBOSE, test->app->name, "Self-test of %s could not be made (it redirects to %s, which is not served here), going on", name,
			 test->walks[i].name);
	else if (probe->outcome != PROBE_ANSWERED)
		talk_say(talk, TALK_VERBOSE, test->app->name, "Self-test of %s could not be made (%s), going on", name, probe->reason);
}

/* place: of a `return` for the whole server, NULL = there is none. The caller frees it. */
static char *what_comes_first(const struct self_test *test, const char *place, const struct walk *walk, const char *name)
{
	if (place)
		return mem_fmt("the 'return' for the whole server at %s comes first", place);
	if (!walk->name && walk_name_is_shared(test->context, test->app->name, name))
		return mem_strdup("another app of this host has this domain too and comes first (dokku domains:remove, of one of them)");
	return mem_strdup("another vhost, a redirect or a rule of the app's own nginx configuration comes first");
}

static void judge(const struct self_test *test, const struct talk *talk, struct strs *ret_wrong, struct strs *ret_reasons)
{
	size_t each = test->answer ? 2 : 1;
	AUTO_FREE char *place = any_is_wrong(test) ? challenge_find_return(test->context, test->app->name) : NULL;

	for (size_t i = 0; i < test->count; i++) {
		const struct probe *probe = &test->probes[i];
		const struct walk *walk = &test->walks[i];
		const char *name = test->names->items[i / each];
		AUTO_FREE char *led = walk->name ? mem_fmt(" (and then http%s://%s…)", probe->is_https ? "s" : "", walk->name) : mem_strdup("");

		if (i % each == 0)
			tell_unknown(test, talk, name, i);
		if (!is_wrong(test, i) || !strs_add_new(ret_wrong, name))
			continue;
		AUTO_FREE char *first = what_comes_first(test, place, walk, name);
		strs_addf(ret_reasons, "the proxy at %s:%d answers http://%s/.well-known/acme-challenge/…%s with status %ld instead of the challenge: %s", probe->address,
			  probe->port, name, led, probe->status, first);
	}
}

/* Leaves test->listen NULL when there is nothing to ask. */
static bool begin(struct self_test *test, const struct talk *talk, struct err *err)
{
	AUTO_BUF conf = BUF_MAX(CONF_MAX);

	if (!challenge_read_conf(test->context, test->app->name, &conf, err))
		return false;
	nginx_listens_read(buf_text(&conf), &test->listens);
	test->listen = walk_listen(&test->listens, false);
	if (!test->listen) {
		talk_say(talk, TALK_VERBOSE, test->app->name, "%s has no plain HTTP listener to test, going on", test->app->name);
		return true;
	}
	(void)snprintf(test->file, sizeof(test->file), "self-test-");
	random_text(test->file + strlen("self-test-"), 16);
	random_text(test->content, sizeof(test->content));
	random_text(test->token, sizeof(test->token));
	test->answer = test->challenge->needs_files ? NULL : mem_fmt("%s.%s", test->token, test->challenge->thumbprint);
	make_probes(test);
	return challenge_write_token(test->context, test->app->name, test->file, test->content, err);
}

bool challenge_self_test(struct worker *worker, const struct app *app, const struct strs *names, struct challenge *io_challenge, const struct talk *talk,
			 struct strs *ret_wrong, struct strs *ret_reasons, struct err *err)
{
	AUTO(self_test_done) struct self_test test = { .worker = worker, .context = worker->context, .app = app, .names = names, .challenge = io_challenge };

	io_challenge->is_unsettled = true;
	if (!begin(&test, talk, err) || (test.listen && !ask_until_right(&test, err)))
		return false;
	judge(&test, talk, ret_wrong, ret_reasons);
	return true;
}

bool challenge_settle(struct worker *worker, const struct app *app, const struct strs *names, struct challenge *io_challenge, const struct talk *talk,
		      struct err *err)
{
	AUTO(self_test_done) struct self_test test = { .worker = worker, .context = worker->context, .app = app, .names = names, .challenge = io_challenge };
	AUTO_STRS wrong = { 0 };
	AUTO_STRS reasons = { 0 };

	if (!io_challenge->is_unsettled)
		return true;
	io_challenge->is_unsettled = false;
	if (!begin(&test, talk, err) || (test.listen && !ask_until_steady(&test, err)))
		return false;
	judge(&test, talk, &wrong, &reasons);
	return wrong.count == 0 || reasons.count == 0 || err_set(err, ERR_REFUSED, "%s: %s", wrong.items[0], reasons.items[0]);
}
