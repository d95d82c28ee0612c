/* SPDX-License-Identifier: MIT */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/buf.h"

struct err;

/*
 * Account keys and URLs as files, in lego's layout: <accounts>/<server>/<email>/account.json and keys/<email>.key. <server> is host[:port] of the directory URL with ':' as '_'.
 * Without e-mail the folder is "noemail@example.com", as lego has it.
 */
struct account_files {
	char *email;       /* folder name */
	char *url;         /* registration.uri, "" = not registered yet */
	struct buf pem;    /* the private key, secret */
	int64_t made_at;   /* of account.json or of the key: for "the oldest account of that server" */
};
void account_files_done(struct account_files *account);

/* "acme-v02.api.letsencrypt.org", "localhost_14000"; the caller frees it. `host_port` as of url_host_port. */
char *account_server_folder(const char *host_port) MUST_USE NEVER_NULL;
/* `accounts_fd`: the folder accounts. *ret_found false: no key there. A folder without readable account.json but with a key has url "". */
bool account_files_load(int accounts_fd, const char *server_folder, const char *email, bool *ret_found, struct account_files *ret_account, struct err *err) MUST_USE;
/* The oldest account with a URL of that server, whatever its e-mail. */
bool account_files_oldest(int accounts_fd, const char *server_folder, bool *ret_found, struct account_files *ret_account, struct err *err) MUST_USE;
/* Any account of that server with this URL: revocation. */
bool account_files_by_url(int accounts_fd, const char *server_folder, const char *url, bool *ret_found, struct account_files *ret_account, struct err *err) MUST_USE;
/* The newest account below <app folder>/letsencrypt/certs/<id>/accounts (old per-certificate layout), contract 11.2. */
bool account_files_old_layout(int app_fd, const char *server_folder, const char *email, bool *ret_found, struct account_files *ret_account, struct err *err) MUST_USE;
/*
 * Key first (0600, folders 0700), durably; then, once it is known, the URL. Another key that is there already: ERR_EXISTS. The same URL, or "" where none is known,
 * leaves account.json as it is. An e-mail that cannot be the name of a folder: ERR_CONFIG, also above.
 */
bool account_files_save_key(int accounts_fd, const char *server_folder, const char *email, const struct buf *pem, struct err *err) MUST_USE;
bool account_files_save_url(int accounts_fd, const char *server_folder, const char *email, const char *url, struct err *err) MUST_USE;

#endif
