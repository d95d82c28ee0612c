/* SPDX-License-Identifier: MIT */
/* One operation of a trace: what it asks the ledger, and the answer as JSON. */
#include "tests/trace/play.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "budget/address.h"
#include "budget/names.h"
#include "tests/trace/message.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/text.h"

/* ---- answers ---- */

static void add_string(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (const char *run = text; *run != '\0';) {
		size_t size = strcspn(run, "\"\\\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f");

		buf_add(out, run, size);
		run += size;
		if (*run != '\0')
			buf_addf(out, "\\u%04x", (unsigned)(unsigned char)*run++);
	}
	buf_addc(out, '"');
}

static void add_names(struct buf *out, const char *member, const struct strs *names)
{
	buf_addf(out, "\"%s\":[", member);
	for (size_t i = 0; i < names->count; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_string(out, names->items[i]);
	}
	buf_addc(out, ']');
}

static const char *as_name(enum order_as as)
{
	switch (as) {
	case ORDER_NEW: return "new";
	case ORDER_RENEWAL: return "renewal";
	case ORDER_ARI: return "ari";
	}
	return "";
}

static void add_message(struct buf *out, const struct verdict *verdict)
{
	AUTO_BUF text = BUF_MAX(1 << 20);

	if (verdict->paused.count > 0)
		message_paused(&text, &verdict->paused);
	else
		message_denied(&text, verdict);
	buf_adds(out, ",\"message\":");
	add_string(out, buf_text(&text));
}

static void add_verdict(struct buf *out, const struct verdict *verdict, bool has_as)
{
	buf_addf(out, "{\"allowed\":%s", verdict->is_allowed ? "true" : "false");
	if (verdict->paused.count > 0) {
		buf_adds(out, ",\"limit\":\"Paused\",");
		add_names(out, "paused_names", &verdict->paused);
	} else {
		if (has_as)
			buf_addf(out, ",\"as\":\"%s\"", as_name(verdict->as));
		if (!verdict->is_allowed)
			buf_addf(out, ",\"limit\":\"%s\",\"bucket\":\"%s\",\"retry_at\":%" PRId64, limit_name(verdict->limit), verdict->bucket,
				verdict->retry_at_ns);
	}
	if (!verdict->is_allowed)
		add_message(out, verdict);
	buf_addc(out, '}');
}

/* ---- operations ---- */

/* What an operation works with: made from its members before it changes anything. */
struct input {
	char account[24];
	struct names names;
	char *name;
	char *address;
};

static void input_done(struct input *input)
{
	names_done(&input->names);
	free(input->name);
	free(input->address);
}

static bool make_input(const struct operation *operation, struct input *input, struct err *err)
{
	snprintf(input->account, sizeof(input->account), "%" PRId64, operation->account);
	if ((operation->has & HAS_NAMES) != 0 && !names_make(&operation->names, &input->names, err))
		return false;
	if ((operation->has & HAS_NAME) != 0) {
		const char *reason = NULL;

		input->name = text_lower(buf_text(&operation->name));
		if (name_kind(input->name, &reason) == NAME_BAD)
			return err_set(err, ERR_REFUSED, "'%s' %s", input->name, reason);
	}
	if ((operation->has & HAS_IP) != 0 && (input->address = address_canonical(buf_text(&operation->ip))) == NULL)
		return err_set(err, ERR_REFUSED, "'%s' is not an address", buf_text(&operation->ip));
	return true;
}

static bool order(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	AUTO_VERDICT verdict = { 0 };

	if (!ledger_order(&trace->ledger, trace->now_ns, input->account, &input->names, trace->operation.replaces, &verdict, err))
		return false;
	add_verdict(out, &verdict, true);
	return true;
}

static bool account(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	AUTO_VERDICT verdict = { 0 };

	if (!ledger_account(&trace->ledger, trace->now_ns, input->address, &verdict, err))
		return false;
	add_verdict(out, &verdict, false);
	return true;
}

static bool refund_order(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	return ledger_refund_order(&trace->ledger, trace->now_ns, input->account, &input->names, err) && buf_adds(out, "{}");
}

static bool refund_account(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	return ledger_refund_account(&trace->ledger, trace->now_ns, input->address, err) && buf_adds(out, "{}");
}

static bool issued(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	enum order_as as;

	return ledger_issued(&trace->ledger, trace->now_ns, input->account, &input->names, trace->operation.not_before, &as, err) &&
		buf_addf(out, "{\"as\":\"%s\"}", as_name(as));
}

static bool failed(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	bool is_paused;

	return ledger_failed(&trace->ledger, trace->now_ns, input->account, input->name, &is_paused, err) &&
		buf_addf(out, "{\"paused\":%s}", is_paused ? "true" : "false");
}

static bool valid(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	return ledger_valid(&trace->ledger, input->account, input->name, err) && buf_adds(out, "{}");
}

static bool unpause(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	int64_t count;

	return ledger_unpause(&trace->ledger, trace->now_ns, input->account, &count, err) && buf_addf(out, "{\"unpaused\":%" PRId64 "}", count);
}

static bool window(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	int64_t start_ns;
	int64_t end_ns;

	(void)input;
	(void)err;
	ledger_window(trace->operation.issued, trace->operation.not_after, &start_ns, &end_ns);
	return buf_addf(out, "{\"start\":%" PRId64 ",\"end\":%" PRId64 ",\"open\":%s}", start_ns, end_ns,
		trace->now_ns >= start_ns && trace->now_ns < end_ns ? "true" : "false");
}

static void remember_limits(struct trace *trace)
{
	const struct operation *operation = &trace->operation;

	if (operation->defaults != NULL) {
		buf_clear(&trace->defaults);
		buf_add(&trace->defaults, operation->defaults, operation->defaults_size);
	}
	buf_clear(&trace->overrides);
	if (operation->overrides != NULL)
		buf_add(&trace->overrides, operation->overrides, operation->overrides_size);
	trace->has_new_limits = true;
}

/* Into a copy first: limits that make no sense change nothing. */
static bool limits(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	const struct operation *operation = &trace->operation;
	AUTO_LIMITS changed = { 0 };

	(void)input;
	memcpy(changed.is_limited, trace->limits.is_limited, sizeof(changed.is_limited));
	memcpy(changed.rates, trace->limits.rates, sizeof(changed.rates));
	if (operation->defaults != NULL && !operation_defaults(operation->defaults, operation->defaults_size, &changed, err))
		return false;
	if (operation->overrides != NULL && !operation_overrides(operation->overrides, operation->overrides_size, &changed, err))
		return false;
	limits_done(&trace->limits);
	trace->limits = changed;
	changed = (struct limits){ 0 };
	remember_limits(trace);
	return buf_adds(out, "{}");
}

static bool add_levels(struct trace *trace, const struct charges *charges, struct buf *out, struct err *err)
{
	buf_adds(out, "\"buckets\":[");
	for (size_t i = 0; i < charges->count; i++) {
		const struct charge *charge = &charges->items[i];
		struct level level;

		if (!ledger_level(&trace->ledger, trace->now_ns, charge, &level, err))
			return false;
		buf_addf(out, "%s{\"limit\":\"%s\",\"bucket\":\"%s\",\"remaining\":%" PRId64 ",\"next_unit_at\":%" PRId64 ",\"reset_at\":%" PRId64 "}",
			i > 0 ? "," : "", limit_name(charge->limit), charge->bucket, level.remaining, level.next_unit_at_ns, level.full_at_ns);
	}
	return buf_adds(out, "]}");
}

static bool peek_account(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	AUTO_CHARGES charges = { 0 };

	charges_account(&trace->ledger.rules, input->address, &charges);
	buf_addc(out, '{');
	return add_levels(trace, &charges, out, err);
}

static bool peek(struct trace *trace, const struct input *input, struct buf *out, struct err *err)
{
	AUTO_CHARGES charges = { 0 };
	AUTO_STRS paused = { 0 };
	bool is_renewal;

	if (!ledger_is_renewal(&trace->ledger, trace->now_ns, &input->names, &is_renewal, err) ||
		!ledger_paused(&trace->ledger, input->account, &input->names, &paused, err))
		return false;
	buf_addf(out, "{\"renewal\":%s,", is_renewal ? "true" : "false");
	if (paused.count > 0) {
		add_names(out, "paused_names", &paused);
		buf_addc(out, ',');
	}
	charges_all(&trace->ledger.rules, input->account, &input->names, &charges);
	return add_levels(trace, &charges, out, err);
}

static const struct {
	const char *name;
	unsigned needs; /* members besides op and t; the first row whose members are all there is taken */
	bool (*run)(struct trace *trace, const struct input *input, struct buf *out, struct err *err);
} operations[] = {
	{ "order", HAS_ACCOUNT | HAS_NAMES, order },
	{ "issued", HAS_ACCOUNT | HAS_NAMES | HAS_NOT_BEFORE, issued },
	{ "failed", HAS_ACCOUNT | HAS_NAME, failed },
	{ "valid", HAS_ACCOUNT | HAS_NAME, valid },
	{ "peek", HAS_ACCOUNT | HAS_NAMES, peek },
	{ "peek", HAS_IP, peek_account },
	{ "refund", HAS_ACCOUNT | HAS_NAMES, refund_order },
	{ "refund", HAS_IP, refund_account },
	{ "account", HAS_IP, account },
	{ "unpause", HAS_ACCOUNT, unpause },
	{ "window", HAS_ISSUED | HAS_NOT_AFTER, window },
	{ "limits", 0, limits },
};

static bool run(struct trace *trace, struct buf *out, struct err *err)
{
	const struct operation *operation = &trace->operation;
	AUTO(input_done) struct input input = { 0 };
	bool is_known = false;

	if ((operation->has & HAS_T) == 0)
		return err_set(err, ERR_USAGE, "'t' is missing");
	if (trace->has_begun && operation->t < trace->now_ns)
		return err_set(err, ERR_USAGE, "'t' goes back");
	trace->has_begun = true;
	trace->now_ns = operation->t;
	if (!make_input(operation, &input, err))
		return false;
	for (size_t i = 0; i < COUNT(operations); i++) {
		if (strcmp(operations[i].name, buf_text(&operation->op)) != 0)
			continue;
		is_known = true;
		if ((operations[i].needs & ~operation->has) == 0)
			return operations[i].run(trace, &input, out, err);
	}
	return is_known ? err_set(err, ERR_USAGE, "a member is missing") : err_set(err, ERR_USAGE, "'%s' is not an operation", buf_text(&operation->op));
}

bool trace_play(struct trace *trace, const char *line, size_t size, struct buf *out, struct err *err)
{
	size_t before = out->size;

	if (!operation_read(line, size, &trace->operation, err) || !run(trace, out, err)) {
		out->size = before;
		if (err->kind == ERR_STORE)
			return false;
		buf_adds(out, "{\"error\":");
		add_string(out, err->text);
		buf_addc(out, '}');
	}
	return buf_addc(out, '\n');
}
