/* SPDX-License-Identifier: MIT */
/* Text to checked values. Dates are read without strptime, whose names of days and months depend on the locale. */
#include "util/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/attr.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"
#include "util/when.h"

#define DURATION_MAX_S (3650 * (int64_t)WHEN_DAY)
#define RETRY_AFTER_MAX_S (30 * (int64_t)WHEN_DAY)

bool parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	char *end;

	/* strtoll would also take blanks and '+'. */
	if (!text_is_digit(digits[0]))
		return false;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < min || value > max)
		return false;
	*ret_value = value;
	return true;
}

bool parse_bool(const char *text, bool *ret_value)
{
	static const char *const words[][2] = { { "false", "true" }, { "0", "1" }, { "no", "yes" }, { "off", "on" } };

	for (size_t i = 0; i < COUNT(words); i++) {
		for (int value = 0; value <= 1; value++) {
			if (strcmp(text, words[i][value]) == 0) {
				*ret_value = value == 1;
				return true;
			}
		}
	}
	return false;
}

/* The digits at *at as a number, at most DURATION_MAX_S. */
static bool take_number(const char **at, int64_t *ret_number)
{
	int64_t number = 0;

	if (!text_is_digit(**at))
		return false;
	for (; text_is_digit(**at); (*at)++) {
		number = number * 10 + (**at - '0');
		if (number > DURATION_MAX_S)
			return false;
	}
	*ret_number = number;
	return true;
}

bool parse_duration(const char *text, int64_t *ret_seconds)
{
	static const char units[] = "dhms";
	static const int64_t sizes_s[] = { WHEN_DAY, WHEN_HOUR, WHEN_MINUTE, 1 };
	const char *next_units = units; /* each unit once, the larger first */
	int64_t sum_s = 0;

	if (parse_int(text, 0, DURATION_MAX_S, ret_seconds))
		return true;
	do {
		int64_t number;

		if (!take_number(&text, &number) || *text == '\0')
			return false;
		const char *unit = strchr(next_units, *text++);
		if (unit == NULL)
			return false;
		sum_s += number * sizes_s[unit - units];
		if (sum_s > DURATION_MAX_S)
			return false;
		next_units = unit + 1;
	} while (*text != '\0');
	*ret_seconds = sum_s;
	return true;
}

/* ---- dates ---- */

static const char *const month_names[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", NULL };
static const char *const day_names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", NULL };
static const char *const long_day_names[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", NULL };

/* Exactly `count` digits; NULL when they are not there, else what follows. */
static const char *take_digits(const char *text, int count, int *ret_number)
{
	int number = 0;

	for (int i = 0; i < count; i++) {
		if (!text_is_digit(text[i]))
			return NULL;
		number = number * 10 + (text[i] - '0');
	}
	*ret_number = number;
	return text + count;
}

static const char *take_word(const char *text, const char *const *words, int *ret_index)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (text_starts(text, words[i])) {
			*ret_index = i;
			return text + strlen(words[i]);
		}
	}
	return NULL;
}

/* One field of a date as strptime(3) calls it: 'e' is a day of two places, 'y' a year of two digits. What follows the field, or NULL. */
static const char *take_field(const char *text, char field, struct tm *tm)
{
	int ignored;

	switch (field) {
	case 'a': return take_word(text, day_names, &ignored);
	case 'A': return take_word(text, long_day_names, &ignored);
	case 'b': return take_word(text, month_names, &tm->tm_mon);
	case 'd': return take_digits(text, 2, &tm->tm_mday);
	case 'e': return text[0] == ' ' ? take_digits(text + 1, 1, &tm->tm_mday) : take_digits(text, 2, &tm->tm_mday);
	case 'H': return take_digits(text, 2, &tm->tm_hour);
	case 'M': return take_digits(text, 2, &tm->tm_min);
	case 'S': return take_digits(text, 2, &tm->tm_sec);
	case 'm':
		text = take_digits(text, 2, &tm->tm_mon);
		tm->tm_mon--;
		return text;
	case 'y':
		text = take_digits(text, 2, &tm->tm_year);
		/* As POSIX divides the centuries: 69 is 1969, 68 is 2068. */
		tm->tm_year += tm->tm_year < 69 ? 100 : 0;
		return text;
	case 'Y':
		text = take_digits(text, 4, &tm->tm_year);
		tm->tm_year -= 1900;
		return text;
	default: return NULL;
	}
}

/* Reads `text` by `format` (fields with '%', all else literally); what follows, or NULL. */
static const char *take_date(const char *text, const char *format, struct tm *tm)
{
	for (; text != NULL && *format != '\0'; format++) {
		if (*format == '%')
			text = take_field(text, *++format, tm);
		else
			text = *text == *format ? text + 1 : NULL;
	}
	return text;
}

/* False for a date that no calendar has. A leap second is taken as the second after it. */
static bool to_unix(struct tm tm, int64_t *ret_at)
{
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;

	int day = tm.tm_mday;
	int second = tm.tm_sec;
	tm.tm_sec = 0;
	time_t minute_at = timegm(&tm);
	/* timegm has turned the 31st of a shorter month into a day of the next. */
	if (tm.tm_mday != day)
		return false;
	*ret_at = (int64_t)minute_at + second;
	return true;
}

/* "Z" or "+hh:mm", to the end of the text. */
static bool parse_offset(const char *text, int64_t *ret_offset_s)
{
	struct tm tm = { 0 };

	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
		*ret_offset_s = 0;
		return true;
	}
	if (*text != '+' && *text != '-')
		return false;
	const char *end = take_date(text + 1, "%H:%M", &tm);
	if (end == NULL || *end != '\0' || tm.tm_hour > 23 || tm.tm_min > 59)
		return false;
	int64_t offset_s = tm.tm_hour * (int64_t)WHEN_HOUR + tm.tm_min * (int64_t)WHEN_MINUTE;
	*ret_offset_s = *text == '-' ? -offset_s : offset_s;
	return true;
}

bool parse_rfc3339(const char *text, int64_t *ret_at)
{
	struct tm tm = { 0 };
	int64_t local_at, offset_s;

	text = take_date(text, "%Y-%m-%d", &tm);
	if (text == NULL || (*text != 'T' && *text != 't'))
		return false;
	text = take_date(text + 1, "%H:%M:%S", &tm);
	if (text == NULL)
		return false;
	if (*text == '.') {
		if (!text_is_digit(*++text))
			return false;
		while (text_is_digit(*text))
			text++;
	}
	if (!to_unix(tm, &local_at) || !parse_offset(text, &offset_s))
		return false;
	*ret_at = local_at - offset_s;
	return true;
}

bool parse_http_date(const char *text, int64_t *ret_at)
{
	static const char *const formats[] = {
		"%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
		"%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
		"%a %b %e %H:%M:%S %Y",      /* asctime */
	};

	for (size_t i = 0; i < COUNT(formats); i++) {
		struct tm tm = { 0 };
		const char *end = take_date(text, formats[i], &tm);

		if (end != NULL && *end == '\0')
			return to_unix(tm, ret_at);
	}
	return false;
}

bool parse_retry_after(const char *text, int64_t now_at, int64_t *ret_at)
{
	int64_t latest_at = when_add(now_at, RETRY_AFTER_MAX_S);
	int64_t seconds, at;

	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
		at = parse_int(text, 0, RETRY_AFTER_MAX_S, &seconds) ? when_add(now_at, seconds) : latest_at;
	else if (!parse_http_date(text, &at))
		return false;

	if (at < now_at)
		at = now_at;
	*ret_at = at < latest_at ? at : latest_at;
	return true;
}

bool parse_is_email(const char *text)
{
	/* The "atext" of RFC 5322 without '/' and '?': an address becomes a folder's name and part of a mailto URL. */
	static const char others[] = "!#$%&'*+-=^_`{|}~.";
	const char *at = strchr(text, '@');

	if (at == NULL || at == text || strlen(text) > 254)
		return false;
	for (const char *c = text; c < at; c++) {
		if (!text_is_alnum(*c) && strchr(others, *c) == NULL)
			return false;
		if (*c == '.' && (c == text || c[1] == '.' || c[1] == '@'))
			return false;
	}
	AUTO_FREE char *host = text_lower(at + 1);
	return name_kind(host, NULL) == NAME_DNS;
}
