/* SPDX-License-Identifier: MIT */
/* Options by table. No abbreviations and no getopt: what a word means never depends on what other options exist or come later. */
#include "cli/option.h"

#include <stdint.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

const struct option_row option_common[] = {
	{ "--force", NULL, OPTION_FLAG, offsetof(struct options, is_forced), NULL, NULL },
	{ "--format", NULL, OPTION_FORMAT, offsetof(struct options, is_json), "stdout|json", "How results are printed" },
	{ "--help", "-h", OPTION_FLAG, offsetof(struct options, wants_help), NULL, "This text" },
	{ "--quiet", NULL, OPTION_FLAG, offsetof(struct options, is_quiet), NULL, "Leave out headers and hints" },
	{ "--trace", NULL, OPTION_FLAG, offsetof(struct options, is_tracing), NULL, "Show each step on stderr" },
	OPTION_END
};

/* One reading of a command line. */
struct reading {
	const struct option_row *own;
	size_t raw_index;
	char *const *words; /* what is left */
	struct options *options;
	struct strs *plain;
};

/* The row of a word, which may go on with "=value". */
static const struct option_row *find_in(const struct option_row *rows, const char *word)
{
	size_t size = strcspn(word, "=");

	for (const struct option_row *row = rows; row->name; row++) {
		if (row->kind == OPTION_OTHER)
			continue;
		if (strlen(row->name) == size && strncmp(row->name, word, size) == 0)
			return row;
		if (row->letter && strcmp(row->letter, word) == 0)
			return row;
	}
	return NULL;
}

static const struct option_row *find_row(const struct option_row *own, const char *word)
{
	const struct option_row *row = find_in(own, word);

	return row ? row : find_in(option_common, word);
}

static const struct option_row *find_kind(const struct option_row *rows, enum option_kind kind)
{
	for (; rows->name; rows++)
		if (rows->kind == kind)
			return rows;
	return NULL;
}

static bool *flag_at(struct options *options, size_t offset)
{
	return (bool *)(void *)((char *)options + offset);
}

static const char **text_at(struct options *options, size_t offset)
{
	return (const char **)(void *)((char *)options + offset);
}

static bool refuse_unknown(const struct option_row *own, const char *word, struct err *err)
{
	const struct option_row *tables[] = { own, option_common };
	AUTO_STRS names = { 0 };
	const char *nearest = NULL;

	for (size_t i = 0; i < COUNT(tables); i++)
		for (const struct option_row *row = tables[i]; row->name; row++)
			strs_add(&names, row->name);
	nearest = text_nearest(word, (const char *const *)strs_argv(&names));
	if (nearest)
		return err_set(err, ERR_USAGE, "There is no option '%s' here. Did you mean '%s'?", word, nearest);
	return err_set(err, ERR_USAGE, "There is no option '%s' here", word);
}

static bool set_format(struct options *options, size_t offset, const char *value, struct err *err)
{
	if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0 && strcmp(value, "stdout") != 0)
		return err_set(err, ERR_USAGE, "Invalid output format '%s': --format takes stdout or json", value);
	*flag_at(options, offset) = strcmp(value, "json") == 0;
	return true;
}

/* Takes the option at the front, and its value if that is the next word. */
static bool take_option(struct reading *reading, const struct option_row *row, struct err *err)
{
	const char *word = *reading->words++;
	const char *equals = strchr(word, '=');
	const char *value = NULL;

	if (row->kind == OPTION_WORD) {
		strs_add(reading->plain, word);
		return true;
	}
	if (row->kind == OPTION_FLAG) {
		if (equals)
			return err_set(err, ERR_USAGE, "Option %s takes no value", row->name);
		*flag_at(reading->options, row->offset) = true;
		return true;
	}
	if (equals)
		value = equals + 1;
	else if (*reading->words)
		value = *reading->words++;
	else
		return err_set(err, ERR_USAGE, "Option %s needs a value: %s %s", row->name, row->name, row->value);
	if (row->kind == OPTION_FORMAT)
		return set_format(reading->options, row->offset, value, err);
	*text_at(reading->options, row->offset) = value;
	return true;
}

static bool take_other(struct reading *reading, struct err *err)
{
	const char *word = *reading->words++;
	const struct option_row *row = find_kind(reading->own, OPTION_OTHER);

	if (!row)
		return refuse_unknown(reading->own, word, err);
	const char **other = text_at(reading->options, row->offset);
	if (*other)
		return err_set(err, ERR_USAGE, "Only one of '%s' and '%s' can be given: the command allows only a single flag", *other, word);
	*other = word;
	return true;
}

static bool is_exactly_option(const struct option_row *row, const char *word)
{
	return row && row->kind != OPTION_WORD && (row->kind != OPTION_FLAG || !strchr(word, '='));
}

static bool take_word(struct reading *reading, struct err *err)
{
	const char *word = *reading->words;
	const struct option_row *row = word[0] == '-' ? find_row(reading->own, word) : NULL;
	bool is_raw = reading->plain->count == reading->raw_index && !is_exactly_option(row, word);

	if (word[0] != '-' || strcmp(word, "-") == 0 || is_raw) {
		strs_add(reading->plain, word);
		reading->words++;
		return true;
	}
	return row ? take_option(reading, row, err) : take_other(reading, err);
}

/* The platform leaves it to us to put the app of --app in front. */
static void put_app_first(const char *app, struct strs *words)
{
	AUTO_STRS all = { 0 };

	if (words->count > 0 && strcmp(words->items[0], app) == 0)
		return;
	strs_add(&all, app);
	strs_add_all(&all, words);
	strs_done(words);
	*words = strs_take(&all);
}

bool option_parse(const struct option_row *own, size_t raw_index, char *const *words, const struct environment *environment,
		  struct options *ret_options, struct strs *ret_words, struct err *err)
{
	bool has_app = find_in(own, "--app") != NULL;
	struct reading reading = { .own = own, .raw_index = raw_index, .words = words, .options = ret_options, .plain = ret_words };

	*ret_options = (struct options){
		.app = has_app ? environment->app_name : NULL,
		.is_quiet = environment->is_quiet,
		.is_forced = environment->is_forced,
		.is_tracing = environment->is_tracing,
	};
	while (*reading.words) {
		if (strcmp(*reading.words, "--") == 0) {
			for (reading.words++; *reading.words; reading.words++)
				strs_add(ret_words, *reading.words);
			break;
		}
		if (!take_word(&reading, err))
			return false;
	}
	if (ret_options->app && *ret_options->app)
		put_app_first(ret_options->app, ret_words);
	return true;
}
