/* SPDX-License-Identifier: MIT */
#include "sheet.h"

#include "cli/show.h"
#include "view/budget.h"

#define AT INT64_C(1767366245) /* 2026-01-02 15:04:05 */
#define CELL "\u2588"
#define HELD "\u2592"
#define ROOM "\u2591"

static char name[] = "Test CA", server[] = "https://ca.example/directory", origin[] = "the plugin", date[] = "2026-08-05", empty[] = "";
static char example[] = "example.com", domain_title[] = "new certificates for example.com", hash[] = "4f2a";
static char set_title[] = "certificates for exactly blog.example.com", share[] = "pr:example.com", group[] = "pr";
static char share_title[] = "new certificates for example.com, share of group pr", refused[] = "the CA refused wiki.example.com: too many requests";
static char account[] = "1", orders_title[] = "new orders of account 1", pausing[] = "1:a.example.com";
static char pausing_title[] = "failed validations in a row of a.example.com";
static char blog[] = "blog", churn[] = "churn", wiki[] = "wiki", next[] = "next", later[] = "later";

static struct view_use uses[] = {
	{ .app = churn, .count = 20, .last_at = AT },
	{ .app = blog, .count = 1, .last_at = AT - 86400 },
	{ .app = empty, .count = 1, .last_at = AT - 2 * 86400 },
};
static struct view_waiting waits[] = {
	{ .app = next, .why = empty, .until_at = AT + 3600, .place = 1 },
	{ .app = later, .why = empty, .until_at = AT + 12096, .place = 2 },
};
static struct view_waiting refusals[] = { { .app = wiki, .why = refused, .until_at = AT + 60 } };

static struct view_bucket buckets[] = {
	{ .limit = "CertificatesPerDomain", .bucket = example, .title = domain_title, .size = 50, .count = 50, .period_s = 604800, .used = 25, .reserved = 4,
	  .free = 21, .kept = 5, .next_unit_at = AT + 100, .full_at = AT + 99999, .uses = uses, .use_count = COUNT(uses), .unknown_count = 3,
	  .waits = { .items = waits, .count = COUNT(waits) } },
	{ .limit = "Share", .bucket = share, .title = share_title, .size = 10, .count = 10, .period_s = 604800, .used = 10, .next_unit_at = AT + 100,
	  .full_at = AT + 99999 },
	{ .limit = "CertificatesPerFQDNSet", .bucket = hash, .title = set_title, .size = 5, .count = 5, .period_s = 604800, .used = 2, .free = 3,
	  .next_unit_at = AT + 100, .full_at = AT + 99999 },
	{ .limit = "NewOrdersPerAccount", .bucket = account, .title = orders_title, .size = 300, .count = 300, .period_s = 10800, .used = 1, .free = 299,
	  .next_unit_at = AT + 100, .full_at = AT + 100 },
};

static struct view_ca some_ca(void)
{
	struct view_ca ca = { .name = name, .server = server, .has_limits = true, .origin = origin, .date = date, .exception_count = 1,
			      .buckets = buckets, .bucket_count = COUNT(buckets), .waits = { .items = refusals, .count = COUNT(refusals) } };

	strs_add(&ca.sources, "https://ca.example/limits/");
	return ca;
}

static void expect(const struct page *page, bool is_quiet, bool is_of_app, const char *text)
{
	struct view_ca ca = some_ca();
	struct view_group shown = { .name = group, .units = 20, .is_percent = true };
	const struct view_budget budget = { .cas = &ca, .ca_count = 1, .groups = &shown, .group_count = is_of_app ? 0 : 1, .is_of_app = is_of_app };
	struct sheet sheet;

	strs_add(&shown.globs, "pr-*");
	sheet_open(&sheet, *page, is_quiet);
	show_budget(sheet.out, &sheet.page, &budget);
	sheet_close(&sheet, text);
	strs_done(&ca.sources);
	strs_done(&shown.globs);
}

#define HEAD \
	"=====> Test CA: limits of 2026-08-05, see https://ca.example/limits/ (from the\n" \
	"       plugin); 1 set or learned beside them\n"
#define DOMAIN "new certificates for example.com (50 within 7 days, 5 kept for renewals)\n"
#define USED \
	"       used by churn (20 times, last 2026-01-02), blog (2026-01-01), apps that\n" \
	"         are gone (2025-12-31), 3 not by this host\n" \
	"       place 1: next waits until 2026-01-02 16:04 UTC\n" \
	"       place 2: later waits until 2026-01-02 18:25 UTC\n"
#define REFUSED \
	"       wiki waits until 2026-01-02 15:05 UTC: the CA refused wiki.example.com:\n" \
	"         too many requests\n"
#define REST \
	"       1 bucket of single certificates and names is at least half full\n" \
	"       (letsencrypt:budget <app> or --format json shows them).\n" \
	"Group pr (pr-*): at most 20 % of the new certificates of each registered domain\n"

static void columns_for_who_reads_on(void **state)
{
	(void)state;
	expect(&narrow, false, false,
	       HEAD "----->  Used  Reserved   Free  Next unit             Full again\n"
	       DOMAIN "          25         4     21  2026-01-02 15:05 UTC  2026-01-03 18:50 UTC\n" USED
	       "new certificates for example.com, share of group pr (10 within 7 days)\n"
	       "          10         0      0  2026-01-02 15:05 UTC  2026-01-03 18:50 UTC\n"
	       "new orders of account 1 (300 within 3 hours)\n"
	       "           1         0    299  2026-01-02 15:05 UTC  2026-01-02 15:05 UTC\n" REFUSED REST);
}

#define TEN_CELLS CELL CELL CELL CELL CELL CELL CELL CELL CELL CELL
#define TEN_ROOMS ROOM ROOM ROOM ROOM ROOM ROOM ROOM ROOM ROOM ROOM
#define MOMENTS "       next unit 2026-01-02 15:05 UTC, full again 2026-01-03 18:50 UTC\n"

static void bars_on_a_terminal(void **state)
{
	const struct page page = { .columns = 80, .is_terminal = true, .is_utf8 = true };

	(void)state;
	expect(&page, false, false,
	       HEAD DOMAIN "       " TEN_CELLS CELL CELL HELD TEN_ROOMS ROOM "  21 free, 25 used, 4 reserved\n" MOMENTS USED
	       "new certificates for example.com, share of group pr (10 within 7 days)\n"
	       "       " TEN_CELLS TEN_CELLS CELL CELL CELL CELL "  0 free, 10 used, 0 reserved\n" MOMENTS
	       "new orders of account 1 (300 within 3 hours)\n"
	       "       " CELL TEN_ROOMS TEN_ROOMS ROOM ROOM ROOM "  299 free, 1 used, 0 reserved\n"
	       "       next unit 2026-01-02 15:05 UTC, full again 2026-01-02 15:05 UTC\n" REFUSED REST);
}

static void of_an_app_everything(void **state)
{
	const struct page page = { .columns = 80, .is_terminal = true };

	(void)state;
	expect(&page, true, true,
	       HEAD DOMAIN "       [############=...........]  21 free, 25 used, 4 reserved\n" MOMENTS USED
	       "new certificates for example.com, share of group pr (10 within 7 days)\n"
	       "       [########################]  0 free, 10 used, 0 reserved\n" MOMENTS
	       "certificates for exactly blog.example.com (5 within 7 days)\n"
	       "       [#########...............]  3 free, 2 used, 0 reserved\n" MOMENTS
	       "new orders of account 1 (300 within 3 hours)\n"
	       "       [#.......................]  299 free, 1 used, 0 reserved\n"
	       "       next unit 2026-01-02 15:05 UTC, full again 2026-01-02 15:05 UTC\n" REFUSED);
}

static void a_bar_shows_all_that_is_there(void **state)
{
	static const struct {
		int64_t size, used, reserved, free;
		const char *bar;
	} cases[] = {
		{ 1152, 1150, 1, 1, "[######################=.]" }, { 1152, 1, 0, 1151, "[#.......................]" }, { 2, 0, 2, 0, "[========================]" },
		{ 50, 49, 0, 1, "[#######################.]" },     { 50, 49, 1, 0, "[#######################=]" },   { 2, 1, 1, 0, "[############============]" },
		{ 5, 7, 0, 0, "[########################]" },
	};
	const struct page page = { .columns = 80, .is_terminal = true };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct view_bucket bucket = { .limit = "CertificatesPerDomain", .bucket = example, .title = domain_title, .size = cases[i].size,
					      .count = cases[i].size, .period_s = 1, .used = cases[i].used, .reserved = cases[i].reserved, .free = cases[i].free };
		struct view_ca ca = { .name = name, .server = server, .origin = origin, .date = date, .buckets = &bucket, .bucket_count = 1 };
		const struct view_budget budget = { .cas = &ca, .ca_count = 1 };
		struct sheet sheet;
		AUTO_FREE char *text = mem_fmt("=====> Test CA publishes no limits: only its refusals are remembered\n"
					       "new certificates for example.com (%lld within 1 second)\n       %s  %lld free, %lld used, %lld reserved\n",
					       (long long)cases[i].size, cases[i].bar, (long long)cases[i].free, (long long)cases[i].used, (long long)cases[i].reserved);

		sheet_open(&sheet, page, false);
		show_budget(sheet.out, &sheet.page, &budget);
		sheet_close(&sheet, text);
	}
}

static void many_are_summed_up(void **state)
{
	struct view_use many_uses[12];
	struct view_waiting many_waits[12];
	struct view_bucket bucket = { .limit = "FailedAuthorizationsForPausingPerDomainPerAccount", .bucket = pausing, .title = pausing_title, .size = 1152, .count = 1,
				      .period_s = 86400, .used = 1152, .uses = many_uses, .use_count = 12, .waits = { .items = many_waits, .count = 12 } };
	struct view_ca ca = { .name = name, .server = server, .has_limits = true, .origin = origin, .date = date, .buckets = &bucket, .bucket_count = 1 };
	const struct view_budget budget = { .cas = &ca, .ca_count = 1 };
	struct sheet sheet;

	(void)state;
	strs_add(&ca.sources, "https://ca.example/");
	for (int i = 0; i < 12; i++) {
		many_uses[i] = (struct view_use){ .app = blog, .count = 1, .last_at = AT };
		many_waits[i] = (struct view_waiting){ .app = blog, .why = empty, .until_at = i < 11 ? AT : INT64_MAX, .place = i + 1 };
	}
	sheet_open(&sheet, narrow, true);
	show_budget(sheet.out, &sheet.page, &budget);
	sheet_close(&sheet, "=====> Test CA: limits of 2026-08-05, see https://ca.example/ (from the plugin)\n"
			    "failed validations in a row of a.example.com (1152, 1 back within 1 day)\n"
			    "        1152         0      0  -                     -\n"
			    "       used by blog (2026-01-02), blog (2026-01-02), blog (2026-01-02),\n"
			    "         blog (2026-01-02), blog (2026-01-02), blog (2026-01-02),\n"
			    "         blog (2026-01-02), blog (2026-01-02), 4 more apps\n"
			    "       place 1: blog waits until 2026-01-02 15:04 UTC\n"
			    "       place 2: blog waits until 2026-01-02 15:04 UTC\n"
			    "       place 3: blog waits until 2026-01-02 15:04 UTC\n"
			    "       place 4: blog waits until 2026-01-02 15:04 UTC\n"
			    "       place 5: blog waits until 2026-01-02 15:04 UTC\n"
			    "       place 6: blog waits until 2026-01-02 15:04 UTC\n"
			    "       place 7: blog waits until 2026-01-02 15:04 UTC\n"
			    "       place 8: blog waits until 2026-01-02 15:04 UTC\n"
			    "       and 4 more, the last one until the pause is lifted\n");
	strs_done(&ca.sources);
}

static void a_ca_may_have_nothing_to_show(void **state)
{
	struct view_ca cas[] = {
		{ .name = server, .server = server, .origin = origin, .date = empty },
		{ .name = name, .server = server, .has_limits = true, .origin = origin, .date = date },
	};
	const struct view_budget budget = { .cas = cas, .ca_count = 2 };
	struct sheet sheet;

	(void)state;
	strs_add(&cas[1].sources, "https://ca.example/");
	sheet_open(&sheet, narrow, false);
	show_budget(sheet.out, &sheet.page, &budget);
	sheet_close(&sheet, "=====> https://ca.example/directory publishes no limits: only its refusals are\n"
			    "       remembered\n"
			    "=====> Test CA: limits of 2026-08-05, see https://ca.example/ (from the plugin)\n"
			    "       Nothing is used.\n");
	strs_done(&cas[1].sources);
}

static void as_json_everything_is_there(void **state)
{
	struct view_ca ca = some_ca();
	struct view_group shown = { .name = group, .units = 3 };
	const struct view_budget budget = { .cas = &ca, .ca_count = 1, .groups = &shown, .group_count = 1 };

	(void)state;
	ca.bucket_count = 1;
	assert_json(show_budget_json(&budget),
		    "{\"cas\":[{\"ca\":\"Test CA\",\"server\":\"https://ca.example/directory\",\"publishes_limits\":true,\"origin\":\"the plugin\","
		    "\"sources\":[\"https://ca.example/limits/\"],\"date\":\"2026-08-05\",\"exceptions\":1,\"buckets\":[{\"limit\":\"CertificatesPerDomain\","
		    "\"bucket\":\"example.com\",\"title\":\"new certificates for example.com\",\"size\":50,\"count\":50,\"period\":604800,\"used\":25,\"reserved\":4,"
		    "\"free\":21,\"kept\":5,\"next_unit_at\":1767366345,\"full_at\":1767466244,\"used_by\":[{\"app\":\"churn\",\"count\":20,\"last_at\":1767366245},"
		    "{\"app\":\"blog\",\"count\":1,\"last_at\":1767279845},{\"app\":\"\",\"count\":1,\"last_at\":1767193445}],\"used_by_others\":3,"
		    "\"waits\":[{\"app\":\"next\",\"why\":\"\",\"until_at\":1767369845,\"place\":1},{\"app\":\"later\",\"why\":\"\",\"until_at\":1767378341,\"place\":2}]}],"
		    "\"waits\":[{\"app\":\"wiki\",\"why\":\"the CA refused wiki.example.com: too many requests\",\"until_at\":1767366305}]}],"
		    "\"groups\":[{\"group\":\"pr\",\"apps\":[],\"units\":3}]}");
	strs_done(&ca.sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_for_who_reads_on),
		cmocka_unit_test(bars_on_a_terminal),
		cmocka_unit_test(of_an_app_everything),
		cmocka_unit_test(a_bar_shows_all_that_is_there),
		cmocka_unit_test(many_are_summed_up),
		cmocka_unit_test(a_ca_may_have_nothing_to_show),
		cmocka_unit_test(as_json_everything_is_there),
	};

	return cmocka_run_group_tests_name("cli/show_budget", tests, NULL, NULL);
}
