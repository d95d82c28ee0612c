/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "sys/clock.h"
#include "tests/unit/sys/scratch.h"
#include "util/mem.h"

static int forget_file(void **state)
{
	(void)unsetenv("LETSENCRYPT_TEST_CLOCK");
	return scratch_teardown(state);
}

static void tells_the_time_of_the_host(void **state)
{
	struct clock clock = clock_system();

	(void)state;
	/* Between 2020 and 2200. */
	assert_in_range(clock_now(&clock), 1577836800, 7258118400);
	assert_in_range(clock_of_files(), 1577836800, 7258118400);
	assert_true(clock_uptime_s() > 0);
}

/* The unit tests are built with -DCLOCK_FROM_FILE, as are the end-to-end ones. */
static void a_test_build_reads_a_file(void **state)
{
	const struct scratch *scratch = *state;
	struct clock clock = clock_system();
	AUTO_FREE char *path = mem_fmt("%s/clock", scratch->path);

	scratch_write(scratch->fd, "clock", "1000000000\n", 11);
	assert_int_equal(setenv("LETSENCRYPT_TEST_CLOCK", path, 1), 0);
	assert_int_equal(clock_now(&clock), 1000000000);
	scratch_write(scratch->fd, "clock", "1000000060", 10);
	assert_int_equal(clock_now(&clock), 1000000060);
	assert_in_range(clock_of_files(), 1577836800, 7258118400);
	assert_in_range(clock_uptime_s(), 3600, INT64_MAX);
	scratch_write(scratch->fd, "clock", "1000000060 599\n", 15);
	assert_int_equal(clock_uptime_s(), 599);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_time_of_the_host),
		cmocka_unit_test_setup_teardown(a_test_build_reads_a_file, scratch_setup, forget_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
