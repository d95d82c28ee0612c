/* SPDX-License-Identifier: MIT */
#include "tests/unit/platform/folder.h"

#include "proxy/nginx.h"

/* The text of the challenge snippet; what nginx makes of it is in test_served.c. */

#define THUMBPRINT "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"

static char *template_text(void)
{
	struct err err = { 0 };
	AUTO_FD folder_fd = dir_open("templates/nginx", &err);
	AUTO_BUF text = BUF_MAX(65536);

	assert_true(folder_fd >= 0 && file_read(folder_fd, "challenge.conf", &text, &err));
	return buf_take(&text);
}

static void is_filled_in(void **state)
{
	struct err err = { 0 };
	AUTO_FREE char *text = template_text();
	AUTO_FREE char *snippet = nginx_challenge_snippet(text, "/var/lib/dokku/data/letsencrypt/old_app-1.x", THUMBPRINT, true, &err);
	AUTO_FREE char *without = nginx_challenge_snippet(text, "/w", THUMBPRINT, false, &err);

	(void)state;
	assert_true(text_starts(snippet, "# Managed by the letsencrypt plugin; changes are lost.\n"));
	assert_non_null(strstr(snippet, "root /var/lib/dokku/data/letsencrypt/old_app-1.x;"));
	assert_non_null(strstr(snippet, "." THUMBPRINT "\";"));
	assert_non_null(strstr(snippet, "auth_request off;"));
	assert_null(strchr(snippet, '@'));
	assert_null(strstr(without, "auth_request off"));
}

static void refuses_what_would_need_escaping(void **state)
{
	static const struct {
		const char *webroot, *thumbprint, *named;
	} cases[] = {
		{ "relative", THUMBPRINT, "relative" },
		{ "", THUMBPRINT, "''" },
		{ "/a b", THUMBPRINT, "/a b" },
		{ "/a;return 200", THUMBPRINT, "/a;" },
		{ "/a\"b", THUMBPRINT, "/a\"b" },
		{ "/a$b", THUMBPRINT, "/a$b" },
		{ "/a\nb", THUMBPRINT, "/a" },
		{ "/w", "", "thumbprint" },
		{ "/w", "short", "short" },
		{ "/w", "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLm\"Q", "thumbprint" },
		{ "/w", THUMBPRINT "A", "thumbprint" },
	};
	AUTO_FREE char *text = template_text();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };

		assert_null(nginx_challenge_snippet(text, cases[i].webroot, cases[i].thumbprint, true, &err));
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_non_null(strstr(err.text, cases[i].named));
	}
}

static void a_broken_template_is_told(void **state)
{
	static const struct {
		const char *text, *named;
	} cases[] = {
		{ "", "@WEBROOT@" },
		{ "@WEBROOT@ @THUMBPRINT", "@THUMBPRINT@" },
		{ "@WEBROOT@ @THUMBPRINT@", "@AUTH_REQUEST@" },
	};
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(nginx_challenge_snippet(cases[i].text, "/w", THUMBPRINT, true, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_non_null(strstr(err.text, cases[i].named));
	}
	AUTO_FREE char *other = nginx_challenge_snippet("a@b @X@ @WEBROOT@@THUMBPRINT@@AUTH_REQUEST@@", "/w", THUMBPRINT, true, &err);
	assert_string_equal(other, "a@b @X@ /w" THUMBPRINT "auth_request off;@");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_filled_in),
		cmocka_unit_test(refuses_what_would_need_escaping),
		cmocka_unit_test(a_broken_template_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
