/* SPDX-License-Identifier: MIT */
/* Moments and durations as text. The only module that knows the time zone of the process. */
#include "util/when.h"

#include <inttypes.h>
#include <time.h>

#include "util/buf.h"
#include "util/mem.h"

int64_t when_add(int64_t at, int64_t seconds)
{
	int64_t sum;

	if (__builtin_add_overflow(at, seconds, &sum))
		return seconds > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

int64_t when_minute_after(int64_t at, int64_t minute)
{
	time_t time = at;
	struct tm tm = { 0 };
	int64_t left_s;

	(void)localtime_r(&time, &tm);
	left_s = minute * WHEN_MINUTE - tm.tm_min * WHEN_MINUTE - tm.tm_sec;
	return when_add(at, left_s > 0 ? left_s : left_s + WHEN_HOUR);
}

/* `at` itself when it is so far away that it has no calendar date. */
static char *number(int64_t at)
{
	return mem_fmt("%" PRId64, at);
}

char *when_local(int64_t at)
{
	time_t time = at;
	struct tm tm;

	if (localtime_r(&time, &tm) == NULL)
		return number(at);
	return mem_fmt("%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

char *when_human(int64_t at)
{
	time_t time = at;
	struct tm tm;

	if (localtime_r(&time, &tm) == NULL)
		return number(at);
	return mem_fmt("%04d-%02d-%02d %02d:%02d %s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_zone);
}

char *when_rfc3339(int64_t at)
{
	time_t time = at;
	struct tm tm;

	if (gmtime_r(&time, &tm) == NULL)
		return number(at);
	return mem_fmt("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

char *when_difference(int64_t seconds)
{
	static const struct {
		uint64_t size_s;
		char name;
	} units[] = { { WHEN_DAY, 'd' }, { WHEN_HOUR, 'h' }, { WHEN_MINUTE, 'm' }, { 1, 's' } };
	/* Unsigned, since -INT64_MIN is none of int64_t. */
	uint64_t left_s = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
	AUTO_BUF text = BUF_MAX(100);

	for (size_t i = 0; i < COUNT(units); i++) {
		if (left_s >= units[i].size_s)
			buf_addf(&text, "%s%" PRIu64 "%c", text.size > 0 ? ", " : "", left_s / units[i].size_s, units[i].name);
		left_s %= units[i].size_s;
	}
	if (seconds < 0)
		buf_adds(&text, " ago");
	return buf_take(&text);
}
