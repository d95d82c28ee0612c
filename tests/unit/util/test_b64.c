/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "util/attr.h"
#include "util/b64.h"
#include "util/buf.h"

/* RFC 4648 section 10 without the padding, and the two characters of the URL alphabet. */
static const struct {
	const char *bytes;
	size_t size;
	const char *text;
} vectors[] = {
	{ "", 0, "" }, { "f", 1, "Zg" }, { "fo", 2, "Zm8" }, { "foo", 3, "Zm9v" }, { "foob", 4, "Zm9vYg" }, { "fooba", 5, "Zm9vYmE" },
	{ "foobar", 6, "Zm9vYmFy" }, { "\xfb\xff\xbf", 3, "-_-_" }, { "\0\0", 2, "AAA" },
};

static void encodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		AUTO_BUF out = BUF_MAX(100);

		assert_true(b64url_encode(&out, vectors[i].bytes, vectors[i].size));
		assert_string_equal(buf_text(&out), vectors[i].text);
	}
}

static void decodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		AUTO_BUF out = BUF_MAX(100);

		assert_true(b64url_decode(&out, vectors[i].text));
		assert_int_equal(out.size, vectors[i].size);
		assert_memory_equal(buf_text(&out), vectors[i].bytes, vectors[i].size);
	}
}

static void there_and_back(void **state)
{
	unsigned char bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		AUTO_BUF text = BUF_MAX(1000);
		AUTO_BUF back = BUF_SECRET(1000);

		assert_true(b64url_encode(&text, bytes, size));
		assert_int_equal(text.size, (size * 8 + 5) / 6);
		assert_true(b64url_decode(&back, buf_text(&text)));
		assert_int_equal(back.size, size);
		assert_memory_equal(buf_text(&back), bytes, size);
	}
}

static void refuses_what_is_not_exactly_it(void **state)
{
	static const char *const bad[] = { "A", "Zm9vY", "Zg==", "Zm8=", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm 9v", "Zm9v\n", "Zm9v.", "\xc3\xa9", " " };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		AUTO_BUF out = BUF_MAX(100);

		assert_true(buf_adds(&out, "before"));
		if (b64url_decode(&out, bad[i]))
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(buf_text(&out), "before");
	}
}

static void adds_all_or_nothing(void **state)
{
	(void)state;
	AUTO_BUF out = BUF_MAX(5);

	assert_true(buf_adds(&out, "ab"));
	assert_false(b64url_encode(&out, "foo", 3));
	assert_false(b64url_decode(&out, "Zm9vYg"));
	assert_string_equal(buf_text(&out), "ab");
	assert_true(b64url_encode(&out, "fo", 2));
	assert_string_equal(buf_text(&out), "abZm8");
}

static void knows_the_alphabet(void **state)
{
	(void)state;
	assert_true(b64url_is("azAZ09-_"));
	assert_true(b64url_is("A"));
	assert_false(b64url_is(""));
	assert_false(b64url_is("a+"));
	assert_false(b64url_is("a="));
	assert_false(b64url_is("../a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes),
		cmocka_unit_test(decodes),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(refuses_what_is_not_exactly_it),
		cmocka_unit_test(adds_all_or_nothing),
		cmocka_unit_test(knows_the_alphabet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
