/* SPDX-License-Identifier: MIT */
/* Reads a value from standard input, waiting in the loop so that a signal ends it. */
#include "cli/input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sys/loop.h"
#include "util/buf.h"
#include "util/err.h"

#define CHUNK_SIZE 1024

/* A terminal whose echo is off until the end of the scope. */
struct hidden {
	struct termios before;
	bool is_hidden;
};

static void hidden_start(struct hidden *hidden)
{
	struct termios silent;

	if (tcgetattr(STDIN_FILENO, &hidden->before) != 0)
		return;
	silent = hidden->before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	hidden->is_hidden = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
}

static void hidden_done(struct hidden *hidden)
{
	if (hidden->is_hidden)
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden->before);
}

struct waiting {
	struct loop *loop;
	struct loop_event is_readable;
};

static void note_readable(void *ctx, int fd, short revents)
{
	struct waiting *waiting = ctx;

	(void)fd;
	(void)revents;
	loop_set(waiting->loop, &waiting->is_readable);
}

static bool wait_readable(struct loop *loop, struct err *err)
{
	struct waiting waiting = { .loop = loop };
	enum loop_wait outcome = WAIT_DONE;

	loop_watch(loop, STDIN_FILENO, POLLIN, note_readable, &waiting);
	outcome = loop_wait(loop, &waiting.is_readable, LOOP_NEVER);
	loop_unwatch(loop, STDIN_FILENO);
	return outcome == WAIT_DONE || err_set(err, ERR_STOPPED, "Stopped while waiting for a value on standard input");
}

/* What comes until the end, or until the first line of a terminal. */
static bool read_all(struct loop *loop, struct buf *ret_text, struct err *err)
{
	char chunk[CHUNK_SIZE];
	bool has_room = true;
	ssize_t size = 0;

	do {
		if (!wait_readable(loop, err))
			return false;
		size = read(STDIN_FILENO, chunk, sizeof(chunk));
		if (size > 0)
			has_room = buf_add(ret_text, chunk, (size_t)size);
		explicit_bzero(chunk, sizeof(chunk));
		if (size < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(err, "read the value from standard input");
		if (!has_room)
			return err_set(err, ERR_USAGE, "The value on standard input is longer than %zu bytes", ret_text->max);
	} while (size != 0 && !(isatty(STDIN_FILENO) && strchr(buf_text(ret_text), '\n')));
	return true;
}

bool input_line(struct loop *loop, bool is_hidden, struct buf *ret_line, struct err *err)
{
	AUTO(hidden_done) struct hidden hidden = { 0 };
	AUTO_BUF text = BUF_SECRET(ret_line->max);
	size_t size = 0;

	if (is_hidden)
		hidden_start(&hidden);
	if (!read_all(loop, &text, err))
		return false;
	size = text.size;
	if (size > 0 && text.data[size - 1] == '\n')
		size--;
	if (size > 0 && text.data[size - 1] == '\r')
		size--;
	if (size > 0 && (memchr(text.data, '\n', size) || memchr(text.data, '\0', size)))
		return err_set(err, ERR_USAGE, "The value on standard input must be one line of text");
	(void)buf_add(ret_line, size > 0 ? text.data : "", size);
	return true;
}
