/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/file.h"
#include "sys/progress_line.h"
#include "tests/unit/sys/scratch.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

/* What one process writes down is what another is handed, line by line. */

static void note(void *ctx, const struct progress_line *line)
{
	strs_addf(ctx, "%d/%s/%s", (int)line->kind, line->app, line->text);
}

static void assert_new(int dir_fd, size_t *offset, const char *expected)
{
	AUTO_STRS lines = { 0 };

	progress_line_each(dir_fd, "7", offset, note, &lines);
	AUTO_FREE char *joined = strs_join(&lines, "|");
	assert_string_equal(joined, expected);
}

static void append(int dir_fd, const char *text)
{
	struct err err;

	assert_true(file_append(dir_fd, "7", text, strlen(text), 0600, &err));
}

static void lines_come_as_they_were_said_and_once(void **state)
{
	int dir_fd = scratch_fd(state);
	size_t offset = 0;

	assert_new(dir_fd, &offset, "");
	progress_line_add(dir_fd, "7", &(struct progress_line){ PROGRESS_INFO1, "blog", "with\ta tab" });
	progress_line_add(dir_fd, "7", &(struct progress_line){ PROGRESS_WARN, "", "" });
	assert_int_equal(scratch_mode(dir_fd, "7"), 0600);
	assert_new(dir_fd, &offset, "0/blog/with\ta tab|3//");
	assert_new(dir_fd, &offset, "");
	progress_line_add(dir_fd, "7", &(struct progress_line){ PROGRESS_END, "blog", "" });
	assert_new(dir_fd, &offset, "5/blog/");
}

static void a_line_that_is_not_whole_waits(void **state)
{
	int dir_fd = scratch_fd(state);
	size_t offset = 0;

	append(dir_fd, "2\tblog\tfirst\n2\tblog\tsec");
	assert_new(dir_fd, &offset, "2/blog/first");
	append(dir_fd, "ond\n");
	assert_new(dir_fd, &offset, "2/blog/second");
}

static void what_is_no_such_line_is_left_out(void **state)
{
	int dir_fd = scratch_fd(state);
	size_t offset = 0;

	append(dir_fd, "\n0\n0\tblog\n6\tblog\ttext\n/\tblog\ttext\n00\tblog\ttext\n\tblog\ttext\n1\tblog\tgood\n");
	assert_new(dir_fd, &offset, "1/blog/good");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_come_as_they_were_said_and_once, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(a_line_that_is_not_whole_waits, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_such_line_is_left_out, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
