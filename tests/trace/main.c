/* SPDX-License-Identifier: MIT */
/*
 * ledger-trace [--store FILE] [--psl FILE]: the ledger on stdin and stdout, one JSON object a line each way, to be compared with what a CA would answer. Starts
 * with the published limits of Let's Encrypt. Answers are held back only while there is more to read. With a store the first line tells how many operations are in
 * it, and an answer is given after its transaction.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "budget/domain.h"
#include "budget/memory.h"
#include "tests/trace/kept.h"
#include "tests/trace/play.h"
#include "util/err.h"
#include "util/mem.h"

#define LIMITS_FILE SOURCE_FOLDER "/templates/limits/letsencrypt.json"
#define SUFFIXES_FILE "/usr/share/publicsuffix/public_suffix_list.dat"
#define INPUT_MAX (64 << 20) /* of a line, of a file */
#define READ_SIZE (1 << 16)
#define HELD_MAX 4096 /* answers, and with a store operations of a transaction; the format allows 65 536 */

struct options {
	const char *store; /* NULL: in memory */
	const char *psl;
};

struct player {
	struct trace trace;
	struct kept kept;
	int64_t applied;
	struct buf out;
	size_t held;
};

static bool flush(struct player *player, struct err *err)
{
	if (!kept_commit(&player->kept, &player->trace, player->applied, err))
		return false;
	for (size_t done = 0; done < player->out.size;) {
		ssize_t count = write(STDOUT_FILENO, player->out.data + done, player->out.size - done);

		if (count < 0 && errno != EINTR)
			return err_sys(err, "write the answers");
		done += count > 0 ? (size_t)count : 0;
	}
	buf_clear(&player->out);
	player->held = 0;
	return true;
}

static bool play_line(struct player *player, const char *line, size_t size, struct err *err)
{
	player->applied++;
	return kept_begin(&player->kept, err) && trace_play(&player->trace, line, size, &player->out, err);
}

/* Answers the whole lines in `in` and keeps what is left of it. */
static bool take_lines(struct player *player, struct buf *in, struct err *err)
{
	char *at = in->data;
	char *end = in->data + in->size;

	for (char *stop; (stop = memchr(at, '\n', (size_t)(end - at))) != NULL; at = stop + 1) {
		*stop = '\0';
		if (!play_line(player, at, (size_t)(stop - at), err))
			return false;
		if (++player->held >= HELD_MAX && !flush(player, err))
			return false;
	}
	in->size = (size_t)(end - at);
	memmove(in->data, at, in->size + 1);
	return true;
}

static bool play(struct player *player, struct err *err)
{
	AUTO_BUF in = BUF_MAX(INPUT_MAX);
	AUTO_FREE char *chunk = mem_new(1, READ_SIZE);

	for (;;) {
		if (!flush(player, err))
			return false;
		ssize_t count = read(STDIN_FILENO, chunk, READ_SIZE);
		if (count < 0 && errno != EINTR)
			return err_sys(err, "read the operations");
		if (count == 0)
			break;
		if (count > 0 && !buf_add(&in, chunk, (size_t)count))
			return err_set(err, ERR_USAGE, "a line has more than %d bytes", INPUT_MAX);
		if (count > 0 && !take_lines(player, &in, err))
			return false;
	}
	return (in.size == 0 || play_line(player, in.data, in.size, err)) && flush(player, err);
}

static void close_stream(FILE **stream)
{
	if (*stream != NULL)
		fclose(*stream);
}

static bool read_whole(const char *path, struct buf *text, struct err *err)
{
	char chunk[4096];
	size_t count;
	AUTO(close_stream) FILE *stream = fopen(path, "r");

	if (stream == NULL)
		return err_sys(err, "open '%s'", path);
	buf_clear(text);
	while ((count = fread(chunk, 1, sizeof(chunk), stream)) > 0)
		buf_add(text, chunk, count);
	return (!ferror(stream) && !text->is_full) || err_set(err, ERR_IO, "'%s' cannot be read", path);
}

static bool read_files(struct player *player, const char *psl, struct suffixes **ret_suffixes, struct err *err)
{
	AUTO_BUF text = BUF_MAX(INPUT_MAX);

	if (!read_whole(LIMITS_FILE, &text, err))
		return false;
	if (!limits_read(buf_text(&text), text.size, &player->trace.limits, err))
		return err_wrap(err, "%s", LIMITS_FILE);
	if (!read_whole(psl, &text, err))
		return false;
	*ret_suffixes = suffixes_read(buf_text(&text), text.size, err);
	return *ret_suffixes != NULL || err_wrap(err, "%s", psl);
}

static bool open_store(struct player *player, const char *path, struct err *err)
{
	return kept_open(&player->kept, path, &player->trace, &player->applied, err) &&
		buf_addf(&player->out, "{\"applied\":%" PRId64 "}\n", player->applied);
}

static bool run(struct player *player, const struct options *options, struct suffixes **ret_suffixes, struct memory *memory, struct err *err)
{
	operation_init(&player->trace.operation);
	player->trace.defaults = (struct buf)BUF_MAX(INPUT_MAX);
	player->trace.overrides = (struct buf)BUF_MAX(INPUT_MAX);
	player->out = (struct buf)BUF_MAX(SIZE_MAX / 4);
	if (!read_files(player, options->psl, ret_suffixes, err))
		return false;
	player->trace.ledger = (struct ledger){
		.rules = { .limits = &player->trace.limits, .suffixes = *ret_suffixes }, .store = memory_store(), .ctx = memory
	};
	return (options->store == NULL || open_store(player, options->store, err)) && play(player, err);
}

static void player_done(struct player *player)
{
	kept_done(&player->kept);
	operation_done(&player->trace.operation);
	limits_done(&player->trace.limits);
	buf_done(&player->trace.defaults);
	buf_done(&player->trace.overrides);
	buf_done(&player->out);
}

static bool read_options(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return false;
		if (strcmp(argv[i], "--store") == 0)
			options->store = argv[i + 1];
		else if (strcmp(argv[i], "--psl") == 0)
			options->psl = argv[i + 1];
		else
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	AUTO_SUFFIXES *suffixes = NULL;
	AUTO_MEMORY *memory = memory_new();
	struct options options = { .psl = SUFFIXES_FILE };
	struct player player = { 0 };
	struct err err = { 0 };

	if (!read_options(argc, argv, &options)) {
		fprintf(stderr, "usage: %s [--store FILE] [--psl FILE] <operations >answers\n", argv[0]);
		return 2;
	}
	bool is_good = run(&player, &options, &suffixes, memory, &err);
	if (!is_good)
		fprintf(stderr, "%s: %s\n", argv[0], err.text);
	player_done(&player);
	return is_good ? 0 : 1;
}
