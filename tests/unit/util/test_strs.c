/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/mem.h"
#include "util/strs.h"

static struct strs split(const char *text)
{
	struct strs list = { 0 };

	strs_split(&list, text, " ");
	return list;
}

static void assert_joined(const struct strs *list, const char *wanted)
{
	AUTO_FREE char *joined = strs_join(list, " ");

	assert_string_equal(joined, wanted);
}

static void adds_and_ends_with_null(void **state)
{
	(void)state;
	AUTO_STRS list = { 0 };

	assert_null(strs_argv(&list)[0]);
	for (int i = 0; i < 100; i++) {
		strs_addf(&list, "%d", i);
		assert_int_equal(list.count, i + 1);
		assert_null(list.items[i + 1]);
	}
	assert_string_equal(strs_argv(&list)[99], "99");
	strs_add_size(&list, "abcdef", 2);
	assert_string_equal(list.items[100], "ab");
}

static void finds_and_adds_once(void **state)
{
	(void)state;
	AUTO_STRS list = { 0 };

	assert_false(strs_has(&list, "a"));
	assert_true(strs_add_new(&list, "a"));
	assert_false(strs_add_new(&list, "a"));
	assert_true(strs_add_new(&list, "A"));
	assert_int_equal(strs_find(&list, "A"), 1);
	assert_true(strs_find(&list, "b") == SIZE_MAX);
	assert_joined(&list, "a A");
}

static void adds_another_list_also_itself(void **state)
{
	(void)state;
	AUTO_STRS list = split("a b");
	AUTO_STRS more = split("c");

	strs_add_all(&list, &more);
	strs_add_all(&list, &list);
	assert_joined(&list, "a b c a b c");
}

static void compares(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal, same_set, covers;
	} cases[] = {
		{ "", "", true, true, true },
		{ "a b", "a b", true, true, true },
		{ "a b", "b a", false, true, true },
		{ "a b c", "b a", false, false, true },
		{ "a b", "a b c", false, false, false },
		{ "a b", "a c", false, false, false },
		{ "a", "", false, false, true },
		{ "", "a", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_STRS a = split(cases[i].a);
		AUTO_STRS b = split(cases[i].b);

		assert_int_equal(strs_equal(&a, &b), cases[i].equal);
		assert_int_equal(strs_same_set(&a, &b), cases[i].same_set);
		assert_int_equal(strs_covers(&a, &b), cases[i].covers);
	}
}

static void removes_and_sorts(void **state)
{
	(void)state;
	AUTO_STRS list = split("d b \xc3\xa9 a c");
	AUTO_STRS empty = { 0 };

	strs_sort(&empty);
	strs_sort(&list);
	assert_joined(&list, "a b c d \xc3\xa9");
	strs_remove_at(&list, 4);
	strs_remove_at(&list, 0);
	strs_remove_at(&list, 1);
	assert_joined(&list, "b d");
	assert_null(list.items[2]);
	strs_remove_at(&list, 0);
	strs_remove_at(&list, 0);
	assert_int_equal(list.count, 0);
	assert_null(strs_argv(&list)[0]);
}

static void splits_without_empty_parts(void **state)
{
	static const struct {
		const char *text, *separators;
		size_t count;
		const char *last;
	} cases[] = {
		{ "", " ", 0, NULL },
		{ "   ", " ", 0, NULL },
		{ "a", " ", 1, "a" },
		{ " a  b ", " ", 2, "b" },
		{ "a,b; c", ",; ", 3, "c" },
		{ "a/b/c", "/", 3, "c" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_STRS list = { 0 };

		strs_split(&list, cases[i].text, cases[i].separators);
		assert_int_equal(list.count, cases[i].count);
		if (list.count > 0)
			assert_string_equal(list.items[list.count - 1], cases[i].last);
	}
}

static void take_moves_and_done_empties(void **state)
{
	(void)state;
	AUTO_STRS list = split("a b");
	AUTO_STRS taken = strs_take(&list);

	assert_int_equal(list.count, 0);
	assert_null(list.items);
	assert_joined(&taken, "a b");
	strs_done(&taken);
	assert_joined(&taken, "");
	strs_add(&taken, "again");
	assert_joined(&taken, "again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_and_ends_with_null),
		cmocka_unit_test(finds_and_adds_once),
		cmocka_unit_test(adds_another_list_also_itself),
		cmocka_unit_test(compares),
		cmocka_unit_test(removes_and_sorts),
		cmocka_unit_test(splits_without_empty_parts),
		cmocka_unit_test(take_moves_and_done_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
