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

bool state_line_read_any(int global_fd, const char *app, struct state_line *ret_line)
{
	struct err ignored;
	AUTO_FD fd = global_fd >= 0 ? dir_open_at(global_fd, FOLDER, &ignored) : -1;
	AUTO_BUF text = BUF_MAX(LINE_MAX_SIZE);
	AUTO_STRS words = { 0 };

	if (fd < 0 || !file_read(fd, app, &text, &ignored))
		return false;
	strs_split(&words, buf_text(&text), " \n");
	if (words.count != 4 || strcmp(words.items[0], FORMAT_VERSION) != 0)
		return false;
	(void)snprintf(ret_line->imprint, sizeof(ret_line->imprint), "%s", words.items[1]);
	return parse_int(words.items[2], 0, INT64_MAX, &ret_line->state.check_at) && parse_int(words.items[3], 0, INT64_MAX, &ret_line->state.renew_at);
}

bool state_line_is_of(const struct state_line *line, uint64_t imprint)
{
	char expected[STATE_IMPRINT_SIZE];

	(void)snprintf(expected, sizeof(expected), "%016" PRIx64, imprint);
	return strcmp(line->imprint, expected) == 0;
}

bool state_line_read(int global_fd, const char *app, uint64_t imprint, struct state *ret_state)
{
	struct state_line line;

	if (!state_line_read_any(global_fd, app, &line) || !state_line_is_of(&line, imprint))
		return false;
	*ret_state = line.state;
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
