/* SPDX-License-Identifier: MIT */
#include "flow/lego.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/legacy.h"
#include "crypto/digest.h"
#include "util/mem.h"
#include "util/strs.h"

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static void test_wishes(void **state)
{
	static const struct {
		const char *args, *docker, *key_type, *chain, *profile, *trust, *ignored;
	} cases[] = {
		{ NULL, NULL, "", "", "", "", "" },
		{ "--key-type rsa2048", NULL, "rsa2048", "", "", "", "" },
		{ "--key-type=ec384 --profile=shortlived", NULL, "ec384", "", "shortlived", "", "" },
		{ "--preferred-chain X1 --dns.resolvers 1.1.1.1", NULL, "", "X1", "", "", "" },
		{ "--key-type", NULL, "", "", "", "", "--key-type" },
		{ "--must-staple --pem", NULL, "", "", "", "", "--must-staple" },
		{ "", "-e LEGO_CA_CERTIFICATES=/a.pem", "", "", "", "/a.pem", "" },
		{ "", "--env=LEGO_CA_CERTIFICATES=/b.pem --network host", "", "", "", "/b.pem", "--network host" },
		{ "", "-e OTHER=hush --env=TOKEN=hush --env PATH -v /a:/b", "", "", "", "", "-e OTHER -e TOKEN -e PATH -v /a:/b" },
		{ "", "-eOTHER=hush -v /a:/b -e", "", "", "", "", "-e OTHER -v /a:/b -e " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(lego_wishes_done) struct lego_wishes wishes = { 0 };
		AUTO_STRS ignored = { 0 };
		AUTO_FREE char *words = NULL;

		lego_read(cases[i].args, cases[i].docker, &wishes, &ignored);
		words = strs_join(&ignored, " ");
		assert_string_equal(text_of(wishes.key_type), cases[i].key_type);
		assert_string_equal(text_of(wishes.preferred_chain), cases[i].chain);
		assert_string_equal(text_of(wishes.profile), cases[i].profile);
		assert_string_equal(text_of(wishes.ca_certificate), cases[i].trust);
		assert_string_equal(words, cases[i].ignored);
	}
}

static void test_secrets(void **state)
{
	static const struct {
		const char *text;
		bool has_secret;
	} cases[] = {
		{ "", false },
		{ "--key-type ec384 --dns.resolvers 1.1.1.1", false },
		{ "--eab --kid a --hmac aHVzaA", true },
		{ "--hmac=aHVzaA", true },
		{ "-v /a:/b -e LEGO_CA_CERTIFICATES=/a.pem -e PATH", false },
		{ "-e TOKEN=hush", true },
		{ "-eTOKEN=hush", true },
		{ "--env TOKEN=hush", true },
		{ "-e PATH --label a=b", false },
		{ "--network host --env=TOKEN=hush", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(lego_has_secret(cases[i].text), cases[i].has_secret);
}

/* The digest that the bash plugin would compute for this app (contract 11.2). */
static void test_id_of_the_older_plugin(void **state)
{
	const char *const names[] = { "a.com", "b.com", NULL };
	AUTO_FREE char *config = legacy_config("https://acme-v02.api.letsencrypt.org/directory", "me@x.y", "", names);
	AUTO_FREE char *line = mem_fmt("%s %s\n", config, "");
	char id[41];

	(void)state;
	digest_sha1_hex(line, strlen(line), id);
	assert_string_equal(id, "7fc01812573f12dbc1a6f6b397ef4e00c231f9ac");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_wishes), cmocka_unit_test(test_secrets), cmocka_unit_test(test_id_of_the_older_plugin) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
