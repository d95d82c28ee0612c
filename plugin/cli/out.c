/* SPDX-License-Identifier: MIT */
/*
 * Lines as the platform's own helpers write them. Several apps at once are held apart: what is said of an app is kept until nothing more comes for it,
 * and printed as one block. Both streams are flushed after each line, so that they read in order on a terminal.
 */
#include "cli/out.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "json/write.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define LINE_MAX_SIZE ((size_t)16 * 1024)
#define ERASE_LINE "\r\033[K"

/* What is held or recorded of one app. */
struct record {
	char *app; /* NULL = of no app */
	struct line {
		enum talk_kind kind;
		char *text;
	} *lines;
	size_t count;
};

struct out {
	struct out_setup setup;
	struct record *records;
	size_t record_count;
	size_t expected_count;
	struct strs seen;       /* apps that something was said of */
	size_t ended_count;
	char *status;           /* the line at the bottom of the terminal, NULL = none */
	int write_errno;        /* of the first failure */
};

static const struct {
	const char *prefix;
	bool is_warning; /* stderr */
	bool is_quietable;
} kinds[] = {
	[OUT_INFO1] = { "-----> ", false, false },
	[OUT_INFO2] = { "=====> ", false, false },
	[OUT_INFO2_QUIET] = { "=====> ", false, true },
	[OUT_VERBOSE] = { "       ", false, false },
	[OUT_VERBOSE_QUIET] = { "       ", false, true },
	[OUT_PLAIN] = { "", false, false },
	[OUT_PLAIN_QUIET] = { "", false, true },
	[OUT_WARN] = { " !     ", true, false },
	[OUT_NOTE] = { "", true, false },
};

/* ---- streams ---- */

static void write_text(struct out *out, FILE *stream, const char *text)
{
	if ((fputs(text, stream) == EOF || fflush(stream) == EOF) && stream == out->setup.out && out->write_errno == 0)
		out->write_errno = errno;
}

static void erase_status(struct out *out)
{
	if (out->status)
		write_text(out, out->setup.err, ERASE_LINE);
}

static void draw_status(struct out *out)
{
	AUTO_BUF line = BUF_MAX((size_t)out->setup.columns);

	if (!out->status)
		return;
	line.max = (size_t)out->setup.columns - 1; /* the last column would wrap */
	text_escape(&line, out->status, false);
	write_text(out, out->setup.err, buf_text(&line));
}

static void write_line(struct out *out, bool is_warning, const char *prefix, const char *text)
{
	AUTO_BUF line = BUF_MAX(LINE_MAX_SIZE);

	(void)buf_adds(&line, prefix);
	line.max--;
	text_escape(&line, text, false);
	line.max++;
	(void)buf_addc(&line, '\n');
	erase_status(out);
	write_text(out, is_warning ? out->setup.err : out->setup.out, buf_text(&line));
	draw_status(out);
}

/* ---- records ---- */

static struct record *find_record(const struct out *out, const char *app)
{
	for (size_t i = 0; i < out->record_count; i++) {
		const char *other = out->records[i].app;

		if (app && other ? strcmp(app, other) == 0 : app == other)
			return &out->records[i];
	}
	return NULL;
}

static void record_line(struct out *out, enum talk_kind kind, const char *app, const char *text)
{
	struct record *record = find_record(out, app);

	if (!record) {
		out->records = mem_resize(out->records, out->record_count + 1, sizeof(*out->records));
		record = &out->records[out->record_count++];
		*record = (struct record){ .app = app ? mem_strdup(app) : NULL };
	}
	record->lines = mem_resize(record->lines, record->count + 1, sizeof(*record->lines));
	record->lines[record->count++] = (struct line){ .kind = kind, .text = mem_strdup(text) };
}

static void drop_record(struct out *out, struct record *record)
{
	size_t index = (size_t)(record - out->records);

	for (size_t i = 0; i < record->count; i++)
		free(record->lines[i].text);
	free(record->lines);
	free(record->app);
	out->record_count--;
	memmove(record, record + 1, (out->record_count - index) * sizeof(*record));
}

void out_recorded_apps(const struct out *out, struct strs *ret_apps)
{
	for (size_t i = 0; i < out->record_count; i++)
		if (out->records[i].app)
			strs_add(ret_apps, out->records[i].app);
}

void out_take_record(struct out *out, const char *app, struct json *object)
{
	AUTO_STRS messages = { 0 };
	AUTO_STRS warnings = { 0 };
	struct record *record = find_record(out, app);

	for (size_t i = 0; record && i < record->count; i++)
		strs_add(record->lines[i].kind == TALK_WARN ? &warnings : &messages, record->lines[i].text);
	json_set_strs(object, "messages", &messages);
	json_set_strs(object, "warnings", &warnings);
	if (record)
		drop_record(out, record);
}

/* ---- what flow/ says ---- */

static enum out_kind kind_of(enum talk_kind kind)
{
	switch (kind) {
	case TALK_INFO1: return OUT_INFO1;
	case TALK_INFO2: return OUT_INFO2;
	case TALK_VERBOSE: return OUT_VERBOSE;
	case TALK_WARN: return OUT_WARN;
	case TALK_STEP:
	case TALK_END: break;
	}
	assert(!"a kind without a line");
	return OUT_PLAIN;
}

static void print_line(struct out *out, enum talk_kind kind, const char *text)
{
	enum out_kind line_kind = kind_of(kind);

	write_line(out, kinds[line_kind].is_warning, kinds[line_kind].prefix, text);
}

static void print_record(struct out *out, struct record *record)
{
	for (size_t i = 0; i < record->count; i++)
		print_line(out, record->lines[i].kind, record->lines[i].text);
	drop_record(out, record);
}

static size_t total_count(const struct out *out)
{
	if (out->expected_count != SIZE_MAX && out->expected_count > out->seen.count)
		return out->expected_count;
	return out->seen.count;
}

static void set_status(struct out *out, const char *app, const char *text)
{
	size_t total = total_count(out);

	if (out->setup.columns == 0 || out->setup.is_json)
		return;
	erase_status(out);
	free(out->status);
	if (!text)
		out->status = NULL;
	else if (total > 1)
		out->status = mem_fmt("[%zu of %zu done] %s%s%s", out->ended_count, total, app ? app : "", app ? ": " : "", text);
	else
		out->status = mem_fmt("%s%s%s", app ? app : "", app ? ": " : "", text);
	draw_status(out);
}

static void end_app(struct out *out, const char *app)
{
	struct record *record = find_record(out, app);

	out->ended_count++;
	if (out->setup.is_json)
		return;
	if (record)
		print_record(out, record);
	if (out->ended_count >= total_count(out))
		set_status(out, NULL, NULL);
	else
		set_status(out, app, "done");
}

static void say(void *ctx, enum talk_kind kind, const char *app, const char *text)
{
	struct out *out = ctx;

	if (app)
		(void)strs_add_new(&out->seen, app);
	if (kind == TALK_STEP) {
		set_status(out, app, text);
	} else if (kind == TALK_END) {
		end_app(out, app);
	} else if (out->setup.is_json) {
		record_line(out, kind, app, text);
		if (kind == TALK_WARN)
			print_line(out, kind, text);
	} else if (app && out->expected_count != 1) {
		record_line(out, kind, app, text);
	} else {
		print_line(out, kind, text);
	}
}

struct talk out_talk(struct out *out)
{
	return (struct talk){ .say = say, .ctx = out };
}

void out_expect(struct out *out, size_t app_count)
{
	out->expected_count = app_count;
}

/* ---- what commands say ---- */

void out_say(struct out *out, enum out_kind kind, const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	va_list args;

	if (out->setup.is_quiet && kinds[kind].is_quietable)
		return;
	va_start(args, format);
	text = mem_vfmt(format, args);
	va_end(args);
	if (out->setup.is_json && !kinds[kind].is_warning)
		record_line(out, TALK_INFO1, NULL, text);
	else
		write_line(out, kinds[kind].is_warning, kinds[kind].prefix, text);
}

bool out_is_json(const struct out *out)
{
	return out->setup.is_json;
}

void out_json(struct out *out, const struct json *value)
{
	AUTO_FREE char *text = json_text_report(value);

	write_text(out, out->setup.out, text);
	write_text(out, out->setup.out, "\n");
}

void out_err(struct out *out, const struct err *err)
{
	struct talk talk = { .say = say, .ctx = out };
	AUTO_STRS lines = { 0 };

	set_status(out, NULL, NULL);
	if (!out->setup.is_json) {
		talk_err(&talk, NULL, err);
		return;
	}
	AUTO_JSON *object = json_new_object();
	json_set_str(object, "error", err->text);
	json_set_str(object, "kind", err_kind_name(err->kind));
	out_json(out, object);
	strs_split(&lines, err->text, "\n");
	for (size_t i = 0; i < lines.count; i++)
		write_line(out, true, kinds[OUT_WARN].prefix, lines.items[i]);
}

/* ---- life ---- */

int out_terminal_columns(int fd, const char *term)
{
	struct winsize size = { 0 };

	if (!term || !*term || strcmp(term, "dumb") == 0 || ioctl(fd, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col > 1 ? size.ws_col : 80;
}

struct out *out_new(const struct out_setup *setup)
{
	struct out *out = mem_new(1, sizeof(*out));

	out->setup = *setup;
	out->expected_count = 1;
	return out;
}

static void close_record(struct out *out, struct record *record)
{
	if (!out->setup.is_json) {
		print_record(out, record);
		return;
	}
	AUTO_FREE char *app = record->app ? mem_strdup(record->app) : NULL;
	AUTO_JSON *object = json_new_object();

	json_set_str(object, "app", app);
	out_take_record(out, app, object);
	out_json(out, object);
}

bool out_close(struct out *out)
{
	bool is_written = false;

	set_status(out, NULL, NULL);
	while (out->record_count > 0)
		close_record(out, &out->records[0]);
	is_written = out->write_errno == 0 || out->write_errno == EPIPE;
	if (!is_written) {
		AUTO_FREE char *text = mem_fmt("Not all could be written to standard output: %s", strerror(out->write_errno));

		write_line(out, true, kinds[OUT_WARN].prefix, text);
	}
	free(out->records);
	strs_done(&out->seen);
	free(out);
	return is_written;
}
