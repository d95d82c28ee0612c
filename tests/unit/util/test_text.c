/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

static void classes_are_ascii(void **state)
{
	static const char spaces[] = " \t\r\n\v\f";
	static const char digits[] = "0123456789";
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		char c = (char)byte;
		bool is_digit = byte != 0 && strchr(digits, c) != NULL;
		bool is_letter = byte != 0 && strchr(letters, c) != NULL;

		assert_int_equal(text_is_space(c), byte != 0 && strchr(spaces, c) != NULL);
		assert_int_equal(text_is_digit(c), is_digit);
		assert_int_equal(text_is_alnum(c), is_digit || is_letter);
		assert_int_equal(text_lower_char(c), c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
}

static void starts_and_ends(void **state)
{
	(void)state;
	assert_true(text_starts("abc", "ab"));
	assert_true(text_starts("abc", ""));
	assert_false(text_starts("ab", "abc"));
	assert_true(text_ends("abc", "bc"));
	assert_true(text_ends("abc", ""));
	assert_false(text_ends("bc", "abc"));
	assert_false(text_ends("abc", "ab"));
}

static void compares_without_case(void **state)
{
	const char *text = "Content-Type: X";

	(void)state;
	assert_true(text_equal_nocase("AbC", "aBc"));
	assert_false(text_equal_nocase("abc", "abcd"));
	assert_false(text_equal_nocase("abcd", "abc"));
	assert_false(text_equal_nocase("@", "`"));
	assert_ptr_equal(text_find_nocase(text, "type"), text + 8);
	assert_ptr_equal(text_find_nocase(text, ""), text);
	assert_null(text_find_nocase(text, "types"));
	assert_null(text_find_nocase("", "x"));
	assert_ptr_equal(text_find_nocase(text, ": x"), text + 12);
}

static void lowers_and_trims(void **state)
{
	(void)state;
	AUTO_FREE char *lower = text_lower("ABC-xYz\xc3\x89");
	AUTO_FREE char *trimmed = text_trim(" \t a b \r\n");
	AUTO_FREE char *nothing = text_trim(" \n ");

	assert_string_equal(lower, "abc-xyz\xc3\x89");
	assert_string_equal(trimmed, "a b");
	assert_string_equal(nothing, "");
}

static void lines_are_trimmed_and_never_empty(void **state)
{
	(void)state;
	AUTO_STRS lines = { 0 };

	text_lines("\n  one \r\n\n \ntwo\n\tthree", &lines);
	AUTO_FREE char *joined = strs_join(&lines, "|");
	assert_string_equal(joined, "one|two|three");
}

static void knows_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {
		{ "", 0 }, { "a", 1 }, { "\x7f", 1 }, { "\x80", 0 }, { "\xbf", 0 },
		{ "\xc0\x80", 0 }, { "\xc1\xbf", 0 }, { "\xc2\x80", 2 }, { "\xc3\xa9z", 2 }, { "\xc3", 0 }, { "\xc3z", 0 },
		{ "\xe0\x9f\xbf", 0 }, { "\xe0\xa0\x80", 3 }, { "\xe2\x82\xac", 3 }, { "\xe2\x82", 0 }, { "\xed\x9f\xbf", 3 }, { "\xed\xa0\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 }, { "\xf0\x90\x80\x80", 4 }, { "\xf4\x8f\xbf\xbf", 4 }, { "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 },
		{ "\xf0\x9f\x98", 0 }, { "\xff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(text_utf8_size(cases[i].text), cases[i].size);
}

static void escapes_for_the_terminal(void **state)
{
	static const struct {
		const char *text;
		bool keep_newlines;
		const char *wanted;
	} cases[] = {
		{ "plain \\ text", false, "plain \\ text" },
		{ "a\nb\rc", true, "a\nb\\x0dc" },
		{ "a\nb", false, "a\\x0ab" },
		{ "\x1b]0;x\x07", true, "\\x1b]0;x\\x07" },
		{ "\x7f", true, "\\x7f" },
		{ "\x80\x9f\xa0", true, "\\x80\\x9f\xa0" },
		{ "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", true, "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0" },
		{ "\xe2\x82\xac \xf0\x9f\x98\x80", true, "\xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xe2\x9b", true, "\xe2\\x9b" }, /* a broken character may not hide a control */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_BUF out = BUF_MAX(100);

		text_escape(&out, cases[i].text, cases[i].keep_newlines);
		assert_string_equal(buf_text(&out), cases[i].wanted);
	}
}

static void escaping_stops_where_it_does_not_fit(void **state)
{
	(void)state;
	AUTO_BUF out = BUF_MAX(4);

	text_escape(&out, "ab\x1b" "c", false);
	assert_string_equal(buf_text(&out), "ab");
	assert_true(out.is_full);
}

static void writes_hex(void **state)
{
	(void)state;
	AUTO_BUF out = BUF_MAX(100);

	text_hex(&out, "\x00\x1f\xab\xff", 4);
	assert_string_equal(buf_text(&out), "001fabff");
}

static void finds_the_nearest_word(void **state)
{
	static const char *const words[] = { "email", "server", "graceperiod", "key-type", "ls", NULL };
	static const struct {
		const char *word, *wanted;
	} cases[] = {
		{ "email", "email" }, { "emial", "email" }, { "e-mail", "email" }, { "servre", "server" }, { "serv", NULL }, { "grace-period", "graceperiod" },
		{ "keytype", "key-type" }, { "ls", "ls" }, { "sl", NULL }, { "lss", "ls" }, { "", NULL }, { "unrelated", NULL },
	};
	char too_long[200];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *nearest = text_nearest(cases[i].word, words);

		if (cases[i].wanted == NULL)
			assert_null(nearest);
		else
			assert_string_equal(nearest, cases[i].wanted);
	}
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	const char *const long_words[] = { too_long, NULL };
	assert_null(text_nearest(too_long, words));
	assert_null(text_nearest("x", long_words));
}

static void matches_patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "", "", true }, { "", "a", false }, { "*", "", true }, { "*", "abc", true }, { "a*", "abc", true }, { "a*", "ba", false },
		{ "*c", "abc", true }, { "*c", "abcd", false }, { "a?c", "abc", true }, { "a?c", "ac", false }, { "?", "", false },
		{ "review-*-app", "review-12-app", true }, { "review-*-app", "review-app", false }, { "*ab*ab", "ababab", true }, { "*ab*ab", "abaab", true },
		{ "*ab*ab", "abab-", false }, { "a**b", "ab", true }, { "[a]", "a", false }, { "A", "a", false },
		{ "*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(text_matches(cases[i].pattern, cases[i].text), cases[i].matches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_ascii),
		cmocka_unit_test(starts_and_ends),
		cmocka_unit_test(compares_without_case),
		cmocka_unit_test(lowers_and_trims),
		cmocka_unit_test(lines_are_trimmed_and_never_empty),
		cmocka_unit_test(knows_utf8),
		cmocka_unit_test(escapes_for_the_terminal),
		cmocka_unit_test(escaping_stops_where_it_does_not_fit),
		cmocka_unit_test(writes_hex),
		cmocka_unit_test(finds_the_nearest_word),
		cmocka_unit_test(matches_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
