/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"

static void starts_empty(void **state)
{
	(void)state;
	AUTO_BUF text = BUF_MAX(10);
	AUTO_BUF none = { 0 };

	assert_string_equal(buf_text(&text), "");
	assert_string_equal(buf_text(&none), "");
	assert_false(buf_addc(&none, 'x'));
	assert_true(none.is_full);
}

static void adds_in_order(void **state)
{
	(void)state;
	AUTO_BUF text = BUF_MAX(1000);

	assert_true(buf_adds(&text, "one"));
	assert_true(buf_addc(&text, ','));
	assert_true(buf_addf(&text, "%d%s", 2, "!"));
	assert_true(buf_add(&text, NULL, 0));
	assert_true(buf_add(&text, "\0z", 2));
	assert_int_equal(text.size, 8);
	assert_memory_equal(text.data, "one,2!\0z", 9);
	assert_false(text.is_full);
}

static void fills_up_to_its_maximum_and_no_further(void **state)
{
	(void)state;
	for (size_t max = 0; max < 200; max++) {
		AUTO_BUF text = BUF_MAX(max);

		for (size_t i = 0; i < max; i++)
			assert_true(buf_addc(&text, 'x'));
		assert_false(text.is_full);
		assert_false(buf_adds(&text, "y"));
		assert_false(buf_addf(&text, "%d", 1));
		assert_true(text.is_full);
		assert_int_equal(text.size, max);
		assert_int_equal(strlen(buf_text(&text)), max);
		assert_true(text.room <= max + 1);
	}
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	(void)state;
	AUTO_BUF text = BUF_MAX(5);

	assert_true(buf_adds(&text, "abc"));
	assert_false(buf_adds(&text, "def"));
	assert_true(buf_adds(&text, "gh"));
	assert_string_equal(buf_text(&text), "abcgh");
	assert_true(text.is_full);
}

static void clear_keeps_the_maximum(void **state)
{
	(void)state;
	AUTO_BUF text = BUF_MAX(3);

	assert_true(buf_adds(&text, "abc"));
	assert_false(buf_adds(&text, "d"));
	buf_clear(&text);
	assert_string_equal(buf_text(&text), "");
	assert_false(text.is_full);
	assert_true(buf_adds(&text, "xyz"));
	assert_false(buf_addc(&text, '!'));
}

static void take_moves_the_text_out(void **state)
{
	(void)state;
	AUTO_BUF text = BUF_MAX(30);
	AUTO_FREE char *nothing = buf_take(&text);

	buf_adds(&text, "abc");
	AUTO_FREE char *taken = buf_take(&text);
	assert_string_equal(nothing, "");
	assert_string_equal(taken, "abc");
	assert_int_equal(text.size, 0);
	assert_null(text.data);
	assert_true(buf_adds(&text, "again"));
}

static void a_secret_one_grows_and_is_wiped(void **state)
{
	(void)state;
	AUTO_BUF key = BUF_SECRET(5000);

	for (int i = 0; i < 5000; i++)
		assert_true(buf_addc(&key, (char)('a' + i % 26)));
	for (int i = 0; i < 5000; i++)
		assert_int_equal(key.data[i], 'a' + i % 26);
	buf_clear(&key);
	for (size_t i = 0; i < key.room; i++)
		assert_int_equal(key.data[i], 0);
	buf_adds(&key, "secret");
	buf_done(&key);
	assert_true(key.is_secret);
	assert_null(key.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(adds_in_order),
		cmocka_unit_test(fills_up_to_its_maximum_and_no_further),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(clear_keeps_the_maximum),
		cmocka_unit_test(take_moves_the_text_out),
		cmocka_unit_test(a_secret_one_grows_and_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
