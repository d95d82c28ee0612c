/* SPDX-License-Identifier: MIT */
/* FNV-1a over the stamps of an app's files: what is folded are times and inodes of files on this host, nobody's choice. */
#include "sys/imprint.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/strs.h"

#define GLOBAL "--global"

static uint64_t fold(uint64_t digest, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		digest = (digest ^ ((value >> (8 * i)) & 0xff)) * UINT64_C(1099511628211);
	return digest;
}

/* Its end counts. */
static uint64_t fold_text(uint64_t digest, const char *text)
{
	for (; *text != '\0'; text++)
		digest = fold(digest, (unsigned char)*text);
	return fold(digest, 0);
}

static uint64_t fold_info(uint64_t digest, const struct stat *info)
{
	digest = fold(digest, (uint64_t)info->st_ino);
	digest = fold(digest, (uint64_t)info->st_size);
	digest = fold(digest, (uint64_t)info->st_ctim.tv_sec);
	return fold(digest, (uint64_t)info->st_ctim.tv_nsec);
}

/* Links are followed: operators link certificates and volumes. */
static uint64_t fold_file(uint64_t digest, const char *parent, const char *folder, const char *name)
{
	AUTO_FREE char *path = mem_fmt("%s/%s/%s", parent, folder, name);
	struct stat info;

	return stat(path, &info) == 0 ? fold_info(digest, &info) : fold(digest, 0);
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
		return fold(digest, 0);
	for (size_t i = 0; i < names.count; i++) {
		struct stat info;

		if (name_is_key(names.items[i]) && fstatat(fd, names.items[i], &info, AT_SYMLINK_NOFOLLOW) == 0)
			digest = fold_info(fold_text(digest, names.items[i]), &info);
	}
	return digest;
}

static uint64_t fold_scope(uint64_t digest, const char *lib_root, const char *scope)
{
	return fold_settings(fold_config(digest, lib_root, scope), lib_root, scope);
}

uint64_t imprint_of_host(const char *lib_root)
{
	return fold_scope(UINT64_C(14695981039346656037), lib_root, GLOBAL);
}

uint64_t imprint_of_app(const char *root, const char *lib_root, const char *app, uint64_t host)
{
	static const char *const files[] = { "VHOST", "REDIRECTS", "tls", "tls/server.crt", "tls/server.key", "nginx.conf.d/letsencrypt.conf" };
	uint64_t digest = host;

	for (size_t i = 0; i < COUNT(files); i++)
		digest = fold_file(digest, root, app, files[i]);
	return fold_scope(digest, lib_root, app);
}
