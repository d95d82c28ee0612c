/* SPDX-License-Identifier: MIT */
/*
 * Opening the store, or a new one in place of one that is corrupt; the identity of this host; small helpers of the other files here.
 */
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

#include "store/aside.h"
#include "store/db.h"
#include "store/inner.h"
#include "store/schema.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/mem.h"

#define LOST_MARK "lost"

static bool load_host(struct store *store, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT id FROM hosts WHERE is_here");

	if (query_step(&query))
		store->host = query_read_text(&query);
	if (!query_end(&query, err))
		return false;
	return store->host ||
	       err_set(err, ERR_STORE, "'%s' does not know this host any more; move it away, the next run makes a new one", db_path(store->db));
}

static bool open_file(struct store *store, const char *path, struct err *err)
{
	store->db = db_open(path, schema_migrations, schema_migration_count, err);
	return store->db && load_host(store, err) && store_mark_get(store, LOST_MARK, &store->lost_at, err);
}

static void close_file(struct store *store)
{
	db_close(store->db);
	free(store->host);
	store->db = NULL;
	store->host = NULL;
}

/* *ret_is_corrupt: it cannot be opened before it was set aside. */
static bool open_sound(struct store *store, const char *path, bool *ret_is_corrupt, struct err *err)
{
	AUTO_ASIDE aside = ASIDE_NONE;
	bool is_open;

	*ret_is_corrupt = false;
	if (!aside_share(path, &aside, err))
		return false;
	is_open = !aside_is_marked(&aside) && open_file(store, path, err);
	*ret_is_corrupt = !is_open && aside_is_marked(&aside);
	return is_open;
}

/* Nobody else opens it meanwhile. Somebody may have been here before, then it is sound. */
static bool open_anew(struct store *store, const char *path, struct err *err)
{
	AUTO_ASIDE aside = ASIDE_NONE;
	int64_t now_at = store_now(store);

	if (!aside_own(path, &aside, err))
		return false;
	if (!aside_is_marked(&aside))
		return open_file(store, path, err);
	if (!aside_put(&aside, now_at, err) || !open_file(store, path, err) || !store_mark_set(store, LOST_MARK, now_at, err))
		return false;
	store->lost_at = now_at;
	return aside_told(&aside, err);
}

struct store *store_open(const char *path, const struct clock *clock, struct err *err)
{
	AUTO(store_closep) struct store *store = mem_new(1, sizeof(*store));
	struct store *opened = store;
	bool is_corrupt;

	store->clock = clock;
	if (!open_sound(store, path, &is_corrupt, err)) {
		close_file(store);
		if (!is_corrupt || !open_anew(store, path, err))
			return NULL;
	}
	store = NULL;
	return opened;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	close_file(store);
	free(store);
}

int64_t store_lost_at(const struct store *store)
{
	return store->lost_at;
}

const char *store_host(const struct store *store)
{
	return store->host;
}

int64_t store_now(const struct store *store)
{
	return clock_now(store->clock);
}

char *names_pack(const struct strs *names)
{
	AUTO_STRS sorted = { 0 };

	strs_add_all(&sorted, names);
	strs_sort(&sorted);
	return strs_join(&sorted, " ");
}

struct strs names_read(struct query *query)
{
	AUTO_FREE char *text = query_read_text(query);
	struct strs names = { 0 };

	strs_split(&names, text, " ");
	return names;
}

void *items_grow(void *items, size_t count, size_t size)
{
	bool is_used_up = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8 … */

	if (is_used_up)
		items = mem_resize(items, count ? count * 2 : 1, size);
	assert(items);
	return items;
}
