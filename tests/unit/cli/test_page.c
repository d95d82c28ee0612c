/* SPDX-License-Identifier: MIT */
#include "sheet.h"

static void a_page_is_what_it_is_printed_on(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	struct page page = page_of(fileno(file), "xterm", "de_DE.UTF-8");
	assert_int_equal(page.columns, 80);
	assert_false(page.is_terminal);
	assert_true(page.is_utf8);
	assert_true(page_of(fileno(file), NULL, "C.utf8").is_utf8);
	assert_false(page_of(fileno(file), NULL, "C").is_utf8);
	assert_false(page_of(fileno(file), NULL, NULL).is_utf8);
	(void)fclose(file);
}

static void characters_take_a_column_each(void **state)
{
	(void)state;
	assert_int_equal(page_width(""), 0);
	assert_int_equal(page_width("abc"), 3);
	assert_int_equal(page_width("M\303\274nchen"), 7);
	assert_int_equal(page_width("\342\226\210\342\226\221"), 2);
	assert_int_equal(page_width("a\377b"), 3);
}

static const struct {
	int columns;
	const char *lead;
	size_t indent;
	const char *text;
	const char *lines;
} cases[] = {
	{ 20, "", 0, "", "\n" },
	{ 20, "ab  ", 0, "", "ab\n" },
	{ 20, "ab  ", 4, "one two three four", "ab  one two three\n    four\n" },
	{ 18, "ab  ", 4, "one two three four", "ab  one two three\n    four\n" },
	{ 17, "ab  ", 4, "one two three four", "ab  one two three\n    four\n" },
	{ 16, "ab  ", 4, "one two three four", "ab  one two\n    three four\n" },
	{ 10, "", 2, "a-word-longer-than-that b", "a-word-longer-than-that\n  b\n" },
	{ 10, "long lead  ", 2, "word", "long lead\n  word\n" },
	{ 10, "  ", 2, "a-word-longer-than-that", "  a-word-longer-than-that\n" },
	{ 40, "", 2, "one\ntwo\n\nthree", "one\n  two\n  three\n" },
	{ 10, "", 0, "aa bb" PAGE_BLANK "cc dd", "aa bb cc\ndd\n" },
	{ 9, "", 0, "aa b" PAGE_BLANK "cccc dd", "aa b cccc\ndd\n" },
	{ 8, "", 0, "aa b" PAGE_BLANK "cccc dd", "aa\nb cccc\ndd\n" },
	{ 5, "", 0, "\303\244\303\244 \303\274\303\274 z", "\303\244\303\244 \303\274\303\274\nz\n" },
	{ 80, "", 0, "100% \033[31m", "100% \\x1b[31m\n" },
};

static void text_is_broken_at_blanks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sheet sheet;

		sheet_open(&sheet, (struct page){ .columns = cases[i].columns }, false);
		page_print(sheet.out, &sheet.page, cases[i].lead, cases[i].indent, cases[i].text);
		sheet.page.columns = 80;
		sheet_close(&sheet, cases[i].lines);
	}
}

static void spans_are_in_their_largest_unit(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} spans[] = {
		{ 604800, "7 days" }, { 86400, "1 day" }, { 10800, "3 hours" }, { 3600, "1 hour" }, { 5400, "90 minutes" }, { 61, "61 seconds" },
		{ 1, "1 second" },    { 0, "0 seconds" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(spans); i++) {
		AUTO_FREE char *text = page_span(spans[i].seconds);

		assert_string_equal(text, spans[i].text);
	}
}

static void moments_are_in_the_zone_of_who_reads(void **state)
{
	(void)state;
	(void)setenv("TZ", "CET-1", 1);
	tzset();
	AUTO_FREE char *until = page_until(1767366245);
	AUTO_FREE char *pause = page_until(INT64_MAX);
	AUTO_FREE char *day = page_day(1767308400);
	AUTO_FREE char *local = page_local("after 2026-01-02T15:04:05Z, not 2026-01-02 or 2026-13-02T15:04:05Z: 7");
	assert_string_equal(until, "until 2026-01-02 16:04 CET");
	assert_string_equal(pause, "until the pause is lifted");
	assert_string_equal(day, "2026-01-02");
	assert_string_equal(local, "after 2026-01-02 16:04 CET, not 2026-01-02 or 2026-13-02T15:04:05Z: 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_what_it_is_printed_on),
		cmocka_unit_test(characters_take_a_column_each),
		cmocka_unit_test(text_is_broken_at_blanks),
		cmocka_unit_test(spans_are_in_their_largest_unit),
		cmocka_unit_test(moments_are_in_the_zone_of_who_reads),
	};

	return cmocka_run_group_tests_name("cli/page", tests, NULL, NULL);
}
