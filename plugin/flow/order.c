/* SPDX-License-Identifier: MIT */
/* One order of one app: what the CA is asked, and what is on disk before it is asked. */
#include "flow/order.h"

#include <stdio.h>
#include <string.h>

#include "acme/order.h"
#include "crypto/cert.h"
#include "crypto/key.h"
#include "flow/app.h"
#include "flow/budget.h"
#include "flow/ca.h"
#include "flow/challenge.h"
#include "flow/context.h"
#include "flow/plan.h"
#include "flow/talk.h"
#include "flow/worker.h"
#include "platform/platform.h"
#include "store/book.h"
#include "store/certs.h"
#include "store/store.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

#define PEM_MAX ((size_t)512 * 1024)
#define KEY_MAX 8192
#define ORDER_MS ((int64_t)10 * 60 * 1000)
#define LEASE_S (15 * WHEN_MINUTE)

/* An order under way. */
struct run {
	const struct obtain *obtain;
	const struct app *app;
	const struct strs *names;
	struct store *store;
	const struct book *book;
	struct store_order order;
	struct key *key;
	struct strs tokens;   /* files written */
	struct strs *failed;
	bool is_placed;       /* the CA has it */
	bool is_finalizing;
	int64_t issued_at;    /* Date of the answer that said so */
};

static void run_done(struct run *run)
{
	for (size_t i = 0; i < run->tokens.count; i++)
		challenge_remove_token(run->obtain->worker->context, run->app->name, run->tokens.items[i]);
	strs_done(&run->tokens);
	key_free(run->key);
	store_order_done(&run->order);
}

/* By the CA's clock and the host's. */
static struct budget_now now_of(const struct run *run)
{
	return budget_now(run->obtain->budget, acme_date_at(run->obtain->ca->acme));
}

void order_describe(const struct app *app, const struct decision *decision, const char *account_url, struct store_order *ret_order)
{
	const struct settings *settings = &app->wanted.settings;

	*ret_order = (struct store_order){
		.app = mem_strdup(app->name),
		.server = mem_strdup(settings->server),
		.account_url = mem_strdup(account_url),
		.profile = mem_strdup(settings->profile),
		.key_type = mem_strdup(key_type_name(settings->key_type)),
		.replaces = mem_strdup(decision->replaces),
	};
	strs_add_all(&ret_order->names, &decision->names);
	strs_sort(&ret_order->names);
}

/* ---- what acme/order tells on the way ---- */

static bool on_placed(void *ctx, const char *order_url, int64_t expires_at, struct err *err)
{
	struct run *run = ctx;

	run->is_placed = true;
	return book_placed(run->book, run->order.id, order_url, expires_at, now_of(run).book_ns, err);
}

static bool on_present(void *ctx, const char *name, const char *token, const char *key_authorization, struct err *err)
{
	struct run *run = ctx;
	const struct obtain *obtain = run->obtain;

	(void)name;
	if (!challenge_settle(obtain->worker, run->app, run->names, obtain->challenge, obtain->talk, err))
		return false;
	if (!obtain->challenge->needs_files)
		return true;
	strs_add(&run->tokens, token);
	return challenge_write_token(obtain->worker->context, run->app->name, token, key_authorization, err);
}

/* The key is on disk before the CA can have signed anything for it; a continued order finds the one that it had. */
static bool on_certificate_key(void *ctx, const struct key **ret_key, struct err *err)
{
	struct run *run = ctx;
	AUTO_BUF pem = BUF_SECRET(KEY_MAX);
	bool is_existing = false;

	run->key = key_generate(run->app->wanted.settings.key_type, err);
	if (!run->key || !key_to_pem(run->key, &pem, err) || !certs_order_key(run->obtain->worker->certs_fd, run->order.id, &pem, &is_existing, err))
		return false;
	if (is_existing) {
		key_free(run->key);
		run->key = key_from_pem(buf_text(&pem), err);
	}
	*ret_key = run->key;
	return run->key != NULL;
}

static bool on_finalizing(void *ctx, struct err *err)
{
	struct run *run = ctx;

	run->is_finalizing = true;
	return book_valid(run->book, run->order.id, run->names, err) && store_order_finalizing(run->store, run->order.id, err);
}

static void on_valid(void *ctx, int64_t date_at)
{
	struct run *run = ctx;

	run->issued_at = date_at;
}

static void on_step(void *ctx, const char *step)
{
	struct run *run = ctx;

	talk_say(run->obtain->talk, TALK_STEP, run->app->name, "%s", step);
}

/* Of an app that was renamed or destroyed meanwhile the proxy could not answer: that says nothing of the name, which may be another app's by now. */
static void on_failed(void *ctx, const char *name)
{
	struct run *run = ctx;
	bool is_gone = platform_app_is_gone(run->obtain->worker->context->platform, run->app->name);
	struct err ignored;

	(void)strs_add_new(run->failed, name);
	if (book_failed(run->book, run->order.id, name, now_of(run).book_ns, &ignored) && is_gone)
		(void)!store_validation_forget(run->store, run->order.id, name, &ignored);
}

/* ---- certificate ---- */

static void fill_row(const struct run *run, const struct cert *cert, struct store_cert *ret_row)
{
	const struct settings *settings = &run->app->wanted.settings;

	*ret_row = (struct store_cert){
		.leaf = mem_strdup(cert->leaf_sha256),
		.server = mem_strdup(run->obtain->ca->server),
		.account_url = mem_strdup(run->obtain->account->acme.url),
		.profile = mem_strdup(settings->profile),
		.key_type = mem_strdup(key_type_name(key_type(run->key))),
		.issuer = mem_strdup(cert->issuer),
		.ari_id = mem_strdup(cert->ari_id),
		.window_url = mem_strdup(""),
		.not_before_at = cert->not_before_at,
		.not_after_at = cert->not_after_at,
		.issued_at = run->issued_at,
	};
	strs_add_all(&ret_row->names, &cert->names);
	strs_sort(&ret_row->names);
}

/* What was bought is kept, whatever is wrong with installing it; but a chain that does not fit what was asked for is no certificate. */
static bool keep(struct run *run, const struct acme_order_result *result, char ret_leaf[static 65], struct err *err)
{
	const char *chain = buf_text(&result->chain_pem);
	AUTO(cert_done) struct cert cert = { 0 };
	AUTO(store_cert_done) struct store_cert row = { 0 };
	const struct key *key = run->key;

	if (!key && !on_certificate_key(run, &key, err))
		return false;
	if (!cert_read(chain, &cert, err) || !cert_check_key(chain, run->key, err) || !cert_check_chain(chain, err))
		return err_wrap(err, "what %s sent is not the certificate that was ordered", run->obtain->ca->server);
	if (!cert_covers(&cert, run->names))
		return err_set(err, ERR_PROTOCOL, "the certificate that %s sent does not name all of the ordered names", run->obtain->ca->server);
	if (run->issued_at == 0)
		run->issued_at = now_of(run).book_ns / NS_PER_S;
	fill_row(run, &cert, &row);
	if (!certs_order_issued(run->obtain->worker->certs_fd, run->order.id, cert.leaf_sha256, &result->chain_pem, err) ||
	    !book_issued(run->book, run->order.id, &row, ns_from_s(when_add(run->issued_at, 1)), err))
		return false;
	(void)snprintf(ret_leaf, 65, "%s", cert.leaf_sha256);
	return true;
}

/* ---- admission ---- */

static int64_t order_deadline(const struct worker *worker)
{
	int64_t deadline_ms = loop_now_ms(worker->context->loop) + ORDER_MS;

	return deadline_ms < worker->deadline_ms ? deadline_ms : worker->deadline_ms;
}

static void describe_request(const struct run *run, struct budget_request *ret_request)
{
	const struct obtain *obtain = run->obtain;
	const struct store_cert *replaced = &run->app->held.known;

	order_describe(run->app, &obtain->planned->decision, obtain->account->acme.url, &ret_request->order);
	budget_request_fill(obtain->budget, obtain->planned->urgency, obtain->planned->is_by_graceperiod, ret_request);
	ret_request->window_start_at = replaced->window_start_at;
	ret_request->window_end_at = replaced->window_end_at;
}

/* By the CA's clock it is too early for a renewal that only its window makes due: ours is wrong. */
static bool is_too_early(const struct run *run, const struct budget_request *request, const struct budget_now *now, struct err *err)
{
	if (run->obtain->planned->asked != DECISION_RENEW_ARI || ns_from_s(request->window_start_at) <= now->admit_ns)
		return false;
	err_record(err, ERR_WAITS, 0, "by the CA's clock its renewal window is not open yet (is this host's clock right?)");
	err->retry_at = request->window_start_at;
	return true;
}

static void fail_waiting(struct run *run, struct book_wait *wait, struct err *err)
{
	plan_conclude(run->obtain->planned, wait);
	err_record(err, ERR_WAITS, 0, "%s", run->obtain->planned->wait.message);
	err->retry_at = run->obtain->planned->decision.at;
}

/* Judges by what the CA's clock and ours say now. *ret_pause_ms: not admitted, but soon. */
static bool admit_now(struct run *run, struct budget_request *request, int64_t *ret_pause_ms, struct err *err)
{
	const struct obtain *obtain = run->obtain;
	AUTO(book_wait_done) struct book_wait wait = { 0 };
	enum order_as as = ORDER_NEW;
	struct budget_now now;
	bool is_admitted = false;

	*ret_pause_ms = 0;
	if (!acme_meet(obtain->ca->acme, order_deadline(obtain->worker), err) ||
	    !budget_note_date(obtain->budget, acme_now_at(obtain->ca->acme), err))
		return false;
	now = now_of(run);
	if (is_too_early(run, request, &now, err))
		return false;
	budget_request_at(&now, request);
	request->book.lease_until = when_add(clock_now(&obtain->worker->context->clock), LEASE_S);
	if (!book_admit(run->book, &request->book, &is_admitted, &run->order, &as, &wait, err))
		return false;
	if (is_admitted)
		return true;
	if (wait.at_ns <= ns_add(now.admit_ns, BUDGET_PATIENCE_S * NS_PER_S))
		*ret_pause_ms = (wait.at_ns - now.admit_ns) / (NS_PER_S / 1000) + 1;
	fail_waiting(run, &wait, err);
	return false;
}

/* An order that may be sent, or one that goes on; it waits here once, and not for long. */
static bool admit(struct run *run, struct budget_request *request, struct err *err)
{
	struct loop *loop = run->obtain->worker->context->loop;
	int64_t pause_ms = 0;

	if (admit_now(run, request, &pause_ms, err))
		return true;
	if (pause_ms == 0 || loop_sleep(loop, pause_ms) == WAIT_STOPPED)
		return false;
	return admit_now(run, request, &pause_ms, err);
}

static bool begin(struct run *run, struct err *err)
{
	AUTO(budget_request_done) struct budget_request request = { 0 };

	describe_request(run, &request);
	store_order_done(&run->order);
	if (!admit(run, &request, err))
		return false;
	run->is_placed = *run->order.url != '\0';
	run->is_finalizing = run->order.state == ORDER_FINALIZING;
	return run->is_placed || store_order_sending(run->store, run->order.id, err);
}

/* ---- the order ---- */

/* After these the order can go on later; after anything else it is dead. One that was refused for its rate was never made. */
static bool goes_on_later(const struct run *run, const struct err *err)
{
	return err->kind == ERR_TIMEOUT || err->kind == ERR_NETWORK || err->kind == ERR_TLS || err->kind == ERR_STOPPED || err->kind == ERR_IO ||
	       err->kind == ERR_STORE || (err->kind == ERR_RATE_LIMITED && run->is_placed);
}

static bool carry_out(struct run *run, struct acme_order_result *ret_result, struct err *err)
{
	const struct obtain *obtain = run->obtain;
	const struct settings *settings = &run->app->wanted.settings;
	const struct acme_order_steps steps = {
		.placed = on_placed,
		.present = on_present,
		.certificate_key = on_certificate_key,
		.finalizing = on_finalizing,
		.valid = on_valid,
		.step = on_step,
		.failed = on_failed,
		.ctx = run,
	};
	const struct acme_order_request request = {
		.account = &obtain->account->acme,
		.names = run->names,
		.profile = *settings->profile ? settings->profile : NULL,
		.replaces = *run->order.replaces ? run->order.replaces : NULL,
		.preferred_chain = *settings->preferred_chain ? settings->preferred_chain : NULL,
		.url = *run->order.url ? run->order.url : NULL,
		.deadline_ms = order_deadline(obtain->worker),
	};

	return acme_order_run(obtain->ca->acme, &request, &steps, ret_result, err);
}

/* What the CA has spent for an order that ends like this. */
static enum book_end end_of(const struct run *run, const struct err *err)
{
	if (run->is_finalizing && err->kind == ERR_MISSING)
		return BOOK_SPENT;
	if (!run->is_placed && (err->kind == ERR_ACME || err->kind == ERR_RATE_LIMITED))
		return BOOK_REFUSED;
	return BOOK_UNUSED;
}

static bool end_order(struct run *run, enum book_end end, struct err *err)
{
	struct err ignored;

	(void)!book_dead(run->book, run->order.id, err->text, end, now_of(run).book_ns, &ignored);
	(void)!certs_order_drop(run->obtain->worker->certs_fd, run->order.id, &ignored);
	return false;
}

static bool give_up(struct run *run, struct err *err)
{
	return goes_on_later(run, err) ? false : end_order(run, end_of(run, err), err);
}

/* A refusal for the rate of newOrder: what it taught is what the app waits for from now on. */
static void learn(struct run *run, const struct err *refusal)
{
	AUTO(budget_request_done) struct budget_request request = { 0 };
	AUTO(book_wait_done) struct book_wait wait = { 0 };
	const struct obtain *obtain = run->obtain;
	struct budget_now now = now_of(run);
	enum order_as as = ORDER_NEW;
	bool would = true;
	struct err ignored;

	if (refusal->kind != ERR_RATE_LIMITED || run->is_placed || !budget_learn(obtain->budget, &run->order, refusal, &ignored))
		return;
	describe_request(run, &request);
	budget_request_at(&now, &request);
	if (book_plan(run->book, &ignored) && book_ask(run->book, &request.book, &would, &as, &wait, &ignored) && !would)
		plan_conclude(obtain->planned, &wait);
}

/* Whether the failure is one that another try at once can mend: an order that is gone, an account that is gone. */
static bool mend(struct run *run, struct err *err)
{
	const struct obtain *obtain = run->obtain;

	if (err->kind == ERR_MISSING && *run->order.url) {
		(void)give_up(run, err);
		return true;
	}
	(void)give_up(run, err);
	learn(run, err);
	if (strcmp(err->type, "accountDoesNotExist") != 0)
		return false;
	talk_say(obtain->talk, TALK_WARN, run->app->name, "%s does not know the account %s any more: registering its key again", obtain->ca->server,
		 obtain->account->acme.url);
	return account_again(obtain->ca, obtain->worker->context, &run->app->wanted.settings, obtain->account, err);
}

static bool try_again(struct run *run, struct acme_order_result *result, struct err *err)
{
	if (!mend(run, err) || !begin(run, err))
		return false;
	acme_order_result_done(result);
	if (carry_out(run, result, err))
		return true;
	(void)give_up(run, err);
	learn(run, err);
	return false;
}

bool order_obtain(const struct obtain *obtain, char ret_leaf[static 65], struct strs *ret_failed, struct err *err)
{
	AUTO(run_done) struct run run = {
		.obtain = obtain,
		.app = &obtain->planned->app,
		.names = &obtain->planned->decision.names,
		.book = &obtain->budget->book,
		.failed = ret_failed,
	};
	AUTO(acme_order_result_done) struct acme_order_result result = { 0 };

	run.store = context_store(obtain->worker->context, err);
	if (!run.store || !begin(&run, err))
		return false;
	if (!carry_out(&run, &result, err) && !try_again(&run, &result, err))
		return false;
	if (result.chain_not_found)
		talk_say(obtain->talk, TALK_WARN, run.app->name, "No chain of this CA ends in '%s': the default chain was taken",
			 run.app->wanted.settings.preferred_chain);
	if (keep(&run, &result, ret_leaf, err))
		return true;
	return goes_on_later(&run, err) ? false : end_order(&run, BOOK_SPENT, err);
}
