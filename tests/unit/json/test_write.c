/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "json/write.h"
#include "util/mem.h"
#include "util/strs.h"

static void keeps_the_order_of_members(void **state)
{
	AUTO_JSON *object = json_new_object();

	(void)state;
	json_set_str(object, "z", "1");
	json_set_int(object, "a", INT64_MIN);
	json_set_bool(object, "m", true);
	json_set_bool(object, "b", false);
	json_set_str(object, "none", NULL);
	json_set_str(object, "z", "again");
	AUTO_FREE char *text = json_text(object);
	AUTO_FREE char *sorted = json_text_sorted(object);
	assert_string_equal(text, "{\"z\":\"again\",\"a\":-9223372036854775808,\"m\":true,\"b\":false}");
	assert_string_equal(sorted, "{\"a\":-9223372036854775808,\"b\":false,\"m\":true,\"z\":\"again\"}");
}

static void nests(void **state)
{
	AUTO_JSON *object = json_new_object();
	AUTO_STRS words = { 0 };
	struct json *inner = json_new_object();
	struct json *list = json_new_list();

	(void)state;
	strs_add(&words, "one");
	strs_add(&words, "two");
	json_set_strs(object, "words", &words);
	json_set_str(inner, "k", "v");
	json_append(list, inner);
	json_append_str(list, "s");
	json_append_str(list, NULL);
	json_set(object, "list", list);
	AUTO_FREE char *text = json_text(object);
	assert_string_equal(text, "{\"words\":[\"one\",\"two\"],\"list\":[{\"k\":\"v\"},\"s\"]}");
}

static void empty_values(void **state)
{
	AUTO_JSON *object = json_new_object();
	AUTO_STRS none = { 0 };

	(void)state;
	json_set_strs(object, "none", &none);
	json_set(object, "nothing", json_new_object());
	AUTO_FREE char *text = json_text(object);
	AUTO_FREE char *indented = json_text_indented(object);
	assert_string_equal(text, "{\"none\":[],\"nothing\":{}}");
	assert_string_equal(indented, "{\n\t\"none\": [],\n\t\"nothing\": {}\n}");
	json_free(NULL);
}

static void text_is_escaped_and_made_utf8(void **state)
{
	static const struct {
		const char *value, *wanted;
	} cases[] = {
		{ "a\"b\\c", "[\"a\\\"b\\\\c\"]" },
		{ "\n\t\x01", "[\"\\n\\t\\u0001\"]" },
		{ "caf\xc3\xa9", "[\"caf\xc3\xa9\"]" },
		{ "a\xffz", "[\"a\xef\xbf\xbdz\"]" },
		{ "\xed\xa0\x80", "[\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]" },
		{ "a\xc3", "[\"a\xef\xbf\xbd\"]" },
		{ "", "[\"\"]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_JSON *list = json_new_list();

		json_append_str(list, cases[i].value);
		AUTO_FREE char *text = json_text(list);
		assert_string_equal(text, cases[i].wanted);
	}
}

static void indents_with_tabs(void **state)
{
	AUTO_JSON *object = json_new_object();
	struct json *inner = json_new_object();

	(void)state;
	json_set_str(inner, "two  spaces", "line\n  indented");
	json_set(object, "o", inner);
	AUTO_FREE char *text = json_text_indented(object);
	assert_string_equal(text, "{\n\t\"o\": {\n\t\t\"two  spaces\": \"line\\n  indented\"\n\t}\n}");
}

static void reports_are_written_as_go_does(void **state)
{
	AUTO_JSON *object = json_new_object();

	(void)state;
	json_set_str(object, "a", "<b> & \"c\"");
	AUTO_FREE char *text = json_text_report(object);
	assert_string_equal(text, "{\"a\":\"\\u003cb\\u003e \\u0026 \\\"c\\\"\"}");
}

/* A certificate that a user installed may name anybody as its issuer. */
static void reports_have_nothing_that_a_terminal_obeys(void **state)
{
	AUTO_JSON *object = json_new_object();

	(void)state;
	json_set_str(object, "a", "\x1b[31m \x7f \xc2\x80 \xc2\x9b 31m \xc2\xa0 \xc3\x9b \xe2\x80\x94");
	AUTO_FREE char *text = json_text_report(object);
	assert_string_equal(text, "{\"a\":\"\\u001B[31m \\u007f \\u0080 \\u009b 31m \xc2\xa0 \xc3\x9b \xe2\x80\x94\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_order_of_members),
		cmocka_unit_test(nests),
		cmocka_unit_test(empty_values),
		cmocka_unit_test(text_is_escaped_and_made_utf8),
		cmocka_unit_test(indents_with_tabs),
		cmocka_unit_test(reports_are_written_as_go_does),
		cmocka_unit_test(reports_have_nothing_that_a_terminal_obeys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
