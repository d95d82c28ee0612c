/* SPDX-License-Identifier: MIT */
/* Which CAs and which of their buckets are shown to whom. */
#include "view/budget.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "budget/domain.h"
#include "budget/names.h"
#include "flow/app.h"
#include "flow/budget.h"
#include "flow/ca.h"
#include "flow/context.h"
#include "flow/rule.h"
#include "platform/platform.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"
#include "view/bucket.h"
#include "view/scope.h"
#include "view/who.h"

#define GLOBAL "--global"

static void waits_done(struct view_waits *waits)
{
	for (size_t i = 0; i < waits->count; i++) {
		free(waits->items[i].app);
		free(waits->items[i].why);
	}
	free(waits->items);
}

static void ca_done(struct view_ca *ca)
{
	for (size_t i = 0; i < ca->bucket_count; i++)
		view_bucket_done(&ca->buckets[i]);
	free(ca->buckets);
	waits_done(&ca->waits);
	strs_done(&ca->sources);
	free(ca->name);
	free(ca->server);
	free(ca->origin);
	free(ca->date);
}

void view_budget_done(struct view_budget *budget)
{
	for (size_t i = 0; i < budget->ca_count; i++)
		ca_done(&budget->cas[i]);
	for (size_t i = 0; i < budget->group_count; i++) {
		free(budget->groups[i].name);
		strs_done(&budget->groups[i].globs);
	}
	free(budget->cas);
	free(budget->groups);
	*budget = (struct view_budget){ 0 };
}

/* What is looked at. */
struct looking {
	struct context *context;
	struct viewer viewer;
	bool has_app;
	struct app app;       /* of the caller's word … */
	char *domain;         /* … or the domain */
	/* The names of the apps that the caller sees, if not all are: what else there is is not shown. */
	bool is_narrow;
	struct strs names;
	struct view_askers askers;
	struct view_budget *view;
};

static void looking_done(struct looking *looking)
{
	viewer_done(&looking->viewer);
	app_done(&looking->app);
	free(looking->domain);
	strs_done(&looking->names);
	view_askers_done(&looking->askers);
}

/* ---- whom and what it is about ---- */

static bool find_app(struct looking *looking, const char *word, struct err *err)
{
	if (!app_read(looking->context, word, &looking->app, err))
		return false;
	looking->has_app = true;
	looking->view->is_of_app = true;
	return true;
}

/* An app may be called like a domain: then it is the app. */
static bool find_word(struct looking *looking, const char *word, struct err *err)
{
	AUTO_FREE char *lower = text_lower(word);
	const char *name = text_starts(lower, "*.") ? lower + 2 : lower;
	const char *reason = NULL;
	struct err why;

	if (viewer_check(&looking->viewer, looking->context, word, &why))
		return find_app(looking, word, err);
	if (name_kind(name, &reason) != NAME_DNS) {
		*err = why;
		return false;
	}
	looking->domain = mem_strdup(name);
	return true;
}

/* An app that cannot be read has no names to be shown. */
static void find_names(struct looking *looking)
{
	const struct strs *apps = &looking->viewer.apps;

	looking->is_narrow = !looking->has_app && !looking->viewer.sees_all;
	for (size_t i = 0; looking->is_narrow && i < apps->count; i++) {
		AUTO(app_done) struct app app = { 0 };
		struct err ignored;

		if (!app_read(looking->context, apps->items[i], &app, &ignored))
			continue;
		strs_add_all(&looking->names, &app.wanted.names);
		strs_add_all(&looking->names, &app.held.cert.names);
	}
}

static bool add_server(struct context *context, const char *scope, struct strs *servers, struct err *err)
{
	AUTO_FREE char *value = NULL;
	AUTO_FREE char *url = NULL;

	if (!platform_setting(context->platform, scope, "server", &value, err))
		return false;
	url = settings_server_url(value ? value : "");
	(void)strs_add_new(servers, url);
	return true;
}

/* Those that an app uses; the one that is set for all comes first if it is among them, or if there are no apps. */
static bool find_servers(const struct looking *looking, struct strs *ret_servers, struct err *err)
{
	const struct strs *apps = &looking->viewer.apps;

	if (looking->has_app) {
		strs_add(ret_servers, looking->app.wanted.settings.server);
		return true;
	}
	for (size_t i = 0; i < apps->count; i++)
		if (!add_server(looking->context, apps->items[i], ret_servers, err))
			return false;
	return apps->count > 0 || add_server(looking->context, GLOBAL, ret_servers, err);
}

/* ---- which buckets ---- */

static void drop_row(struct view_rows *rows, size_t index)
{
	view_bucket_done(&rows->items[index].view);
	rows->count--;
	memmove(&rows->items[index], &rows->items[index + 1], (rows->count - index) * sizeof(*rows->items));
}

static void narrow(const struct scope *scope, struct view_rows *rows)
{
	for (size_t i = rows->count; i-- > 0;)
		if (!scope_has(scope, &rows->items[i]))
			drop_row(rows, i);
}

/* ---- full ones of what was asked for ---- */

static struct book_share share_of(const struct group *group)
{
	if (!group || !group->has_share)
		return (struct book_share){ 0 };
	return (struct book_share){ .group = group->name, .units = group->units, .is_percent = group->is_percent };
}

/* The row is of this charge, or of the group's cap beside it. */
static bool is_row_of(const struct view_row *row, const struct charge *charge, const struct book_share *share)
{
	AUTO_FREE char *capped = mem_fmt("%s:%s", share->group ? share->group : "", charge->bucket);

	return row->limit == charge->limit && strcmp(row->view.bucket, row->is_share ? capped : charge->bucket) == 0;
}

static bool is_needed(const struct view_row *row, const struct charges *charges, const struct book_share *share)
{
	for (size_t i = 0; i < charges->count; i++)
		if (is_row_of(row, &charges->items[i], share))
			return true;
	return false;
}

/* What its certificate would need, and nothing else. */
static bool take_app(const struct looking *looking, const struct budget *budget, struct view_rows *rows, struct err *err)
{
	const struct app *app = &looking->app;
	const struct book_share share = share_of(rules_group(&budget->context->budgets->rules, app->name));
	AUTO_FREE char *account_url = NULL;
	AUTO(names_done) struct names names = { 0 };
	AUTO_CHARGES charges = { 0 };

	/* Without names it needs nothing. */
	if (app->wanted.names.count > 0 && (!account_known(looking->context, &app->wanted.settings, &account_url, err) ||
					    !names_make(&app->wanted.names, &names, err)))
		return false;
	if (app->wanted.names.count > 0)
		charges_all(&budget->book.rules, budget_account(account_url), &names, &charges);
	for (size_t i = rows->count; i-- > 0;)
		if (!is_needed(&rows->items[i], &charges, &share))
			drop_row(rows, i);
	view_rows_fill(rows, &charges, &share);
	struct view_row *set = view_rows_find(rows, LIMIT_SET, false, names.hash);
	if (set && set->view.names.count == 0)
		strs_add_all(&set->view.names, &names.list);
	return true;
}

static void fill_domain(const struct budget *budget, const struct scope *scope, struct view_rows *rows)
{
	const struct rate *rate = limits_rate(&budget->limits, LIMIT_DOMAIN, scope->domain);
	char *bucket = (char *)(uintptr_t)scope->domain;
	struct charge charge = { .limit = LIMIT_DOMAIN, .bucket = bucket };
	const struct charges charges = { .items = &charge, .count = 1 };

	if (!rate)
		return;
	charge.rate = *rate;
	view_rows_fill(rows, &charges, NULL);
}

/* ---- a CA ---- */

/* What the property `limits` says of this server; NULL = nothing. The caller frees it. */
static bool find_origin(struct context *context, const struct budget *budget, char **ret_origin, struct err *err)
{
	AUTO(rule_limits_done) struct rule_limits rule = { 0 };
	AUTO_FREE char *value = NULL;
	const char *named = NULL;

	if (!platform_setting(context->platform, GLOBAL, "limits", &value, err) || (value && !rule_limits_read(value, &rule, err)))
		return false;
	named = rule_limits_of(&rule, budget->server);
	if (!named && !strs_has(&budget->limits.directories, budget->server))
		named = rule_limits_of(&rule, "");
	*ret_origin = named ? mem_fmt("property limits (%s)", named) : mem_strdup("the plugin");
	return true;
}

static void move_rows(struct view_rows *rows, struct view_ca *ca)
{
	ca->buckets = mem_new(rows->count + 1, sizeof(*ca->buckets));
	ca->bucket_count = rows->count;
	for (size_t i = 0; i < rows->count; i++)
		ca->buckets[i] = rows->items[i].view;
	rows->count = 0;
}

static bool read_rows(const struct looking *looking, const struct budget *budget, const struct book_shares *shares, struct view_ca *ca, struct err *err)
{
	AUTO(view_rows_done) struct view_rows rows = { 0 };
	AUTO(scope_done) struct scope scope = { .suffixes = budget->book.rules.suffixes, .is_narrow = looking->is_narrow };
	AUTO_FREE char *domain = looking->domain ? domain_registered(scope.suffixes, looking->domain) : NULL;

	if (!view_rows_read(budget, shares, &rows, err) || !view_rows_note_uses(budget, &looking->viewer, &rows, err))
		return false;
	scope.domain = domain;
	scope_add(&scope, &looking->names);
	if (!looking->has_app)
		narrow(&scope, &rows);
	else if (!take_app(looking, budget, &rows, err))
		return false;
	if (domain && scope_has_domain(&scope, domain))
		fill_domain(budget, &scope, &rows);
	if (!view_rows_note_failures(budget, &rows, err))
		return false;
	view_rows_note_waits(budget, &looking->viewer, &looking->askers, &rows, &ca->waits);
	view_rows_finish(budget, &rows);
	move_rows(&rows, ca);
	return true;
}

/* Who waits for what is no bucket, of those that are asked for. */
static void drop_other_waits(const struct looking *looking, struct view_waits *waits)
{
	size_t kept = 0;

	if (!looking->has_app && !looking->domain)
		return;
	for (size_t i = 0; i < waits->count; i++) {
		if (looking->has_app && strcmp(waits->items[i].app, looking->app.name) == 0) {
			waits->items[kept++] = waits->items[i];
			continue;
		}
		free(waits->items[i].app);
		free(waits->items[i].why);
	}
	waits->count = kept;
}

static bool fill_ca(const struct looking *looking, const struct budget *budget, const struct book_shares *shares, struct view_ca *ca, struct err *err)
{
	struct view_rows none = { 0 };

	ca->name = mem_strdup(budget->ca);
	ca->server = mem_strdup(budget->server);
	ca->has_limits = budget->limits.name;
	ca->date = mem_strdup(budget->limits.date);
	ca->exception_count = (int64_t)budget->limits.override_count;
	strs_add_all(&ca->sources, &budget->limits.sources);
	if (!find_origin(looking->context, budget, &ca->origin, err))
		return false;
	if (!budget->has_limits)
		view_rows_note_waits(budget, &looking->viewer, &looking->askers, &none, &ca->waits);
	else if (!read_rows(looking, budget, shares, ca, err))
		return false;
	drop_other_waits(looking, &ca->waits);
	return true;
}

/* ---- all ---- */

static struct book_share *make_shares(const struct rules *rules, struct book_shares *ret_shares)
{
	struct book_share *items = mem_new(rules->group_count + 1, sizeof(*items));

	*ret_shares = (struct book_shares){ .items = items };
	for (size_t i = 0; i < rules->group_count; i++)
		if (rules->groups[i].has_share)
			items[ret_shares->count++] = share_of(&rules->groups[i]);
	return items;
}

static void add_groups(const struct rules *rules, struct view_budget *view)
{
	view->groups = mem_new(rules->group_count + 1, sizeof(*view->groups));
	for (size_t i = 0; i < rules->group_count; i++) {
		const struct group *group = &rules->groups[i];
		struct view_group *shown = &view->groups[view->group_count];

		if (!group->has_share)
			continue;
		*shown = (struct view_group){ .name = mem_strdup(group->name), .units = group->units, .is_percent = group->is_percent };
		strs_add_all(&shown->globs, &group->globs);
		view->group_count++;
	}
}

static bool is_shown(const struct view_budget *view, const char *ca)
{
	for (size_t i = 0; i < view->ca_count; i++)
		if (strcmp(view->cas[i].name, ca) == 0)
			return true;
	return false;
}

static bool add_cas(const struct looking *looking, const struct strs *servers, struct err *err)
{
	struct view_budget *view = looking->view;

	view->cas = mem_new(servers->count + 1, sizeof(*view->cas));
	for (size_t i = 0; i < servers->count; i++) {
		const struct budget *budget = budget_open(looking->context, servers->items[i], err);
		AUTO_FREE struct book_share *items = NULL;
		struct book_shares shares;

		if (!budget)
			return false;
		if (is_shown(view, budget->ca))
			continue;
		items = make_shares(&looking->context->budgets->rules, &shares);
		if (!fill_ca(looking, budget, &shares, &view->cas[view->ca_count++], err))
			return false;
	}
	return true;
}

static bool look(struct looking *looking, const char *word, struct err *err)
{
	AUTO_STRS servers = { 0 };

	if (!viewer_open(looking->context, &looking->viewer, err) || (word && !find_word(looking, word, err)))
		return false;
	find_names(looking);
	if (!view_askers_read(looking->context, &looking->askers, err) || !find_servers(looking, &servers, err) || !add_cas(looking, &servers, err))
		return false;
	if (!word)
		add_groups(&looking->context->budgets->rules, looking->view);
	return true;
}

bool view_budget(struct context *context, const char *word, struct view_budget *ret_budget, struct err *err)
{
	AUTO(view_budget_done) struct view_budget view = { 0 };
	AUTO(looking_done) struct looking looking = { .context = context, .view = &view };

	if (!look(&looking, word, err))
		return false;
	*ret_budget = view;
	view = (struct view_budget){ 0 };
	return true;
}
