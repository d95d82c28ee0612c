/* SPDX-License-Identifier: MIT */
/* Plain text: ASCII classes that no locale changes, and what makes foreign text fit for a terminal. */
#include "util/text.h"

#include <string.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/strs.h"

#define SPACES " \t\r\n\v\f"

bool text_is_space(char c)
{
	return c != '\0' && strchr(SPACES, c) != NULL;
}

bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool text_is_alnum(char c)
{
	return text_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

char text_lower_char(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
	size_t text_size = strlen(text);
	size_t suffix_size = strlen(suffix);

	return text_size >= suffix_size && strcmp(text + text_size - suffix_size, suffix) == 0;
}

bool text_equal_nocase(const char *a, const char *b)
{
	while (*a != '\0' && text_lower_char(*a) == text_lower_char(*b)) {
		a++;
		b++;
	}
	return *a == '\0' && *b == '\0';
}

static bool starts_nocase(const char *text, const char *prefix)
{
	while (*prefix != '\0' && text_lower_char(*text) == text_lower_char(*prefix)) {
		text++;
		prefix++;
	}
	return *prefix == '\0';
}

const char *text_find_nocase(const char *text, const char *needle)
{
	for (const char *at = text;; at++) {
		if (starts_nocase(at, needle))
			return at;
		if (*at == '\0')
			return NULL;
	}
}

char *text_lower(const char *text)
{
	char *copy = mem_strdup(text);

	for (char *at = copy; *at != '\0'; at++)
		*at = text_lower_char(*at);
	return copy;
}

char *text_trim(const char *text)
{
	text += strspn(text, SPACES);
	size_t size = strlen(text);

	while (size > 0 && text_is_space(text[size - 1]))
		size--;
	return mem_strndup(text, size);
}

void text_lines(const char *text, struct strs *ret_lines)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "\n");
		AUTO_FREE char *line = mem_strndup(text, size);
		AUTO_FREE char *trimmed = text_trim(line);

		if (trimmed[0] != '\0')
			strs_add(ret_lines, trimmed);
		text += size;
		if (*text == '\n')
			text++;
	}
}

/* The well-formed byte sequences of RFC 3629 section 4: the first byte's range, the second's, and the size. */
struct utf8_row {
	unsigned char first_min, first_max, second_min, second_max, size;
};

static const struct utf8_row utf8_rows[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t text_utf8_size(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;

	if (bytes[0] < 0x80)
		return bytes[0] != '\0' ? 1 : 0;
	for (size_t i = 0; i < COUNT(utf8_rows); i++) {
		const struct utf8_row *row = &utf8_rows[i];

		if (bytes[0] < row->first_min || bytes[0] > row->first_max)
			continue;
		if (bytes[1] < row->second_min || bytes[1] > row->second_max)
			return 0;
		for (size_t k = 2; k < row->size; k++) {
			if ((bytes[k] & 0xc0) != 0x80)
				return 0;
		}
		return row->size;
	}
	return 0;
}

/* A control character of ASCII or, as one raw byte or as UTF-8, of the C1 set, which terminals obey as well. */
static bool is_control(const unsigned char *at, size_t size)
{
	if (size == 1)
		return at[0] < 0x20 || at[0] == 0x7f || (at[0] >= 0x80 && at[0] <= 0x9f);
	return size == 2 && at[0] == 0xc2 && at[1] <= 0x9f;
}

/* Bytes that stand for themselves: most text is nothing else. */
static size_t plain_size(const char *text)
{
	size_t size = 0;

	while (text[size] >= 0x20 && text[size] < 0x7f)
		size++;
	return size;
}

/* As many of them as there is room for. */
static bool add_plain(struct buf *out, const char *text, size_t size)
{
	size_t room = out->max - out->size;

	return size <= room ? buf_add(out, text, size) : buf_add(out, text, room) && buf_addc(out, text[room]);
}

void text_escape(struct buf *out, const char *text, bool keep_newlines)
{
	while (*text != '\0') {
		size_t size = plain_size(text);
		const unsigned char *at = (const unsigned char *)text;
		bool fits;

		if (size > 0) {
			fits = add_plain(out, text, size);
		} else {
			size = text_utf8_size(text);
			size = size > 0 ? size : 1;
			if (!is_control(at, size) || (*text == '\n' && keep_newlines))
				fits = buf_add(out, text, size);
			else if (size == 1)
				fits = buf_addf(out, "\\x%02x", at[0]);
			else
				fits = buf_addf(out, "\\x%02x\\x%02x", at[0], at[1]);
		}
		if (!fits)
			return;
		text += size;
	}
}

void text_hex(struct buf *out, const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++) {
		buf_addc(out, digits[bytes[i] >> 4]);
		buf_addc(out, digits[bytes[i] & 0xf]);
	}
}

#define WORD_MAX 63

static size_t min2(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`, both at most WORD_MAX bytes. */
static size_t distance(const char *a, const char *b)
{
	size_t a_size = strlen(a);
	size_t b_size = strlen(b);
	size_t rows[3][WORD_MAX + 1];

	for (size_t k = 0; k <= b_size; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= a_size; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3];
		const size_t *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t k = 1; k <= b_size; k++) {
			row[k] = min2(min2(above[k], row[k - 1]) + 1, above[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				row[k] = min2(row[k], two_above[k - 2] + 1);
		}
	}
	return rows[a_size % 3][b_size];
}

const char *text_nearest(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	size_t bound = strlen(word) / 3 + 1;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (; *words != NULL; words++) {
		if (strlen(*words) > WORD_MAX)
			continue;
		size_t away = distance(word, *words);
		if (away < bound) {
			bound = away;
			nearest = *words;
		}
	}
	return nearest;
}

bool text_matches(const char *pattern, const char *text)
{
	const char *star = NULL;   /* the latest '*', */
	const char *resume = NULL; /* and where in the text what follows it is tried next */

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
