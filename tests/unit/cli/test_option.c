/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/option.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

static const struct option_row app_rows[] = {
	{ "--all", NULL, OPTION_FLAG, offsetof(struct options, is_all), NULL, "all" },
	{ "--app", NULL, OPTION_TEXT, offsetof(struct options, app), "NAME", "app" },
	{ "--force", "-f", OPTION_FLAG, offsetof(struct options, is_forced), NULL, "force" },
	OPTION_END
};
static const struct option_row set_rows[] = { { "--global", NULL, OPTION_WORD, 0, NULL, "global" }, OPTION_END };
static const struct option_row report_rows[] = {
	{ "--global", NULL, OPTION_WORD, 0, NULL, "global" },
	{ "--letsencrypt-<key>", NULL, OPTION_OTHER, offsetof(struct options, other), NULL, "one" },
	OPTION_END
};

/* What was understood, as one line: words, then options. */
static char *summary(const struct options *options, const struct strs *words)
{
	AUTO_FREE char *joined = strs_join(words, "|");
	AUTO_BUF text = BUF_MAX(1000);

	buf_adds(&text, joined);
	buf_adds(&text, " ;");
	if (options->app)
		buf_addf(&text, " app=%s", options->app);
	if (options->other)
		buf_addf(&text, " other=%s", options->other);
	buf_adds(&text, options->is_all ? " all" : "");
	buf_adds(&text, options->is_forced ? " force" : "");
	buf_adds(&text, options->is_quiet ? " quiet" : "");
	buf_adds(&text, options->is_tracing ? " trace" : "");
	buf_adds(&text, options->is_json ? " json" : "");
	buf_adds(&text, options->wants_help ? " help" : "");
	return buf_take(&text);
}

struct parse_case {
	const struct option_row *rows;
	size_t raw_index;
	const char *line;     /* words with blanks between them; '_' stands for a blank in a word */
	const char *app_name; /* DOKKU_APP_NAME */
	const char *expected; /* summary, or what the message contains */
	bool is_good;
};

#define NO_RAW SIZE_MAX
static const struct parse_case cases[] = {
	{ app_rows, NO_RAW, "", NULL, " ;", true },
	{ app_rows, NO_RAW, "a b c", NULL, "a|b|c ;", true },
	{ app_rows, NO_RAW, "a --force", NULL, "a ; force", true },
	{ app_rows, NO_RAW, "--force a", NULL, "a ; force", true },
	{ app_rows, NO_RAW, "-f a --quiet --trace", NULL, "a ; force quiet trace", true },
	{ app_rows, NO_RAW, "--all", NULL, " ; all", true },
	{ app_rows, NO_RAW, "--app a", NULL, "a ; app=a", true },
	{ app_rows, NO_RAW, "--app=a b", NULL, "a|b ; app=a", true },
	{ app_rows, NO_RAW, "b --app a", NULL, "a|b ; app=a", true },
	{ app_rows, NO_RAW, "b", "a", "a|b ; app=a", true },
	{ app_rows, NO_RAW, "", "a", "a ; app=a", true },
	{ app_rows, NO_RAW, "--app a", "a", "a ; app=a", true },
	{ app_rows, NO_RAW, "--app c", "a", "c ; app=c", true },
	{ app_rows, NO_RAW, "a", "a", "a ; app=a", true },
	{ app_rows, NO_RAW, "a", "", "a ; app=", true },
	{ app_rows, NO_RAW, "-- --force -f", NULL, "--force|-f ;", true },
	{ app_rows, NO_RAW, "a -", NULL, "a|- ;", true },
	{ app_rows, NO_RAW, "--format json a", NULL, "a ; json", true },
	{ app_rows, NO_RAW, "--format=json", NULL, " ; json", true },
	{ app_rows, NO_RAW, "--format=json --format stdout", NULL, " ;", true },
	{ app_rows, NO_RAW, "a -h", NULL, "a ; help", true },
	{ app_rows, NO_RAW, "--forse a", NULL, "'--forse' here. Did you mean '--force'?", false },
	{ app_rows, NO_RAW, "--completely-else", NULL, "no option '--completely-else' here", false },
	{ app_rows, NO_RAW, "-n a", NULL, "no option '-n' here", false },
	{ app_rows, NO_RAW, "-e", NULL, "no option '-e' here", false },
	{ app_rows, NO_RAW, "--force=yes", NULL, "--force takes no value", false },
	{ app_rows, NO_RAW, "a --app", NULL, "--app needs a value: --app NAME", false },
	{ app_rows, NO_RAW, "--format", NULL, "--format needs a value", false },
	{ app_rows, NO_RAW, "--format yaml", NULL, "Invalid output format 'yaml'", false },
	/* set: no --app of its own, a value may start with '-' */
	{ set_rows, 2, "a email x", "b", "a|email|x ;", true },
	{ set_rows, 2, "--global email x", NULL, "--global|email|x ;", true },
	{ set_rows, 2, "a lego-args --key-type_ec384", NULL, "a|lego-args|--key-type ec384 ;", true },
	{ set_rows, 2, "a lego-args --dns.resolvers=1.1.1.1", NULL, "a|lego-args|--dns.resolvers=1.1.1.1 ;", true },
	{ set_rows, 2, "a lego-args -f --quiet", NULL, "a|lego-args|-f ; quiet", true },
	{ set_rows, 2, "a email --quiet", NULL, "a|email ; quiet", true },
	{ set_rows, 2, "a lego-args --global", NULL, "a|lego-args|--global ;", true },
	{ set_rows, 2, "a eab-hmac-key -", NULL, "a|eab-hmac-key|- ;", true },
	{ set_rows, 2, "--app a email x", NULL, "no option '--app' here", false },
	/* report: any other flag is the key that is asked for */
	{ report_rows, NO_RAW, "a --letsencrypt-email", NULL, "a ; other=--letsencrypt-email", true },
	{ report_rows, NO_RAW, "--bogus", NULL, " ; other=--bogus", true },
	{ report_rows, NO_RAW, "--global --letsencrypt-global-email", NULL, "--global ; other=--letsencrypt-global-email", true },
	{ report_rows, NO_RAW, "a --x --y", NULL, "allows only a single flag", false },
};

static void understands(const struct parse_case *test)
{
	const struct environment environment = { .app_name = test->app_name };
	struct options options;
	AUTO_STRS line = { 0 };
	AUTO_STRS words = { 0 };
	struct err err = { 0 };

	strs_split(&line, test->line, " ");
	for (size_t i = 0; i < line.count; i++)
		for (char *at = line.items[i]; *at; at++)
			*at = *at == '_' ? ' ' : *at;
	bool is_good = option_parse(test->rows, test->raw_index, strs_argv(&line), &environment, &options, &words, &err);
	AUTO_FREE char *understood = summary(&options, &words);
	const char *text = is_good ? understood : err.text;
	if (is_good != test->is_good || (is_good ? strcmp(text, test->expected) != 0 : !strstr(text, test->expected)))
		fail_msg("'%s': %s, expected %s", test->line, text, test->expected);
	assert_true(is_good || err.kind == ERR_USAGE);
}

static void command_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		understands(&cases[i]);
}

/* `dokku --quiet --force letsencrypt:enable a`: the flags are nowhere else. */
static void the_environment_counts(void **state)
{
	const struct environment environment = { .is_quiet = true, .is_forced = true, .is_tracing = true };
	char *const words[] = { (char[]){ "a" }, NULL };
	struct options options;
	AUTO_STRS plain = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(option_parse(app_rows, NO_RAW, words, &environment, &options, &plain, &err));
	AUTO_FREE char *understood = summary(&options, &plain);
	assert_string_equal(understood, "a ; force quiet trace");
}

/* What was read before the mistake decides how the mistake is printed. */
static void a_mistake_keeps_what_was_read(void **state)
{
	const struct environment environment = { 0 };
	char *const words[] = { (char[]){ "--format=json" }, (char[]){ "--bogus" }, NULL };
	struct options options;
	AUTO_STRS plain = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_false(option_parse(app_rows, NO_RAW, words, &environment, &options, &plain, &err));
	assert_true(options.is_json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(the_environment_counts),
		cmocka_unit_test(a_mistake_keeps_what_was_read),
	};

	return cmocka_run_group_tests_name("cli/option", tests, NULL, NULL);
}
