/* SPDX-License-Identifier: MIT */
/* FNV-1a over the stamps of an app's files: what is folded are times and inodes of files on this host, nobody's choice. */
#include "sys/imprint.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/strs.h"

#define GLOBAL "--global"

static uint64_t fold(uint64_t digest, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		digest = (digest ^ bytes[i]) * UINT64_C(1099511628211);
	return digest;
}

/* Links are followed: operators link certificates and volumes. */
static uint64_t fold_file(uint64_t digest, const char *parent, const char *folder, const char *name)
{
	AUTO_FREE char *path = mem_fmt("%s/%s/%s", parent, folder, name);
	struct stat info;

	if (stat(path, &info) != 0)
		return fold(digest, "", 1);
	const uint64_t stamp[] = { (uint64_t)info.st_ino, (uint64_t)info.st_size, (uint64_t)info.st_ctim.tv_sec, (uint64_t)info.st_ctim.tv_nsec };
	return fold(digest, stamp, sizeof(stamp));
}

/* What the platform keeps for the app or for all of them. */
static uint64_t fold_config(uint64_t digest, const char *lib_root, const char *scope)
{
	static const struct {
		const char *folder, *file;
	} files[] = {
		{ "", "ENV" }, { "proxy/", "type" }, { "proxy/", "disabled" }, { "scheduler/", "selected" }, { "ports/", "map" }, { "ports/", "map-detected" },
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		AUTO_FREE char *parent = mem_fmt("%s/config/%s", lib_root, files[i].folder);

		digest = fold_file(digest, parent, scope, files[i].file);
	}
	return digest;
}

/* Our own properties, whichever there are; not what a kill left of a write. */
static uint64_t fold_settings(uint64_t digest, const char *lib_root, const char *scope)
{
	AUTO_FREE char *path = mem_fmt("%s/config/letsencrypt/%s", lib_root, scope);
	struct err ignored;
	AUTO_FD fd = dir_open(path, &ignored);
	AUTO_STRS names = { 0 };

	if (fd < 0 || !dir_list(fd, &names, &ignored))
		return fold(digest, "", 1);
	for (size_t i = 0; i < names.count; i++) {
		if (!name_is_key(names.items[i]))
			continue;
		struct file_stamp stamp = file_stamp(fd, names.items[i]);

		digest = fold(digest, names.items[i], strlen(names.items[i]) + 1);
		digest = fold(digest, &stamp, sizeof(stamp));
	}
	return digest;
}

uint64_t imprint_of_app(const char *root, const char *lib_root, const char *app)
{
	static const char *const files[] = { "VHOST", "REDIRECTS", "tls", "tls/server.crt", "tls/server.key", "nginx.conf.d/letsencrypt.conf" };
	const char *const scopes[] = { app, GLOBAL };
	uint64_t digest = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < COUNT(files); i++)
		digest = fold_file(digest, root, app, files[i]);
	for (size_t i = 0; i < COUNT(scopes); i++) {
		digest = fold_config(digest, lib_root, scopes[i]);
		digest = fold_settings(digest, lib_root, scopes[i]);
	}
	return digest;
}
