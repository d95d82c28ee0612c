/* SPDX-License-Identifier: MIT */
#include "proxy/conf.h"

/* Reads nginx's configuration word by word. It judges nothing: a text that nginx would refuse simply ends early here, and nginx says why. */

#include <string.h>

#include "util/buf.h"
#include "util/text.h"

/* A directive longer than this is none of those we look for. */
#define WORD_SIZE_MAX 4096
#define WORDS_MAX 512

void conf_directive_done(struct conf_directive *directive)
{
	strs_done(&directive->words);
}

static void skip_blanks(struct conf_scan *scan)
{
	for (;;) {
		while (text_is_space(scan->text[scan->at]))
			scan->at++;
		if (scan->text[scan->at] != '#')
			return;
		scan->at += strcspn(scan->text + scan->at, "\n");
	}
}

/* What stands after a backslash; nginx leaves the backslash before anything else. */
static void add_escaped(struct buf *word, char c)
{
	switch (c) {
	case 't':
		buf_addc(word, '\t');
		return;
	case 'r':
		buf_addc(word, '\r');
		return;
	case 'n':
		buf_addc(word, '\n');
		return;
	default:
		if (c != '"' && c != '\'' && c != '\\')
			buf_addc(word, '\\');
		buf_addc(word, c);
	}
}

/* A brace after '$' starts the name of a variable. */
static bool ends_word(char c, char quote, bool is_after_dollar)
{
	if (quote != '\0')
		return c == quote;
	return text_is_space(c) || c == ';' || (c == '{' && !is_after_dollar);
}

/* False when the text ends within the word, or the word is too long. */
static bool read_word(struct conf_scan *scan, struct strs *words)
{
	AUTO_BUF word = BUF_MAX(WORD_SIZE_MAX);
	char quote = scan->text[scan->at];
	bool is_after_dollar = false;

	if (quote == '"' || quote == '\'')
		scan->at++;
	else
		quote = '\0';
	for (char c; c = scan->text[scan->at], !ends_word(c, quote, is_after_dollar); scan->at++) {
		if (c == '\0')
			return false;
		is_after_dollar = c == '$';
		if (c == '\\' && scan->text[scan->at + 1] != '\0')
			add_escaped(&word, scan->text[++scan->at]);
		else
			buf_addc(&word, c);
	}
	if (quote != '\0')
		scan->at++;
	strs_add(words, buf_text(&word));
	return !word.is_full && words->count <= WORDS_MAX;
}

static void open_block(struct conf_scan *scan, const struct strs *words)
{
	scan->depth++;
	if (scan->server_depth == 0 && words->count == 1 && strcmp(words->items[0], "server") == 0)
		scan->server_depth = scan->depth;
}

static void close_block(struct conf_scan *scan)
{
	if (scan->depth == scan->server_depth)
		scan->server_depth = 0;
	if (scan->depth > 0)
		scan->depth--;
}

static enum conf_end read_end(struct conf_scan *scan, const struct strs *words)
{
	switch (scan->text[scan->at++]) {
	case '{':
		open_block(scan, words);
		return CONF_BLOCK_OPEN;
	case '}':
		close_block(scan);
		return CONF_BLOCK_CLOSE;
	default:
		return CONF_STATEMENT;
	}
}

bool conf_next(struct conf_scan *scan, struct conf_directive *ret_directive)
{
	AUTO_STRS words = { 0 };

	conf_directive_done(ret_directive);
	skip_blanks(scan);
	size_t start = scan->at;
	size_t depth = scan->depth;
	bool is_in_server = scan->server_depth != 0 && scan->depth == scan->server_depth;
	while (strchr(";{}", scan->text[scan->at]) == NULL) {
		if (!read_word(scan, &words))
			return false;
		skip_blanks(scan);
	}
	/* strchr finds the NUL as well. */
	if (scan->text[scan->at] == '\0')
		return false;

	enum conf_end end = read_end(scan, &words);
	*ret_directive = (struct conf_directive){
		.words = strs_take(&words),
		.end = end,
		.start = start,
		.after = scan->at,
		.depth = depth,
		.is_in_server = is_in_server,
	};
	return true;
}
