/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/out.h"
#include "cli/verbs.h"
#include "util/err.h"
#include "util/mem.h"

/* The platform's help sorts lines, cuts them at commas, and loses -n, -e and -E over ssh. */
static void the_table_keeps_the_platform_s_rules(void **state)
{
	(void)state;
	for (const struct verb *verb = verbs; verb->name; verb++) {
		if (verb[1].name)
			assert_true(strcmp(verb->name, verb[1].name) < 0);
		assert_null(strchr(verb->usage, ','));
		assert_true(!verb->help || (*verb->help && !strchr(verb->help, ',')));
		assert_non_null(verb->run);
		assert_true(verb->words_min <= verb->words_max);
		assert_ptr_equal(verbs_find(verb->name), verb);
		for (const struct option_row *row = verb->options; row->name; row++) {
			assert_true(row->name[0] == '-' && row->name[1] == '-');
			assert_true(!row->letter || !strchr("neE", row->letter[1]));
		}
	}
}

struct parse_case {
	const char *line; /* words with blanks between them */
	const char *verb; /* NULL = not understood … */
	const char *text; /* … and what the message contains */
	enum err_kind kind;
};

static const struct parse_case cases[] = {
	{ "", "default", NULL, ERR_NONE },
	{ "letsencrypt", "default", NULL, ERR_NONE },
	{ "letsencrypt blog", "default", NULL, ERR_NONE },
	{ "letsencrypt:enable blog", "enable", NULL, ERR_NONE },
	{ "letsencrypt:enable a b c", "enable", NULL, ERR_NONE },
	{ "letsencrypt:enable --all", "enable", NULL, ERR_NONE },
	{ "letsencrypt:ls", "ls", NULL, ERR_NONE },
	{ "letsencrypt:enable --help", "enable", NULL, ERR_NONE },
	{ "letsencrypt:set a email b --quiet", "set", NULL, ERR_NONE },
	{ "help", "help", NULL, ERR_NONE },
	{ "version", "version", NULL, ERR_NONE },
	{ "letsencrypt:auto-renew", "auto-renew", NULL, ERR_NONE },
	{ "letsencrypt:enabel blog", NULL, "Did you mean 'letsencrypt:enable'?", ERR_USAGE },
	{ "letsencrypt:frobnicate", NULL, "'letsencrypt:frobnicate' is not a command of letsencrypt", ERR_USAGE },
	{ "letsencrypt:enable", NULL, "App  does not exist\nUsage: dokku letsencrypt:enable <app>... | --all [--force]", ERR_NO_APP },
	{ "letsencrypt:active", NULL, "App  does not exist\nUsage: dokku letsencrypt:active <app>", ERR_NO_APP },
	{ "letsencrypt:set", NULL, "App  does not exist", ERR_NO_APP },
	{ "letsencrypt:active a b", NULL, "'b' is one word too many\nUsage: ", ERR_USAGE },
	{ "letsencrypt:list a", NULL, "'a' is one word too many", ERR_USAGE },
	{ "letsencrypt:set a lego-args b c", NULL, "'c' is one word too many: a value with blanks needs quotes", ERR_USAGE },
	{ "letsencrypt:revoke a --raeson x", NULL, "Did you mean '--reason'?\nUsage: dokku letsencrypt:revoke <app> [--reason <reason>]", ERR_USAGE },
};

static void command_lines_find_their_row(void **state)
{
	const struct environment environment = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_STRS words = { 0 };
		AUTO(call_done) struct call call = { 0 };
		struct err err = { 0 };

		strs_split(&words, cases[i].line, " ");
		bool is_good = verbs_parse(strs_argv(&words), &environment, &call, &err);
		if (is_good != (cases[i].verb != NULL))
			fail_msg("'%s': %s", cases[i].line, is_good ? "understood" : err.text);
		if (is_good)
			assert_string_equal(call.verb->name, cases[i].verb);
		else if (!strstr(err.text, cases[i].text))
			fail_msg("'%s': %s", cases[i].line, err.text);
		assert_int_equal(err.kind, cases[i].kind);
	}
}

/* What a command prints that needs no host. */
static char *output_of(const char *line)
{
	const struct environment environment = { 0 };
	AUTO_STRS words = { 0 };
	AUTO(call_done) struct call call = { 0 };
	struct err err = { 0 };
	char *text = NULL;
	size_t size = 0;
	int status = -1;
	FILE *stream = open_memstream(&text, &size);

	strs_split(&words, line, " ");
	assert_true(verbs_parse(strs_argv(&words), &environment, &call, &err));
	call.out = out_new(&(struct out_setup){ stream, stderr, call.options.is_quiet, call.options.is_json, 0 });
	assert_true(verbs_run(&call, &status, &err));
	assert_int_equal(status, 0);
	assert_true(out_close(call.out));
	(void)fclose(stream);
	return text;
}

static void help_lists_every_command(void **state)
{
	AUTO_FREE char *help = output_of("letsencrypt:help");
	AUTO_FREE char *bare = output_of("letsencrypt");
	AUTO_FREE char *lines = output_of("help --platform-lines");

	(void)state;
	assert_string_equal(help, bare);
	assert_ptr_equal(strstr(help, "Usage: dokku letsencrypt[:COMMAND]\n\nManage the letsencrypt integration\n\n"
				      "Additional commands:\n    letsencrypt:active <app>"), help);
	for (const struct verb *verb = verbs; verb->name; verb++) {
		AUTO_FREE char *in_help = mem_fmt("\n    letsencrypt:%s%s%s ", verb->name, *verb->usage ? " " : "", verb->usage);
		AUTO_FREE char *line = mem_fmt("    letsencrypt:%s%s%s, %s\n", verb->name, *verb->usage ? " " : "", verb->usage, verb->help ? verb->help : "");

		assert_int_equal(strstr(help, in_help) != NULL, verb->help != NULL);
		assert_int_equal(strstr(lines, line) != NULL, verb->help != NULL);
	}
}

static void help_of_one_command_shows_its_options(void **state)
{
	AUTO_FREE char *asked = output_of("letsencrypt:help enable");
	AUTO_FREE char *flagged = output_of("letsencrypt:enable --help");

	(void)state;
	assert_string_equal(asked, flagged);
	assert_non_null(strstr(asked, "Usage: dokku letsencrypt:enable <app>... | --all [--force]\n"));
	assert_non_null(strstr(asked, "    -f, --force "));
	assert_non_null(strstr(asked, "    --format stdout|json "));
}

static void version_is_printed(void **state)
{
	AUTO_FREE char *plain = output_of("letsencrypt:version");
	AUTO_FREE char *json = output_of("version --format json");

	(void)state;
	assert_string_equal(plain, VERSION "\n");
	assert_string_equal(json, "{\"version\":\"" VERSION "\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_keeps_the_platform_s_rules),
		cmocka_unit_test(command_lines_find_their_row),
		cmocka_unit_test(help_lists_every_command),
		cmocka_unit_test(help_of_one_command_shows_its_options),
		cmocka_unit_test(version_is_printed),
	};

	return cmocka_run_group_tests_name("cli/verbs", tests, NULL, NULL);
}
