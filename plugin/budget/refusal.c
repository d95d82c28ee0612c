/* SPDX-License-Identifier: MIT */
/*
 * Reads what Boulder says when it refuses for a rate (ratelimits/limiter.go, errors/errors.go) or because names are paused (wfe2/wfe.go). Its words stand
 * somewhere in a text of ours; nothing in them is believed before it has the shape that Boulder gives it.
 */
#include "budget/refusal.h"

#include <stdlib.h>
#include <string.h>

#include "budget/gcra.h"
#include "util/attr.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/parse.h"
#include "util/text.h"

#define BURST_MAX 1000000000
#define PERIOD_MAX_NS (3650 * 86400 * NS_PER_S)
/* So many digits of a number are looked at; no period has more. */
#define DIGITS_MAX 15
#define ID_MAX 253
/* Later ones do not fit into nanoseconds. */
#define MOMENT_MAX (INT64_MAX / NS_PER_S)
/* Boulder names at most 15. */
#define NAMES_TOLD_MAX 100

static const struct {
	const char *words;  /* what the sentence begins with … */
	const char *phrase; /* … and what comes later in it */
	const char *anchor; /* of the URL at its end, which tells the same should the words have changed */
	enum limit limit;
	bool has_id;
} sentences[] = {
	{ "too many new registrations", "from this IP address", "#new-registrations-per-ip-address", LIMIT_ACCOUNTS_PER_ADDRESS, false },
	{ "too many new registrations", "subnet of IPv6 addresses", "#new-registrations-per-ipv6-range", LIMIT_ACCOUNTS_PER_RANGE, false },
	{ "too many new orders", "from this account", "#new-orders-per-account", LIMIT_ORDERS, false },
	{ "too many failed authorizations", "for \"", "#authorization-failures-per-identifier-per-account", LIMIT_FAILURES, true },
	{ "too many certificates", "already issued for this exact set of", "#new-certificates-per-exact-set-of-identifiers", LIMIT_SET, false },
	{ "too many certificates", "already issued for \"", "#new-certificates-per-registered-domain", LIMIT_DOMAIN, true },
};

void refusal_done(struct refusal *refusal)
{
	free(refusal->link);
	strs_done(&refusal->names);
	free(refusal->id);
	*refusal = (struct refusal){ 0 };
}

/* ---- parts of a sentence ---- */

/* What follows the words, or NULL. */
static const char *after(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	return at != NULL ? at + strlen(words) : NULL;
}

/* "(300)" */
static int64_t read_burst(const char *sentence)
{
	const char *at = after(sentence, "(");
	int64_t burst = 0;

	if (at == NULL)
		return 0;
	AUTO_FREE char *digits = mem_strndup(at, strspn(at, "0123456789"));
	return at[strlen(digits)] == ')' && parse_int(digits, 1, BURST_MAX, &burst) ? burst : 0;
}

/* The unit of a duration of Go; NULL = none. */
static const char *take_unit(const char *at, int64_t *ret_ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "ms", 1000000 }, { "h", 3600 * NS_PER_S }, { "m", 60 * NS_PER_S }, { "s", NS_PER_S },
	};

	for (size_t i = 0; i < COUNT(units); i++) {
		if (text_starts(at, units[i].name)) {
			*ret_ns = units[i].ns;
			return at + strlen(units[i].name);
		}
	}
	return NULL;
}

static int64_t number_of(const char *digits, size_t count)
{
	int64_t number = 0;

	for (size_t i = 0; i < count; i++)
		number = number * 10 + (digits[i] - '0');
	return number;
}

/* "1.5s": a number and its unit, in nanoseconds (what is less is cut). NULL = there is none, or a huge one. */
static const char *take_part(const char *at, int64_t *ret_ns)
{
	size_t whole = strspn(at, "0123456789");
	const char *point = at + whole;
	size_t decimals = *point == '.' ? strspn(point + 1, "0123456789") : 0;
	const char *unit = decimals > 0 ? point + 1 + decimals : point;
	int64_t unit_ns = 0;
	const char *end = take_unit(unit, &unit_ns);

	if (whole == 0 || whole > DIGITS_MAX || decimals > DIGITS_MAX || end == NULL || number_of(at, whole) > PERIOD_MAX_NS / unit_ns)
		return NULL;
	*ret_ns = number_of(at, whole) * unit_ns;
	for (size_t i = 0; i < decimals; i++) {
		unit_ns /= 10;
		*ret_ns += (point[1 + i] - '0') * unit_ns;
	}
	return end;
}

/* "in the last 168h0m0s" */
static int64_t read_period(const char *sentence)
{
	const char *at = after(sentence, "in the last ");
	int64_t sum_ns = 0;

	while (at != NULL && text_is_digit(*at)) {
		int64_t part_ns = 0;

		at = take_part(at, &part_ns);
		sum_ns += part_ns;
		if (at == NULL || sum_ns > PERIOD_MAX_NS)
			return 0;
	}
	return at != NULL && !text_is_alnum(*at) ? sum_ns : 0;
}

/* "retry after 2026-01-02 15:04:05 UTC" */
static int64_t read_retry_at(const char *sentence)
{
	static const char shape[] = "2026-01-02 15:04:05 UTC";
	const char *at = after(sentence, "retry after ");
	int64_t retry_at = 0;

	if (at == NULL || strnlen(at, strlen(shape)) < strlen(shape) || at[10] != ' ' || !text_starts(at + 19, " UTC"))
		return 0;
	AUTO_FREE char *moment = mem_fmt("%.10sT%.8sZ", at, at + 11);
	return parse_rfc3339(moment, &retry_at) && retry_at > 0 && retry_at < MOMENT_MAX ? retry_at : 0;
}

/*
 * A quoted name, "" unless it is a whole one: of an IPv6 address Boulder tells only what follows the last colon ("/64", "1", ""), and every other identifier
 * has a dot.
 */
static char *read_id(const char *sentence)
{
	const char *at = after(sentence, "\"");
	size_t size = 0;
	bool has_dot = false;

	if (at == NULL)
		return mem_strdup("");
	for (; text_is_alnum(at[size]) || (at[size] != '\0' && strchr(".-*/", at[size]) != NULL); size++)
		has_dot = has_dot || at[size] == '.';
	if (at[size] != '"' || !has_dot || at[0] == '/' || size > ID_MAX)
		return mem_strdup("");
	AUTO_FREE char *id = mem_strndup(at, size);
	return text_lower(id);
}

/* ---- sentences ---- */

static size_t sentence_by_words(const char *sentence)
{
	for (size_t i = 0; i < COUNT(sentences); i++) {
		const char *rest = after(sentence, sentences[i].words);

		if (rest != NULL && strstr(rest, sentences[i].phrase) != NULL)
			return i;
	}
	return COUNT(sentences);
}

static size_t sentence_by_anchor(const char *sentence)
{
	for (size_t i = 0; i < COUNT(sentences); i++) {
		const char *rest = after(sentence, sentences[i].anchor);

		if (rest != NULL && !text_is_alnum(*rest) && *rest != '-')
			return i;
	}
	return COUNT(sentences);
}

static void read_limit(const char *text, struct refusal *refusal)
{
	const char *start = strstr(text, "too many ");
	const char *line = start != NULL ? start : text;
	AUTO_FREE char *sentence = mem_strndup(line, strcspn(line, "\n"));
	size_t index = sentence_by_words(sentence);

	refusal->retry_at = read_retry_at(sentence);
	if (index == COUNT(sentences))
		index = sentence_by_anchor(sentence);
	if (index == COUNT(sentences))
		return;
	refusal->has_limit = true;
	refusal->limit = sentences[index].limit;
	refusal->burst = read_burst(sentence);
	refusal->period_ns = read_period(sentence);
	if (sentences[index].has_id) {
		free(refusal->id);
		refusal->id = read_id(sentence);
	}
}

/* The first https URL that leads to the page where a pause is lifted; NULL = none. */
static char *find_link(const char *text)
{
	for (const char *at = text; (at = strstr(at, "https://")) != NULL; at++) {
		size_t size = strcspn(at, " \t\n\"'<>\\");

		while (size > 0 && strchr(".,;:)", at[size - 1]) != NULL)
			size--;
		AUTO_FREE char *url = mem_strndup(at, size);
		if (strstr(url, "/sfe/") != NULL && strstr(url, "/unpause") != NULL)
			return mem_take(&url);
	}
	return NULL;
}

static void read_names(const char *list, struct strs *names)
{
	AUTO_FREE char *text = mem_strndup(list, (size_t)(strstr(list, " and possibly others") - list));
	AUTO_STRS words = { 0 };

	strs_split(&words, text, ", ");
	for (size_t i = 0; i < words.count && i < NAMES_TOLD_MAX; i++) {
		AUTO_FREE char *name = text_lower(words.items[i]);

		if (name_kind(name, NULL) != NAME_BAD)
			(void)strs_add_new(names, name);
	}
}

static void read_pause(const char *text, struct refusal *refusal)
{
	const char *list = after(text, "temporarily prevented from requesting certificates for ");
	char *link = find_link(text);

	refusal->is_pause = list != NULL || link != NULL;
	if (list != NULL && strstr(list, " and possibly others") != NULL)
		read_names(list, &refusal->names);
	if (link != NULL) {
		free(refusal->link);
		refusal->link = link;
	}
}

void refusal_read(const char *text, struct refusal *ret_refusal)
{
	struct refusal refusal = { .link = mem_strdup(""), .id = mem_strdup("") };

	read_pause(text, &refusal);
	if (!refusal.is_pause)
		read_limit(text, &refusal);
	*ret_refusal = refusal;
}
