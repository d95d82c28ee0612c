/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/out.h"
#include "json/write.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

/* An out on two strings. */
struct desk {
	char *out_text, *err_text;
	size_t out_size, err_size;
	FILE *out_stream, *err_stream;
	struct out *out;
};

static void desk_open(struct desk *desk, bool is_quiet, bool is_json, int columns)
{
	*desk = (struct desk){ 0 };
	desk->out_stream = open_memstream(&desk->out_text, &desk->out_size);
	desk->err_stream = open_memstream(&desk->err_text, &desk->err_size);
	desk->out = out_new(&(struct out_setup){ desk->out_stream, desk->err_stream, is_quiet, is_json, columns });
}

static void desk_expect(struct desk *desk, const char *out, const char *err)
{
	assert_string_equal(desk->out_text ? desk->out_text : "", out);
	assert_string_equal(desk->err_text ? desk->err_text : "", err);
}

static void desk_close(struct desk *desk, const char *out, const char *err)
{
	assert_true(out_close(desk->out));
	(void)fflush(desk->out_stream);
	(void)fflush(desk->err_stream);
	desk_expect(desk, out, err);
	(void)fclose(desk->out_stream);
	(void)fclose(desk->err_stream);
	free(desk->out_text);
	free(desk->err_text);
}

static const struct {
	enum out_kind kind;
	const char *line;
	bool is_warning, is_quietable;
} kinds[] = {
	{ OUT_INFO1, "-----> text\n", false, false },
	{ OUT_INFO2, "=====> text\n", false, false },
	{ OUT_INFO2_QUIET, "=====> text\n", false, true },
	{ OUT_VERBOSE, "       text\n", false, false },
	{ OUT_VERBOSE_QUIET, "       text\n", false, true },
	{ OUT_PLAIN, "text\n", false, false },
	{ OUT_PLAIN_QUIET, "text\n", false, true },
	{ OUT_WARN, " !     text\n", true, false },
	{ OUT_NOTE, "text\n", true, false },
};

static void each_kind_has_its_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		for (int quiet = 0; quiet <= 1; quiet++) {
			struct desk desk;
			const char *line = quiet && kinds[i].is_quietable ? "" : kinds[i].line;

			desk_open(&desk, quiet, false, 0);
			out_say(desk.out, kinds[i].kind, "%s", "text");
			desk_close(&desk, kinds[i].is_warning ? "" : line, kinds[i].is_warning ? line : "");
		}
	}
}

static void control_bytes_are_escaped(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "a\033[31mred", "a\\x1b[31mred\n" },
		{ "two\nlines", "two\\x0alines\n" },
		{ "bell\a", "bell\\x07\n" },
		{ "del\177", "del\\x7f\n" },
		{ "M\303\274nchen", "M\303\274nchen\n" },
		{ "C1 \302\233", "C1 \\xc2\\x9b\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct desk desk;

		desk_open(&desk, false, false, 0);
		out_say(desk.out, OUT_PLAIN, "%s", cases[i].text);
		desk_close(&desk, cases[i].shown, "");
	}
}

static void an_error_is_a_warning_a_line(void **state)
{
	struct desk desk;
	struct err err = { 0 };

	(void)state;
	(void)err_set(&err, ERR_CONFIG, "first");
	err_append(&err, "second");
	desk_open(&desk, true, false, 0);
	out_err(desk.out, &err);
	desk_close(&desk, "", " !     first\n !     second\n");

	desk_open(&desk, false, true, 0);
	out_err(desk.out, &err);
	desk_close(&desk, "{\"error\":\"first\\nsecond\",\"kind\":\"config\"}\n", " !     first\n !     second\n");
}

static void one_app_is_printed_as_it_comes(void **state)
{
	struct desk desk;

	(void)state;
	desk_open(&desk, false, false, 0);
	struct talk talk = out_talk(desk.out);
	talk_say(&talk, TALK_INFO2, "blog", "one");
	desk_expect(&desk, "=====> one\n", "");
	talk_say(&talk, TALK_WARN, "blog", "two");
	desk_expect(&desk, "=====> one\n", " !     two\n");
	talk_say(&talk, TALK_STEP, "blog", "never without a terminal");
	talk_say(&talk, TALK_END, "blog", "%s", "");
	desk_close(&desk, "=====> one\n", " !     two\n");
}

static void several_apps_are_printed_in_blocks(void **state)
{
	struct desk desk;

	(void)state;
	desk_open(&desk, false, false, 0);
	out_expect(desk.out, 3);
	struct talk talk = out_talk(desk.out);
	talk_say(&talk, TALK_INFO1, "a", "a1");
	talk_say(&talk, TALK_INFO1, "b", "b1");
	talk_say(&talk, TALK_VERBOSE, NULL, "of no app");
	talk_say(&talk, TALK_INFO1, "a", "a2");
	talk_say(&talk, TALK_WARN, "b", "b2");
	desk_expect(&desk, "       of no app\n", "");
	talk_say(&talk, TALK_END, "b", "%s", "");
	desk_expect(&desk, "       of no app\n-----> b1\n", " !     b2\n");
	/* What was never ended is not lost. */
	desk_close(&desk, "       of no app\n-----> b1\n-----> a1\n-----> a2\n", " !     b2\n");
}

#define ERASE "\r\033[K"

static void a_terminal_shows_where_it_is(void **state)
{
	struct desk desk;

	(void)state;
	desk_open(&desk, false, false, 30);
	out_expect(desk.out, 2);
	struct talk talk = out_talk(desk.out);
	talk_say(&talk, TALK_STEP, "a", "asks");
	desk_expect(&desk, "", "[0 of 2 done] a: asks");
	talk_say(&talk, TALK_STEP, "b", "a very long step that does not fit");
	desk_expect(&desk, "", "[0 of 2 done] a: asks" ERASE "[0 of 2 done] b: a very long ");
	out_say(desk.out, OUT_PLAIN, "line");
	desk_expect(&desk, "line\n", "[0 of 2 done] a: asks" ERASE "[0 of 2 done] b: a very long " ERASE "[0 of 2 done] b: a very long ");
	talk_say(&talk, TALK_END, "a", "%s", "");
	talk_say(&talk, TALK_END, "b", "%s", "");
	/* Nothing is left of it, and nothing more comes. */
	AUTO_FREE char *before = mem_strdup(desk.err_text);
	assert_non_null(strstr(before, "[1 of 2 done] a: done"));
	assert_string_equal(before + strlen(before) - strlen(ERASE), ERASE);
	desk_close(&desk, "line\n", before);
}

static void json_records_what_is_said(void **state)
{
	struct desk desk;

	(void)state;
	desk_open(&desk, false, true, 80);
	struct talk talk = out_talk(desk.out);
	talk_say(&talk, TALK_INFO1, "a", "hello <a>");
	talk_say(&talk, TALK_WARN, "a", "careful");
	talk_say(&talk, TALK_STEP, "a", "step");
	talk_say(&talk, TALK_END, "a", "%s", "");
	out_say(desk.out, OUT_INFO1, "%s", "of no app");
	AUTO_STRS apps = { 0 };
	out_recorded_apps(desk.out, &apps);
	assert_int_equal(apps.count, 1);
	assert_string_equal(apps.items[0], "a");
	AUTO_JSON *object = json_new_object();
	json_set_bool(object, "active", true);
	out_take_record(desk.out, "a", object);
	out_json(desk.out, object);
	desk_close(&desk, "{\"active\":true,\"messages\":[\"hello \\u003ca\\u003e\"],\"warnings\":[\"careful\"]}\n"
			  "{\"messages\":[\"of no app\"],\"warnings\":[]}\n", " !     careful\n");
}

static void a_full_disk_is_told(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	char *err_text = NULL;
	size_t err_size = 0;
	FILE *err_stream = open_memstream(&err_text, &err_size);

	(void)state;
	assert_non_null(full);
	struct out *out = out_new(&(struct out_setup){ full, err_stream, false, false, 0 });
	out_say(out, OUT_PLAIN, "lost");
	assert_false(out_close(out));
	(void)fclose(full);
	(void)fclose(err_stream);
	assert_non_null(strstr(err_text, "No space left on device"));
	free(err_text);
}

static void no_terminal_has_no_columns(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(out_terminal_columns(fileno(file), "xterm"), 0);
	(void)fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_form),
		cmocka_unit_test(control_bytes_are_escaped),
		cmocka_unit_test(an_error_is_a_warning_a_line),
		cmocka_unit_test(one_app_is_printed_as_it_comes),
		cmocka_unit_test(several_apps_are_printed_in_blocks),
		cmocka_unit_test(a_terminal_shows_where_it_is),
		cmocka_unit_test(json_records_what_is_said),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(no_terminal_has_no_columns),
	};

	return cmocka_run_group_tests_name("cli/out", tests, NULL, NULL);
}
