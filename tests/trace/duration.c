/* SPDX-License-Identifier: MIT */
/* Go's durations. */
#include "tests/trace/duration.h"

#include <inttypes.h>
#include <string.h>

#include "util/attr.h"
#include "util/buf.h"
#include "util/text.h"

struct unit {
	const char *name;
	int64_t ns;
};

static const struct unit units[] = { { "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "\xce\xbcs", 1000 }, { "ms", 1000000 },
	{ "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 } };

/* The digits at *at, and how many they are. */
static bool take_digits(const char **at, int64_t *ret_number, int *ret_count)
{
	*ret_number = 0;
	for (*ret_count = 0; text_is_digit(**at); (*at)++, (*ret_count)++) {
		if (__builtin_mul_overflow(*ret_number, 10, ret_number) || __builtin_add_overflow(*ret_number, **at - '0', ret_number))
			return false;
	}
	return true;
}

static const struct unit *take_unit(const char **at)
{
	size_t size = strcspn(*at, "0123456789.");

	for (size_t i = 0; i < COUNT(units); i++) {
		if (strlen(units[i].name) == size && strncmp(*at, units[i].name, size) == 0) {
			*at += size;
			return &units[i];
		}
	}
	return NULL;
}

/* One "1.5h". */
static bool take_part(const char **at, int64_t *ret_ns)
{
	int64_t whole;
	int64_t fraction = 0;
	int whole_count;
	int fraction_count = 0;

	if (!take_digits(at, &whole, &whole_count))
		return false;
	if (**at == '.') {
		(*at)++;
		if (!take_digits(at, &fraction, &fraction_count))
			return false;
	}
	const struct unit *unit = whole_count + fraction_count > 0 ? take_unit(at) : NULL;
	if (unit == NULL || __builtin_mul_overflow(whole, unit->ns, ret_ns))
		return false;
	long double scale = 1;
	for (int i = 0; i < fraction_count; i++)
		scale *= 10;
	return !__builtin_add_overflow(*ret_ns, (int64_t)((long double)fraction * ((long double)unit->ns / scale)), ret_ns);
}

bool duration_parse(const char *text, int64_t *ret_ns)
{
	int64_t sum_ns = 0;

	if (text[0] == '+')
		text++;
	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return true;
	}
	do {
		int64_t part_ns;

		if (!take_part(&text, &part_ns) || __builtin_add_overflow(sum_ns, part_ns, &sum_ns))
			return false;
	} while (*text != '\0');
	*ret_ns = sum_ns;
	return true;
}

/* A number of units with as many decimals as are needed. */
static void add_fraction(struct buf *out, int64_t ns, int64_t unit_ns)
{
	int64_t rest = ns % unit_ns;

	buf_addf(out, "%" PRId64, ns / unit_ns);
	if (rest == 0)
		return;
	buf_addc(out, '.');
	while (rest > 0) {
		unit_ns /= 10;
		buf_addf(out, "%" PRId64, rest / unit_ns);
		rest %= unit_ns;
	}
}

void duration_add(struct buf *out, int64_t ns)
{
	const int64_t minute_ns = 60000000000;
	const int64_t hour_ns = 60 * minute_ns;

	if (ns == 0) {
		buf_adds(out, "0s");
	} else if (ns < 1000) {
		buf_addf(out, "%" PRId64 "ns", ns);
	} else if (ns < 1000000) {
		add_fraction(out, ns, 1000);
		buf_adds(out, "\xc2\xb5s");
	} else if (ns < 1000000000) {
		add_fraction(out, ns, 1000000);
		buf_adds(out, "ms");
	} else {
		if (ns >= hour_ns)
			buf_addf(out, "%" PRId64 "h", ns / hour_ns);
		if (ns >= minute_ns)
			buf_addf(out, "%" PRId64 "m", ns % hour_ns / minute_ns);
		add_fraction(out, ns % minute_ns, 1000000000);
		buf_addc(out, 's');
	}
}
