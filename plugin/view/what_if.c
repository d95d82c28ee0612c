/* SPDX-License-Identifier: MIT */
/* Apps that are not there yet ask the budget as real ones would. */
#include "view/what_if.h"

#include <string.h>

#include "budget/domain.h"
#include "budget/names.h"
#include "flow/app.h"
#include "flow/budget.h"
#include "flow/ca.h"
#include "flow/context.h"
#include "flow/plan.h"
#include "flow/settings.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"

#define VHOST_MAX ((size_t)64 * 1024)

void view_what_if_done(struct view_what_if *what_if)
{
	free(what_if->domain);
	free(what_if->registered);
	free(what_if->ca);
	free(what_if->why);
	*what_if = (struct view_what_if){ 0 };
}

/* The first of the domains that the platform gives every app; NULL = none. The caller frees it. */
static char *platform_domain(struct context *context)
{
	AUTO_BUF text = BUF_MAX(VHOST_MAX);
	AUTO_STRS lines = { 0 };
	struct err ignored;
	AUTO_FD root_fd = dir_open(platform_root(context->platform), &ignored);

	if (root_fd < 0 || !file_read(root_fd, "VHOST", &text, &ignored))
		return NULL;
	text_lines(buf_text(&text), &lines);
	return lines.count > 0 ? text_lower(lines.items[0]) : NULL;
}

static bool find_domain(struct context *context, const char *typed, char **ret_domain, struct err *err)
{
	AUTO_FREE char *domain = typed ? text_lower(typed) : platform_domain(context);
	const char *reason = NULL;

	if (!domain)
		return err_set(err, ERR_USAGE, "Under which domain? The platform has no global one: add it to the number, as in --add 12.example.com");
	if (name_kind(domain, &reason) != NAME_DNS)
		return err_set(err, ERR_USAGE, "'%s' %s: no app can have a certificate under it", domain, reason ? reason : "is no domain");
	*ret_domain = mem_take(&domain);
	return true;
}

/* ---- the bucket of the domain ---- */

static const struct book_bucket *find_bucket(const struct book_buckets *buckets, const char *registered)
{
	for (size_t i = 0; i < buckets->count; i++)
		if (buckets->items[i].limit == LIMIT_DOMAIN && !buckets->items[i].is_share && strcmp(buckets->items[i].bucket, registered) == 0)
			return &buckets->items[i];
	return NULL;
}

static bool read_bucket(const struct budget *budget, struct view_what_if *what_if, struct err *err)
{
	const struct rate *rate = limits_rate(&budget->limits, LIMIT_DOMAIN, what_if->registered);
	AUTO(book_buckets_done) struct book_buckets buckets = { 0 };

	what_if->is_limited = rate;
	if (!rate)
		return true;
	if (!book_list(&budget->book, what_if->registered, NULL, budget_now(budget, 0).book_ns, &buckets, err))
		return false;
	const struct book_bucket *bucket = find_bucket(&buckets, what_if->registered);
	what_if->size = rate->burst;
	what_if->free = bucket ? bucket->free : rate->burst;
	return true;
}

/* Whether this app of the plan takes a unit of the domain; an order that is under way has it already. */
static bool takes_unit(const struct planned *planned, const struct budget *budget, const char *registered)
{
	AUTO(names_done) struct names names = { 0 };
	AUTO_STRS domains = { 0 };
	struct err ignored;

	if (!planned->asks || planned->wait.message || planned->as != ORDER_NEW || planned->asked == DECISION_CONTINUE ||
	    strcmp(planned->app.wanted.settings.server, budget->server) != 0 || !names_make(&planned->decision.names, &names, &ignored))
		return false;
	domain_all(budget->book.rules.suffixes, &names, &domains);
	return strs_has(&domains, registered);
}

/* ---- asking ---- */

static bool ask_one(const struct budget *budget, struct budget_request *request, int64_t number, struct view_what_if *what_if, struct err *err)
{
	struct budget_now now = budget_now(budget, 0);
	AUTO(book_wait_done) struct book_wait wait = { 0 };
	enum order_as as;
	bool would = false;

	strs_done(&request->order.names);
	strs_addf(&request->order.names, "what-if-%lld.%s", (long long)number, what_if->domain);
	budget_request_at(&now, request);
	if (!book_ask(&budget->book, &request->book, &would, &as, &wait, err))
		return false;
	if (would) {
		what_if->fit_count++;
		return true;
	}
	int64_t at = wait.at_ns == INT64_MAX ? INT64_MAX : ns_add(wait.at_ns, NS_PER_S - 1) / NS_PER_S;
	if (at > what_if->last_at)
		what_if->last_at = at;
	if (!*what_if->why) {
		free(what_if->why);
		what_if->why = mem_take(&wait.message);
	}
	return true;
}

static bool ask_all(struct context *context, const struct settings *settings, const struct budget *budget, struct view_what_if *what_if, struct err *err)
{
	AUTO(budget_request_done) struct budget_request request = {
		.order = {
			.app = mem_strdup(""), .server = mem_strdup(settings->server), .profile = mem_strdup(settings->profile),
			.key_type = mem_strdup(key_type_name(settings->key_type)), .replaces = mem_strdup(""),
			.url = mem_strdup(""), .leaf = mem_strdup(""), .host = mem_strdup(""),
		},
	};

	if (!account_known(context, settings, &request.order.account_url, err))
		return false;
	budget_request_fill(budget, URGENCY_NONE, false, &request);
	what_if->kept = request.book.keep.domain;
	for (int64_t i = 1; i <= what_if->count; i++)
		if (!ask_one(budget, &request, i, what_if, err))
			return false;
	return true;
}

static bool fill(struct context *context, const struct settings *settings, const struct planned *planned, size_t count, struct view_what_if *what_if,
		 struct err *err)
{
	const struct budget *budget = budget_open(context, settings->server, err);

	if (!budget)
		return false;
	what_if->ca = mem_strdup(budget->ca);
	if (!budget->has_limits) {
		what_if->registered = mem_strdup(what_if->domain);
		what_if->fit_count = what_if->count;
		return true;
	}
	what_if->registered = domain_registered(budget->book.rules.suffixes, what_if->domain);
	if (!read_bucket(budget, what_if, err))
		return false;
	for (size_t i = 0; i < count; i++)
		what_if->taken += takes_unit(&planned[i], budget, what_if->registered);
	return ask_all(context, settings, budget, what_if, err);
}

bool view_what_if(struct context *context, const struct view_plan_wish *wish, const struct planned *planned, size_t count,
		  struct view_what_if *ret_what_if, struct err *err)
{
	AUTO(view_what_if_done) struct view_what_if what_if = { .count = wish->add_count, .why = mem_strdup("") };
	AUTO(settings_done) struct settings settings = { 0 };

	if (!find_domain(context, wish->add_domain, &what_if.domain, err) || !settings_read(context->platform, "--global", &settings, err) ||
	    !fill(context, &settings, planned, count, &what_if, err))
		return false;
	*ret_what_if = what_if;
	what_if = (struct view_what_if){ 0 };
	return true;
}
