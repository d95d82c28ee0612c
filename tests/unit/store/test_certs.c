/* SPDX-License-Identifier: MIT */
#include "store/certs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper.h"
#include "util/buf.h"

/* Takes the place of libc's: many a file system (NFS, ZFS before 2.2) knows no flags of a rename. */
int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	if (flags == 0)
		return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
	errno = EINVAL;
	return -1;
}

static struct buf text(const char *content)
{
	struct buf buf = BUF_SECRET(4096);

	assert_true(buf_adds(&buf, content));
	return buf;
}

static void assert_content(struct fixture *fixture, const char *folder, const char *name, const char *wanted)
{
	AUTO_BUF content = BUF_MAX(4096);
	AUTO_FD fd = -1;
	struct stat info;

	DO((fd = dir_open_at(fixture->fd, folder, &err)) >= 0);
	assert_int_equal(fstat(fd, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0700);
	assert_int_equal(fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	DO(file_read(fd, name, &content, &err));
	assert_string_equal(buf_text(&content), wanted);
}

static void assert_only(struct fixture *fixture, const char *wanted)
{
	AUTO_STRS names = { 0 };
	AUTO_FREE char *found = NULL;

	DO(dir_list(fixture->fd, &names, &err));
	found = strs_join(&names, " ");
	assert_string_equal(found, wanted);
}

static void make_file(struct fixture *fixture, const char *folder, const char *name, const char *content)
{
	AUTO_FD fd = -1;

	DO((fd = dir_make_at(fixture->fd, folder, 0700, &err)) >= 0);
	DO(file_replace_fast(fd, name, content, strlen(content), 0600, &err));
}

static void keep_order_key(struct fixture *fixture, int64_t id, const char *content, bool is_existing_wanted, const char *wanted)
{
	AUTO_BUF pem = text(content);
	bool is_existing = !is_existing_wanted;

	DO(certs_order_key(fixture->fd, id, &pem, &is_existing, &err));
	assert_int_equal(is_existing, is_existing_wanted);
	assert_string_equal(buf_text(&pem), wanted);
	assert_true(pem.is_secret);
}

static void issue(struct fixture *fixture, int64_t id, const char *leaf, const char *content)
{
	AUTO_BUF chain = text(content);

	DO(certs_order_issued(fixture->fd, id, leaf, &chain, &err));
}

static void key_of_an_order_is_kept(void **state)
{
	struct fixture *fixture = *state;
	mode_t saved = umask(0);

	keep_order_key(fixture, 7, "KEY", false, "KEY");
	(void)umask(saved);
	assert_content(fixture, ".order-7", "key.pem", "KEY");
	keep_order_key(fixture, 7, "ANOTHER KEY", true, "KEY");
	assert_content(fixture, ".order-7", "key.pem", "KEY");
	keep_order_key(fixture, 8, "KEY 8", false, "KEY 8");
	assert_only(fixture, ".order-7 .order-8");
}

static void issued_order_becomes_a_certificate(void **state)
{
	struct fixture *fixture = *state;

	keep_order_key(fixture, 7, "KEY", false, "KEY");
	issue(fixture, 7, LEAF_A, "CHAIN");
	issue(fixture, 7, LEAF_A, "CHAIN");
	assert_only(fixture, ".issued-7 " LEAF_A);
	assert_content(fixture, LEAF_A, "key.pem", "KEY");
	assert_content(fixture, LEAF_A, "fullchain.pem", "CHAIN");
}

static void issued_goes_on_after_a_kill(void **state)
{
	struct fixture *fixture = *state;

	/* After the chain, before the rename. */
	keep_order_key(fixture, 7, "KEY", false, "KEY");
	make_file(fixture, ".order-7", "fullchain.pem", "CHA");
	DO(file_replace_fast(fixture->fd, ".issued-7", LEAF_A, strlen(LEAF_A), 0600, &err));
	keep_order_key(fixture, 7, "ANOTHER KEY", true, "KEY");
	issue(fixture, 7, LEAF_A, "CHAIN");
	assert_content(fixture, LEAF_A, "fullchain.pem", "CHAIN");
	/* After the rename: the certificate must not be lost for want of its key. */
	keep_order_key(fixture, 7, "ANOTHER KEY", true, "KEY");
	issue(fixture, 7, LEAF_A, "CHAIN");
	assert_content(fixture, LEAF_A, "key.pem", "KEY");
	assert_only(fixture, ".issued-7 " LEAF_A);
}

static void mark_without_sense_is_not_followed(void **state)
{
	static const char *const marks[] = { "", ".", "..", "../elsewhere", ".order-8", LEAF_B };
	struct fixture *fixture = *state;

	keep_order_key(fixture, 8, "KEY 8", false, "KEY 8");
	for (size_t i = 0; i < COUNT(marks); i++) {
		DO(file_replace_fast(fixture->fd, ".issued-7", marks[i], strlen(marks[i]), 0600, &err));
		keep_order_key(fixture, 7, "KEY", false, "KEY");
		DO(certs_order_drop(fixture->fd, 7, &err));
	}
}

static void old_marks_go_with_a_new_order(void **state)
{
	struct fixture *fixture = *state;
	const struct timespec old[2] = { { .tv_sec = START }, { .tv_sec = START } };

	DO(file_replace_fast(fixture->fd, ".issued-6", LEAF_A, strlen(LEAF_A), 0600, &err));
	DO(file_replace_fast(fixture->fd, ".issued-5", LEAF_A, strlen(LEAF_A), 0600, &err));
	assert_int_equal(utimensat(fixture->fd, ".issued-5", old, 0), 0);
	keep_order_key(fixture, 7, "KEY", false, "KEY");
	assert_only(fixture, ".issued-6 .order-7");
}

static void incomplete_folder_gives_way(void **state)
{
	struct fixture *fixture = *state;

	make_file(fixture, LEAF_A, "fullchain.pem", "CHAIN WITHOUT KEY");
	keep_order_key(fixture, 7, "KEY", false, "KEY");
	issue(fixture, 7, LEAF_A, "CHAIN");
	assert_only(fixture, ".issued-7 " LEAF_A);
	assert_content(fixture, LEAF_A, "key.pem", "KEY");
	assert_content(fixture, LEAF_A, "fullchain.pem", "CHAIN");
}

static void issued_without_key_is_refused(void **state)
{
	struct fixture *fixture = *state;
	AUTO_BUF chain = text("CHAIN");
	AUTO_FD fd = -1;

	FAILS(certs_order_issued(fixture->fd, 7, LEAF_A, &chain, &err), ERR_MISSING, "order 7");
	DO((fd = dir_make_at(fixture->fd, ".order-7", 0700, &err)) >= 0);
	FAILS(certs_order_issued(fixture->fd, 7, LEAF_A, &chain, &err), ERR_MISSING, "order 7");
	assert_only(fixture, ".order-7");
}

static void key_of_a_dead_order_goes(void **state)
{
	struct fixture *fixture = *state;

	keep_order_key(fixture, 7, "KEY", false, "KEY");
	keep_order_key(fixture, 77, "KEY", false, "KEY");
	DO(file_replace_fast(fixture->fd, ".issued-7", LEAF_A, strlen(LEAF_A), 0600, &err));
	DO(certs_order_drop(fixture->fd, 7, &err));
	DO(certs_order_drop(fixture->fd, 7, &err));
	assert_only(fixture, ".order-77");
}

static void certificate_from_elsewhere_is_adopted_once(void **state)
{
	struct fixture *fixture = *state;
	AUTO_BUF chain = text("CHAIN");
	AUTO_BUF key = text("KEY");
	AUTO_BUF other = text("OTHER");

	/* What a kill left. */
	make_file(fixture, ".adopt-" LEAF_A, "key.pem", "KE");
	DO(certs_adopt(fixture->fd, LEAF_A, &chain, &key, &err));
	DO(certs_adopt(fixture->fd, LEAF_A, &other, &other, &err));
	assert_only(fixture, LEAF_A);
	assert_content(fixture, LEAF_A, "key.pem", "KEY");
	assert_content(fixture, LEAF_A, "fullchain.pem", "CHAIN");
}

static void only_a_complete_certificate_is_found(void **state)
{
	static const char *const none[] = { "", "..", "a/b", ".order-1" };
	struct fixture *fixture = *state;
	AUTO_BUF chain = BUF_MAX(4096);
	AUTO_BUF key = BUF_SECRET(4096);
	bool is_found = true;

	DO(certs_load(fixture->fd, LEAF_A, &is_found, &chain, &key, &err));
	assert_false(is_found);
	make_file(fixture, LEAF_A, "fullchain.pem", "CHAIN");
	DO(certs_load(fixture->fd, LEAF_A, &is_found, &chain, NULL, &err));
	assert_false(is_found);
	make_file(fixture, LEAF_A, "key.pem", "KEY");
	DO(certs_load(fixture->fd, LEAF_A, &is_found, NULL, NULL, &err));
	/* What a row may say after a bit of it was flipped. */
	for (size_t i = 0; i < COUNT(none); i++) {
		bool is_none_found = true;

		DO(certs_load(fixture->fd, none[i], &is_none_found, NULL, NULL, &err));
		assert_false(is_none_found);
	}
	assert_true(is_found);
	DO(certs_load(fixture->fd, LEAF_A, &is_found, &chain, &key, &err));
	assert_true(is_found);
	assert_string_equal(buf_text(&chain), "CHAIN");
	assert_string_equal(buf_text(&key), "KEY");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(key_of_an_order_is_kept, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(issued_order_becomes_a_certificate, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(issued_goes_on_after_a_kill, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(mark_without_sense_is_not_followed, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(old_marks_go_with_a_new_order, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(incomplete_folder_gives_way, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(issued_without_key_is_refused, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(key_of_a_dead_order_goes, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(certificate_from_elsewhere_is_adopted_once, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(only_a_complete_certificate_is_found, set_up_folder, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
