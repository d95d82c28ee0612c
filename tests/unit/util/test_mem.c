/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/mem.h"

static void new_memory_is_zeroed(void **state)
{
	(void)state;
	AUTO_FREE unsigned char *memory = mem_new(100, 3);

	for (size_t i = 0; i < 300; i++)
		assert_int_equal(memory[i], 0);
}

static void nothing_is_memory_too(void **state)
{
	(void)state;
	AUTO_FREE char *none = mem_new(0, 8);
	AUTO_FREE char *resized = mem_resize(NULL, 0, 0);

	assert_non_null(none);
	assert_non_null(resized);
}

static void resize_keeps_the_content(void **state)
{
	(void)state;
	char *text = mem_strdup("abc");

	text = mem_resize(text, 1000, 1);
	assert_string_equal(text, "abc");
	memset(text, 'x', 1000);
	free(text);
}

static void strings_are_copied(void **state)
{
	(void)state;
	AUTO_FREE char *part = mem_strndup("abcdef", 3);
	AUTO_FREE char *binary = mem_strndup("a\0b", 3);
	AUTO_FREE char *empty = mem_strndup(NULL, 0);
	AUTO_FREE char *formatted = mem_fmt("%s-%d", "x", 7);

	assert_string_equal(part, "abc");
	assert_memory_equal(binary, "a\0b", 4);
	assert_string_equal(empty, "");
	assert_string_equal(formatted, "x-7");
}

static void take_leaves_null(void **state)
{
	(void)state;
	char *owner = mem_strdup("x");
	AUTO_FREE char *taken = mem_take(&owner);

	assert_null(owner);
	assert_string_equal(taken, "x");
}

/* An impossible size, in a child: it must abort and not return NULL. */
static void without_memory_it_aborts(void **state)
{
	(void)state;
	volatile size_t count = SIZE_MAX / 2;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit no_core = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)close(STDERR_FILENO);
		char *memory = mem_new(count, 16);
		_exit(memory != NULL ? 3 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
#if defined(__SANITIZE_ADDRESS__)
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 3); /* the sanitizer ends the program in its own way */
#else
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_memory_is_zeroed),
		cmocka_unit_test(nothing_is_memory_too),
		cmocka_unit_test(resize_keeps_the_content),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(take_leaves_null),
		cmocka_unit_test(without_memory_it_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
