/* SPDX-License-Identifier: MIT */
/* A trace's ledger in the program's own store. */
#include "tests/trace/kept.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/mem.h"

#define CA "trace"
#define NOW CA ":now"
#define BEGUN CA ":begun"
#define DEFAULTS CA ":defaults"
#define OVERRIDES CA ":overrides"

/* Nothing that a trace does depends on the host's time. */
static int64_t no_time(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct clock no_clock = { .now_at = no_time };

static char *absolute(const char *path)
{
	char folder[PATH_MAX];

	return path[0] == '/' || getcwd(folder, sizeof(folder)) == NULL ? mem_strdup(path) : mem_fmt("%s/%s", folder, path);
}

static bool restore_text(struct kept *kept, const char *name, struct buf *text, struct err *err)
{
	AUTO_FREE char *found = NULL;

	if (!store_directory_get(kept->store, name, 0, &found, err))
		return false;
	return found == NULL || buf_adds(text, found);
}

static bool restore(struct kept *kept, struct trace *trace, struct err *err)
{
	int64_t has_begun;

	if (!store_mark_get(kept->store, BEGUN, &has_begun, err) || !store_mark_get(kept->store, NOW, &trace->now_ns, err) ||
		!restore_text(kept, DEFAULTS, &trace->defaults, err) || !restore_text(kept, OVERRIDES, &trace->overrides, err))
		return false;
	trace->has_begun = has_begun != 0;
	if (trace->defaults.size > 0 && !operation_defaults(trace->defaults.data, trace->defaults.size, &trace->limits, err))
		return false;
	return trace->overrides.size == 0 || operation_overrides(trace->overrides.data, trace->overrides.size, &trace->limits, err);
}

bool kept_open(struct kept *kept, const char *path, struct trace *trace, int64_t *ret_applied, struct err *err)
{
	AUTO_FREE char *file = absolute(path);

	kept->store = store_open(file, &no_clock, err);
	if (kept->store == NULL)
		return false;
	kept->book = (struct book){ .store = kept->store, .ca = CA, .rules = trace->ledger.rules };
	trace->ledger.store = book_ledger_store();
	trace->ledger.ctx = &kept->book;
	return restore(kept, trace, err) && book_applied(&kept->book, ret_applied, err);
}

bool kept_begin(struct kept *kept, struct err *err)
{
	if (kept->store == NULL || kept->is_open)
		return true;
	kept->is_open = book_begin(&kept->book, err);
	return kept->is_open;
}

static bool keep_limits(struct kept *kept, struct trace *trace, struct err *err)
{
	if (!trace->has_new_limits)
		return true;
	trace->has_new_limits = false;
	return store_directory_put(kept->store, DEFAULTS, buf_text(&trace->defaults), err) &&
		store_directory_put(kept->store, OVERRIDES, buf_text(&trace->overrides), err);
}

bool kept_commit(struct kept *kept, struct trace *trace, int64_t applied, struct err *err)
{
	if (!kept->is_open)
		return true;
	kept->is_open = false;
	return keep_limits(kept, trace, err) && store_mark_set(kept->store, BEGUN, trace->has_begun, err) &&
		store_mark_set(kept->store, NOW, trace->now_ns, err) && book_commit(&kept->book, applied, err);
}

void kept_done(struct kept *kept)
{
	store_close(kept->store);
	kept->store = NULL;
}
