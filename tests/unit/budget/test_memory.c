/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "budget/memory.h"
#include "util/attr.h"
#include "util/err.h"
#include "util/mem.h"

static void buckets(void **state)
{
	const struct ledger_store *store = memory_store();
	AUTO_MEMORY *memory = memory_new();
	int64_t tat_ns = 0;
	struct err err;

	(void)state;
	assert_true(store->tat(memory, LIMIT_ORDERS, "1", &tat_ns, &err));
	assert_int_equal(tat_ns, GCRA_UNTOUCHED);
	for (int64_t i = 0; i < 1000; i++) {
		AUTO_FREE char *bucket = mem_fmt("%d", (int)i);

		assert_true(store->set_tat(memory, LIMIT_ORDERS, bucket, i, &err));
		assert_true(store->set_tat(memory, LIMIT_DOMAIN, bucket, -i, &err));
	}
	for (int64_t i = 0; i < 1000; i++) {
		AUTO_FREE char *bucket = mem_fmt("%d", (int)i);

		assert_true(store->tat(memory, LIMIT_ORDERS, bucket, &tat_ns, &err));
		assert_int_equal(tat_ns, i);
		assert_true(store->tat(memory, LIMIT_DOMAIN, bucket, &tat_ns, &err));
		assert_int_equal(tat_ns, -i);
	}
	assert_true(store->set_tat(memory, LIMIT_ORDERS, "7", GCRA_UNTOUCHED, &err));
	assert_true(store->tat(memory, LIMIT_ORDERS, "7", &tat_ns, &err));
	assert_int_equal(tat_ns, GCRA_UNTOUCHED);
}

static void sets(void **state)
{
	const struct ledger_store *store = memory_store();
	AUTO_MEMORY *memory = memory_new();
	int64_t newest_ns = 0;
	struct err err;

	(void)state;
	assert_true(store->newest(memory, "aa", &newest_ns, &err));
	assert_int_equal(newest_ns, GCRA_UNTOUCHED);
	assert_true(store->set_newest(memory, "aa", 5, &err));
	assert_true(store->set_newest(memory, "aa", 6, &err));
	assert_true(store->newest(memory, "aa", &newest_ns, &err));
	assert_int_equal(newest_ns, 6);
}

static void pauses(void **state)
{
	const struct ledger_store *store = memory_store();
	AUTO_MEMORY *memory = memory_new();
	struct pause pause = { .is_paused = true };
	const struct pause paused = { .is_paused = true, .unpaused_at_ns = GCRA_UNTOUCHED };
	int64_t count = 0;
	struct err err;

	(void)state;
	assert_true(store->pause(memory, "1", "a.com", &pause, &err));
	assert_false(pause.is_paused);
	assert_int_equal(pause.unpaused_at_ns, GCRA_UNTOUCHED);
	assert_true(store->set_pause(memory, "1", "a.com", &paused, &err));
	assert_true(store->set_pause(memory, "1", "b.com", &paused, &err));
	assert_true(store->set_pause(memory, "1", "b.com", &paused, &err));
	assert_true(store->set_pause(memory, "2", "a.com", &paused, &err));
	assert_true(store->unpause(memory, "1", 77, &count, &err));
	assert_int_equal(count, 2);
	assert_true(store->unpause(memory, "1", 78, &count, &err));
	assert_int_equal(count, 0);
	assert_true(store->pause(memory, "1", "b.com", &pause, &err));
	assert_false(pause.is_paused);
	assert_int_equal(pause.unpaused_at_ns, 77);
	assert_true(store->pause(memory, "2", "a.com", &pause, &err));
	assert_true(pause.is_paused);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(buckets), cmocka_unit_test(sets), cmocka_unit_test(pauses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
