/* SPDX-License-Identifier: MIT */
/* Header fields that have a syntax of their own: Link (RFC 8288 §3) and Content-Type (RFC 9110 §8.3). */
#include "net/header.h"

#include <stdbool.h>
#include <string.h>

#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

/* One link of a Link header. The pointers lead into the header's value. */
struct link {
	const char *target;
	size_t target_size;
	const char *parameters; /* from after '>' */
	size_t parameters_size;
};

/* Where the parameter or link that starts at `at` ends: at one of `stops` outside of quotes, or at the end of the text. */
static const char *skip_to(const char *at, const char *end, const char *stops)
{
	bool is_quoted = false;

	for (; at < end; at++) {
		if (*at == '\\' && is_quoted && at + 1 < end)
			at++;
		else if (*at == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && strchr(stops, *at))
			break;
	}
	return at;
}

/* Reads the link at or after `*at` and moves `*at` behind it. False: no more, or not a link. */
static bool next_link(const char **at, const char *end, struct link *ret_link)
{
	const char *target, *close;

	while (*at < end && (text_is_space(**at) || **at == ','))
		(*at)++;
	if (*at == end || **at != '<')
		return false;
	target = *at + 1;
	close = memchr(target, '>', (size_t)(end - target));
	if (!close)
		return false;
	*at = skip_to(close + 1, end, ",");
	*ret_link = (struct link){ target, (size_t)(close - target), close + 1, (size_t)(*at - close - 1) };
	return true;
}

/* `value` is what stands after "rel=": a token, or a quoted list of them. */
static bool value_has_word(const char *value, const char *word)
{
	AUTO_STRS words = { 0 };

	strs_split(&words, value, "\" \t");
	for (size_t i = 0; i < words.count; i++)
		if (text_equal_nocase(words.items[i], word))
			return true;
	return false;
}

static bool link_has_relation(const struct link *link, const char *relation)
{
	const char *at = link->parameters;
	const char *end = at + link->parameters_size;

	while (at < end) {
		const char *stop = skip_to(at, end, ";");
		AUTO_FREE char *raw = mem_strndup(at, (size_t)(stop - at));
		AUTO_FREE char *parameter = text_trim(raw);
		const char *equals = strchr(parameter, '=');
		AUTO_FREE char *name = equals ? mem_strndup(parameter, (size_t)(equals - parameter)) : mem_strdup("");
		AUTO_FREE char *bare_name = text_trim(name);

		if (equals && text_equal_nocase(bare_name, "rel"))
			return value_has_word(equals + 1, relation);
		at = stop < end ? stop + 1 : end;
	}
	return false;
}

char *header_link(const struct strs *values, const char *relation, size_t index)
{
	for (size_t i = 0; i < values->count; i++) {
		const char *at = values->items[i];
		const char *end = at + strlen(at);
		struct link link;

		while (next_link(&at, end, &link))
			if (link_has_relation(&link, relation) && index-- == 0)
				return mem_strndup(link.target, link.target_size);
	}
	return NULL;
}

char *header_media_type(const char *value)
{
	AUTO_FREE char *bare = mem_strndup(value, strcspn(value, ";"));
	AUTO_FREE char *trimmed = text_trim(bare);

	return text_lower(trimmed);
}
