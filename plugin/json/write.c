/* SPDX-License-Identifier: MIT */
/*
 * JSON values on jansson, which keeps members in the order in which they were set. `struct json` is jansson's json_t under a name that lets no other module
 * count references. jansson fails here only without memory (text is made UTF-8 first), which ends the program as everywhere.
 */
#include "json/write.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define TEXT_MAX (SIZE_MAX / 4)

static json_t *inner(struct json *value)
{
	return (json_t *)value;
}

static struct json *outer(json_t *value)
{
	assert(value != NULL);
	return (struct json *)value;
}

struct json *json_new_object(void)
{
	return outer(json_object());
}

struct json *json_new_list(void)
{
	return outer(json_array());
}

void json_free(struct json *value)
{
	json_decref(inner(value));
}

/* `text` with U+FFFD for each byte that is not part of a UTF-8 character. */
static char *to_utf8(const char *text)
{
	AUTO_BUF clean = BUF_MAX(TEXT_MAX);

	while (*text != '\0') {
		size_t size = text_utf8_size(text);

		if (size > 0) {
			buf_add(&clean, text, size);
			text += size;
		} else {
			buf_adds(&clean, "\xef\xbf\xbd");
			text++;
		}
	}
	return buf_take(&clean);
}

static struct json *string(const char *text)
{
	AUTO_FREE char *clean = to_utf8(text);

	return outer(json_string(clean));
}

void json_set(struct json *object, const char *key, struct json *value)
{
	AUTO_FREE char *clean = to_utf8(key);
	int status = json_object_set_new(inner(object), clean, inner(value));

	assert(status == 0);
}

void json_set_str(struct json *object, const char *key, const char *value)
{
	if (value != NULL)
		json_set(object, key, string(value));
}

void json_set_int(struct json *object, const char *key, int64_t value)
{
	json_set(object, key, outer(json_integer(value)));
}

void json_set_bool(struct json *object, const char *key, bool value)
{
	json_set(object, key, outer(json_boolean(value)));
}

void json_set_strs(struct json *object, const char *key, const struct strs *values)
{
	struct json *list = json_new_list();

	for (size_t i = 0; i < values->count; i++)
		json_append_str(list, values->items[i]);
	json_set(object, key, list);
}

void json_append(struct json *list, struct json *value)
{
	int status = json_array_append_new(inner(list), inner(value));

	assert(status == 0);
}

void json_append_str(struct json *list, const char *value)
{
	if (value != NULL)
		json_append(list, string(value));
}

static char *dump(const struct json *value, size_t flags)
{
	char *text = json_dumps((const json_t *)value, flags);

	assert(text != NULL);
	return text;
}

char *json_text(const struct json *value)
{
	return dump(value, JSON_COMPACT);
}

char *json_text_sorted(const struct json *value)
{
	return dump(value, JSON_COMPACT | JSON_SORT_KEYS);
}

/* jansson indents with spaces. A line break of its text is never inside a string, where it is escaped, so the spaces after one are the indentation. */
char *json_text_indented(const struct json *value)
{
	char *text = dump(value, JSON_INDENT(1));

	for (char *line = strchr(text, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
		for (char *at = line + 1; *at == ' '; at++)
			*at = '\t';
	}
	return text;
}

/* A control character of the C1 set, in UTF-8. */
static bool is_c1(const unsigned char *at)
{
	return at[0] == 0xc2 && at[1] <= 0x9f;
}

/* What is escaped here occurs only inside strings, where an escape may stand for it. */
char *json_text_report(const struct json *value)
{
	AUTO_FREE char *text = json_text(value);
	AUTO_BUF report = BUF_MAX(TEXT_MAX);

	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		if (is_c1(at))
			buf_addf(&report, "\\u%04x", *++at);
		else if (*at == '<' || *at == '>' || *at == '&' || *at == 0x7f)
			buf_addf(&report, "\\u%04x", *at);
		else
			buf_addc(&report, (char)*at);
	}
	return buf_take(&report);
}
