/* SPDX-License-Identifier: MIT */
/* A strict reader of JSON that knows on which line it is. Nothing is allocated but the last key and the last string. */
#include "json/scan.h"

#include <stdarg.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define DEPTH_MAX 64
#define DIGITS_MAX 20 /* of an int64_t, with its sign */

void scan_start(struct scan *scan, const char *text, size_t size, size_t max, struct err *err)
{
	*scan = (struct scan){ .at = text, .end = text + size, .line = 1, .key = BUF_MAX(max), .text = BUF_MAX(max), .err = err };
}

void scan_blame(struct scan *scan, const char *format, ...)
{
	if (scan->is_bad)
		return;
	scan->is_bad = true;

	va_list args;
	va_start(args, format);
	AUTO_FREE char *reason = mem_vfmt(format, args);
	va_end(args);
	err_record(scan->err, ERR_CONFIG, 0, "line %d: %s", scan->line, reason);
}

/* The next byte that is no white space, '\0' at the end. */
static char peek(struct scan *scan)
{
	for (; scan->at < scan->end; scan->at++) {
		char c = *scan->at;

		if (c == '\n')
			scan->line++;
		else if (c != ' ' && c != '\t' && c != '\r')
			return c;
	}
	return '\0';
}

static bool take(struct scan *scan, char wanted, const char *name)
{
	if (scan->is_bad)
		return false;
	if (peek(scan) != wanted)
		return scan_fail(scan, "%s is expected here", name);
	scan->at++;
	return true;
}

static bool enter(struct scan *scan, char bracket, const char *name)
{
	if (!take(scan, bracket, name))
		return false;
	scan->is_first = true;
	return true;
}

/* To the next value inside brackets; past `bracket` and false when there is none. */
static bool next(struct scan *scan, char bracket)
{
	if (scan->is_bad)
		return false;
	if (peek(scan) == bracket) {
		scan->at++;
		scan->is_first = false;
		return false;
	}
	if (!scan->is_first && !take(scan, ',', "',' or the end"))
		return false;
	scan->is_first = false;
	return true;
}

/* Four hex digits of an escape. */
static bool take_hex(struct scan *scan, unsigned *ret_unit)
{
	unsigned unit = 0;

	if (scan->end - scan->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = text_lower_char(*scan->at++);

		if (!text_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
		unit = unit * 16 + (unsigned)(text_is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*ret_unit = unit;
	return true;
}

static bool add_utf8(struct buf *out, unsigned point)
{
	if (point < 0x80)
		return buf_addc(out, (char)point);
	if (point < 0x800)
		return buf_addf(out, "%c%c", (int)(0xc0 | point >> 6), (int)(0x80 | (point & 63)));
	if (point < 0x10000)
		return buf_addf(out, "%c%c%c", (int)(0xe0 | point >> 12), (int)(0x80 | (point >> 6 & 63)), (int)(0x80 | (point & 63)));
	return buf_addf(out, "%c%c%c%c", (int)(0xf0 | point >> 18), (int)(0x80 | (point >> 12 & 63)), (int)(0x80 | (point >> 6 & 63)),
		(int)(0x80 | (point & 63)));
}

/* What follows "\u". A pair of surrogates is one character; a lone one, and U+0000, are none. */
static bool take_unicode(struct scan *scan, struct buf *out)
{
	unsigned point;

	if (!take_hex(scan, &point))
		return scan_fail(scan, "an escape has no four hex digits");
	if (point >= 0xd800 && point < 0xdc00) {
		unsigned low;

		if (scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u')
			return scan_fail(scan, "half a character in a string");
		scan->at += 2;
		if (!take_hex(scan, &low) || low < 0xdc00 || low > 0xdfff)
			return scan_fail(scan, "half a character in a string");
		point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
	} else if (point == 0 || (point >= 0xdc00 && point < 0xe000)) {
		return scan_fail(scan, "a character that is not allowed in a string");
	}
	return add_utf8(out, point) || scan_fail(scan, "a string is too long");
}

static bool take_escape(struct scan *scan, struct buf *out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";

	scan->at++;
	if (scan->at == scan->end)
		return scan_fail(scan, "a string has no end");
	char name = *scan->at++;
	if (name == 'u')
		return take_unicode(scan, out);
	const char *found = name != '\0' ? strchr(names, name) : NULL;
	if (found == NULL)
		return scan_fail(scan, "an escape that JSON does not have");
	return buf_addc(out, values[found - names]) || scan_fail(scan, "a string is too long");
}

/* Characters up to the next quote or escape. */
static bool take_run(struct scan *scan, struct buf *out)
{
	const char *start = scan->at;

	while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\') {
		unsigned char c = (unsigned char)*scan->at;
		size_t size = c < 0x80 ? 1 : text_utf8_size(scan->at);

		if (c < 0x20)
			return scan_fail(scan, "a string has no end, or a control character");
		if (size == 0 || size > (size_t)(scan->end - scan->at))
			return scan_fail(scan, "a string that is not UTF-8");
		scan->at += size;
	}
	if (scan->at == scan->end)
		return scan_fail(scan, "a string has no end");
	return scan->at == start || buf_add(out, start, (size_t)(scan->at - start)) || scan_fail(scan, "a string is too long");
}

static bool take_string(struct scan *scan, struct buf *out, const char *name)
{
	if (!take(scan, '"', name))
		return false;
	buf_clear(out);
	for (;;) {
		if (!take_run(scan, out))
			return false;
		if (*scan->at == '"')
			break;
		if (!take_escape(scan, out))
			return false;
	}
	scan->at++;
	return true;
}

bool scan_object(struct scan *scan)
{
	return enter(scan, '{', "an object");
}

bool scan_member(struct scan *scan)
{
	return next(scan, '}') && take_string(scan, &scan->key, "a member's name in quotes") && take(scan, ':', "':'");
}

bool scan_list(struct scan *scan)
{
	return enter(scan, '[', "a list");
}

bool scan_item(struct scan *scan)
{
	return next(scan, ']');
}

const char *scan_string(struct scan *scan)
{
	return take_string(scan, &scan->text, "a string") ? buf_text(&scan->text) : NULL;
}

/* The characters that a number or a word consists of. */
static size_t word_size(const struct scan *scan)
{
	size_t size = 0;

	while (scan->at + size < scan->end && (text_is_alnum(scan->at[size]) || strchr("+-.", scan->at[size]) != NULL) && scan->at[size] != '\0')
		size++;
	return size;
}

bool scan_int(struct scan *scan, int64_t *ret_value)
{
	char digits[DIGITS_MAX + 1];

	if (scan->is_bad)
		return false;
	peek(scan);
	size_t size = word_size(scan);
	if (size == 0 || size > DIGITS_MAX)
		return scan_fail(scan, "an integer is expected here");
	memcpy(digits, scan->at, size);
	digits[size] = '\0';
	const char *first = digits + (digits[0] == '-');
	if ((first[0] == '0' && first[1] != '\0') || !parse_int(digits, INT64_MIN, INT64_MAX, ret_value))
		return scan_fail(scan, "an integer is expected here, not '%s'", digits);
	scan->at += size;
	return true;
}

static bool is_word(const struct scan *scan, const char *word)
{
	return word_size(scan) == strlen(word) && memcmp(scan->at, word, strlen(word)) == 0;
}

bool scan_bool(struct scan *scan, bool *ret_value)
{
	if (scan->is_bad)
		return false;
	peek(scan);
	bool is_true = is_word(scan, "true");
	if (!is_true && !is_word(scan, "false"))
		return scan_fail(scan, "true or false is expected here");
	scan->at += word_size(scan);
	*ret_value = is_true;
	return true;
}

bool scan_is_null(struct scan *scan)
{
	peek(scan);
	return !scan->is_bad && is_word(scan, "null");
}

static const char *past_digits(const char *at)
{
	while (text_is_digit(*at))
		at++;
	return at;
}

/* RFC 8259 section 6. */
static bool is_number(const char *text)
{
	const char *at = text + (text[0] == '-');

	if (!text_is_digit(*at) || (at[0] == '0' && text_is_digit(at[1])))
		return false;
	at = past_digits(at);
	if (*at == '.') {
		if (!text_is_digit(at[1]))
			return false;
		at = past_digits(at + 1);
	}
	if (*at == 'e' || *at == 'E') {
		at += at[1] == '+' || at[1] == '-' ? 2 : 1;
		if (!text_is_digit(*at))
			return false;
		at = past_digits(at);
	}
	return *at == '\0';
}

static bool skip_word(struct scan *scan)
{
	size_t size = word_size(scan);
	AUTO_FREE char *word = mem_strndup(scan->at, size);

	if (strcmp(word, "true") != 0 && strcmp(word, "false") != 0 && strcmp(word, "null") != 0 && !is_number(word))
		return scan_fail(scan, "a value is expected here");
	scan->at += size;
	return true;
}

static bool skip(struct scan *scan, int depth)
{
	if (scan->is_bad)
		return false;
	if (depth == 0)
		return scan_fail(scan, "too many objects and lists within each other");
	switch (peek(scan)) {
	case '{':
		if (!scan_object(scan))
			return false;
		while (scan_member(scan)) {
			if (!skip(scan, depth - 1))
				return false;
		}
		return scan_is_good(scan);
	case '[':
		if (!scan_list(scan))
			return false;
		while (scan_item(scan)) {
			if (!skip(scan, depth - 1))
				return false;
		}
		return scan_is_good(scan);
	case '"': return scan_string(scan) != NULL;
	default: return skip_word(scan);
	}
}

bool scan_skip(struct scan *scan)
{
	return skip(scan, DEPTH_MAX);
}

bool scan_is_done(struct scan *scan)
{
	if (scan->is_bad)
		return false;
	peek(scan);
	return scan->at == scan->end || scan_fail(scan, "something follows after the end");
}

void scan_done(struct scan *scan)
{
	buf_done(&scan->key);
	buf_done(&scan->text);
}
