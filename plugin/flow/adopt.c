/* SPDX-License-Identifier: MIT */
/* Brings the certificates that exist into the books of the CAs that issued them. */
#include "flow/adopt.h"

#include <string.h>

#include "flow/budget.h"
#include "flow/context.h"
#include "flow/history.h"
#include "flow/rules.h"
#include "flow/settings.h"
#include "platform/platform.h"
#include "store/book.h"
#include "store/store.h"
#include "util/err.h"
#include "util/mem.h"

static bool is_of(const struct history_cert *item, const struct budget *budget)
{
	return strcmp(item->ca, budget->ca) == 0 || strcmp(item->server, budget->server) == 0;
}

static bool book_certs(const struct history *history, struct budget *budget, bool is_rebuild, size_t *ret_count, struct err *err)
{
	AUTO_FREE struct book_found *certs = mem_new(history->count + 1, sizeof(*certs));
	size_t count = 0;

	for (size_t i = 0; i < history->count; i++) {
		const struct history_cert *item = history->items[i];

		if (!is_of(item, budget))
			continue;
		certs[count++] = (struct book_found){
			.leaf = item->leaf,
			.names = &item->names,
			.not_before_ns = ns_from_s(item->not_before_at),
			.issued_ns = ns_from_s(item->issued_at),
		};
	}
	if (!book_adopt(&budget->book, certs, count, is_rebuild, budget_now(budget, 0).book_ns, err))
		return false;
	*ret_count = count;
	return true;
}

/* A worker may have got one after the rows were read: its booking went with the old ones, but its row is there. */
static bool book(struct history *history, struct budget *budget, bool is_rebuild, size_t *ret_count, struct err *err)
{
	return book_certs(history, budget, is_rebuild, ret_count, err) &&
	       (!is_rebuild || (history_catch_up(history, err) && book_certs(history, budget, false, ret_count, err)));
}

bool adopt_certificates(struct budget *budget, bool is_rebuild, size_t *ret_count, struct err *err)
{
	AUTO(history_done) struct history history = { 0 };

	return history_read(budget->context, &history, err) && book(&history, budget, is_rebuild, ret_count, err);
}

static void add_new(struct strs *servers, const char *server)
{
	if (*server)
		(void)strs_add_new(servers, server);
}

static bool add_in_use(const struct history *history, struct strs *servers, struct err *err)
{
	struct context *context = history->context;
	AUTO(store_orders_done) struct store_orders orders = { 0 };
	AUTO_STRS apps = { 0 };

	if (!store_order_list_open(context->store, NULL, &orders, err) || !platform_apps(context->platform, &apps, err))
		return false;
	for (size_t i = 0; i < history->count; i++)
		add_new(servers, history->items[i]->server);
	for (size_t i = 0; i < orders.count; i++)
		add_new(servers, orders.items[i].server);
	for (size_t i = 0; i < apps.count; i++) {
		AUTO(settings_done) struct settings settings = { 0 };
		struct err ignored = { 0 };

		if (settings_read(context->platform, apps.items[i], &settings, &ignored))
			add_new(servers, settings.server);
	}
	return true;
}

bool adopt_all(struct context *context, bool is_rebuild, size_t *ret_count, struct err *err)
{
	AUTO(history_done) struct history history = { 0 };
	AUTO_STRS servers = { 0 };
	AUTO_STRS cas = { 0 };
	size_t total = 0;

	if (!history_read(context, &history, err) || !rules_servers(context, &servers, err) || !add_in_use(&history, &servers, err))
		return false;
	for (size_t i = 0; i < servers.count; i++) {
		struct budget *budget = budget_open(context, servers.items[i], err);
		size_t count = 0;

		if (!budget)
			return false;
		if (!strs_add_new(&cas, budget->ca))
			continue;
		if (!book(&history, budget, is_rebuild, &count, err))
			return false;
		total += count;
	}
	*ret_count = total;
	return true;
}
