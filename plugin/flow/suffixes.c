/* SPDX-License-Identifier: MIT */
/*
 * Lists of public suffixes (https://publicsuffix.org): which of those on this host counts, and how a fresh one is fetched. A stale list gives other registered
 * domains than the CA's for hundreds of names, so the date decides, not the place.
 */
#include "flow/suffixes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "flow/given.h"
#include "net/http.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strs.h"
#include "util/text.h"

#define LIST_MAX ((size_t)4 * 1024 * 1024)
/* The date of a list stands among the remarks at its top. */
#define TOP_MAX ((size_t)4096)
#define LIST_FILE "public_suffix_list.dat"
#define SOURCE_FILE "public_suffix_list.source"
#define SOURCE_MAX ((size_t)16384)
#define TIMEOUT_MS 20000
#define NS_PER_SECOND 1000000000

/* ---- the newest ---- */

enum place { PLACE_OWN, PLACE_FETCHED, PLACE_SYSTEM, PLACE_COUNT };

struct lists {
	struct buf texts[PLACE_COUNT];
	int64_t dates[PLACE_COUNT]; /* -1: it is not there, or makes no sense */
};

static void lists_done(struct lists *lists)
{
	for (int i = 0; i < PLACE_COUNT; i++)
		buf_done(&lists->texts[i]);
}

/* "// VERSION: 2026-07-14_08-33-11_UTC"; else the date of the file. */
static int64_t date_of(const char *text, const struct file_stamp *stamp)
{
	static const char mark[] = "// VERSION: ";
	AUTO_FREE char *top = mem_strndup(text, strnlen(text, TOP_MAX));
	const char *version = strstr(top, mark);
	int64_t at = stamp->mtime_ns / NS_PER_SECOND;

	if (version && strlen(version) >= strlen(mark) + strlen("2026-07-14_08-33-11")) {
		const char *date = version + strlen(mark);
		AUTO_FREE char *moment = mem_fmt("%.10sT%.2s:%.2s:%.2sZ", date, date + 11, date + 14, date + 17);

		(void)parse_rfc3339(moment, &at);
	}
	return at > 0 ? at : 0;
}

static bool read_list(const struct suffix_places *places, enum place place, struct buf *text, struct file_stamp *ret_stamp, struct err *err)
{
	if (place != PLACE_FETCHED)
		return given_read(place == PLACE_OWN ? places->own : places->system, text, ret_stamp, err);
	*ret_stamp = file_stamp(places->fetched_fd, LIST_FILE);
	return file_read(places->fetched_fd, LIST_FILE, text, err);
}

/* All that are there; the operator's has to be, if there is to be one. */
static bool read_lists(const struct suffix_places *places, struct lists *lists, struct err *err)
{
	for (int i = 0; i < PLACE_COUNT; i++) {
		struct file_stamp stamp = { 0 };
		struct err failure = { 0 };

		lists->texts[i] = (struct buf)BUF_MAX(LIST_MAX);
		lists->dates[i] = -1;
		if (i == PLACE_OWN && !places->own)
			continue;
		if (read_list(places, (enum place)i, &lists->texts[i], &stamp, &failure)) {
			lists->dates[i] = date_of(buf_text(&lists->texts[i]), &stamp);
		} else if (i == PLACE_OWN) {
			*err = failure;
			err->kind = ERR_CONFIG;
			return false;
		}
	}
	return true;
}

/* PLACE_COUNT: none is left. */
static enum place newest_of(const struct lists *lists)
{
	enum place newest = PLACE_COUNT;

	for (int i = 0; i < PLACE_COUNT; i++)
		if (lists->dates[i] >= 0 && (newest == PLACE_COUNT || lists->dates[i] > lists->dates[newest]))
			newest = (enum place)i;
	return newest;
}

struct suffixes *suffix_list_newest(const struct suffix_places *places, struct err *err)
{
	AUTO(lists_done) struct lists lists = { 0 };
	enum place newest = PLACE_COUNT;

	if (!read_lists(places, &lists, err))
		return NULL;
	while ((newest = newest_of(&lists)) != PLACE_COUNT) {
		struct suffixes *suffixes = suffixes_read(buf_text(&lists.texts[newest]), lists.texts[newest].size, err);

		if (suffixes)
			return suffixes;
		if (newest == PLACE_OWN) {
			(void)err_wrap(err, "'%s'", places->own);
			return NULL;
		}
		lists.dates[newest] = -1;
	}
	(void)err_set(err, ERR_CONFIG, "there is no list of public suffixes, by which registered domains are told apart: install the system's with "
				       "'sudo apt-get install publicsuffix'");
	return NULL;
}

bool suffix_list_check(const char *path, struct err *err)
{
	AUTO_BUF text = BUF_MAX(LIST_MAX);
	AUTO_SUFFIXES *suffixes = NULL;

	if (!given_read(path, &text, NULL, err))
		return false;
	suffixes = suffixes_read(buf_text(&text), text.size, err);
	return suffixes || err_wrap(err, "'%s'", path);
}

/* ---- fetching ---- */

/* Where the fetched list came from, and what the server calls this state of it; NULL = not known. Kept beside it, lines "<key> <value>". */
struct source {
	char *url, *hash, *etag, *modified;
};

static void source_done(struct source *source)
{
	free(source->url);
	free(source->hash);
	free(source->etag);
	free(source->modified);
	*source = (struct source){ 0 };
}

static void take_line(const char *line, const char *key, char **ret_value)
{
	size_t size = strlen(key);

	if (!*ret_value && text_starts(line, key) && line[size] == ' ')
		*ret_value = mem_strdup(line + size + 1);
}

static bool is_of(const struct source *source, const char *url, int fetched_fd)
{
	AUTO_BUF list = BUF_MAX(LIST_MAX);
	char hash[65];
	struct err ignored;

	if (!source->url || !source->hash || strcmp(source->url, url) != 0 || !file_read(fetched_fd, LIST_FILE, &list, &ignored))
		return false;
	digest_sha256_hex(buf_text(&list), list.size, hash);
	return strcmp(hash, source->hash) == 0;
}

/* Empty when the list is gone, was changed, or came from elsewhere: then it is asked for anew. */
static void read_source(int fetched_fd, const char *url, struct source *source)
{
	AUTO_BUF text = BUF_MAX(SOURCE_MAX);
	AUTO_STRS lines = { 0 };
	struct err ignored;

	if (!file_read(fetched_fd, SOURCE_FILE, &text, &ignored))
		return;
	text_lines(buf_text(&text), &lines);
	for (size_t i = 0; i < lines.count; i++) {
		take_line(lines.items[i], "url", &source->url);
		take_line(lines.items[i], "sha256", &source->hash);
		take_line(lines.items[i], "etag", &source->etag);
		take_line(lines.items[i], "modified", &source->modified);
	}
	if (!is_of(source, url, fetched_fd))
		source_done(source);
}

/* The list first: a source that does not fit it counts for nothing. */
static bool keep(const struct http_response *response, const char *url, int fetched_fd, struct err *err)
{
	AUTO_BUF source = BUF_MAX(SOURCE_MAX);
	char hash[65];

	digest_sha256_hex(buf_text(&response->body), response->body.size, hash);
	(void)buf_addf(&source, "url %s\nsha256 %s\n", url, hash);
	if (response->etag)
		(void)buf_addf(&source, "etag %s\n", response->etag);
	if (response->last_modified)
		(void)buf_addf(&source, "modified %s\n", response->last_modified);
	return file_replace(fetched_fd, LIST_FILE, buf_text(&response->body), response->body.size, 0600, err) &&
	       file_replace(fetched_fd, SOURCE_FILE, buf_text(&source), source.size, 0600, err);
}

static bool check_answer(const struct http_response *response, const char *url, struct err *err)
{
	AUTO_SUFFIXES *suffixes = NULL;
	struct err reason;

	if (response->status != 200)
		return err_set(err, ERR_PROTOCOL, "'%s' answers with status %ld instead of a list of public suffixes", url, response->status);
	suffixes = suffixes_read(buf_text(&response->body), response->body.size, &reason);
	return suffixes || err_set(err, ERR_PROTOCOL, "what '%s' answers with is %s", url, reason.text);
}

bool suffix_list_fetch(struct http *http, const char *url, int fetched_fd, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	AUTO(source_done) struct source source = { 0 };
	struct http_request get = { .method = HTTP_GET, .url = url, .timeout_ms = TIMEOUT_MS };

	read_source(fetched_fd, url, &source);
	get.if_none_match = source.etag;
	get.if_modified_since = source.modified;
	if (!http_send(http, &get, &response, err))
		return false;
	if (response.status == 304 && source.url)
		return true;
	return check_answer(&response, url, err) && keep(&response, url, fetched_fd, err);
}
