/* SPDX-License-Identifier: MIT */
/* New keys of every type. Apart from test_key, since valgrind is spared the search for their primes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/key.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/text.h"

/* What was generated comes back from its PEM as the same key, in the form that lego writes. */
static void test_generated_keys_survive_pem(void **state)
{
	(void)state;
	for (enum key_type type = KEY_EC256; type < KEY_OTHER; type++) {
		struct err err = { 0 };
		AUTO_KEY *key = key_generate(type, &err);
		assert_non_null(key);
		assert_int_equal(key_type(key), type);
		AUTO_BUF pem = BUF_SECRET(4096);
		assert_true(key_to_pem(key, &pem, &err));
		assert_true(text_starts(pem.data, type <= KEY_EC384 ? "-----BEGIN EC PRIVATE KEY-----\n" : "-----BEGIN RSA PRIVATE KEY-----\n"));
		assert_true(text_ends(pem.data, "PRIVATE KEY-----\n"));
		AUTO_KEY *again = key_from_pem(pem.data, &err);
		assert_non_null(again);
		assert_int_equal(key_type(again), type);
		AUTO_BUF pem_again = BUF_SECRET(4096);
		assert_true(key_to_pem(again, &pem_again, &err));
		assert_string_equal(pem.data, pem_again.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generated_keys_survive_pem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
