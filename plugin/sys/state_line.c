/* SPDX-License-Identifier: MIT */
/* "<format> <imprint> <check_at> <renew_at>": one line a file. */
#include "sys/state_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strs.h"

#define LINE_MAX_SIZE 256
#define FORMAT_VERSION "1"
#define FOLDER "state"

bool state_line_read(int global_fd, const char *app, uint64_t imprint, struct state *ret_state)
{
	struct err ignored;
	AUTO_FD fd = global_fd >= 0 ? dir_open_at(global_fd, FOLDER, &ignored) : -1;
	AUTO_BUF line = BUF_MAX(LINE_MAX_SIZE);
	AUTO_STRS words = { 0 };
	struct state state = { 0 };
	char expected[20];

	if (fd < 0 || !file_read(fd, app, &line, &ignored))
		return false;
	(void)snprintf(expected, sizeof(expected), "%016" PRIx64, imprint);
	strs_split(&words, buf_text(&line), " \n");
	if (words.count != 4 || strcmp(words.items[0], FORMAT_VERSION) != 0 || strcmp(words.items[1], expected) != 0 ||
	    !parse_int(words.items[2], 0, INT64_MAX, &state.check_at) || !parse_int(words.items[3], 0, INT64_MAX, &state.renew_at))
		return false;
	*ret_state = state;
	return true;
}

void state_line_write(int global_fd, const char *app, uint64_t imprint, const struct state *state)
{
	AUTO_FREE char *line = mem_fmt(FORMAT_VERSION " %016" PRIx64 " %" PRId64 " %" PRId64 "\n", imprint, state->check_at, state->renew_at);
	struct err ignored;
	AUTO_FD fd = global_fd >= 0 ? dir_make_at(global_fd, FOLDER, 0700, &ignored) : -1;

	if (fd >= 0)
		(void)!file_replace_fast(fd, app, line, strlen(line), 0600, &ignored);
}

void state_line_remove(int global_fd, const char *app)
{
	struct err ignored;
	AUTO_FD fd = global_fd >= 0 ? dir_open_at(global_fd, FOLDER, &ignored) : -1;

	if (fd >= 0)
		(void)!file_remove(fd, app, &ignored);
}
