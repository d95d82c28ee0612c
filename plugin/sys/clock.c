/* SPDX-License-Identifier: MIT */
/* The host's clocks. The only place where a test build differs from the installed one. */
#include "sys/clock.h"

#include <assert.h>
#include <time.h>

#ifdef CLOCK_FROM_FILE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/file.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"
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

int64_t clock_uptime_s(void)
{
	return time_of(CLOCK_BOOTTIME).tv_sec;
}

#ifdef CLOCK_FROM_FILE
static int64_t read_test_clock(const char *path)
{
	char text[32] = "";
	int64_t now_at = 0;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	AUTO_FREE char *trimmed = text_trim(text);

	bool is_good = size > 0 && parse_int(trimmed, 0, INT64_MAX, &now_at);
	assert(is_good);
	return now_at;
}
#endif

static int64_t system_now(void *ctx)
{
	(void)ctx;
#ifdef CLOCK_FROM_FILE
	const char *path = getenv("LETSENCRYPT_TEST_CLOCK");

	if (path != NULL && path[0] != '\0')
		return read_test_clock(path);
#endif
	return clock_of_files();
}

struct clock clock_system(void)
{
	return (struct clock){ .now_at = system_now };
}
