/* SPDX-License-Identifier: MIT */
/* Lines of a trace, and the limits that some of them bring. */
#include "tests/trace/operation.h"

#include <string.h>

#include "budget/limits.h"
#include "json/scan.h"
#include "tests/trace/duration.h"
#include "util/err.h"
#include "util/mem.h"

#define TEXT_MAX (1 << 20)

void operation_init(struct operation *operation)
{
	*operation = (struct operation){ .op = BUF_MAX(TEXT_MAX), .name = BUF_MAX(TEXT_MAX), .ip = BUF_MAX(TEXT_MAX) };
}

static void restart(struct operation *operation)
{
	struct operation empty = { .op = operation->op, .name = operation->name, .ip = operation->ip };

	strs_done(&operation->names);
	buf_clear(&empty.op);
	buf_clear(&empty.name);
	buf_clear(&empty.ip);
	*operation = empty;
}

static bool read_text(struct scan *scan, struct buf *target)
{
	const char *text = scan_string(scan);

	return text != NULL && buf_adds(target, text);
}

static bool read_names(struct scan *scan, struct strs *names)
{
	if (!scan_list(scan))
		return false;
	while (scan_item(scan)) {
		const char *name = scan_string(scan);

		if (name == NULL)
			return false;
		strs_add(names, name);
	}
	return scan_is_good(scan);
}

static bool read_inner(struct scan *scan, const char **ret_text, size_t *ret_size)
{
	if (scan_is_null(scan))
		return scan_skip(scan);

	const char *start = scan->at;
	if (!scan_skip(scan))
		return false;
	*ret_text = start;
	*ret_size = (size_t)(scan->at - start);
	return true;
}

static const struct {
	const char *name;
	enum operation_member member;
} members[] = { { "op", HAS_OP }, { "t", HAS_T }, { "account", HAS_ACCOUNT }, { "names", HAS_NAMES }, { "name", HAS_NAME }, { "ip", HAS_IP },
	{ "not_before", HAS_NOT_BEFORE }, { "issued", HAS_ISSUED }, { "not_after", HAS_NOT_AFTER }, { "replaces", HAS_REPLACES } };

static bool read_value(struct scan *scan, enum operation_member member, struct operation *operation)
{
	switch (member) {
	case HAS_OP: return read_text(scan, &operation->op);
	case HAS_T: return scan_int(scan, &operation->t);
	case HAS_ACCOUNT: return scan_int(scan, &operation->account);
	case HAS_NAMES: return read_names(scan, &operation->names);
	case HAS_NAME: return read_text(scan, &operation->name);
	case HAS_IP: return read_text(scan, &operation->ip);
	case HAS_NOT_BEFORE: return scan_int(scan, &operation->not_before);
	case HAS_ISSUED: return scan_int(scan, &operation->issued);
	case HAS_NOT_AFTER: return scan_int(scan, &operation->not_after);
	case HAS_REPLACES: return scan_bool(scan, &operation->replaces);
	}
	return false;
}

static bool read_member(struct scan *scan, struct operation *operation)
{
	const char *key = buf_text(&scan->key);

	for (size_t i = 0; i < COUNT(members); i++) {
		if (strcmp(key, members[i].name) == 0) {
			if ((operation->has & members[i].member) != 0)
				return scan_fail(scan, "'%s' is there twice", key);
			operation->has |= members[i].member;
			return read_value(scan, members[i].member, operation);
		}
	}
	if (strcmp(key, "overrides") == 0)
		return read_inner(scan, &operation->overrides, &operation->overrides_size);
	if (strcmp(key, "defaults") == 0)
		return read_inner(scan, &operation->defaults, &operation->defaults_size);
	return scan_skip(scan);
}

bool operation_read(const char *line, size_t size, struct operation *operation, struct err *err)
{
	AUTO_SCAN scan = { 0 };

	restart(operation);
	scan_start(&scan, line, size, TEXT_MAX, err);
	if (!scan_object(&scan))
		return false;
	while (scan_member(&scan)) {
		if (!read_member(&scan, operation))
			return false;
	}
	return scan_is_done(&scan);
}

void operation_done(struct operation *operation)
{
	buf_done(&operation->op);
	buf_done(&operation->name);
	buf_done(&operation->ip);
	strs_done(&operation->names);
}

/* ---- limits ---- */

/* What one limit of a file says. */
struct config {
	int64_t count;
	int64_t burst;
	int64_t period_ns;
	struct strs ids;
};

static void config_done(struct config *config)
{
	strs_done(&config->ids);
}

static bool read_period(struct scan *scan, int64_t *ret_ns)
{
	const char *text = scan_string(scan);

	return text != NULL && (duration_parse(text, ret_ns) || scan_fail(scan, "'%s' is not a duration", text));
}

static bool read_id(struct scan *scan, struct strs *ids)
{
	if (!scan_object(scan))
		return false;
	while (scan_member(scan)) {
		bool is_id = strcmp(buf_text(&scan->key), "id") == 0;
		const char *text = scan_string(scan);

		if (text == NULL)
			return false;
		if (is_id)
			strs_add(ids, text);
	}
	return scan_is_good(scan);
}

static bool read_ids(struct scan *scan, struct strs *ids)
{
	if (!scan_list(scan))
		return false;
	while (scan_item(scan)) {
		if (!read_id(scan, ids))
			return false;
	}
	return scan_is_good(scan);
}

static bool read_config(struct scan *scan, struct config *config)
{
	if (!scan_object(scan))
		return false;
	while (scan_member(scan)) {
		const char *key = buf_text(&scan->key);
		bool is_read = strcmp(key, "count") == 0 ? scan_int(scan, &config->count)
			: strcmp(key, "burst") == 0      ? scan_int(scan, &config->burst)
			: strcmp(key, "period") == 0     ? read_period(scan, &config->period_ns)
			: strcmp(key, "ids") == 0        ? read_ids(scan, &config->ids)
							 : scan_fail(scan, "'%s' is no part of a limit", key);

		if (!is_read)
			return false;
	}
	return scan_is_good(scan);
}

/* A member of an object of limits: its name, and what it says as a rate. A limit of the CA's forms is none of ours: `*ret_is_ours` is false. */
static bool read_limit(struct scan *scan, struct config *config, enum limit *ret_limit, struct rate *ret_rate, bool *ret_is_ours)
{
	const char *reason;
	AUTO_FREE char *name = mem_strdup(buf_text(&scan->key));

	if (!read_config(scan, config))
		return false;
	if (!rate_make(config->count, config->burst, config->period_ns, ret_rate, &reason))
		return scan_fail(scan, "%s: %s", name, reason);
	*ret_is_ours = limit_find(name, ret_limit);
	return *ret_is_ours || strcmp(name, "LimitOverrideRequestsPerIPAddress") == 0 || scan_fail(scan, "'%s' is not a limit", name);
}

bool operation_defaults(const char *text, size_t size, struct limits *limits, struct err *err)
{
	AUTO_SCAN scan = { 0 };

	scan_start(&scan, text, size, TEXT_MAX, err);
	memset(limits->is_limited, 0, sizeof(limits->is_limited));
	if (!scan_object(&scan))
		return false;
	while (scan_member(&scan)) {
		AUTO(config_done) struct config config = { 0 };
		enum limit limit = LIMIT_COUNT;
		struct rate rate;
		bool is_ours;

		if (!read_limit(&scan, &config, &limit, &rate, &is_ours))
			return false;
		if (limit == LIMIT_DOMAIN_OF_ACCOUNT)
			return scan_fail(&scan, "%s exists only as an override", limit_name(limit));
		if (is_ours) {
			limits->is_limited[limit] = true;
			limits->rates[limit] = rate;
		}
	}
	return scan_is_done(&scan);
}

static bool read_override(struct scan *scan, struct limits *limits)
{
	AUTO(config_done) struct config config = { 0 };
	enum limit limit;
	struct rate rate;
	bool is_ours;

	if (!read_limit(scan, &config, &limit, &rate, &is_ours))
		return false;
	for (size_t i = 0; is_ours && i < config.ids.count; i++) {
		if (!limits_override(limits, limit, config.ids.items[i], &rate, scan->err))
			return false;
	}
	return true;
}

bool operation_overrides(const char *text, size_t size, struct limits *limits, struct err *err)
{
	AUTO_SCAN scan = { 0 };

	scan_start(&scan, text, size, TEXT_MAX, err);
	if (!scan_list(&scan))
		return false;
	while (scan_item(&scan)) {
		if (!scan_object(&scan))
			return false;
		while (scan_member(&scan)) {
			if (!read_override(&scan, limits))
				return false;
		}
		if (!scan_is_good(&scan))
			return false;
	}
	return scan_is_done(&scan);
}
