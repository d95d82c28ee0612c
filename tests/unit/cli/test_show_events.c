/* SPDX-License-Identifier: MIT */
#include "sheet.h"

#include "cli/show.h"
#include "view/events.h"

#define AT INT64_C(1767366245) /* 2026-01-02 15:04:05 */

static char blog[] = "blog", long_name[] = "a-name-that-is-longer-than-thirty-bytes", enable[] = "enable", renew[] = "auto-renew";
static char issue[] = "issue", ari[] = "renew (ARI)", installed[] = "installed", empty[] = "";
static char waits[] = "waits: the 50 new certificates for example.com within 7 days are used up (45 used, 0 reserved, 5 kept for renewals)";
static char next[] = "the first run after 2026-01-03T08:00:00Z";

static struct view_event items[] = {
	{ .id = 1, .at = AT, .app = blog, .cause = enable, .decision = issue, .result = waits, .next = next },
	{ .id = 2, .at = AT + 60, .app = blog, .cause = renew, .decision = ari, .result = installed, .next = empty },
	{ .id = 3, .at = AT + 61, .app = empty, .cause = renew, .decision = empty, .result = empty, .next = empty },
};
static const struct view_events events = { .items = items, .count = COUNT(items) };

static void print(struct sheet *sheet, const struct view_events *printed)
{
	const struct event_columns columns = show_events_head(sheet->out, &sheet->page, printed);

	for (size_t i = 0; i < printed->count; i++)
		show_event(sheet->out, &sheet->page, &columns, &printed->items[i]);
}

static void results_stand_under_their_rows(void **state)
{
	struct sheet sheet;

	(void)state;
	sheet_open(&sheet, narrow, false);
	print(&sheet, &events);
	sheet_close(&sheet, "-----> When          App       Cause       Decision\n"
			    "2026-01-02 15:04:05  blog      enable      issue\n"
			    "       waits: the 50 new certificates for example.com within 7 days are used up\n"
			    "       (45 used, 0 reserved, 5 kept for renewals)\n"
			    "       next: the first run after 2026-01-03 08:00 UTC\n"
			    "2026-01-02 15:05:05  blog      auto-renew  renew (ARI)\n"
			    "       installed\n"
			    "2026-01-02 15:05:06            auto-renew\n");
}

static void a_wide_page_has_them_beside(void **state)
{
	struct sheet sheet;

	(void)state;
	sheet_open(&sheet, wide, false);
	print(&sheet, &events);
	sheet_close(&sheet, "-----> When          App       Cause       Decision     Result\n"
			    "2026-01-02 15:04:05  blog      enable      issue        waits: the 50 new certificates for example.com within 7 days are used up\n"
			    "                                                        (45 used, 0 reserved, 5 kept for renewals)\n"
			    "                                                        next: the first run after 2026-01-03 08:00 UTC\n"
			    "2026-01-02 15:05:05  blog      auto-renew  renew (ARI)  installed\n"
			    "2026-01-02 15:05:06            auto-renew\n");
}

static void long_names_do_not_widen_every_row(void **state)
{
	struct view_event item = { .at = AT, .app = long_name, .cause = enable, .decision = issue, .result = installed, .next = empty };
	const struct view_events one = { .items = &item, .count = 1 };
	struct sheet sheet;

	(void)state;
	sheet_open(&sheet, narrow, true);
	print(&sheet, &one);
	sheet_close(&sheet, "2026-01-02 15:04:05  a-name-that-is-longer-than-thirty-bytes  enable      issue\n"
			    "       installed\n");
}

static void as_json_nothing_is_changed(void **state)
{
	(void)state;
	assert_json(show_event_json(&items[0]),
		    "{\"at\":1767366245,\"time\":\"2026-01-02T15:04:05Z\",\"app\":\"blog\",\"cause\":\"enable\",\"decision\":\"issue\",\"result\":\"waits: the 50 "
		    "new certificates for example.com within 7 days are used up (45 used, 0 reserved, 5 kept for renewals)\",\"next\":\"the first run after "
		    "2026-01-03T08:00:00Z\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_stand_under_their_rows),
		cmocka_unit_test(a_wide_page_has_them_beside),
		cmocka_unit_test(long_names_do_not_widen_every_row),
		cmocka_unit_test(as_json_nothing_is_changed),
	};

	return cmocka_run_group_tests_name("cli/show_events", tests, NULL, NULL);
}
