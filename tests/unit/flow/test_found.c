/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include <fcntl.h>

#include "flow/found.h"

#define DAY ((int64_t)86400)
#define FILE_NAME "lib/data/letsencrypt/--global/found.json"

static void put(struct desk *desk, const char *path, const char *name, int64_t age_s)
{
	int64_t from_at = clock_now(&desk->context.clock) - age_s;
	AUTO_FREE char *pem = pem_make(&(struct pem_wish){ .serial = 255, .name = name, .organization = "Example CA", .from_at = from_at,
		.until_at = from_at + 90 * DAY, .sct_ms = from_at * 1000 });

	folder_write(&desk->tree->folder, path, pem, 0600);
}

static void put_link(struct desk *desk, const char *path, const char *target)
{
	AUTO_FREE char *at = folder_path(&desk->tree->folder, path);

	assert_int_equal(symlink(target, at), 0);
}

static void find(struct desk *desk)
{
	AUTO_FREE char *folder = folder_path(&desk->tree->folder, "certbot");

	if (!found_write(&desk->context, folder, &desk->err))
		fail_msg("%s", desk->err.text);
}

/* The first name of each, in the order of their leaves' places. */
static void assert_found(struct desk *desk, const char *expected)
{
	AUTO(found_certs_done) struct found_certs certs = { 0 };
	AUTO_STRS names = { 0 };

	assert_true(found_read(&desk->context, &certs, &desk->err));
	for (size_t i = 0; i < certs.count; i++)
		strs_add(&names, certs.items[i].names.items[0]);
	assert_words(&names, expected);
}

/* As certbot has it: what is in use is a link to the newest of all that there ever were. */
static void what_certbot_has_is_written_down(void **state)
{
	struct desk *desk = *state;

	put(desk, "certbot/archive/a.com/cert1.pem", "old.a.com", 100 * DAY);
	put(desk, "certbot/archive/a.com/cert2.pem", "a.com", DAY);
	put(desk, "certbot/archive/b.com/cert1.pem", "b.com", DAY);
	folder_write(&desk->tree->folder, "certbot/live/README", "This directory", 0644);
	folder_make(&desk->tree->folder, "certbot/live/a.com");
	put_link(desk, "certbot/live/a.com/cert.pem", "../../archive/a.com/cert2.pem");
	put(desk, "certbot/live/plain/cert.pem", "plain.com", DAY);
	find(desk);
	assert_found(desk, "a.com plain.com old.a.com b.com");
	assert_int_equal(folder_mode(&desk->tree->folder, FILE_NAME), 0640);
	assert_int_equal(desk->said.count, 0);
}

static void all_that_is_said_of_one(void **state)
{
	struct desk *desk = *state;
	AUTO(cert_done) struct cert cert = { 0 };
	AUTO(found_certs_done) struct found_certs certs = { 0 };

	put(desk, "certbot/live/a.com/cert.pem", "a.com", DAY);
	AUTO_FREE char *pem = folder_read(&desk->tree->folder, "certbot/live/a.com/cert.pem");
	assert_true(cert_read(pem, &cert, &desk->err));
	find(desk);
	AUTO_FREE char *text = folder_read(&desk->tree->folder, FILE_NAME);
	AUTO_FREE char *expected = mem_fmt("{\"certificates\":[{\"leaf\":\"%s\",\"serial\":\"ff\",\"names\":[\"a.com\"],\"issuer\":\"O=Example CA, CN=Test CA\","
		"\"issuer-organization\":\"Example CA\",\"not-before\":%lld,\"not-after\":%lld,\"sct\":%lld}]}", cert.leaf_sha256, (long long)cert.not_before_at,
		(long long)cert.not_after_at, (long long)cert.not_before_at);
	assert_string_equal(text, expected);
	assert_true(found_read(&desk->context, &certs, &desk->err));
	assert_int_equal(certs.count, 1);
	assert_string_equal(certs.items[0].leaf, cert.leaf_sha256);
	assert_string_equal(certs.items[0].organization, "Example CA");
	assert_true(certs.items[0].not_before_at == cert.not_before_at && certs.items[0].sct_at == cert.sct_at);
}

/* A key would be read as well as a certificate: that it is not opened, its time of access tells. */
static void no_key_is_opened(void **state)
{
	static const char *const keys[] = { "live/a.com/privkey.pem", "archive/a.com/privkey1.pem", "archive/a.com/certkey.pem", "archive/a.com/cert.pem.key" };
	struct desk *desk = *state;
	const struct timespec long_ago[2] = { { .tv_sec = 1000000000 }, { .tv_sec = clock_now(&desk->context.clock) } };

	put(desk, "certbot/archive/a.com/cert1.pem", "a.com", DAY);
	for (size_t i = 0; i < COUNT(keys); i++) {
		AUTO_FREE char *name = mem_fmt("certbot/%s", keys[i]);
		AUTO_FREE char *path = folder_path(&desk->tree->folder, name);

		put(desk, name, "key.com", DAY);
		assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	}
	put_link(desk, "certbot/live/a.com/cert.pem", "privkey.pem");
	find(desk);
	assert_found(desk, "a.com");
	for (size_t i = 0; i < COUNT(keys); i++) {
		AUTO_FREE char *name = mem_fmt("certbot/%s", keys[i]);
		AUTO_FREE char *path = folder_path(&desk->tree->folder, name);
		struct stat status;

		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_atim.tv_sec, 1000000000);
	}
	assert_int_equal(desk->said.count, 1);
	assert_non_null(strstr(desk->said.items[0], "certbot/live/a.com/cert.pem' is left out of the budget: it leads to a file that is not called like a certificate"));
}

static void what_cannot_be_read_is_left_out_with_a_line(void **state)
{
	static const char *const said[] = {
		"certbot/archive/b.com/cert1.pem' is left out of the budget: there is no certificate in PEM form in it",
		"certbot/live/dangling/cert.pem' is left out of the budget: it leads nowhere",
		"certbot/archive/b.com/cert2.pem' is left out of the budget: 'cert2.pem' is not a regular file",
	};
	struct desk *desk = *state;
	AUTO_FREE char *pipe_path = folder_path(&desk->tree->folder, "certbot/archive/b.com/cert2.pem");

	folder_make(&desk->tree->folder, "certbot/live/b.com");
	folder_make(&desk->tree->folder, "certbot/live/dangling");
	folder_make(&desk->tree->folder, "certbot/live/empty");
	folder_write(&desk->tree->folder, "certbot/archive/b.com/cert1.pem", "nonsense", 0600);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	put(desk, "certbot/archive/b.com/cert3.pem", "b.com", DAY);
	put_link(desk, "certbot/live/dangling/cert.pem", "../../archive/dangling/cert1.pem");
	/* Looked at once, though two ways lead there. */
	put_link(desk, "certbot/live/b.com/cert.pem", "../../archive/b.com/cert1.pem");
	find(desk);
	assert_found(desk, "b.com");
	assert_int_equal(desk->said.count, COUNT(said));
	for (size_t i = 0; i < COUNT(said); i++)
		assert_non_null(strstr(desk->said.items[i], said[i]));
}

static void old_ones_are_left_out(void **state)
{
	struct desk *desk = *state;

	put(desk, "certbot/archive/a.com/cert1.pem", "older.com", 401 * DAY);
	put(desk, "certbot/archive/a.com/cert2.pem", "old.com", 399 * DAY);
	find(desk);
	assert_found(desk, "old.com");
	assert_int_equal(desk->said.count, 0);
}

static void same_again_leaves_the_file_alone(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *path = folder_path(&desk->tree->folder, FILE_NAME);
	struct stat first, second, third;

	put(desk, "certbot/archive/a.com/cert1.pem", "a.com", DAY);
	find(desk);
	assert_int_equal(stat(path, &first), 0);
	find(desk);
	assert_int_equal(stat(path, &second), 0);
	assert_true(first.st_ino == second.st_ino);
	put(desk, "certbot/archive/a.com/cert2.pem", "b.com", DAY);
	find(desk);
	assert_int_equal(stat(path, &third), 0);
	assert_true(first.st_ino != third.st_ino);
	assert_found(desk, "a.com b.com");
}

static void no_folder_is_a_failure_and_no_file_is_none(void **state)
{
	struct desk *desk = *state;

	assert_found(desk, "");
	assert_false(found_write(&desk->context, "/nowhere", &desk->err));
	assert_non_null(strstr(desk->err.text, "/nowhere"));
	folder_make(&desk->tree->folder, "certbot");
	find(desk);
	assert_found(desk, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(what_certbot_has_is_written_down),
		DESK_TEST(all_that_is_said_of_one),
		DESK_TEST(no_key_is_opened),
		DESK_TEST(what_cannot_be_read_is_left_out_with_a_line),
		DESK_TEST(old_ones_are_left_out),
		DESK_TEST(same_again_leaves_the_file_alone),
		DESK_TEST(no_folder_is_a_failure_and_no_file_is_none),
	};

	return cmocka_run_group_tests_name("flow/found", tests, NULL, NULL);
}
