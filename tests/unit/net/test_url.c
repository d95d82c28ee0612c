/* SPDX-License-Identifier: MIT */
#include "net/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"

static const struct {
	const char *url;
	const char *fault; /* NULL = it is one */
	const char *host_port;
} cases[] = {
	{ "https://acme-v02.api.letsencrypt.org/directory", NULL, "acme-v02.api.letsencrypt.org" },
	{ "https://CA.Example.com:14000/dir?x=1", NULL, "ca.example.com:14000" },
	{ "https://localhost:14000/dir", NULL, "localhost:14000" },
	{ "https://pebble", NULL, "pebble" },
	{ "https://192.0.2.1/dir", NULL, "192.0.2.1" },
	{ "https://[2001:DB8::1]:8443/dir", NULL, "[2001:db8::1]:8443" },
	{ "https://[::1]/", NULL, "[::1]" },
	{ "https://a/p@th:1", NULL, "a" },
	{ "http://ca.example.com/dir", "does not start with https://", NULL },
	{ "HTTPS://ca.example.com/dir", "does not start with https://", NULL },
	{ "ca.example.com", "does not start with https://", NULL },
	{ "", "does not start with https://", NULL },
	{ "https://", "no valid host", NULL },
	{ "https:///dir", "no valid host", NULL },
	{ "https://-/?", NULL, "-" },
	{ "https://a..b/", "no valid host", NULL },
	{ "https://.a/", "no valid host", NULL },
	{ "https://a./", "no valid host", NULL },
	{ "https://a_b/", "no valid host", NULL },
	{ "https://[::1/", "no valid host", NULL },
	{ "https://[zz]/", "no valid host", NULL },
	{ "https://[]/", "no valid host", NULL },
	{ "https://[::1]x/", "no valid port", NULL },
	{ "https://a:/", "no valid port", NULL },
	{ "https://a:0/", "no valid port", NULL },
	{ "https://a:65536/", "no valid port", NULL },
	{ "https://a:80x/", "no valid port", NULL },
	{ "https://me@a/", "holds a user name", NULL },
	{ "https://me:pass@a/", "holds a user name", NULL },
	{ "https://a/ b", "has a space", NULL },
	{ "https://a/\n", "has a space", NULL },
	{ "https://a/\x7f", "has a space", NULL },
	{ "https://a/\xc3\xa4", "has a space", NULL },
	{ "https://a/#x", "has a fragment", NULL },
};

static void each_is_one_or_says_why_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *host_port = url_host_port(cases[i].url);
		struct err err = { 0 };

		if (url_check_https(cases[i].url, &err) != !cases[i].fault)
			fail_msg("'%s': %s", cases[i].url, err.text);
		if (!cases[i].fault) {
			assert_string_equal(host_port, cases[i].host_port);
			continue;
		}
		assert_int_equal(err.kind, ERR_CONFIG);
		if (!strstr(err.text, cases[i].fault))
			fail_msg("'%s': %s", cases[i].url, err.text);
	}
}

static void a_long_label_is_no_host(void **state)
{
	char url[128] = "https://";
	struct err err;

	(void)state;
	memset(url + 8, 'a', 63);
	assert_true(url_check_https(url, &err));
	url[8 + 63] = 'a';
	assert_false(url_check_https(url, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_one_or_says_why_not),
		cmocka_unit_test(a_long_label_is_no_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
