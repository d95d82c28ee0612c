/* SPDX-License-Identifier: MIT */
/* One line an app, so that a run over a thousand apps with nothing to do reads a thousand lines and nothing else. */
#include "flow/state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow/context.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strs.h"

#define LINE_MAX_SIZE 256
#define FORMAT_VERSION "1"

static uint64_t mix(uint64_t digest, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		digest = (digest ^ ((value >> (8 * i)) & 0xff)) * UINT64_C(1099511628211);
	return digest;
}

static uint64_t mix_file(uint64_t digest, int dir_fd, const char *path)
{
	struct stat info;

	if (dir_fd < 0 || fstatat(dir_fd, path, &info, 0) != 0)
		return mix(digest, 0);
	digest = mix(digest, (uint64_t)info.st_ino);
	digest = mix(digest, (uint64_t)info.st_size);
	return mix(digest, (uint64_t)info.st_ctim.tv_sec * UINT64_C(1000000000) + (uint64_t)info.st_ctim.tv_nsec);
}

static uint64_t mix_config(uint64_t digest, const struct context *context, const char *app)
{
	static const struct {
		const char *folder, *file;
	} files[] = { { "", "ENV" }, { "proxy/", "type" }, { "proxy/", "disabled" }, { "scheduler/", "selected" } };

	for (size_t i = 0; i < COUNT(files); i++) {
		char path[600];

		(void)snprintf(path, sizeof(path), "%s/config/%s%s/%s", platform_lib_root(context->platform), files[i].folder, app, files[i].file);
		digest = mix_file(digest, AT_FDCWD, path);
	}
	return digest;
}

uint64_t state_fingerprint(struct context *context, const char *app)
{
	static const char *const files[] = { "VHOST", "REDIRECTS", "tls", "tls/server.crt", "tls/server.key", "nginx.conf.d/letsencrypt.conf" };
	uint64_t digest = UINT64_C(14695981039346656037);
	struct err ignored;
	AUTO_FD app_fd = platform_app_fd(context->platform, app, &ignored);

	for (size_t i = 0; i < COUNT(files); i++)
		digest = mix_file(digest, app_fd, files[i]);
	digest = mix_config(digest, context, app);
	digest = mix_config(digest, context, "--global");
	digest = mix(digest, platform_settings_stamp(context->platform, app));
	return mix(digest, platform_settings_stamp(context->platform, "--global"));
}

static int state_folder(struct context *context)
{
	struct err ignored;
	int global_fd = platform_global_fd(context->platform, &ignored);

	return global_fd < 0 ? -1 : dir_make_at(global_fd, "state", 0700, &ignored);
}

struct line {
	char fingerprint[17];
	struct state state;
};

static bool read_line(struct context *context, const char *app, struct line *ret_line)
{
	AUTO_BUF text = BUF_MAX(LINE_MAX_SIZE);
	AUTO_STRS words = { 0 };
	AUTO_FD state_fd = state_folder(context);
	struct err ignored;

	if (state_fd < 0 || !file_read(state_fd, app, &text, &ignored))
		return false;
	strs_split(&words, buf_text(&text), " \n");
	if (words.count != 4 || strcmp(words.items[0], FORMAT_VERSION) != 0)
		return false;
	(void)snprintf(ret_line->fingerprint, sizeof(ret_line->fingerprint), "%.16s", words.items[1]);
	return parse_int(words.items[2], 0, INT64_MAX, &ret_line->state.check_at) && parse_int(words.items[3], 0, INT64_MAX, &ret_line->state.renew_at);
}

static bool is_current(const struct line *line, uint64_t fingerprint)
{
	char expected[17];

	(void)snprintf(expected, sizeof(expected), "%016" PRIx64, fingerprint);
	return strcmp(line->fingerprint, expected) == 0;
}

bool state_read(struct context *context, const char *app, uint64_t fingerprint, struct state *ret_state)
{
	struct line line = { 0 };

	if (!read_line(context, app, &line) || !is_current(&line, fingerprint))
		return false;
	*ret_state = line.state;
	return true;
}

bool state_read_now(struct context *context, const char *app, struct state *ret_state)
{
	struct line line = { 0 };

	if (!read_line(context, app, &line) || !is_current(&line, state_fingerprint(context, app)))
		return false;
	*ret_state = line.state;
	return true;
}

void state_write(struct context *context, const char *app, uint64_t fingerprint, const struct state *state)
{
	AUTO_FREE char *line = mem_fmt(FORMAT_VERSION " %016" PRIx64 " %" PRId64 " %" PRId64 "\n", fingerprint, state->check_at, state->renew_at);
	AUTO_FD state_fd = state_folder(context);
	struct err ignored;

	if (state_fd >= 0)
		(void)!file_replace_fast(state_fd, app, line, strlen(line), 0600, &ignored);
}

void state_forget(struct context *context, const char *app)
{
	AUTO_FD state_fd = state_folder(context);
	struct err ignored;

	if (state_fd >= 0)
		(void)!file_remove(state_fd, app, &ignored);
}
