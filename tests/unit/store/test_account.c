/* SPDX-License-Identifier: MIT */
#include "store/account.h"

#include <fcntl.h>

#include "helper.h"

#define SERVER "acme-v02.api.letsencrypt.org"
#define EMAIL "me@example.com"
#define URL_1 "https://ca.test/acct/1"
#define URL_2 "https://ca.test/acct/2"

static struct buf text(const char *content)
{
	struct buf buf = BUF_SECRET(4096);

	assert_true(buf_adds(&buf, content));
	return buf;
}

static void save(struct fixture *fixture, const char *email, const char *key, const char *url)
{
	AUTO_BUF pem = text(key);

	DO(account_files_save_key(fixture->fd, SERVER, email, &pem, &err));
	if (url)
		DO(account_files_save_url(fixture->fd, SERVER, email, url, &err));
}

/* Puts a file below the folder of the test, with this moment of change. */
static void put_file(struct fixture *fixture, const char *folder, const char *name, const char *content, int64_t at)
{
	AUTO_FD fd = -1;
	const struct timespec times[2] = { { .tv_sec = at }, { .tv_sec = at } };

	DO((fd = dir_make_path_at(fixture->fd, folder, 0700, &err)) >= 0);
	DO(file_replace_fast(fd, name, content, strlen(content), 0644, &err));
	assert_int_equal(utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* An account of the bash plugin below `above`; url NULL: without account.json. */
static void put_account(struct fixture *fixture, const char *above, const char *email, const char *key, const char *url, int64_t at)
{
	AUTO_FREE char *folder = mem_fmt("%s" SERVER "/%s", above, email);
	AUTO_FREE char *keys = mem_fmt("%s/keys", folder);
	AUTO_FREE char *key_name = mem_fmt("%s.key", email);
	AUTO_FREE char *json = mem_fmt("{\n\t\"email\": \"%s\",\n\t\"registration\": {\n\t\t\"body\": {\n\t\t\t\"status\": \"valid\",\n"
				       "\t\t\t\"termsOfServiceAgreed\": true\n\t\t},\n\t\t\"uri\": \"%s\"\n\t}\n}",
				       email, url ? url : "");

	put_file(fixture, keys, key_name, key, at);
	if (url)
		put_file(fixture, folder, "account.json", json, at);
}

static void assert_file(struct fixture *fixture, const char *path, const char *wanted)
{
	AUTO_FREE char *whole = mem_fmt("%s/%s", fixture->folder, path);
	char content[4096] = "";
	struct stat info;
	FILE *file = fopen(whole, "re");

	assert_non_null(file);
	(void)!fread(content, 1, sizeof(content) - 1, file);
	assert_int_equal(fstat(fileno(file), &info), 0);
	(void)fclose(file);
	assert_string_equal(content, wanted);
	assert_int_equal(info.st_mode & 07777, 0600);
}

static void assert_folder(struct fixture *fixture, const char *path)
{
	struct stat info;

	assert_int_equal(fstatat(fixture->fd, path, &info, 0), 0);
	assert_true(S_ISDIR(info.st_mode));
	assert_int_equal(info.st_mode & 07777, 0700);
}

static void assert_account(struct fixture *fixture, const char *email, const char *wanted_email, const char *wanted_url, const char *wanted_key)
{
	AUTO(account_files_done) struct account_files account = { 0 };
	bool is_found = false;

	DO(account_files_load(fixture->fd, SERVER, email, &is_found, &account, &err));
	assert_true(is_found);
	assert_string_equal(account.email, wanted_email);
	assert_string_equal(account.url, wanted_url);
	assert_string_equal(buf_text(&account.pem), wanted_key);
	assert_true(account.pem.is_secret);
}

/* ---- layout ---- */

static void folder_of_a_server_is_legos(void **state)
{
	static const char *const cases[][2] = { { "acme-v02.api.letsencrypt.org", "acme-v02.api.letsencrypt.org" },
						{ "localhost:14000", "localhost_14000" },
						{ "[::1]:14000", "[__1]_14000" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *folder = account_server_folder(cases[i][0]);

		assert_string_equal(folder, cases[i][1]);
	}
}

static void saved_account_is_as_lego_writes_it(void **state)
{
	struct fixture *fixture = *state;
	mode_t saved = umask(0);

	save(fixture, EMAIL, "KEY\n", URL_1);
	(void)umask(saved);
	assert_folder(fixture, SERVER);
	assert_folder(fixture, SERVER "/" EMAIL);
	assert_folder(fixture, SERVER "/" EMAIL "/keys");
	assert_file(fixture, SERVER "/" EMAIL "/keys/" EMAIL ".key", "KEY\n");
	assert_file(fixture, SERVER "/" EMAIL "/account.json",
		    "{\n"
		    "\t\"email\": \"me@example.com\",\n"
		    "\t\"registration\": {\n"
		    "\t\t\"body\": {\n"
		    "\t\t\t\"status\": \"valid\",\n"
		    "\t\t\t\"contact\": [\n"
		    "\t\t\t\t\"mailto:me@example.com\"\n"
		    "\t\t\t]\n"
		    "\t\t},\n"
		    "\t\t\"uri\": \"https://ca.test/acct/1\"\n"
		    "\t}\n"
		    "}");
	assert_account(fixture, EMAIL, EMAIL, URL_1, "KEY\n");
}

static void account_without_email_has_legos_folder(void **state)
{
	struct fixture *fixture = *state;

	save(fixture, "", "KEY", URL_1);
	assert_file(fixture, SERVER "/noemail@example.com/account.json",
		    "{\n"
		    "\t\"email\": \"\",\n"
		    "\t\"registration\": {\n"
		    "\t\t\"body\": {\n"
		    "\t\t\t\"status\": \"valid\"\n"
		    "\t\t},\n"
		    "\t\t\"uri\": \"https://ca.test/acct/1\"\n"
		    "\t}\n"
		    "}");
	assert_account(fixture, "", "noemail@example.com", URL_1, "KEY");
	assert_account(fixture, NULL, "noemail@example.com", URL_1, "KEY");
	assert_account(fixture, "noemail@example.com", "noemail@example.com", URL_1, "KEY");
}

static void email_that_is_no_folder_is_refused(void **state)
{
	struct fixture *fixture = *state;
	AUTO_BUF pem = text("KEY");
	struct account_files account;
	char too_long[253];
	bool is_found;

	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	FAILS(account_files_save_key(fixture->fd, SERVER, too_long, &pem, &err), ERR_CONFIG, too_long);
	FAILS(account_files_load(fixture->fd, SERVER, too_long, &is_found, &account, &err), ERR_CONFIG, too_long);
	FAILS(account_files_save_key(fixture->fd, SERVER, "a/b@example.com", &pem, &err), ERR_CONFIG, "a/b@example.com");
	FAILS(account_files_save_url(fixture->fd, SERVER, "..", URL_1, &err), ERR_CONFIG, "'..'");
	FAILS(account_files_load(fixture->fd, SERVER, "a/b@example.com", &is_found, &account, &err), ERR_CONFIG, "a/b@example.com");
}

/* ---- saving ---- */

static void key_comes_first_and_stays(void **state)
{
	struct fixture *fixture = *state;
	AUTO_BUF other = text("OTHER");

	save(fixture, EMAIL, "KEY", NULL);
	assert_account(fixture, EMAIL, EMAIL, "", "KEY");
	save(fixture, EMAIL, "KEY", NULL);
	FAILS(account_files_save_key(fixture->fd, SERVER, EMAIL, &other, &err), ERR_EXISTS, EMAIL ".key");
	assert_account(fixture, EMAIL, EMAIL, "", "KEY");
}

static void url_can_change_but_is_not_written_anew(void **state)
{
	struct fixture *fixture = *state;
	struct file_stamp before, after;
	AUTO_FD fd = -1;

	put_account(fixture, "", EMAIL, "KEY", URL_1, START);
	DO((fd = dir_open_at(fixture->fd, SERVER, &err)) >= 0);
	AUTO_FD account_fd = openat(fd, EMAIL, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	before = file_stamp(account_fd, "account.json");
	save(fixture, EMAIL, "KEY", URL_1);
	after = file_stamp(account_fd, "account.json");
	assert_memory_equal(&before, &after, sizeof(before));
	save(fixture, EMAIL, "KEY", URL_2);
	assert_account(fixture, EMAIL, EMAIL, URL_2, "KEY");
}

static void empty_url_makes_no_account(void **state)
{
	struct fixture *fixture = *state;

	save(fixture, EMAIL, "KEY", "");
	assert_account(fixture, EMAIL, EMAIL, "", "KEY");
	assert_int_equal(faccessat(fixture->fd, SERVER "/" EMAIL "/account.json", F_OK, 0), -1);
}

/* ---- loading ---- */

static void without_key_there_is_no_account(void **state)
{
	struct fixture *fixture = *state;
	struct account_files account;
	bool is_found = true;

	DO(account_files_load(fixture->fd, SERVER, EMAIL, &is_found, &account, &err));
	assert_false(is_found);
	put_file(fixture, SERVER "/" EMAIL, "account.json", "{\"registration\":{\"uri\":\"" URL_1 "\"}}", START);
	is_found = true;
	DO(account_files_load(fixture->fd, SERVER, EMAIL, &is_found, &account, &err));
	assert_false(is_found);
	is_found = true;
	DO(account_files_oldest(fixture->fd, SERVER, &is_found, &account, &err));
	assert_false(is_found);
}

static void account_that_makes_no_sense_has_no_url(void **state)
{
	static const char *const cases[] = { "", "{", "[]", "{}", "{\"registration\":null}", "{\"registration\":{}}", "{\"registration\":{\"uri\":7}}",
					     "{\"registration\":{\"uri\":\"a\\u0000b\"}}" };
	struct fixture *fixture = *state;

	put_account(fixture, "", EMAIL, "KEY", NULL, START);
	for (size_t i = 0; i < COUNT(cases); i++) {
		put_file(fixture, SERVER "/" EMAIL, "account.json", cases[i], START);
		assert_account(fixture, EMAIL, EMAIL, "", "KEY");
	}
}

static void moment_is_that_of_account_or_key(void **state)
{
	struct fixture *fixture = *state;
	AUTO(account_files_done) struct account_files account = { 0 };
	bool is_found;

	put_account(fixture, "", EMAIL, "KEY", NULL, START);
	DO(account_files_load(fixture->fd, SERVER, EMAIL, &is_found, &account, &err));
	assert_int_equal(account.made_at, START);
	account_files_done(&account);
	put_file(fixture, SERVER "/" EMAIL, "account.json", "{}", START - 50);
	DO(account_files_load(fixture->fd, SERVER, EMAIL, &is_found, &account, &err));
	assert_int_equal(account.made_at, START - 50);
}

static void key_behind_a_link_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct account_files account;
	bool is_found;

	put_account(fixture, "", EMAIL, "KEY", URL_1, START);
	assert_int_equal(renameat(fixture->fd, SERVER "/" EMAIL "/keys/" EMAIL ".key", fixture->fd, "elsewhere.key"), 0);
	assert_int_equal(symlinkat("../../../elsewhere.key", fixture->fd, SERVER "/" EMAIL "/keys/" EMAIL ".key"), 0);
	FAILS(account_files_load(fixture->fd, SERVER, EMAIL, &is_found, &account, &err), ERR_IO, EMAIL);
}

static void oldest_with_a_url_is_chosen(void **state)
{
	struct fixture *fixture = *state;
	AUTO(account_files_done) struct account_files account = { 0 };
	bool is_found = true;

	DO(account_files_oldest(fixture->fd, SERVER, &is_found, &account, &err));
	assert_false(is_found);
	put_account(fixture, "", "a@example.com", "KEY A", URL_1, START + 20);
	put_account(fixture, "", "b@example.com", "KEY B", URL_2, START + 10);
	put_account(fixture, "", "c@example.com", "KEY C", NULL, START);
	put_account(fixture, "", "d@example.com", "KEY D", URL_2, START + 30);
	put_file(fixture, SERVER, ".lock", "", START);
	DO(account_files_oldest(fixture->fd, SERVER, &is_found, &account, &err));
	assert_true(is_found);
	assert_string_equal(account.email, "b@example.com");
	assert_string_equal(buf_text(&account.pem), "KEY B");
}

static void account_is_found_by_its_url(void **state)
{
	struct fixture *fixture = *state;
	AUTO(account_files_done) struct account_files account = { 0 };
	bool is_found = true;

	DO(account_files_by_url(fixture->fd, SERVER, URL_2, &is_found, &account, &err));
	assert_false(is_found);
	put_account(fixture, "", "a@example.com", "KEY A", URL_1, START);
	put_account(fixture, "", "b@example.com", "KEY B", URL_2, START + 10);
	put_account(fixture, "", "c@example.com", "KEY C", NULL, START);
	is_found = false;
	DO(account_files_by_url(fixture->fd, SERVER, URL_2, &is_found, &account, &err));
	assert_true(is_found);
	assert_string_equal(account.email, "b@example.com");
	account_files_done(&account);
	DO(account_files_by_url(fixture->fd, SERVER, "https://ca.test/acct/3", &is_found, &account, &err));
	assert_false(is_found);
	is_found = true;
	DO(account_files_by_url(fixture->fd, SERVER, "", &is_found, &account, &err));
	assert_false(is_found);
}

/* ---- the older layout ---- */

static void newest_of_the_old_layout_is_chosen(void **state)
{
	struct fixture *fixture = *state;
	AUTO(account_files_done) struct account_files account = { 0 };
	bool is_found = true;

	DO(account_files_old_layout(fixture->fd, SERVER, EMAIL, &is_found, &account, &err));
	assert_false(is_found);
	put_account(fixture, "letsencrypt/certs/0a1b/accounts/", EMAIL, "KEY 1", URL_1, START);
	put_account(fixture, "letsencrypt/certs/5c6d/accounts/", EMAIL, "KEY 2", URL_2, START + 20);
	put_account(fixture, "letsencrypt/certs/9e0f/accounts/", EMAIL, "KEY 3", NULL, START + 30);
	put_account(fixture, "letsencrypt/certs/afaf/accounts/", "other@example.com", "KEY 4", URL_1, START + 40);
	put_file(fixture, "letsencrypt/certs/ffff", "config", "--http", START);
	assert_int_equal(symlinkat("0a1b", fixture->fd, "letsencrypt/certs/current"), 0);
	DO(account_files_old_layout(fixture->fd, SERVER, EMAIL, &is_found, &account, &err));
	assert_true(is_found);
	assert_string_equal(account.url, URL_2);
	assert_string_equal(buf_text(&account.pem), "KEY 2");
	account_files_done(&account);
	DO(account_files_old_layout(fixture->fd, "ca.test", EMAIL, &is_found, &account, &err));
	assert_false(is_found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folder_of_a_server_is_legos),
		cmocka_unit_test_setup_teardown(saved_account_is_as_lego_writes_it, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(account_without_email_has_legos_folder, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(email_that_is_no_folder_is_refused, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(key_comes_first_and_stays, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(url_can_change_but_is_not_written_anew, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(empty_url_makes_no_account, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(without_key_there_is_no_account, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(account_that_makes_no_sense_has_no_url, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(moment_is_that_of_account_or_key, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(key_behind_a_link_is_refused, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(oldest_with_a_url_is_chosen, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(account_is_found_by_its_url, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(newest_of_the_old_layout_is_chosen, set_up_folder, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
