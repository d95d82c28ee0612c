/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/nginx.h"
#include "util/attr.h"
#include "util/buf.h"

/* What is read from the text of an app's nginx.conf. */

static void reads_listeners(void **state)
{
	/* Expected: "address port flags;" with t for TLS and p for the PROXY protocol. */
	static const struct {
		const char *conf, *expected;
	} cases[] = {
		{ "server {\n  listen      [::]:80;\n  listen      80;\n}", "::1 80 ;127.0.0.1 80 ;" },
		{ "server { listen [::]:443 ssl http2; listen 443 ssl http2; }", "::1 443 t;127.0.0.1 443 t;" },
		{ "server { listen 127.0.0.1:8080 proxy_protocol; }", "127.0.0.1 8080 p;" },
		{ "server { listen *:81; listen 0.0.0.0:82; listen 10.0.0.1; listen [::1]; listen [fd00::1]:83 ipv6only=on; }",
			"127.0.0.1 81 ;127.0.0.1 82 ;10.0.0.1 80 ;::1 80 ;fd00::1 83 ;" },
		{ "server { listen localhost:8000; }", "localhost 8000 ;" },
		{ "server{listen 80;}server{listen 80 ssl;}server { listen 80 proxy_protocol; }", "127.0.0.1 80 tp;" },
		{ "server { listen 443 quic; listen 443 ssl; }", "127.0.0.1 443 t;" },
		{ "server { listen unix:/run/x.sock; listen 0; listen 70000; listen x:y; listen; }", "" },
		{ "# server { listen 81; }\nserver { # listen 82;\n listen \"83\"; server_name '}' \"a{b\" a\\;b; listen 84; }", "127.0.0.1 83 ;127.0.0.1 84 ;" },
		{ "server { location / { listen 81; } listen 82; if ($x ~ \"}\") { set ${y} 1; } listen 83; }", "127.0.0.1 82 ;127.0.0.1 83 ;" },
		{ "upstream blog-5000 {\n  server 172.17.0.2:5000;\n}\nlisten 81;\nmail { server_name x; }", "" },
		{ "server { listen 81; server_name \"open", "127.0.0.1 81 ;" },
		{ "} } server { listen 81; }", "127.0.0.1 81 ;" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(nginx_listens_done) struct nginx_listens listens = { 0 };
		AUTO_BUF text = BUF_MAX(1000);

		nginx_listens_read(cases[i].conf, &listens);
		for (size_t j = 0; j < listens.count; j++)
			buf_addf(&text, "%s %d %s%s;", listens.items[j].address, listens.items[j].port, listens.items[j].is_tls ? "t" : "",
				listens.items[j].has_proxy_protocol ? "p" : "");
		assert_string_equal(buf_text(&text), cases[i].expected);
	}
}

static void an_address_that_is_too_long_is_left_out(void **state)
{
	AUTO(nginx_listens_done) struct nginx_listens listens = { 0 };
	AUTO_BUF conf = BUF_MAX(1000);

	(void)state;
	buf_adds(&conf, "server { listen ");
	for (int i = 0; i < 64; i++)
		buf_addc(&conf, 'a');
	buf_adds(&conf, ":80; listen 81; }");
	nginx_listens_read(buf_text(&conf), &listens);
	assert_int_equal(listens.count, 1);
	assert_int_equal(listens.items[0].port, 81);
}

static void finds_the_include_of_snippets(void **state)
{
	static const struct {
		const char *conf;
		bool is_there;
	} cases[] = {
		{ "server { include /home/dokku/blog/nginx.conf.d/*.conf; }", true },
		{ "server { listen 80; location / { return 301; } include \"/home/dokku/blog/nginx.conf.d/*.conf\"; }", true },
		{ "server { include /home/dokku/blog/nginx.conf.d/letsencrypt.conf; }", true },
		{ "server { include /home/dokku/blog/*/*.conf; }", true },
		{ "server { include /home/dokku/blog2/nginx.conf.d/*.conf; }", false },
		{ "server { include /home/dokku/blog/nginx.conf.d/hsts.conf; }", false },
		{ "server { # include /home/dokku/blog/nginx.conf.d/*.conf;\n }", false },
		{ "server { location /x { include /home/dokku/blog/nginx.conf.d/*.conf; } }", false },
		{ "include /home/dokku/blog/nginx.conf.d/*.conf;", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(nginx_includes_snippets(cases[i].conf, "/home/dokku/blog"), cases[i].is_there);
}

static void finds_the_return_that_answers_for_all(void **state)
{
	static const struct {
		const char *conf;
		size_t line;
	} cases[] = {
		{ "server {\n  listen 80;\n  return 301 https://$host$request_uri;\n}\n", 3 },
		{ "# down\n\nreturn 503;\n", 3 },
		{ "server { location / { return 502; } if ($x) { return 1; } }\nserver { return 404; }", 2 },
		{ "server {\n  # return 503;\n  location / {\n    return 301 x;\n  }\n}", 0 },
		{ "return_x 1; set $return 1;", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(nginx_return_line(cases[i].conf), cases[i].line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_listeners),
		cmocka_unit_test(an_address_that_is_too_long_is_left_out),
		cmocka_unit_test(finds_the_include_of_snippets),
		cmocka_unit_test(finds_the_return_that_answers_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
