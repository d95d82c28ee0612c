/* SPDX-License-Identifier: MIT */
/* Buckets, sets and pauses in hash tables (open addressing, linear probing; nothing is ever taken out, an untouched bucket only becomes one again). */
#include "budget/memory.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define ROOM_FIRST 64 /* a power of two */
#define TABLE_SETS LIMIT_COUNT /* after one table for each limit */
#define TABLE_COUNT (LIMIT_COUNT + 1)

struct slot {
	char *key;
	int64_t value;
};

/* `{ 0 }` is empty. */
struct table {
	struct slot *slots;
	size_t room; /* a power of two, or 0 */
	size_t count;
};

struct paused_name {
	char *account;
	char *name;
	struct pause pause;
};

struct memory {
	struct table tables[TABLE_COUNT];
	struct table pause_index; /* "account name" -> index in pauses */
	struct paused_name *pauses;
	size_t pause_count;
	size_t pause_room;
};

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *key)
{
	uint64_t value = UINT64_C(14695981039346656037);

	for (const char *at = key; *at != '\0'; at++)
		value = (value ^ (unsigned char)*at) * UINT64_C(1099511628211);
	return value;
}

/* The slot of `key`, or the free one where it belongs. */
static struct slot *find(const struct table *table, const char *key)
{
	size_t at = (size_t)hash(key) & (table->room - 1);

	while (table->slots[at].key != NULL && strcmp(table->slots[at].key, key) != 0)
		at = (at + 1) & (table->room - 1);
	return &table->slots[at];
}

static void grow(struct table *table)
{
	struct table larger = { .room = table->room > 0 ? table->room * 2 : ROOM_FIRST, .count = table->count };

	larger.slots = mem_new(larger.room, sizeof(*larger.slots));
	for (size_t i = 0; i < table->room; i++) {
		if (table->slots[i].key != NULL)
			*find(&larger, table->slots[i].key) = table->slots[i];
	}
	free(table->slots);
	*table = larger;
}

static int64_t get(const struct table *table, const char *key, int64_t otherwise)
{
	const struct slot *slot = table->room > 0 ? find(table, key) : NULL;

	return slot != NULL && slot->key != NULL ? slot->value : otherwise;
}

static void set(struct table *table, const char *key, int64_t value)
{
	/* Half of it stays free. */
	if (table->count >= table->room / 2)
		grow(table);
	struct slot *slot = find(table, key);
	if (slot->key == NULL) {
		slot->key = mem_strdup(key);
		table->count++;
	}
	slot->value = value;
}

static void table_done(struct table *table)
{
	for (size_t i = 0; i < table->room; i++)
		free(table->slots[i].key);
	free(table->slots);
}

static bool tat(void *ctx, enum limit limit, const char *bucket, int64_t *ret_tat_ns, struct err *err)
{
	const struct memory *memory = ctx;

	(void)err;
	*ret_tat_ns = get(&memory->tables[limit], bucket, GCRA_UNTOUCHED);
	return true;
}

static bool set_tat(void *ctx, enum limit limit, const char *bucket, int64_t tat_ns, struct err *err)
{
	struct memory *memory = ctx;

	(void)err;
	set(&memory->tables[limit], bucket, tat_ns);
	return true;
}

static bool newest(void *ctx, const char *hash_of_set, int64_t *ret_not_before_ns, struct err *err)
{
	const struct memory *memory = ctx;

	(void)err;
	*ret_not_before_ns = get(&memory->tables[TABLE_SETS], hash_of_set, GCRA_UNTOUCHED);
	return true;
}

static bool set_newest(void *ctx, const char *hash_of_set, int64_t not_before_ns, struct err *err)
{
	struct memory *memory = ctx;

	(void)err;
	set(&memory->tables[TABLE_SETS], hash_of_set, not_before_ns);
	return true;
}

static int64_t pause_at(const struct memory *memory, const char *account, const char *name)
{
	if (memory->pause_count == 0)
		return -1;
	AUTO_FREE char *key = mem_fmt("%s %s", account, name);
	return get(&memory->pause_index, key, -1);
}

static bool get_pause(void *ctx, const char *account, const char *name, struct pause *ret_pause, struct err *err)
{
	const struct memory *memory = ctx;
	int64_t at = pause_at(memory, account, name);

	(void)err;
	*ret_pause = at >= 0 ? memory->pauses[at].pause : (struct pause){ .unpaused_at_ns = GCRA_UNTOUCHED };
	return true;
}

static bool set_pause(void *ctx, const char *account, const char *name, const struct pause *pause, struct err *err)
{
	struct memory *memory = ctx;
	int64_t at = pause_at(memory, account, name);

	(void)err;
	if (at >= 0) {
		memory->pauses[at].pause = *pause;
		return true;
	}
	if (memory->pause_count == memory->pause_room) {
		memory->pause_room = memory->pause_room > 0 ? memory->pause_room * 2 : 8;
		memory->pauses = mem_resize(memory->pauses, memory->pause_room, sizeof(*memory->pauses));
	}
	AUTO_FREE char *key = mem_fmt("%s %s", account, name);
	set(&memory->pause_index, key, (int64_t)memory->pause_count);
	memory->pauses[memory->pause_count++] = (struct paused_name){ .account = mem_strdup(account), .name = mem_strdup(name), .pause = *pause };
	return true;
}

static bool unpause(void *ctx, const char *account, int64_t at_ns, int64_t *ret_count, struct err *err)
{
	struct memory *memory = ctx;

	(void)err;
	*ret_count = 0;
	for (size_t i = 0; i < memory->pause_count; i++) {
		struct paused_name *paused = &memory->pauses[i];

		if (paused->pause.is_paused && strcmp(paused->account, account) == 0) {
			paused->pause = (struct pause){ .is_paused = false, .unpaused_at_ns = at_ns };
			(*ret_count)++;
		}
	}
	return true;
}

const struct ledger_store *memory_store(void)
{
	static const struct ledger_store store = {
		.tat = tat,
		.set_tat = set_tat,
		.newest = newest,
		.set_newest = set_newest,
		.pause = get_pause,
		.set_pause = set_pause,
		.unpause = unpause,
	};

	return &store;
}

struct memory *memory_new(void)
{
	return mem_new(1, sizeof(struct memory));
}

void memory_free(struct memory *memory)
{
	if (memory == NULL)
		return;
	for (size_t i = 0; i < TABLE_COUNT; i++)
		table_done(&memory->tables[i]);
	table_done(&memory->pause_index);
	for (size_t i = 0; i < memory->pause_count; i++) {
		free(memory->pauses[i].account);
		free(memory->pauses[i].name);
	}
	free(memory->pauses);
	free(memory);
}
