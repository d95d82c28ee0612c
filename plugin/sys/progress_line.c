/* SPDX-License-Identifier: MIT */
#include "sys/progress_line.h"

#include <stdbool.h>
#include <string.h>

#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define FILE_SIZE_MAX ((size_t)1024 * 1024)

void progress_line_add(int folder_fd, const char *job, const struct progress_line *line)
{
	AUTO_FREE char *text = mem_fmt("%c\t%s\t%s\n", '0' + (int)line->kind, line->app, line->text);
	struct err ignored;

	(void)!file_append(folder_fd, job, text, strlen(text), 0600, &ignored);
}

/* Cuts it up. */
static bool parse(char *text, struct progress_line *ret_line)
{
	char *app = strchr(text, '\t');
	char *rest = app ? strchr(app + 1, '\t') : NULL;

	if (!rest || app != text + 1 || *text < '0' || *text > '0' + (int)PROGRESS_END)
		return false;
	*app++ = '\0';
	*rest++ = '\0';
	*ret_line = (struct progress_line){ .kind = (enum progress_kind)(*text - '0'), .app = app, .text = rest };
	return true;
}

void progress_line_each(int folder_fd, const char *job, size_t *offset, void (*take)(void *ctx, const struct progress_line *line), void *ctx)
{
	AUTO_BUF content = BUF_MAX(FILE_SIZE_MAX);
	struct err ignored;
	char *end = NULL;

	if (!file_read(folder_fd, job, &content, &ignored) || content.size <= *offset)
		return;
	for (char *text = content.data + *offset; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		struct progress_line line;

		*end = '\0';
		if (parse(text, &line))
			take(ctx, &line);
		*offset = (size_t)(end + 1 - content.data);
	}
}
