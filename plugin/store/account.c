/* SPDX-License-Identifier: MIT */
/*
 * ACME accounts as files, in the layout that lego and the bash plugin leave behind, so that either side can go on with what the other one made.
 */
#include "store/account.h"

#include <stdlib.h>
#include <string.h>

#include "json/read.h"
#include "json/write.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/strs.h"

/* lego's folder for an account without e-mail. */
#define NO_EMAIL "noemail@example.com"
#define ACCOUNT_FILE "account.json"
/* The file of the key is called by it. */
#define EMAIL_SIZE_MAX (255 - (sizeof(".key") - 1))
#define ACCOUNT_MAX ((size_t)256 * 1024)
#define KEY_MAX ((size_t)64 * 1024)
#define FOLDER_MODE 0700
#define FILE_MODE 0600

void account_files_done(struct account_files *account)
{
	free(account->email);
	free(account->url);
	buf_done(&account->pem);
	*account = (struct account_files){ 0 };
}

char *account_server_folder(const char *host_port)
{
	char *folder = mem_strdup(host_port);

	for (char *c = folder; *c; c++)
		if (*c == ':')
			*c = '_';
	return folder;
}

/* ---- reading ---- */

struct registration {
	char *uri;
};

struct account_json {
	struct registration registration;
};

static const struct json_field registration_fields[] = { JSON_STR("uri", struct registration, uri, false), JSON_END };
static const struct json_field account_fields[] = { JSON_OBJ("registration", struct account_json, registration, registration_fields, false), JSON_END };

static void account_json_done(struct account_json *account)
{
	free(account->registration.uri);
}

/* registration.uri of account.json, "" when that is missing or makes no sense. */
static char *read_url(int account_fd)
{
	AUTO_BUF text = BUF_MAX(ACCOUNT_MAX);
	AUTO(account_json_done) struct account_json account = { 0 };
	struct err ignored = { 0 };

	if (!file_read(account_fd, ACCOUNT_FILE, &text, &ignored) || !json_read(buf_text(&text), text.size, account_fields, &account, &ignored) ||
	    !account.registration.uri)
		return mem_strdup("");
	return mem_take(&account.registration.uri);
}

static int64_t read_made_at(int account_fd, int keys_fd, const char *key_name)
{
	struct file_stamp stamp = file_stamp(account_fd, ACCOUNT_FILE);

	if (stamp.inode == 0)
		stamp = file_stamp(keys_fd, key_name);
	return stamp.mtime_ns / 1000000000;
}

/* `email` is the folder's name. Without folder or key: ERR_MISSING. */
static bool load(int server_fd, const char *email, struct account_files *ret_account, struct err *err)
{
	AUTO_FREE char *key_name = mem_fmt("%s.key", email);
	AUTO_BUF pem = BUF_SECRET(KEY_MAX);
	AUTO_FD account_fd = dir_open_at(server_fd, email, err);
	AUTO_FD keys_fd = account_fd >= 0 ? dir_open_at(account_fd, "keys", err) : -1;

	if (keys_fd < 0 || !file_read(keys_fd, key_name, &pem, err))
		return err_wrap(err, "account '%s'", email);
	*ret_account = (struct account_files){
		.email = mem_strdup(email),
		.url = read_url(account_fd),
		.pem = pem,
		.made_at = read_made_at(account_fd, keys_fd, key_name),
	};
	pem = (struct buf){ 0 };
	return true;
}

/* Turns a failure for want of something into success without a find. */
static bool or_missing(bool is_done, const struct err *failure, bool *ret_found, struct err *err)
{
	if (!is_done && failure->kind != ERR_MISSING) {
		*err = *failure;
		return false;
	}
	*ret_found = is_done;
	return true;
}

/* The folder of an e-mail, or NULL: it would not be one folder. */
static const char *email_folder(const char *email, struct err *err)
{
	if (!email || !*email)
		return NO_EMAIL;
	if (name_is_component(email) && strlen(email) <= EMAIL_SIZE_MAX)
		return email;
	(void)err_set(err, ERR_CONFIG, "e-mail '%s' cannot be the name of an account's folder; set another one", email);
	return NULL;
}

bool account_files_load(int accounts_fd, const char *server_folder, const char *email, bool *ret_found, struct account_files *ret_account, struct err *err)
{
	struct err failure = { 0 };
	const char *folder = email_folder(email, err);
	AUTO_FD server_fd = folder ? dir_open_at(accounts_fd, server_folder, &failure) : -1;

	return folder && or_missing(server_fd >= 0 && load(server_fd, folder, ret_account, &failure), &failure, ret_found, err);
}

/* ---- choosing ---- */

/* Moves `account` to `best` if it is better: with URL before without, then the older or the newer one. The loser is released. */
static void keep_better(struct account_files *best, struct account_files *account, bool is_newest_wanted)
{
	bool has_url = *account->url != '\0';
	bool is_better = !best->url || (has_url && !*best->url);

	if (!is_better && has_url == (*best->url != '\0'))
		is_better = is_newest_wanted ? account->made_at > best->made_at : account->made_at < best->made_at;
	if (is_better) {
		account_files_done(best);
		*best = *account;
		*account = (struct account_files){ 0 };
	}
}

static void move_best(struct account_files *best, bool *ret_found, struct account_files *ret_account)
{
	*ret_found = best->url != NULL;
	if (*ret_found)
		*ret_account = *best;
	*best = (struct account_files){ 0 };
}

/* The oldest account with a URL, with this URL if it is not NULL. What cannot be read must not hide the others. */
static bool search(int server_fd, const char *url, bool *ret_found, struct account_files *ret_account, struct err *err)
{
	AUTO_STRS emails = { 0 };
	AUTO(account_files_done) struct account_files best = { 0 };

	if (!dir_list(server_fd, &emails, err))
		return false;
	for (size_t i = 0; i < emails.count; i++) {
		AUTO(account_files_done) struct account_files account = { 0 };
		struct err ignored = { 0 };

		if (load(server_fd, emails.items[i], &account, &ignored) && *account.url && (!url || strcmp(account.url, url) == 0))
			keep_better(&best, &account, false);
	}
	move_best(&best, ret_found, ret_account);
	return true;
}

bool account_files_oldest(int accounts_fd, const char *server_folder, bool *ret_found, struct account_files *ret_account, struct err *err)
{
	struct err failure = { 0 };
	AUTO_FD server_fd = dir_open_at(accounts_fd, server_folder, &failure);

	if (server_fd < 0)
		return or_missing(false, &failure, ret_found, err);
	return search(server_fd, NULL, ret_found, ret_account, err);
}

bool account_files_by_url(int accounts_fd, const char *server_folder, const char *url, bool *ret_found, struct account_files *ret_account, struct err *err)
{
	struct err failure = { 0 };
	AUTO_FD server_fd = dir_open_at(accounts_fd, server_folder, &failure);

	if (server_fd < 0)
		return or_missing(false, &failure, ret_found, err);
	return search(server_fd, url, ret_found, ret_account, err);
}

/* ---- the layout before shared accounts: one folder for each distinct command line of lego ---- */

static bool load_old(int certs_fd, const char *id, const char *server_folder, const char *email, struct account_files *ret_account, struct err *err)
{
	AUTO_FD id_fd = dir_open_at(certs_fd, id, err);
	AUTO_FD accounts_fd = id_fd >= 0 ? dir_open_at(id_fd, "accounts", err) : -1;
	AUTO_FD server_fd = accounts_fd >= 0 ? dir_open_at(accounts_fd, server_folder, err) : -1;

	return server_fd >= 0 && load(server_fd, email, ret_account, err);
}

bool account_files_old_layout(int app_fd, const char *server_folder, const char *email, bool *ret_found, struct account_files *ret_account, struct err *err)
{
	struct err failure = { 0 };
	const char *folder = email_folder(email, err);
	AUTO_FD letsencrypt_fd = folder ? dir_open_at(app_fd, "letsencrypt", &failure) : -1;
	AUTO_FD certs_fd = letsencrypt_fd >= 0 ? dir_open_at(letsencrypt_fd, "certs", &failure) : -1;
	AUTO_STRS ids = { 0 };
	AUTO(account_files_done) struct account_files best = { 0 };

	if (!folder)
		return false;
	if (certs_fd < 0)
		return or_missing(false, &failure, ret_found, err);
	if (!dir_list(certs_fd, &ids, err))
		return false;
	for (size_t i = 0; i < ids.count; i++) {
		AUTO(account_files_done) struct account_files account = { 0 };
		struct err ignored = { 0 };

		if (load_old(certs_fd, ids.items[i], server_folder, folder, &account, &ignored))
			keep_better(&best, &account, true);
	}
	move_best(&best, ret_found, ret_account);
	return true;
}

/* ---- saving ---- */

/* The folder of an account, each of its levels durable. */
static int make_account(int accounts_fd, const char *server_folder, const char *email, struct err *err)
{
	AUTO_FD server_fd = dir_make_at(accounts_fd, server_folder, FOLDER_MODE, err);
	AUTO_FD account_fd = server_fd >= 0 ? dir_make_at(server_fd, email, FOLDER_MODE, err) : -1;
	int made_fd = account_fd;

	if (account_fd < 0 || !dir_sync(accounts_fd, err) || !dir_sync(server_fd, err))
		return -1;
	account_fd = -1;
	return made_fd;
}

/* A key that is there is an account that somebody has: another one never takes its place. */
static bool check_key(int keys_fd, const char *key_name, const struct buf *pem, bool *ret_is_there, struct err *err)
{
	AUTO_BUF known = BUF_SECRET(KEY_MAX);
	struct err failure = { 0 };

	if (!or_missing(file_read(keys_fd, key_name, &known, &failure), &failure, ret_is_there, err))
		return false;
	if (*ret_is_there && (known.size != pem->size || memcmp(buf_text(&known), buf_text(pem), pem->size) != 0))
		return err_set(err, ERR_EXISTS, "account key '%s' exists already and is another one; move it away if it is not needed any more", key_name);
	return true;
}

bool account_files_save_key(int accounts_fd, const char *server_folder, const char *email, const struct buf *pem, struct err *err)
{
	const char *folder = email_folder(email, err);
	AUTO_FREE char *key_name = mem_fmt("%s.key", folder ? folder : "");
	AUTO_FD account_fd = folder ? make_account(accounts_fd, server_folder, folder, err) : -1;
	AUTO_FD keys_fd = account_fd >= 0 ? dir_make_at(account_fd, "keys", FOLDER_MODE, err) : -1;
	bool is_there;

	if (keys_fd < 0 || !dir_sync(account_fd, err) || !check_key(keys_fd, key_name, pem, &is_there, err))
		return false;
	return is_there || file_replace(keys_fd, key_name, buf_text(pem), pem->size, FILE_MODE, err);
}

/* As lego writes it: acme.Account has the members of the body, and leaves empty ones out. */
static char *account_text(const char *email, const char *url)
{
	AUTO_JSON *account = json_new_object();
	struct json *registration = json_new_object();
	struct json *body = json_new_object();

	json_set_str(body, "status", "valid");
	if (*email) {
		AUTO_FREE char *contact = mem_fmt("mailto:%s", email);
		struct json *contacts = json_new_list();

		json_append_str(contacts, contact);
		json_set(body, "contact", contacts);
	}
	json_set(registration, "body", body);
	json_set_str(registration, "uri", url);
	json_set_str(account, "email", email);
	json_set(account, "registration", registration);
	return json_text_indented(account);
}

bool account_files_save_url(int accounts_fd, const char *server_folder, const char *email, const char *url, struct err *err)
{
	const char *folder = email_folder(email, err);
	AUTO_FD account_fd = folder ? make_account(accounts_fd, server_folder, folder, err) : -1;
	AUTO_FREE char *known_url = NULL;
	AUTO_FREE char *text = NULL;

	if (account_fd < 0)
		return false;
	known_url = read_url(account_fd);
	/* What lego keeps in it besides is not thrown away for nothing. */
	if (strcmp(known_url, url) == 0)
		return true;
	text = account_text(strcmp(folder, NO_EMAIL) == 0 ? "" : folder, url);
	return file_replace(account_fd, ACCOUNT_FILE, text, strlen(text), FILE_MODE, err);
}
