/* SPDX-License-Identifier: MIT */
/* Design 3 as a table: what is wanted, what is held, what follows. */
#include "flow/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/app.h"
#include "store/store.h"
#include "util/mem.h"
#include "util/when.h"

#define NOW ((int64_t)1800000000)
#define LIFE (90 * WHEN_DAY)
#define CA "https://ca.test/dir"
#define LEAF "aaaa"
#define OTHER_LEAF "bbbb"

struct given {
	const char *what;
	/* wanted */
	const char *names;
	bool is_disabled, is_unset; /* else enabled */
	bool has_no_proxy;
	const char *server, *proxy, *scheduler, *dns_provider;
	int64_t graceperiod_s; /* 0 = not set */
	/* held: age of the certificate in days, -1 = none */
	int age_days;
	const char *held_names;
	bool by_hand, is_revoked, is_held_back;
	bool in_window;        /* of ARI, chosen a moment ago */
	bool is_unrecorded;    /* put in place, but nobody wrote down that it is in use */
	/* elsewhere */
	const char *owned_names; /* a fresh certificate of ours that no app uses */
	const char *open_names;  /* an open order */
	const char *failed;      /* names whose validation failed today */
	const char *daily;       /* … four times within an hour */
	enum decision_cause cause;
	/* expected */
	enum decision_kind kind;
	const char *decided_names; /* NULL: not looked at */
};

static const struct given table[] = {
	{ "nothing yet", .names = "a.test", .age_days = -1, .kind = DECISION_ISSUE, .decided_names = "a.test" },
	{ "no names", .names = "", .age_days = -1, .kind = DECISION_REFUSE },
	{ "held and good", .names = "a.test", .age_days = 10, .held_names = "a.test", .kind = DECISION_NOTHING },
	{ "held and good, forced", .names = "a.test", .age_days = 10, .held_names = "a.test", .cause = CAUSE_FORCED, .kind = DECISION_RENEW },
	{ "a wildcard covers", .names = "x.a.test", .age_days = 10, .held_names = "a.test x.a.test", .kind = DECISION_NOTHING },
	{ "a name was added", .names = "a.test b.test", .age_days = 10, .held_names = "a.test", .kind = DECISION_ISSUE, .decided_names = "a.test b.test" },
	{ "a name was removed", .names = "a.test", .age_days = 10, .held_names = "a.test b.test", .kind = DECISION_NOTHING },
	{ "a name was removed, due", .names = "a.test", .age_days = 61, .held_names = "a.test b.test", .kind = DECISION_RENEW, .decided_names = "a.test" },
	{ "due by a third of its life", .names = "a.test", .age_days = 61, .held_names = "a.test", .cause = CAUSE_SCHEDULE, .kind = DECISION_RENEW },
	{ "not due yet", .names = "a.test", .age_days = 59, .held_names = "a.test", .cause = CAUSE_SCHEDULE, .kind = DECISION_NOTHING },
	{ "expired", .names = "a.test", .age_days = 91, .held_names = "a.test", .cause = CAUSE_SCHEDULE, .kind = DECISION_ISSUE },
	{ "graceperiod wins over ARI, late", .names = "a.test", .graceperiod_s = 5 * WHEN_DAY, .age_days = 61, .held_names = "a.test", .in_window = true,
	  .cause = CAUSE_SCHEDULE, .kind = DECISION_NOTHING },
	{ "graceperiod wins, early", .names = "a.test", .graceperiod_s = 80 * WHEN_DAY, .age_days = 20, .held_names = "a.test", .cause = CAUSE_SCHEDULE,
	  .kind = DECISION_RENEW },
	{ "window open", .names = "a.test", .age_days = 40, .held_names = "a.test", .in_window = true, .cause = CAUSE_SCHEDULE, .kind = DECISION_RENEW_ARI },
	{ "window open, a name added", .names = "a.test b.test", .age_days = 40, .held_names = "a.test", .in_window = true, .cause = CAUSE_SCHEDULE,
	  .kind = DECISION_ISSUE },
	{ "revoked", .names = "a.test", .age_days = 10, .held_names = "a.test", .is_revoked = true, .kind = DECISION_ISSUE },
	{ "revoked and held back", .names = "a.test", .age_days = 10, .held_names = "a.test", .is_revoked = true, .is_held_back = true, .cause = CAUSE_SCHEDULE,
	  .kind = DECISION_NOTHING },
	{ "held back, but typed", .names = "a.test", .age_days = -1, .is_held_back = true, .kind = DECISION_ISSUE },
	{ "disabled", .names = "a.test", .is_disabled = true, .age_days = 61, .held_names = "a.test", .cause = CAUSE_SCHEDULE, .kind = DECISION_NOTHING },
	{ "disabled, but typed", .names = "a.test", .is_disabled = true, .age_days = -1, .kind = DECISION_ISSUE },
	{ "never enabled", .names = "a.test", .is_unset = true, .age_days = -1, .cause = CAUSE_SCHEDULE, .kind = DECISION_NOTHING },
	{ "never enabled, but ours and due", .names = "a.test", .is_unset = true, .age_days = 61, .held_names = "a.test", .cause = CAUSE_SCHEDULE,
	  .kind = DECISION_RENEW },
	{ "by hand", .names = "a.test", .age_days = 61, .held_names = "a.test", .by_hand = true, .cause = CAUSE_SCHEDULE, .kind = DECISION_NOTHING },
	{ "by hand, but typed", .names = "a.test", .age_days = 10, .held_names = "a.test", .by_hand = true, .kind = DECISION_ISSUE },
	{ "server changed, scheduled", .names = "a.test", .server = "https://other.test/dir", .age_days = 10, .held_names = "a.test", .cause = CAUSE_SCHEDULE,
	  .kind = DECISION_NOTHING },
	{ "server changed, typed", .names = "a.test", .server = "https://other.test/dir", .age_days = 10, .held_names = "a.test", .kind = DECISION_ISSUE },
	{ "owned elsewhere", .names = "a.test", .age_days = -1, .owned_names = "a.test b.test", .kind = DECISION_INSTALL },
	{ "owned, but forced", .names = "a.test", .age_days = -1, .owned_names = "a.test", .cause = CAUSE_FORCED, .kind = DECISION_ISSUE },
	{ "owned does not cover", .names = "a.test c.test", .age_days = -1, .owned_names = "a.test b.test", .kind = DECISION_ISSUE },
	{ "renewed, not installed", .names = "a.test", .age_days = 61, .held_names = "a.test", .owned_names = "a.test", .cause = CAUSE_SCHEDULE,
	  .kind = DECISION_INSTALL },
	{ "half installed", .names = "a.test", .age_days = 1, .held_names = "a.test", .is_unrecorded = true, .cause = CAUSE_SCHEDULE, .kind = DECISION_INSTALL },
	{ "half installed, forced", .names = "a.test", .age_days = 1, .held_names = "a.test", .is_unrecorded = true, .cause = CAUSE_FORCED, .kind = DECISION_RENEW },
	{ "half installed, due", .names = "a.test", .age_days = 61, .held_names = "a.test", .is_unrecorded = true, .cause = CAUSE_SCHEDULE, .kind = DECISION_RENEW },
	{ "order open", .names = "a.test", .age_days = -1, .open_names = "a.test", .kind = DECISION_CONTINUE },
	{ "order open for others", .names = "a.test", .age_days = -1, .open_names = "b.test", .kind = DECISION_ISSUE },
	{ "traefik", .names = "a.test", .proxy = "traefik", .age_days = -1, .kind = DECISION_REFUSE },
	{ "proxy off", .names = "a.test", .has_no_proxy = true, .age_days = -1, .kind = DECISION_REFUSE },
	{ "k3s", .names = "a.test", .scheduler = "k3s", .age_days = -1, .kind = DECISION_REFUSE },
	{ "dns-provider", .names = "a.test", .dns_provider = "route53", .age_days = -1, .kind = DECISION_REFUSE },
	{ "holds a wildcard", .names = "a.test", .age_days = 10, .held_names = "*.test a.test", .kind = DECISION_REFUSE },
	{ "a new name failed today", .names = "a.test b.test", .age_days = 10, .held_names = "a.test", .failed = "b.test", .cause = CAUSE_SCHEDULE,
	  .kind = DECISION_NOTHING, .decided_names = "a.test" },
	{ "a new name failed, another is new", .names = "a.test b.test c.test", .age_days = 10, .held_names = "a.test", .failed = "b.test",
	  .cause = CAUSE_SCHEDULE, .kind = DECISION_ISSUE, .decided_names = "a.test c.test" },
	{ "a held name failed, much life left", .names = "a.test b.test", .age_days = 61, .held_names = "a.test b.test", .failed = "b.test",
	  .cause = CAUSE_SCHEDULE, .kind = DECISION_WAIT },
	{ "a held name failed, little life left", .names = "a.test b.test", .age_days = 80, .held_names = "a.test b.test", .failed = "b.test",
	  .cause = CAUSE_SCHEDULE, .kind = DECISION_RENEW, .decided_names = "a.test" },
	{ "all failed", .names = "a.test", .age_days = -1, .failed = "a.test", .cause = CAUSE_SCHEDULE, .kind = DECISION_WAIT },
	{ "failed too often, typed", .names = "a.test", .age_days = -1, .failed = "a.test", .daily = "a.test", .kind = DECISION_WAIT },
	{ "failed too often, forced", .names = "a.test", .age_days = -1, .failed = "a.test", .daily = "a.test", .cause = CAUSE_FORCED, .kind = DECISION_WAIT },
	{ "failed too often, scheduled", .names = "a.test", .age_days = -1, .failed = "a.test", .daily = "a.test", .cause = CAUSE_SCHEDULE, .kind = DECISION_WAIT },
	{ "one of two failed too often, typed", .names = "a.test b.test", .age_days = -1, .failed = "a.test b.test", .daily = "b.test", .kind = DECISION_ISSUE,
	  .decided_names = "a.test" },
	{ "failed too often, the rest is held, typed", .names = "a.test b.test", .age_days = 10, .held_names = "a.test", .failed = "b.test", .daily = "b.test",
	  .kind = DECISION_WAIT },
	{ "failed too often, due without it, typed", .names = "a.test b.test", .age_days = 61, .held_names = "a.test b.test", .failed = "b.test",
	  .daily = "b.test", .kind = DECISION_RENEW, .decided_names = "a.test" },
	{ "failed, but typed", .names = "a.test", .age_days = -1, .failed = "a.test", .kind = DECISION_ISSUE, .decided_names = "a.test" },
};

static void fill_cert(struct store_cert *cert, const char *leaf, const char *names, int64_t not_before_at)
{
	*cert = (struct store_cert){
		.leaf = mem_strdup(leaf),
		.server = mem_strdup(CA),
		.account_url = mem_strdup(""),
		.profile = mem_strdup(""),
		.key_type = mem_strdup("ec256"),
		.issuer = mem_strdup(""),
		.ari_id = mem_strdup("aki.serial"),
		.window_url = mem_strdup(""),
		.not_before_at = not_before_at,
		.not_after_at = not_before_at + LIFE,
	};
	strs_split(&cert->names, names, " ");
}

static void fill_wanted(const struct given *given, struct app_wanted *wanted)
{
	strs_split(&wanted->names, given->names, " ");
	wanted->settings = (struct settings){
		.email = mem_strdup("a@b.test"),
		.server = mem_strdup(given->server ? given->server : CA),
		.dns_provider = mem_strdup(given->dns_provider ? given->dns_provider : ""),
		.profile = mem_strdup(""),
		.preferred_chain = mem_strdup(""),
		.ca_certificate = mem_strdup(""),
		.eab_kid = mem_strdup(""),
		.key_type = KEY_EC256,
		.graceperiod_s = given->graceperiod_s ? given->graceperiod_s : GRACEPERIOD_DEFAULT_S,
		.has_graceperiod = given->graceperiod_s > 0,
		.enabled = given->is_disabled ? 0 : given->is_unset ? -1 : 1,
	};
	wanted->facts = (struct platform_app_facts){
		.proxy_type = mem_strdup(given->proxy ? given->proxy : "nginx"),
		.scheduler = mem_strdup(given->scheduler ? given->scheduler : "docker-local"),
		.proxy_is_enabled = !given->has_no_proxy,
		.has_nginx_conf = true,
	};
}

static void fill_held(const struct given *given, struct app_held *held)
{
	int64_t not_before_at = NOW - (int64_t)given->age_days * WHEN_DAY;

	held->app = (struct store_app){
		.app = mem_strdup("web"),
		.leaf = mem_strdup(given->age_days >= 0 && !given->by_hand && !given->is_unrecorded ? LEAF : ""),
		.held_back_at = given->is_held_back ? NOW - 5 : 0,
		.held_back_reason = mem_strdup("revoked"),
		.unserved_reason = mem_strdup(""),
		.failed_reason = mem_strdup(""),
	};
	if (given->age_days < 0)
		return;
	held->has_tls = held->is_readable = true;
	held->is_ours = held->is_known = !given->by_hand;
	held->cert = (struct cert){ .not_before_at = not_before_at, .not_after_at = not_before_at + LIFE, .leaf_sha256 = LEAF };
	strs_split(&held->cert.names, given->held_names, " ");
	if (!held->is_known)
		return;
	fill_cert(&held->known, LEAF, given->held_names, not_before_at);
	held->known.revoked_at = given->is_revoked ? NOW - 5 : 0;
	if (given->in_window) {
		held->known.window_start_at = NOW - 100;
		held->known.window_chosen_at = NOW - 1;
		held->known.window_end_at = NOW + 100;
	}
}

static void fill_order(const struct given *given, struct store_order *order)
{
	*order = (struct store_order){
		.state = ORDER_PLACED,
		.app = mem_strdup("web"),
		.server = mem_strdup(CA),
		.account_url = mem_strdup(""),
		.profile = mem_strdup(""),
		.key_type = mem_strdup("ec256"),
		.replaces = mem_strdup(""),
		.url = mem_strdup("https://ca.test/order/1"),
		.leaf = mem_strdup(""),
		.host = mem_strdup(""),
	};
	strs_split(&order->names, given->open_names, " ");
}

/* The lists that the engine reads from the store. */
struct lists {
	struct store_cert certs[2];
	struct store_order order;
	struct strs failed, daily;
};

static void lists_done(struct lists *lists)
{
	store_cert_done(&lists->certs[0]);
	store_cert_done(&lists->certs[1]);
	store_order_done(&lists->order);
	strs_done(&lists->failed);
	strs_done(&lists->daily);
}

static void decide_given(const struct given *given, const struct app *app, struct decision *ret_decision)
{
	AUTO(lists_done) struct lists lists = { 0 };
	struct store_certs owned = { .items = lists.certs };
	struct store_orders open = { .items = &lists.order };
	struct decide_input input = {
		.app = app, .owned = &owned, .open = &open, .failed_names = &lists.failed, .daily_names = &lists.daily, .daily_at = NOW + 60,
		.cause = given->cause, .now_at = NOW,
	};

	if (app->held.is_known)
		fill_cert(&lists.certs[owned.count++], LEAF, given->held_names, NOW - (int64_t)given->age_days * WHEN_DAY);
	if (app->held.is_known && given->is_revoked)
		lists.certs[0].revoked_at = NOW - 5;
	if (given->owned_names)
		fill_cert(&lists.certs[owned.count++], OTHER_LEAF, given->owned_names, NOW - WHEN_DAY);
	if (given->open_names) {
		fill_order(given, &lists.order);
		open.count = 1;
	}
	strs_split(&lists.failed, given->failed ? given->failed : "", " ");
	strs_split(&lists.daily, given->daily ? given->daily : "", " ");
	decide(&input, ret_decision);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		AUTO(app_done) struct app app = { .name = mem_strdup("web") };
		AUTO(decision_done) struct decision decision = { 0 };
		AUTO_FREE char *names = NULL;

		fill_wanted(&table[i], &app.wanted);
		fill_held(&table[i], &app.held);
		decide_given(&table[i], &app, &decision);
		names = strs_join(&decision.names, " ");
		if (decision.kind != table[i].kind || (table[i].decided_names && strcmp(names, table[i].decided_names) != 0))
			fail_msg("%s: %s (%s) for '%s', expected %s", table[i].what, decision_name(decision.kind), decision.why, names,
				 decision_name(table[i].kind));
		assert_true(decision.why[0] != '\0');
	}
}

static void test_window_gives_replaces(void **state)
{
	const struct given *given = NULL;
	AUTO(app_done) struct app app = { .name = mem_strdup("web") };
	AUTO(decision_done) struct decision decision = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		if (strcmp(table[i].what, "window open") == 0)
			given = &table[i];
	assert_non_null(given);
	fill_wanted(given, &app.wanted);
	fill_held(given, &app.held);
	decide_given(given, &app, &decision);
	assert_string_equal(decision.replaces, "aki.serial");
}

/* Who waits for a name that failed too often is told which, why, and when it may be tried again. */
static void test_daily_tells(void **state)
{
	static const struct given given = { "", .names = "a.test b.test", .age_days = -1, .failed = "a.test b.test", .daily = "a.test b.test" };
	AUTO(app_done) struct app app = { .name = mem_strdup("web") };
	AUTO(decision_done) struct decision decision = { 0 };

	(void)state;
	fill_wanted(&given, &app.wanted);
	fill_held(&given, &app.held);
	free(app.held.app.failed_reason);
	app.held.app.failed_reason = mem_strdup("a.test: nobody answers\nsecond line");
	decide_given(&given, &app, &decision);
	assert_int_equal(decision.kind, DECISION_WAIT);
	assert_int_equal(decision.at, NOW + 60);
	assert_string_equal(decision.why,
		"the validation of a.test failed 4 times within an hour, so it is tried once a day until it succeeds; the last time: a.test: nobody answers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_daily_tells),
		cmocka_unit_test(test_window_gives_replaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
