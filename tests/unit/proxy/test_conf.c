/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/conf.h"
#include "util/attr.h"
#include "util/buf.h"

/* nginx's language: words, ends, depth. */

/* Each directive as "depth:word|word;" with its end. */
static void describe(const char *text, struct buf *out)
{
	static const char ends[] = { [CONF_STATEMENT] = ';', [CONF_BLOCK_OPEN] = '{', [CONF_BLOCK_CLOSE] = '}' };
	struct conf_scan scan = { .text = text };
	AUTO(conf_directive_done) struct conf_directive directive = { 0 };

	while (conf_next(&scan, &directive)) {
		buf_addf(out, "%zu:", directive.depth);
		for (size_t i = 0; i < directive.words.count; i++)
			buf_addf(out, "%s%s", i > 0 ? "|" : "", directive.words.items[i]);
		buf_addc(out, ends[directive.end]);
	}
}

static void reads_words_as_nginx_does(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "a b;c{d;}", "0:a|b;0:c{1:d;1:}" },
		{ "a#b c;# d;\ne;", "0:a#b|c;0:e;" },
		{ "a 'b c' \"d;{}#\" 'e\"';", "0:a|b c|d;{}#|e\";" },
		{ "a \"b\\\"c\" 'd\\'e' f\\\\g;", "0:a|b\"c|d'e|f\\g;" },
		{ "location ~ \\.php$ { x; }", "0:location|~|\\.php${1:x;1:}" },
		{ "set ${a}b c$d{ e; }", "0:set|${a}b|c$d{1:e;1:}" },
		{ "location ~ /\\${ e; }", "0:location|~|/\\${1:e;1:}" },
		{ "a\tb\r\n c\n;", "0:a|b|c;" },
		{ "a \"\";", "0:a|;" },
		{ "a b", "" },
		{ "a; \"b", "0:a;" },
		{ "a; b\\", "0:a;" },
		{ "}}a;", "0:}0:}0:a;" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_BUF out = BUF_MAX(1000);

		describe(cases[i].text, &out);
		assert_string_equal(buf_text(&out), cases[i].expected);
	}
}

static void knows_where_a_directive_stands(void **state)
{
	static const char text[] = "a; # x\n  server {\n\tinclude y ;\n}";
	struct conf_scan scan = { .text = text };
	AUTO(conf_directive_done) struct conf_directive directive = { 0 };

	(void)state;
	assert_true(conf_next(&scan, &directive));
	assert_int_equal(directive.start, 0);
	assert_int_equal(directive.after, 2);
	assert_true(conf_next(&scan, &directive));
	assert_false(directive.is_in_server);
	assert_true(conf_next(&scan, &directive));
	assert_true(directive.is_in_server);
	assert_memory_equal(text + directive.start, "include y ;", directive.after - directive.start);
	assert_int_equal(directive.after - directive.start, strlen("include y ;"));
}

static void a_word_without_end_stops_it(void **state)
{
	AUTO_BUF text = BUF_MAX(10000);
	AUTO_BUF out = BUF_MAX(10000);

	(void)state;
	buf_adds(&text, "a; b ");
	for (int i = 0; i < 5000; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, "; c;");
	describe(buf_text(&text), &out);
	assert_string_equal(buf_text(&out), "0:a;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_words_as_nginx_does),
		cmocka_unit_test(knows_where_a_directive_stands),
		cmocka_unit_test(a_word_without_end_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
