/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/log.h"

/* What `log` writes to stderr, into `ret_text`. */
static void capture(void (*log)(void), char *ret_text, size_t size)
{
	int saved = dup(STDERR_FILENO);
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	assert_true(saved >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	log();
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	ssize_t got = pread(fd, ret_text, size - 1, 0);
	assert_true(got >= 0);
	ret_text[got] = '\0';
	(void)close(saved);
	(void)close(fd);
}

static void log_foreign_text(void)
{
	log_debug("net", "%s %d", "a\x1b[0m\nb", 5);
}

static void log_much(void)
{
	char text[5000];

	memset(text, '\x1b', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_debug("net", "%s", text);
}

static void silent_until_switched_on_and_escaped(void **state)
{
	(void)state;
	char text[8000];

	capture(log_foreign_text, text, sizeof(text));
	assert_string_equal(text, "");
	log_enable_debug();
	capture(log_foreign_text, text, sizeof(text));
	assert_string_equal(text, " ?     net: a\\x1b[0m\\x0ab 5\n");
}

static void a_long_line_is_cut_but_ended(void **state)
{
	(void)state;
	char text[8000];

	log_enable_debug();
	capture(log_much, text, sizeof(text));
	assert_in_range(strlen(text), 1900, 2010);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_until_switched_on_and_escaped),
		cmocka_unit_test(a_long_line_is_cut_but_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
