/* SPDX-License-Identifier: MIT */
#include "proxy/copies.h"

/*
 * Below the folder, "main" stands for the main file's folder (links to its entries, since names in a configuration are relative to it), and "files" for "/". So a
 * copied path is a real path with a prefix, and nginx's words are turned back by taking prefixes away.
 */

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "proxy/conf.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define TEMPORARY "/tmp"
#define PREFIX "letsencrypt-nginx."
/* What a kill left; nginx has long read what is so old. */
#define SWEEP_AGE_S 3600
/* nginx ends by the number of open files; nobody nests deeper. */
#define DEPTH_MAX 16
/* Files that all include each other would never come to an end; a host of thousands of apps stays below it. */
#define INCLUDES_MAX 50000
#define FILE_SIZE_MAX ((size_t)4 << 20)

/* ---- paths ---- */

/* The folder of an absolute path, "" for "/": the caller frees it. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return mem_strndup(path, slash != NULL ? (size_t)(slash - path) : 0);
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int open_folder(const char *folder, struct err *err)
{
	return dir_open(folder[0] != '\0' ? folder : "/", err);
}

/* ---- which files an include names ---- */

static const struct nginx_change *find_change(const struct copies *copies, const char *path)
{
	for (size_t i = 0; i < copies->change_count; i++) {
		if (strcmp(copies->changes[i].path, path) == 0)
			return &copies->changes[i];
	}
	return NULL;
}

/* Changed files are left out; the result says whether there was one. */
static bool add_existing(const struct copies *copies, const char *pattern, struct strs *paths)
{
	glob_t found = { 0 };
	bool has_change = false;

	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			if (find_change(copies, found.gl_pathv[i]) == NULL)
				strs_add(paths, found.gl_pathv[i]);
			else
				has_change = true;
		}
	}
	globfree(&found);
	return has_change;
}

/* The absolute path without empty parts and ".": so the names of changes are written. The caller frees it. */
static char *without_dots(const char *path)
{
	AUTO_STRS parts = { 0 };
	AUTO_BUF tidy = BUF_MAX(FILE_SIZE_MAX);

	strs_split(&parts, path, "/");
	for (size_t i = 0; i < parts.count; i++) {
		if (strcmp(parts.items[i], ".") != 0)
			buf_addf(&tidy, "/%s", parts.items[i]);
	}
	return buf_take(&tidy);
}

/* Matching files as they will be, in nginx's order; the result says whether they are others than what the include itself would find. */
static bool expand(const struct copies *copies, const char *name, struct strs *ret_paths)
{
	AUTO_FREE char *path = name[0] == '/' ? mem_strdup(name) : mem_fmt("%s/%s", copies->main_folder, name);
	AUTO_FREE char *pattern = without_dots(path);

	if (strpbrk(pattern, "*?[") == NULL) {
		strs_add(ret_paths, pattern);
		return false;
	}
	bool is_changed = add_existing(copies, pattern, ret_paths);
	for (size_t i = 0; i < copies->change_count; i++) {
		const struct nginx_change *change = &copies->changes[i];

		if (change->content != NULL && fnmatch(pattern, change->path, FNM_PATHNAME | FNM_PERIOD) == 0)
			is_changed |= strs_add_new(ret_paths, change->path);
	}
	strs_sort(ret_paths);
	return is_changed;
}

/* ---- copying ---- */

/* As it will be. False when there is nothing to read: nginx then reads the file itself, or says that it cannot. */
static bool read_file(const struct copies *copies, const char *path, struct buf *ret_text)
{
	const struct nginx_change *change = find_change(copies, path);
	struct err ignored = { 0 };

	if (change != NULL)
		return change->content != NULL && buf_adds(ret_text, change->content);
	/* Files in sites-enabled are links. */
	AUTO_FREE char *real = realpath(path, NULL);
	if (real == NULL)
		return false;
	AUTO_FREE char *folder = folder_of(real);
	AUTO_FD folder_fd = open_folder(folder, &ignored);
	return folder_fd >= 0 && file_read(folder_fd, name_of(real), ret_text, &ignored);
}

static bool write_copy(const struct copies *copies, const char *path, const struct buf *text, struct err *err)
{
	AUTO_FREE char *folder = folder_of(path);
	AUTO_FD folder_fd = folder[0] != '\0' ? dir_make_path_at(copies->files_fd, folder, 0700, err) : dup(copies->files_fd);

	return folder_fd >= 0 && file_replace_fast(folder_fd, name_of(path), text->data, text->size, 0600, err);
}

static void add_include(const struct copies *copies, const char *path, bool is_copied, struct buf *out)
{
	buf_adds(out, "include \"");
	if (is_copied)
		buf_addf(out, "%s/files", copies->folder);
	for (; *path != '\0'; path++) {
		if (*path == '"' || *path == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *path);
	}
	buf_adds(out, "\"; ");
}

static bool copy_file(struct copies *copies, const char *path, int depth, bool *ret_is_copied, struct err *err);

/* Appends what stands for the include to `out` when it leads to a change. */
static bool rewrite_include(struct copies *copies, const char *name, int depth, struct buf *out, bool *ret_is_rewritten, struct err *err)
{
	AUTO_STRS paths = { 0 };
	AUTO_BUF includes = BUF_MAX(FILE_SIZE_MAX);
	bool is_rewritten = expand(copies, name, &paths);

	for (size_t i = 0; i < paths.count; i++) {
		bool is_copied = false;

		if (!copy_file(copies, paths.items[i], depth, &is_copied, err))
			return false;
		is_rewritten |= is_copied;
		add_include(copies, paths.items[i], is_copied, &includes);
	}
	if (is_rewritten)
		buf_add(out, includes.data, includes.size);
	out->is_full |= includes.is_full;
	*ret_is_rewritten = is_rewritten;
	return true;
}

/* The text with its includes rewritten, line for line. */
static bool rewrite(struct copies *copies, const char *text, int depth, struct buf *out, bool *ret_is_rewritten, struct err *err)
{
	struct conf_scan scan = { .text = text };
	AUTO(conf_directive_done) struct conf_directive directive = { 0 };
	size_t done = 0;

	*ret_is_rewritten = false;
	while (conf_next(&scan, &directive)) {
		const struct strs *words = &directive.words;
		bool is_rewritten = false;

		if (directive.end != CONF_STATEMENT || words->count != 2 || strcmp(words->items[0], "include") != 0)
			continue;
		buf_add(out, text + done, directive.start - done);
		done = directive.start;
		if (!rewrite_include(copies, words->items[1], depth + 1, out, &is_rewritten, err))
			return false;
		if (is_rewritten)
			done = directive.after;
		*ret_is_rewritten |= is_rewritten;
	}
	buf_adds(out, text + done);
	return !out->is_full || err_set(err, ERR_REFUSED, "nginx's configuration has a file of more than %zu bytes", FILE_SIZE_MAX);
}

/* Copies it when it changes, or includes what changes. */
static bool copy_file(struct copies *copies, const char *path, int depth, bool *ret_is_copied, struct err *err)
{
	AUTO_BUF text = BUF_MAX(FILE_SIZE_MAX);
	AUTO_BUF copy = BUF_MAX(FILE_SIZE_MAX);
	bool is_rewritten = false;
	bool is_change = find_change(copies, path) != NULL;

	*ret_is_copied = is_change;
	if (copies->include_count++ == INCLUDES_MAX)
		return err_set(err, ERR_REFUSED, "nginx's configuration includes files more than %d times; do they include each other?", INCLUDES_MAX);
	/* Nothing below names with ".." is ours. */
	if (depth > DEPTH_MAX || strstr(path, "/../") != NULL || !read_file(copies, path, &text))
		return true;
	if (!rewrite(copies, buf_text(&text), depth, &copy, &is_rewritten, err))
		return err_wrap(err, "copy '%s'", path);
	if (!is_change && !is_rewritten)
		return true;
	*ret_is_copied = true;
	return write_copy(copies, path, &copy, err) || err_wrap(err, "copy '%s'", path);
}

/* ---- the folder ---- */

char *copies_make_folder(struct err *err)
{
	AUTO_FREE char *folder = mem_strdup(TEMPORARY "/" PREFIX "XXXXXX");
	struct err ignored = { 0 };
	AUTO_FD temporary_fd = dir_open(TEMPORARY, &ignored);

	if (temporary_fd >= 0)
		dir_sweep(temporary_fd, PREFIX, SWEEP_AGE_S);
	if (mkdtemp(folder) == NULL) {
		(void)err_sys(err, "make a folder in '" TEMPORARY "'");
		return NULL;
	}
	return mem_take(&folder);
}

void copies_remove_folder(const char *folder)
{
	struct err ignored = { 0 };
	AUTO_FD temporary_fd = dir_open(TEMPORARY, &ignored);

	if (temporary_fd >= 0)
		(void)!dir_remove_tree(temporary_fd, name_of(folder), &ignored);
}

/* "main": a link to each entry beside the main file, but for the main file itself. */
static bool link_entries(const struct copies *copies, int main_fd, struct err *err)
{
	AUTO_FD real_fd = open_folder(copies->main_folder, err);
	AUTO_STRS names = { 0 };

	if (real_fd < 0 || !dir_list(real_fd, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *target = mem_fmt("%s/%s", copies->main_folder, names.items[i]);

		if (strcmp(names.items[i], name_of(copies->main_path)) != 0 && symlinkat(target, main_fd, names.items[i]) != 0)
			return err_sys(err, "link '%s'", target);
	}
	return true;
}

static bool copy_main(struct copies *copies, int main_fd, struct err *err)
{
	AUTO_BUF text = BUF_MAX(FILE_SIZE_MAX);
	AUTO_BUF copy = BUF_MAX(FILE_SIZE_MAX);
	bool is_rewritten = false;

	if (!read_file(copies, copies->main_path, &text))
		return err_set(err, ERR_IO, "nginx's configuration '%s' cannot be read", copies->main_path);
	return rewrite(copies, buf_text(&text), 0, &copy, &is_rewritten, err) &&
		file_replace_fast(main_fd, name_of(copies->main_path), copy.data, copy.size, 0600, err);
}

static bool fill(struct copies *copies, struct err *err)
{
	AUTO_FD folder_fd = dir_open(copies->folder, err);

	if (folder_fd < 0)
		return false;
	AUTO_FD main_fd = dir_make_at(folder_fd, "main", 0700, err);
	copies->files_fd = main_fd >= 0 ? dir_make_at(folder_fd, "files", 0700, err) : -1;
	return copies->files_fd >= 0 && link_entries(copies, main_fd, err) && copy_main(copies, main_fd, err);
}

bool copies_init(struct copies *copies, const char *main_path, const struct nginx_change *changes, size_t change_count, struct err *err)
{
	*copies = (struct copies){
		.main_path = main_path,
		.changes = changes,
		.change_count = change_count,
		.main_folder = folder_of(main_path),
		.folder = copies_make_folder(err),
		.files_fd = -1,
	};
	if (copies->folder == NULL)
		return false;
	copies->copied_main_path = mem_fmt("%s/main/%s", copies->folder, name_of(main_path));
	return fill(copies, err) || err_wrap(err, "prepare a test of nginx's configuration");
}

void copies_done(struct copies *copies)
{
	fd_done(&copies->files_fd);
	if (copies->folder != NULL)
		copies_remove_folder(copies->folder);
	free(copies->folder);
	free(copies->main_folder);
	free(copies->copied_main_path);
	*copies = (struct copies)COPIES_EMPTY;
}

/* ---- nginx's words ---- */

/* Each `old` in text by `new`; the caller frees it. */
static char *replace_all(const char *text, const char *old, const char *new)
{
	AUTO_BUF out = BUF_MAX(FILE_SIZE_MAX);

	for (const char *found; (found = strstr(text, old)) != NULL; text = found + strlen(old)) {
		buf_add(&out, text, (size_t)(found - text));
		buf_adds(&out, new);
	}
	buf_adds(&out, text);
	return buf_take(&out);
}

char *copies_real_words(const struct copies *copies, const char *words)
{
	AUTO_FREE char *files = mem_fmt("%s/files", copies->folder);
	AUTO_FREE char *main_folder = mem_fmt("%s/main", copies->folder);
	AUTO_FREE char *with_files = replace_all(words, files, "");

	return replace_all(with_files, main_folder, copies->main_folder);
}
