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

static int64_t seconds_of(clockid_t id)
{
	struct timespec now;
	int status = clock_gettime(id, &now);

	assert(status == 0);
	return now.tv_sec;
}

int64_t clock_of_files(void)
{
	return seconds_of(CLOCK_REALTIME);
}

int64_t clock_uptime_s(void)
{
#ifdef CLOCK_FROM_FILE
	const char *text = getenv("LETSENCRYPT_TEST_UPTIME");
	int64_t uptime_s = 0;

	if (text != NULL && parse_int(text, 0, INT64_MAX, &uptime_s))
		return uptime_s;
#endif
	return seconds_of(CLOCK_BOOTTIME);
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
