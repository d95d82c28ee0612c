/* SPDX-License-Identifier: MIT */
/* Text that is laid out for people: how wide a line may be, and how it is broken. */
#include "cli/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strs.h"
#include "util/text.h"
#include "util/when.h"

#define COLUMNS 80
/* On a narrower terminal lines wrap by themselves; a wider one is not filled, since long lines are hard to read. */
#define COLUMNS_MIN 40
#define COLUMNS_MAX 160
#define MOMENT_SIZE (sizeof("YYYY-MM-DDTHH:MM:SSZ") - 1)
#define LINE_MAX_SIZE ((size_t)16 * 1024)

struct page page_of(int fd, const char *term, const char *locale)
{
	int columns = out_terminal_columns(fd, term);
	struct page page = { .columns = COLUMNS, .is_terminal = columns > 0 };

	if (columns > 0)
		page.columns = columns < COLUMNS_MIN ? COLUMNS_MIN : columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
	page.is_utf8 = locale && (text_find_nocase(locale, "utf-8") || text_find_nocase(locale, "utf8"));
	return page;
}

struct page page_of_output(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *locale = NULL;

	for (size_t i = 0; i < COUNT(names) && !(locale && *locale); i++)
		locale = getenv(names[i]);
	return page_of(STDOUT_FILENO, getenv("TERM"), locale);
}

size_t page_width(const char *text)
{
	size_t width = 0;

	while (*text) {
		size_t size = text_utf8_size(text);

		text += size > 0 ? size : 1;
		width++;
	}
	return width;
}

/* A line that grows word by word. */
struct line {
	struct out *out;
	size_t columns;
	struct buf text;
	size_t width;
	bool has_word;
};

static void line_start(struct line *line, const char *lead, size_t indent)
{
	buf_clear(&line->text);
	(void)buf_addf(&line->text, "%s%*s", lead, (int)indent, "");
	line->width = page_width(lead) + indent;
	line->has_word = false;
}

static void line_done(struct line *line)
{
	buf_done(&line->text);
}

/* Without blanks at its end, and with plain ones for those that kept words together. */
static void line_end(const struct line *line)
{
	AUTO_BUF text = BUF_MAX(LINE_MAX_SIZE);
	size_t size = 0;

	for (const char *at = buf_text(&line->text); *at; at++) {
		bool is_blank = text_starts(at, PAGE_BLANK);

		(void)buf_addc(&text, is_blank ? ' ' : *at);
		at += is_blank ? strlen(PAGE_BLANK) - 1 : 0;
	}
	for (size = text.size; size > 0 && text.data[size - 1] == ' ';)
		size--;
	out_say(line->out, OUT_PLAIN, "%.*s", (int)size, buf_text(&text));
}

static void line_add(struct line *line, const char *word, size_t indent)
{
	size_t width = page_width(word);

	if (line->width > indent && line->width + (line->has_word ? 1 : 0) + width > line->columns) {
		line_end(line);
		line_start(line, "", indent);
	}
	(void)buf_addf(&line->text, "%s%s", line->has_word ? " " : "", word);
	line->width += width + (line->has_word ? 1 : 0);
	line->has_word = true;
}

void page_print(struct out *out, const struct page *page, const char *lead, size_t indent, const char *text)
{
	AUTO(line_done) struct line line = { .out = out, .columns = (size_t)page->columns, .text = BUF_MAX(LINE_MAX_SIZE) };
	AUTO_STRS parts = { 0 };

	strs_split(&parts, text, "\n");
	line_start(&line, lead, 0);
	for (size_t i = 0; i < parts.count; i++) {
		AUTO_STRS words = { 0 };

		if (i > 0) {
			line_end(&line);
			line_start(&line, "", indent);
		}
		strs_split(&words, parts.items[i], " \t");
		for (size_t j = 0; j < words.count; j++)
			line_add(&line, words.items[j], indent);
	}
	line_end(&line);
}

char *page_local(const char *text)
{
	AUTO_BUF local = BUF_MAX(LINE_MAX_SIZE);

	while (*text) {
		AUTO_FREE char *moment = mem_strndup(text, text_is_digit(*text) ? strnlen(text, MOMENT_SIZE) : 0);
		int64_t at = 0;

		if (strlen(moment) == MOMENT_SIZE && moment[MOMENT_SIZE - 1] == 'Z' && parse_rfc3339(moment, &at)) {
			AUTO_FREE char *human = when_human(at);

			(void)buf_adds(&local, human);
			text += MOMENT_SIZE;
		} else {
			(void)buf_addc(&local, *text++);
		}
	}
	return buf_take(&local);
}

char *page_span(int64_t seconds)
{
	static const struct {
		int64_t size_s;
		const char *word;
	} units[] = { { WHEN_DAY, "day" }, { WHEN_HOUR, "hour" }, { WHEN_MINUTE, "minute" }, { 1, "second" } };
	size_t i = 0;

	while (i + 1 < COUNT(units) && (seconds < units[i].size_s || seconds % units[i].size_s != 0))
		i++;
	return mem_fmt("%" PRId64 " %s%s", seconds / units[i].size_s, units[i].word, seconds == units[i].size_s ? "" : "s");
}

char *page_until(int64_t at)
{
	AUTO_FREE char *moment = when_human(at);

	return at == INT64_MAX ? mem_strdup("until the pause is lifted") : mem_fmt("until %s", moment);
}

char *page_day(int64_t at)
{
	AUTO_FREE char *text = when_local(at);

	return mem_strndup(text, strcspn(text, " "));
}
