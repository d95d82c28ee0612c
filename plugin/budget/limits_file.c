/* SPDX-License-Identifier: MIT */
/* Reads templates/limits/<ca>.json. Strict: an unknown member is a mistyped one, and what is mistyped here is asked of a CA wrongly later. */
#include <stdlib.h>
#include <string.h>

#include "budget/limits.h"
#include "json/scan.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define TEXT_MAX 1000
/* What no CA publishes; a slip of a finger is more likely. */
#define UNITS_MAX 1000000
#define PERIOD_MAX_S (366 * (int64_t)86400)
#define CAPACITY_MAX_NS (10 * 366 * 86400 * NS_PER_S)

/* One entry of "limits". Zero or empty: not said yet. */
struct entry {
	enum limit limit;
	bool has_limit;
	char *page; /* of the source, without its anchor */
	char date[LIMITS_DATE_SIZE];
	int64_t count;
	int64_t burst;
	int64_t period_s;
};

static void entry_done(struct entry *entry)
{
	free(entry->page);
}

static bool read_url(struct scan *scan, const char **ret_url)
{
	const char *url = scan_string(scan);

	if (url == NULL)
		return false;
	if (!text_starts(url, "https://") || strlen(url) == strlen("https://"))
		return scan_fail(scan, "'%s' is not an https:// URL", url);
	*ret_url = url;
	return true;
}

static bool read_limit(struct scan *scan, struct entry *entry)
{
	const char *name = scan_string(scan);

	if (name == NULL)
		return false;
	if (!limit_find(name, &entry->limit))
		return scan_fail(scan, "'%s' is not a limit that this version knows", name);
	if (entry->limit == LIMIT_DOMAIN_OF_ACCOUNT)
		return scan_fail(scan, "%s exists only as an override", name);
	entry->has_limit = true;
	return true;
}

static bool read_units(struct scan *scan, int64_t *ret_units)
{
	if (!scan_int(scan, ret_units))
		return false;
	if (*ret_units < 1 || *ret_units > UNITS_MAX)
		return scan_fail(scan, "'%s' is not between 1 and %d", buf_text(&scan->key), UNITS_MAX);
	return true;
}

static bool read_period(struct scan *scan, int64_t *ret_period_s)
{
	const char *period = scan_string(scan);

	if (period == NULL)
		return false;
	if (!parse_duration(period, ret_period_s) || *ret_period_s < 1 || *ret_period_s > PERIOD_MAX_S)
		return scan_fail(scan, "'%s' is not a period between \"1s\" and \"366d\"", period);
	return true;
}

static bool read_source(struct scan *scan, struct entry *entry)
{
	const char *url;

	if (!read_url(scan, &url))
		return false;
	entry->page = mem_strndup(url, strcspn(url, "#"));
	return true;
}

static bool read_date(struct scan *scan, struct entry *entry)
{
	int64_t at;
	const char *date = scan_string(scan);

	if (date == NULL)
		return false;
	AUTO_FREE char *midnight = mem_fmt("%sT00:00:00Z", date);
	if (strlen(date) != LIMITS_DATE_SIZE - 1 || !parse_rfc3339(midnight, &at))
		return scan_fail(scan, "'%s' is not a date like 2026-08-05", date);
	memcpy(entry->date, date, LIMITS_DATE_SIZE);
	return true;
}

static bool read_entry_member(struct scan *scan, struct entry *entry)
{
	const char *key = buf_text(&scan->key);

	if (strcmp(key, "limit") == 0 && !entry->has_limit)
		return read_limit(scan, entry);
	if (strcmp(key, "count") == 0 && entry->count == 0)
		return read_units(scan, &entry->count);
	if (strcmp(key, "burst") == 0 && entry->burst == 0)
		return read_units(scan, &entry->burst);
	if (strcmp(key, "period") == 0 && entry->period_s == 0)
		return read_period(scan, &entry->period_s);
	if (strcmp(key, "source") == 0 && !entry->page)
		return read_source(scan, entry);
	if (strcmp(key, "date") == 0 && !*entry->date)
		return read_date(scan, entry);
	return scan_fail(scan, "'%s' is said twice, or no part of a limit", key);
}

static const char *missing(const struct entry *entry)
{
	if (!entry->has_limit)
		return "limit";
	if (entry->count == 0)
		return "count";
	if (entry->burst == 0)
		return "burst";
	if (entry->period_s == 0)
		return "period";
	if (!entry->page)
		return "source";
	return *entry->date ? NULL : "date";
}

static bool take_entry(struct scan *scan, const struct entry *entry, struct limits *limits)
{
	const char *reason;
	struct rate rate;
	const char *absent = missing(entry);

	if (absent != NULL)
		return scan_fail(scan, "a limit without '%s' ends here", absent);
	const char *name = limit_name(entry->limit);
	if (limits->is_limited[entry->limit])
		return scan_fail(scan, "%s is there twice", name);
	if (!rate_make(entry->count, entry->burst, entry->period_s * NS_PER_S, &rate, &reason))
		return scan_fail(scan, "%s: %s", name, reason);
	if (rate.capacity_ns > CAPACITY_MAX_NS)
		return scan_fail(scan, "%s: an empty bucket would take more than ten years to fill", name);
	limits->is_limited[entry->limit] = true;
	limits->rates[entry->limit] = rate;
	(void)strs_add_new(&limits->sources, entry->page);
	if (strcmp(entry->date, limits->date) > 0)
		memcpy(limits->date, entry->date, LIMITS_DATE_SIZE);
	return true;
}

static bool read_limits(struct scan *scan, struct limits *limits)
{
	if (!scan_list(scan))
		return false;
	while (scan_item(scan)) {
		AUTO(entry_done) struct entry entry = { 0 };

		if (!scan_object(scan))
			return false;
		while (scan_member(scan)) {
			if (!read_entry_member(scan, &entry))
				return false;
		}
		if (!scan_is_good(scan) || !take_entry(scan, &entry, limits))
			return false;
	}
	return scan_is_good(scan);
}

static bool read_name(struct scan *scan, char **ret_name)
{
	const char *name = scan_string(scan);

	if (name == NULL)
		return false;
	if (name[0] == '\0')
		return scan_fail(scan, "'name' is empty");
	*ret_name = mem_strdup(name);
	return true;
}

/* A list that is not empty, of URLs or of any text. */
static bool read_texts(struct scan *scan, bool are_urls, struct strs *ret_texts)
{
	AUTO_FREE char *key = mem_strdup(buf_text(&scan->key));

	if (!scan_list(scan))
		return false;
	while (scan_item(scan)) {
		const char *text = NULL;

		if (are_urls ? !read_url(scan, &text) : (text = scan_string(scan)) == NULL)
			return false;
		if (text[0] == '\0' || !strs_add_new(ret_texts, text))
			return scan_fail(scan, "'%s' is empty or there twice in '%s'", text, key);
	}
	if (scan_is_good(scan) && ret_texts->count == 0)
		return scan_fail(scan, "'%s' is empty", key);
	return scan_is_good(scan);
}

static bool read_member(struct scan *scan, struct limits *limits, bool *has_limits)
{
	const char *key = buf_text(&scan->key);

	if (strcmp(key, "name") == 0 && limits->name == NULL)
		return read_name(scan, &limits->name);
	if (strcmp(key, "directories") == 0 && limits->directories.count == 0)
		return read_texts(scan, true, &limits->directories);
	if (strcmp(key, "issuers") == 0 && limits->issuers.count == 0)
		return read_texts(scan, false, &limits->issuers);
	if (strcmp(key, "limits") == 0 && !*has_limits)
		return *has_limits = read_limits(scan, limits);
	return scan_fail(scan, "'%s' is said twice, or no part of such a file", key);
}

static bool read_file(struct scan *scan, struct limits *limits)
{
	bool has_limits = false;

	if (!scan_object(scan))
		return false;
	while (scan_member(scan)) {
		if (!read_member(scan, limits, &has_limits))
			return false;
	}
	if (!scan_is_done(scan))
		return false;
	if (limits->name == NULL)
		return scan_fail(scan, "'name' is missing");
	if (limits->directories.count == 0)
		return scan_fail(scan, "'directories' is missing");
	if (limits->issuers.count == 0)
		return scan_fail(scan, "'issuers' is missing");
	return has_limits || scan_fail(scan, "'limits' is missing");
}

bool limits_read(const char *text, size_t size, struct limits *ret_limits, struct err *err)
{
	AUTO_SCAN scan = { 0 };
	AUTO_LIMITS limits = { 0 };

	scan_start(&scan, text, size, TEXT_MAX, err);
	if (!read_file(&scan, &limits))
		return false;
	*ret_limits = limits;
	limits = (struct limits){ 0 };
	return true;
}
