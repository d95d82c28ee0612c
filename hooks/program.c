/* SPDX-License-Identifier: MIT */
/*
 * Starts the large program by becoming it: nothing stands between the platform and its exit status, its signals and its terminal. What would keep it from
 * starting is looked for before: once the loader has failed nobody is left to explain it.
 */
#include "hooks/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

int program_explain(const char *reason)
{
	fprintf(stderr, " !     letsencrypt cannot start: %s. To mend it: sudo dokku plugin:install\n", reason);
	return 1;
}

/* The folder that this program lies in, whatever link it was called by; NULL = unknown, see errno. */
static char *own_folder(void)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
	if (size < 0)
		return NULL;
	path[size] = '\0';
	char *slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return mem_strdup(path);
}

/*
 * A library of the large program that is gone (a system upgrade takes them away), NULL = none. `install` wrote beside it the paths of those that it was
 * linked with; without that list nothing is known to be missing.
 */
static char *missing_library(const char *folder)
{
	struct err err;
	AUTO_FD folder_fd = dir_open(folder, &err);
	AUTO_BUF list = BUF_MAX(64 * 1024);
	AUTO_STRS paths = { 0 };
	if (folder_fd < 0 || !file_read(folder_fd, "libraries", &list, &err))
		return NULL;
	text_lines(buf_text(&list), &paths);
	for (size_t i = 0; i < paths.count; i++) {
		struct stat found;
		if (stat(paths.items[i], &found) != 0 && errno == ENOENT)
			return mem_strdup(paths.items[i]);
	}
	return NULL;
}

char *program_find(void)
{
	AUTO_FREE char *folder = own_folder();
	if (!folder) {
		program_explain("its folder is unknown (is /proc mounted?)");
		return NULL;
	}
	AUTO_FREE char *library = missing_library(folder);
	AUTO_FREE char *path = mem_fmt("%s/letsencrypt", folder);
	AUTO_FREE char *reason = NULL;
	struct stat found;
	if (library)
		reason = mem_fmt("the system has no '%s' any more", library);
	else if (stat(path, &found) != 0)
		reason = mem_fmt("'%s': %s", path, strerror(errno));
	else
		return mem_take(&path);
	program_explain(reason);
	return NULL;
}

int program_become(char *const words[])
{
	AUTO_FREE char *path = program_find();
	if (!path)
		return 1;
	execv(path, words);
	AUTO_FREE char *reason = mem_fmt("'%s': %s", path, strerror(errno));
	return program_explain(reason);
}

void program_become_for_trigger(char *const words[])
{
	AUTO_FD nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		program_explain(strerror(errno));
	else
		program_become(words);
}
