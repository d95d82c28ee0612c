/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/input.h"
#include "sys/loop.h"
#include "util/buf.h"
#include "util/err.h"

#define VALUE_MAX 16

static const struct {
	const char *text;
	size_t size;
	const char *line; /* NULL = refused … */
	const char *why;  /* … and what the message contains */
} cases[] = {
	{ "value\n", 6, "value", NULL },
	{ "value", 5, "value", NULL },
	{ "value\r\n", 7, "value", NULL },
	{ " va lue \n", 9, " va lue ", NULL },
	{ "", 0, "", NULL },
	{ "\n", 1, "", NULL },
	{ "one\ntwo\n", 8, NULL, "one line" },
	{ "one\n\n", 5, NULL, "one line" },
	{ "nul\0l", 5, NULL, "one line" },
	{ "more than sixteen bytes", 23, NULL, "longer than 16 bytes" },
};

/* Gives standard input the text, then its end. */
static void feed(const char *text, size_t size)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, size), (ssize_t)size);
	(void)close(fds[1]);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	(void)close(fds[0]);
}

static void one_line_is_read(void **state)
{
	int saved = dup(STDIN_FILENO);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(loop_freep) struct loop *loop = loop_new();
		AUTO_BUF line = BUF_SECRET(VALUE_MAX);
		struct err err = { 0 };

		feed(cases[i].text, cases[i].size);
		bool is_good = input_line(loop, true, &line, &err);
		if (is_good != (cases[i].line != NULL))
			fail_msg("case %zu: %s", i, is_good ? buf_text(&line) : err.text);
		if (is_good)
			assert_string_equal(buf_text(&line), cases[i].line);
		else
			assert_non_null(strstr(err.text, cases[i].why));
		assert_true(is_good || err.kind == ERR_USAGE);
	}
	if (saved >= 0)
		assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	(void)close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_line_is_read) };

	return cmocka_run_group_tests_name("cli/input", tests, NULL, NULL);
}
