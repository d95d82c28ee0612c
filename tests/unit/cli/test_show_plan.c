/* SPDX-License-Identifier: MIT */
#include "sheet.h"

#include "cli/show.h"
#include "view/plan.h"

#define AT INT64_C(1767366245) /* 2026-01-02 15:04:05 */

static char blog[] = "blog", shop[] = "shop", docs[] = "docs", wiki[] = "wiki", old[] = "old", empty[] = "";
static char first[] = "there is no certificate yet", full[] = "the 50 new certificates for example.com within 7 days are used up (45 used, 0 reserved)";
static char failed[] = "the validation of old.example.com failed within the last day: tried again tomorrow, the certificate in use is good";
static char paused[] = "the CA has paused old.example.com: too many failures; to lift it open https://example.com/unpause";
static char good[] = "the certificate is good; it is renewed on 2026-02-02 15:04 UTC", due[] = "the certificate is due for renewal then";
static char per_domain[] = "CertificatesPerDomain", example[] = "example.com", ca[] = "Test CA";

static struct view_decision row(char *app, const char *decision, char *why, int64_t at)
{
	return (struct view_decision){ .app = app, .decision = decision, .asked = "", .urgency = "", .why = why, .at = at, .limit = empty, .bucket = empty };
}

static struct view_decision waiting(char *app, int64_t at, int64_t place)
{
	struct view_decision decision = row(app, "wait", full, at);

	decision.asked = "issue";
	decision.urgency = "no certificate";
	decision.limit = per_domain;
	decision.bucket = example;
	decision.place = place;
	return decision;
}

static void each_app_has_its_reason(void **state)
{
	struct view_decision items[] = {
		row(blog, "issue", first, 0),           waiting(shop, AT, 1),          waiting(docs, AT + 12096, 2),
		row(old, "wait", failed, AT + 86400),   row(wiki, "wait", paused, INT64_MAX), row(old, "renew", due, AT + 90000),
		row(wiki, "nothing", good, AT + 99999),
	};
	const struct view_plan plan = { .items = items, .count = COUNT(items), .app_count = COUNT(items) };
	struct sheet sheet;

	(void)state;
	sheet_open(&sheet, narrow, false);
	show_plan(sheet.out, &sheet.page, &plan);
	sheet_close(&sheet, "-----> App  Decision     Why\n"
			    "blog        issue        there is no certificate yet\n"
			    "shop        wait         until 2026-01-02 15:04 UTC, place 1: the 50 new\n"
			    "                         certificates for example.com within 7 days are used up\n"
			    "                         (45 used, 0 reserved)\n"
			    "docs        wait         until 2026-01-02 18:25 UTC, place 2 for the same\n"
			    "old         wait         until 2026-01-03 15:04 UTC: the validation of\n"
			    "                         old.example.com failed within the last day: tried again\n"
			    "                         tomorrow, the certificate in use is good\n"
			    "wiki        wait         until the pause is lifted: the CA has paused\n"
			    "                         old.example.com: too many failures; to lift it open\n"
			    "                         https://example.com/unpause\n"
			    "old         renew        on 2026-01-03 16:04 UTC\n"
			    "wiki        nothing      good; renewed on 2026-01-03 18:50 UTC\n");
}

static void those_with_nothing_to_do_are_counted(void **state)
{
	const struct view_plan many = { .app_count = 1000, .good_count = 990, .without_count = 10, .next_at = AT };
	const struct view_plan one = { .app_count = 2, .good_count = 1, .without_count = 1, .next_at = AT };
	const struct view_plan none = { 0 };
	struct sheet sheet;

	(void)state;
	sheet_open(&sheet, narrow, false);
	show_plan(sheet.out, &sheet.page, &many);
	show_plan(sheet.out, &sheet.page, &one);
	show_plan(sheet.out, &sheet.page, &none);
	sheet_close(&sheet, "       990 apps have a good certificate; the first to be renewed is due on\n"
			    "       2026-01-02 15:04 UTC.\n"
			    "       10 apps are left alone: not enabled, disabled, held back, or with a\n"
			    "       certificate that was installed by hand (letsencrypt:plan --all says\n"
			    "       which).\n"
			    "       1 app has a good certificate; the first to be renewed is due on\n"
			    "       2026-01-02 15:04 UTC.\n"
			    "       1 app is left alone: not enabled, disabled, held back, or with a\n"
			    "       certificate that was installed by hand (letsencrypt:plan --all says\n"
			    "       which).\n"
			    "       There are no apps.\n");
}

static struct view_what_if what_if(int64_t count, int64_t free_count, int64_t fit_count)
{
	return (struct view_what_if){ .count = count, .domain = example, .registered = example, .ca = ca, .is_limited = true,
				      .size = 50, .free = free_count, .kept = 5, .fit_count = fit_count, .why = empty };
}

static void more_apps_are_answered_for(void **state)
{
	struct view_plan plan = { .app_count = 1, .has_what_if = true, .what_if = what_if(12, 31, 12) };
	struct sheet sheet;

	(void)state;
	sheet_open(&sheet, narrow, false);
	show_plan(sheet.out, &sheet.page, &plan);
	plan.what_if = what_if(1, 31, 1);
	plan.what_if.taken = 3;
	show_plan(sheet.out, &sheet.page, &plan);
	plan.what_if = what_if(40, 31, 26);
	plan.what_if.last_at = AT;
	plan.what_if.why = full;
	show_plan(sheet.out, &sheet.page, &plan);
	plan.what_if = what_if(2, 5, 0);
	plan.what_if.last_at = AT;
	plan.what_if.why = first;
	show_plan(sheet.out, &sheet.page, &plan);
	plan.what_if = what_if(40, 0, 40);
	plan.what_if.is_limited = false;
	show_plan(sheet.out, &sheet.page, &plan);
	sheet_close(&sheet, "12 more apps under example.com: 31 of 50 free, all fit; a wildcard would cost 1\n"
			    "1 more app under example.com: 31 of 50 free (3 for the apps above), it fits; a\n"
			    "    wildcard would cost 1\n"
			    "40 more apps under example.com: 31 of 50 free, 26 fit now, the last one gets its\n"
			    "    certificate on 2026-01-02 15:04 UTC; a wildcard would cost 1\n"
			    "    the others wait: the 50 new certificates for example.com within 7 days are\n"
			    "    used up (45 used, 0 reserved)\n"
			    "2 more apps under example.com: 5 of 50 free, none fits now, the last one gets\n"
			    "    its certificate on 2026-01-02 15:04 UTC; a wildcard would cost 1\n"
			    "    they wait: there is no certificate yet\n"
			    "40 more apps under example.com: Test CA has no known limit for example.com, all\n"
			    "    fit; a wildcard would cost 1\n");
}

static void as_json_every_app_is_there(void **state)
{
	struct view_decision items[] = { row(blog, "issue", first, 0), waiting(shop, AT, 1), row(wiki, "wait", paused, INT64_MAX) };
	struct view_plan plan = { .items = items, .count = COUNT(items), .app_count = 3 };

	(void)state;
	assert_json(show_plan_json(&plan),
		    "{\"apps\":[{\"app\":\"blog\",\"decision\":\"issue\",\"why\":\"there is no certificate yet\"},"
		    "{\"app\":\"shop\",\"decision\":\"wait\",\"asked\":\"issue\",\"urgency\":\"no certificate\",\"why\":\"the 50 new certificates for example.com within "
		    "7 days are used up (45 used, 0 reserved)\",\"at\":1767366245,\"limit\":\"CertificatesPerDomain\",\"bucket\":\"example.com\",\"place\":1},"
		    "{\"app\":\"wiki\",\"decision\":\"wait\",\"why\":\"the CA has paused old.example.com: too many failures; to lift it open "
		    "https://example.com/unpause\"}]}");
	plan.count = 0;
	plan.has_what_if = true;
	plan.what_if = what_if(40, 31, 26);
	plan.what_if.last_at = AT;
	plan.what_if.why = full;
	assert_json(show_plan_json(&plan),
		    "{\"apps\":[],\"what_if\":{\"count\":40,\"domain\":\"example.com\",\"registered\":\"example.com\",\"ca\":\"Test CA\",\"size\":50,\"free\":31,"
		    "\"taken\":0,\"kept\":5,\"fit\":26,\"last_at\":1767366245,\"why\":\"the 50 new certificates for example.com within 7 days are used up (45 used, "
		    "0 reserved)\",\"wildcard\":1}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_app_has_its_reason),
		cmocka_unit_test(those_with_nothing_to_do_are_counted),
		cmocka_unit_test(more_apps_are_answered_for),
		cmocka_unit_test(as_json_every_app_is_there),
	};

	return cmocka_run_group_tests_name("cli/show_plan", tests, NULL, NULL);
}
