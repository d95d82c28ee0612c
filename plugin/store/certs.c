/* SPDX-License-Identifier: MIT */
/*
 * Certificates and their keys as files. A folder gets its name, the hash of the leaf, only when it is complete; what was bought is never written over. A mark
 * <certs>/.issued-<id> says which leaf an order led to: whoever continues it after a kill finds the key there.
 */
#include "store/certs.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/when.h"

#define CHAIN_FILE "fullchain.pem"
#define KEY_FILE "key.pem"
#define MARK_PREFIX ".issued-"
/* An order that is continued is younger than that. */
#define MARK_KEPT_S (30 * WHEN_DAY)
#define LEAF_MAX 255
#define FOLDER_MODE 0700
#define FILE_MODE 0600

static char *order_folder(int64_t order_id)
{
	return mem_fmt(".order-%" PRId64, order_id);
}

static char *mark_name(int64_t order_id)
{
	return mem_fmt(MARK_PREFIX "%" PRId64, order_id);
}

static bool is_leaf(const char *name)
{
	return name_is_component(name) && *name != '.';
}

/* Missing is success: *ret_found. */
static bool read_file(int dir_fd, const char *name, bool *ret_found, struct buf *ret_content, struct err *err)
{
	struct err failure = { 0 };

	*ret_found = file_read(dir_fd, name, ret_content, &failure);
	if (*ret_found || failure.kind == ERR_MISSING)
		return true;
	*err = failure;
	return false;
}

static bool write_file(int dir_fd, const char *name, const struct buf *content, struct err *err)
{
	return file_replace(dir_fd, name, buf_text(content), content->size, FILE_MODE, err);
}

/* The folder of `leaf` with both files in it. */
static bool is_complete(int certs_fd, const char *leaf)
{
	struct err ignored = { 0 };
	AUTO_FD fd = dir_open_at(certs_fd, leaf, &ignored);

	return fd >= 0 && file_exists(fd, CHAIN_FILE) && file_exists(fd, KEY_FILE);
}

/* Gives the complete folder `staged` its name. Somebody who was faster with the same certificate is as good: a folder that holds something is not replaced. */
static bool publish(int certs_fd, const char *staged, const char *leaf, struct err *err)
{
	int status = renameat(certs_fd, staged, certs_fd, leaf);

	if (status != 0 && errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(err, "rename folder '%s' to '%s'", staged, leaf);
	if (status != 0 && is_complete(certs_fd, leaf))
		return dir_remove_tree(certs_fd, staged, err) && dir_sync(certs_fd, err);
	/* A folder of that name which is not complete is worth nothing: a certificate without key, or neither. */
	if (status != 0) {
		if (!dir_remove_tree(certs_fd, leaf, err))
			return false;
		status = renameat(certs_fd, staged, certs_fd, leaf);
	}
	return (status == 0 || err_sys(err, "rename folder '%s' to '%s'", staged, leaf)) && dir_sync(certs_fd, err);
}

bool certs_load(int certs_fd, const char *leaf, bool *ret_found, struct buf *ret_chain_pem, struct buf *ret_key_pem, struct err *err)
{
	bool is_found = is_leaf(leaf) && is_complete(certs_fd, leaf);

	if (is_found) {
		AUTO_FD fd = dir_open_at(certs_fd, leaf, err);

		if (fd < 0 || (ret_chain_pem && !file_read(fd, CHAIN_FILE, ret_chain_pem, err)) || (ret_key_pem && !file_read(fd, KEY_FILE, ret_key_pem, err)))
			return err_wrap(err, "certificate %s", leaf);
	}
	*ret_found = is_found;
	return true;
}

/* The key of the certificate that the order led to already. */
static bool read_issued_key(int certs_fd, int64_t order_id, bool *ret_found, struct buf *ret_pem, struct err *err)
{
	AUTO_FREE char *mark = mark_name(order_id);
	AUTO_BUF leaf = BUF_MAX(LEAF_MAX);

	if (!read_file(certs_fd, mark, ret_found, &leaf, err))
		return false;
	return !*ret_found || certs_load(certs_fd, buf_text(&leaf), ret_found, NULL, ret_pem, err);
}

/* The key in the folder of the order, or `pem` put there. */
static bool keep_key(int certs_fd, int64_t order_id, const struct buf *pem, bool *ret_found, struct buf *ret_pem, struct err *err)
{
	AUTO_FREE char *folder = order_folder(order_id);
	AUTO_FD fd = dir_make_at(certs_fd, folder, FOLDER_MODE, err);

	if (fd < 0 || !read_file(fd, KEY_FILE, ret_found, ret_pem, err))
		return false;
	if (*ret_found)
		return true;
	dir_sweep(certs_fd, MARK_PREFIX, MARK_KEPT_S);
	return write_file(fd, KEY_FILE, pem, err) && dir_sync(certs_fd, err);
}

bool certs_order_key(int certs_fd, int64_t order_id, struct buf *io_pem, bool *ret_existing, struct err *err)
{
	AUTO_BUF known = { .max = io_pem->max, .is_secret = true };
	bool is_found;

	if (!read_issued_key(certs_fd, order_id, &is_found, &known, err))
		return false;
	if (!is_found && !keep_key(certs_fd, order_id, io_pem, &is_found, &known, err))
		return false;
	if (is_found) {
		buf_done(io_pem);
		*io_pem = known;
		known = (struct buf){ 0 };
	}
	*ret_existing = is_found;
	return true;
}

bool certs_order_issued(int certs_fd, int64_t order_id, const char *leaf, const struct buf *chain_pem, struct err *err)
{
	AUTO_FREE char *folder = order_folder(order_id);
	AUTO_FREE char *mark = mark_name(order_id);

	assert(is_leaf(leaf));
	if (is_complete(certs_fd, leaf))
		return dir_remove_tree(certs_fd, folder, err);

	AUTO_FD fd = dir_open_at(certs_fd, folder, err);
	if (fd < 0)
		return err_wrap(err, "certificate of order %" PRId64, order_id);
	if (!file_exists(fd, KEY_FILE))
		return err_set(err, ERR_MISSING, "order %" PRId64 " has lost its key '%s/" KEY_FILE "'; order the certificate again", order_id, folder);
	file_sweep(fd, 0);
	return write_file(fd, CHAIN_FILE, chain_pem, err) && file_replace(certs_fd, mark, leaf, strlen(leaf), FILE_MODE, err) &&
	       publish(certs_fd, folder, leaf, err);
}

bool certs_order_drop(int certs_fd, int64_t order_id, struct err *err)
{
	AUTO_FREE char *folder = order_folder(order_id);
	AUTO_FREE char *mark = mark_name(order_id);

	return dir_remove_tree(certs_fd, folder, err) && file_remove(certs_fd, mark, err);
}

bool certs_adopt(int certs_fd, const char *leaf, const struct buf *chain_pem, const struct buf *key_pem, struct err *err)
{
	AUTO_FREE char *staged = mem_fmt(".adopt-%s", leaf);

	assert(is_leaf(leaf));
	if (is_complete(certs_fd, leaf))
		return true;

	/* What a kill left under this name is of the same certificate: it is written over. */
	AUTO_FD fd = dir_make_at(certs_fd, staged, FOLDER_MODE, err);
	if (fd < 0)
		return false;
	file_sweep(fd, 0);
	return write_file(fd, KEY_FILE, key_pem, err) && write_file(fd, CHAIN_FILE, chain_pem, err) && publish(certs_fd, staged, leaf, err);
}
