/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/err.h"

static void set_fills_everything(void **state)
{
	(void)state;
	struct err err = { .kind = ERR_IO, .retry_at = 5, .type = "old", .text = "old" };

	assert_false(err_set(&err, ERR_CONFIG, "'%s' is no %s", "x", "number"));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(err.retry_at, 0);
	assert_string_equal(err.type, "");
	assert_string_equal(err.text, "'x' is no number");
}

static void sys_appends_the_reason_and_keeps_errno(void **state)
{
	(void)state;
	struct err err = { 0 };

	errno = ENOENT;
	assert_false(err_sys(&err, "open '%s'", "x"));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(err.kind, ERR_IO);
	assert_string_equal(err.text, "open 'x': No such file or directory");
}

static void context_goes_in_front(void **state)
{
	(void)state;
	struct err err = { 0 };

	(void)err_set(&err, ERR_ACME, "no");
	err.retry_at = 7;
	assert_false(err_wrap(&err, "app '%s'", "blog"));
	assert_string_equal(err.text, "app 'blog': no");
	assert_int_equal(err.kind, ERR_ACME);
	assert_int_equal(err.retry_at, 7);
}

static void its_own_text_may_be_an_argument(void **state)
{
	(void)state;
	struct err err = { 0 };

	(void)err_set(&err, ERR_IO, "inner");
	(void)err_set(&err, ERR_STORE, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner");
}

static void lines_are_appended(void **state)
{
	(void)state;
	struct err err = { 0 };

	err_append(&err, "first");
	err_append(&err, "second %d", 2);
	assert_string_equal(err.text, "first\nsecond 2");
}

static void control_bytes_are_escaped(void **state)
{
	(void)state;
	struct err err = { 0 };

	(void)err_set(&err, ERR_ACME, "a\x1b[31mb\r\n\tc\x7f\xc2\x9b\x9b\xc3\xa9");
	assert_string_equal(err.text, "a\\x1b[31mb\\x0d\n\\x09c\\x7f\\xc2\\x9b\\x9b\xc3\xa9");
	err_prefix(&err, "%s", "\a");
	assert_string_equal(err.text, "\\x07: a\\x1b[31mb\\x0d\n\\x09c\\x7f\\xc2\\x9b\\x9b\xc3\xa9");
}

static void long_text_is_cut_between_characters(void **state)
{
	(void)state;
	char text[4000];

	/* Each shift puts another byte of a character, and of an escape, at the end. */
	for (size_t shift = 0; shift < 4; shift++) {
		struct err err = { 0 };

		memset(text, 'x', sizeof(text));
		for (size_t i = shift; i + 2 < sizeof(text) - 1; i += 2)
			memcpy(text + i, "\xc3\xa9", 2);
		text[sizeof(text) - 1] = '\0';
		(void)err_set(&err, ERR_IO, "%s", text);
		assert_in_range(strlen(err.text), sizeof(err.text) - 2, sizeof(err.text) - 1);
		assert_int_equal((strlen(err.text) - shift) % 2, 0);

		memset(text + shift, '\x1b', sizeof(text) - 1 - shift);
		(void)err_set(&err, ERR_IO, "%s", text);
		assert_in_range(strlen(err.text), sizeof(err.text) - 4, sizeof(err.text) - 1);
		assert_string_equal(err.text + strlen(err.text) - 4, "\\x1b");

		err_prefix(&err, "%s", "in front");
		err_append(&err, "%s", "behind");
		assert_true(strlen(err.text) < sizeof(err.text));
		assert_memory_equal(err.text, "in front: ", 10);
	}
}

static void kinds_have_names_and_exit_statuses(void **state)
{
	(void)state;
	assert_int_equal(err_exit_status(ERR_NONE), 0);
	assert_int_equal(err_exit_status(ERR_NO_APP), 20);
	assert_int_equal(err_exit_status(ERR_WAITS), 75);
	assert_int_equal(err_exit_status(ERR_RATE_LIMITED), 1);
	for (int a = ERR_NONE; a <= ERR_BUG; a++) {
		assert_true(strlen(err_kind_name((enum err_kind)a)) > 1);
		for (int b = ERR_NONE; b < a; b++)
			assert_string_not_equal(err_kind_name((enum err_kind)a), err_kind_name((enum err_kind)b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_everything),
		cmocka_unit_test(sys_appends_the_reason_and_keeps_errno),
		cmocka_unit_test(context_goes_in_front),
		cmocka_unit_test(its_own_text_may_be_an_argument),
		cmocka_unit_test(lines_are_appended),
		cmocka_unit_test(control_bytes_are_escaped),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(kinds_have_names_and_exit_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
