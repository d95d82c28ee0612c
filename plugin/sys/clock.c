/* SPDX-License-Identifier: MIT */
/* The host's clocks. The only place where a test build differs from the installed one. */
#include "sys/clock.h"

#include <assert.h>
#include <time.h>

#ifdef CLOCK_FROM_FILE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/file.h"
#include "util/parse.h"
#include "util/strs.h"
#endif

static struct timespec time_of(clockid_t id)
{
	struct timespec now;
	int status = clock_gettime(id, &now);

	assert(status == 0);
	return now;
}

int64_t clock_of_files(void)
{
	return time_of(CLOCK_REALTIME).tv_sec;
}

int64_t clock_of_files_ns(void)
{
	struct timespec now = time_of(CLOCK_REALTIME);

	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#ifdef CLOCK_FROM_FILE
#define LONG_S 86400

static void read_test_clock(const char *path, int64_t *ret_now_at, int64_t *ret_uptime_s)
{
	char text[48] = "";
	AUTO_STRS words = { 0 };
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	*ret_uptime_s = LONG_S;
	strs_split(&words, text, " \n");
	bool is_good = size > 0 && words.count > 0 && parse_int(words.items[0], 0, INT64_MAX, ret_now_at) &&
		       (words.count == 1 || parse_int(words.items[1], 0, INT64_MAX, ret_uptime_s));
	assert(is_good);
}

/* False: the real clocks count. */
static bool is_test(int64_t *ret_now_at, int64_t *ret_uptime_s)
{
	const char *path = getenv("LETSENCRYPT_TEST_CLOCK");

	if (path == NULL || path[0] == '\0')
		return false;
	read_test_clock(path, ret_now_at, ret_uptime_s);
	return true;
}
#endif

int64_t clock_uptime_s(void)
{
#ifdef CLOCK_FROM_FILE
	int64_t now_at, uptime_s;

	if (is_test(&now_at, &uptime_s))
		return uptime_s;
#endif
	return time_of(CLOCK_BOOTTIME).tv_sec;
}

static int64_t system_now(void *ctx)
{
	(void)ctx;
#ifdef CLOCK_FROM_FILE
	int64_t now_at, uptime_s;

	if (is_test(&now_at, &uptime_s))
		return now_at;
#endif
	return clock_of_files();
}

struct clock clock_system(void)
{
	return (struct clock){ .now_at = system_now };
}
