/* SPDX-License-Identifier: MIT */
/* A file that is corrupt: set aside once, whoever comes at the same time and wherever a run was killed; and what is none. */
#include "store/aside.h"

#include <fcntl.h>

#include "fault.h"
#include "helper.h"
#include "sys/lock.h"
#include "util/text.h"

#define FILE_NAME "letsencrypt.db"
#define MARKER FILE_NAME ".corrupt"
#define LOST FILE_NAME ".lost"
#define LOCK FILE_NAME ".lock"
/* Of START. */
#define ASIDE FILE_NAME ".corrupt-2023-11-14T221320Z"

static void write_file(struct fixture *fixture, const char *name, const char *text)
{
	DO(file_replace_fast(fixture->fd, name, text, strlen(text), 0600, &err));
}

static void write_noise(struct fixture *fixture, const char *name)
{
	char noise[8192];

	memset(noise, 'x', sizeof(noise));
	DO(file_replace_fast(fixture->fd, name, noise, sizeof(noise), 0600, &err));
}

/* How many files have a name that starts so. */
static size_t count_files(struct fixture *fixture, const char *prefix)
{
	AUTO_STRS names = { 0 };
	size_t count = 0;

	DO(dir_list(fixture->fd, &names, &err));
	for (size_t i = 0; i < names.count; i++)
		count += text_starts(names.items[i], prefix);
	return count;
}

static void open_store(struct fixture *fixture)
{
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
}

static void close_store(struct fixture *fixture)
{
	store_close(fixture->store);
	fixture->store = NULL;
}

static void add_events(struct fixture *fixture, int count)
{
	char text[] = "what was decided, and what came of it, so that some hundred of them fill pages";
	struct store_event event = { .cause = text, .decision = text, .result = text };

	for (int i = 0; i < count; i++)
		DO(store_event_add(fixture->store, &event, &err));
}

static bool list_events(struct store *store, struct err *err)
{
	AUTO(store_events_done) struct store_events events = { 0 };

	return store_event_list(store, NULL, 100000, &events, err);
}

/* Overwrites the page by which the rows of a table are found. */
static void overwrite_page(struct fixture *fixture, const char *table)
{
	AUTO_FREE char *query = mem_fmt("SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
	AUTO_FREE char *page = sql_text(fixture, query);
	AUTO_FREE char *log = sql_text(fixture, "PRAGMA wal_checkpoint(TRUNCATE)");
	AUTO_FD fd = openat(fixture->fd, FILE_NAME, O_WRONLY | O_CLOEXEC);
	char noise[4096];

	memset(noise, 0xa5, sizeof(noise));
	assert_int_equal(pwrite(fd, noise, sizeof(noise), (strtol(page, NULL, 10) - 1) * (off_t)sizeof(noise)), sizeof(noise));
}

/* It is sound, knows since when, and nothing is left of how it came about. */
static void assert_made_anew(struct fixture *fixture, int64_t lost_at)
{
	assert_int_equal(store_lost_at(fixture->store), lost_at);
	assert_int_equal(strlen(store_host(fixture->store)), 16);
	assert_false(file_exists(fixture->fd, MARKER));
	assert_false(file_exists(fixture->fd, LOST));
	add_events(fixture, 1);
	assert_sql(fixture, "PRAGMA integrity_check", "ok");
}

/* ---- found when it is opened ---- */

static void garbage_is_set_aside_and_made_anew(void **state)
{
	struct fixture *fixture = *state;

	write_noise(fixture, FILE_NAME);
	write_file(fixture, FILE_NAME "-wal", "old log");
	write_file(fixture, FILE_NAME "-shm", "old index");
	open_store(fixture);
	assert_made_anew(fixture, START);
	assert_int_equal(file_stamp(fixture->fd, ASIDE).size, 8192);
	assert_int_equal(file_stamp(fixture->fd, ASIDE "-wal").size, strlen("old log"));
	assert_true(file_exists(fixture->fd, ASIDE "-shm"));
	/* Once. */
	fixture->now += 60;
	reopen(fixture);
	assert_int_equal(store_lost_at(fixture->store), START);
	assert_int_equal(count_files(fixture, MARKER), 3);
}

static void page_that_is_read_first_is_found_at_once(void **state)
{
	static const char *const tables[] = { "hosts", "marks" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(tables); i++) {
		close_store(fixture);
		overwrite_page(fixture, tables[i]);
		fixture->now += 60;
		open_store(fixture);
		assert_made_anew(fixture, fixture->now);
	}
}

static void another_one_in_the_same_second_is_kept_too(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 2; i++) {
		write_noise(fixture, FILE_NAME);
		open_store(fixture);
		close_store(fixture);
	}
	assert_int_equal(count_files(fixture, MARKER), 2);
	assert_true(file_exists(fixture->fd, FILE_NAME ".corrupt-2023-11-14T221321Z"));
}

static void sound_file_was_never_lost(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(store_lost_at(fixture->store), 0);
	assert_int_equal(count_files(fixture, MARKER), 0);
}

/* ---- found in the middle of the work ---- */

static void page_that_was_overwritten_is_found_by_a_later_statement(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };
	int64_t last_id = 0;
	struct stat info;

	add_events(fixture, 2000);
	/* More orders than seconds. */
	for (int i = 0; i < 40; i++) {
		DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
		DO(end_order(fixture->store, order.id, "for the test", &err));
		last_id = order.id;
		store_order_done(&order);
	}
	close_store(fixture);
	overwrite_page(fixture, "events");
	/* What is read at the start is sound. */
	open_store(fixture);
	assert_int_equal(store_lost_at(fixture->store), 0);
	assert_false(file_exists(fixture->fd, MARKER));
	FAILS(list_events(fixture->store, &err), ERR_STORE, "is damaged");
	FAILS(list_events(fixture->store, &err), ERR_STORE, "run this again");
	assert_int_equal(fstatat(fixture->fd, MARKER, &info, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(info.st_size, 0);
	fixture->now += 60;
	reopen(fixture);
	assert_made_anew(fixture, START + 60);
	DO(list_events(fixture->store, &err));
	DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
	assert_true(order.id > last_id);
}

static void handle_on_the_old_file_is_told_and_marks_nothing(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };

	add_events(fixture, 2000);
	close_store(fixture);
	overwrite_page(fixture, "events");
	open_store(fixture);
	FAILS(list_events(fixture->store, &err), ERR_STORE, "is damaged");
	struct store *old = fixture->store;
	open_store(fixture);
	FAILS(list_events(old, &err), ERR_STORE, "was set aside or replaced");
	FAILS(begin_order(old, &wanted, START + 60, &order, &err), ERR_STORE, "was set aside or replaced");
	store_close(old);
	assert_made_anew(fixture, START);
	assert_sql(fixture, "SELECT count(*) FROM orders", "0");
}

/* ---- by many, and killed ---- */

#define PROCESS_COUNT 12

/* Each has a clock of its own, and notes down when the file was lost. */
static int open_in_child(struct fixture *fixture, int64_t now)
{
	struct err err = { 0 };
	fixture->now = now;
	struct store *store = store_open(fixture->path, &fixture->clock, &err);
	AUTO_FREE char *lost_at = mem_fmt("%lld", store ? (long long)store_lost_at(store) : 0);
	struct store_event event = { .cause = lost_at };
	bool is_done = store && store_event_add(store, &event, &err);

	if (!is_done)
		(void)fprintf(stderr, "%s\n", err.text);
	store_close(store);
	(void)close(fixture->fd);
	return is_done ? 0 : 1;
}

static void many_processes_set_it_aside_once(void **state)
{
	struct fixture *fixture = *state;

	for (int round = 0; round < 6; round++) {
		pid_t children[PROCESS_COUNT];

		fixture->now += 60;
		/* Known from before, or seen by all of them now. */
		if (round % 2 == 0)
			write_noise(fixture, FILE_NAME);
		else
			write_file(fixture, MARKER, "");
		for (size_t i = 0; i < COUNT(children); i++) {
			children[i] = fork();
			assert_true(children[i] >= 0);
			if (children[i] == 0)
				_exit(open_in_child(fixture, fixture->now + (int64_t)i));
		}
		for (size_t i = 0; i < COUNT(children); i++)
			assert_int_equal(wait_for_child(children[i]), 0);
		assert_sql(fixture, "SELECT count(*) FROM events", "12");
		assert_sql(fixture, "SELECT count(*) FROM events JOIN marks ON name = 'lost' AND marks.at = cause", "12");
		assert_false(file_exists(fixture->fd, MARKER));
		assert_false(file_exists(fixture->fd, LOST));
	}
	AUTO_STRS names = { 0 };
	size_t count = 0;
	DO(dir_list(fixture->fd, &names, &err));
	for (size_t i = 0; i < names.count; i++)
		count += text_starts(names.items[i], MARKER) && text_ends(names.items[i], "Z");
	assert_int_equal(count, 6);
}

static void what_a_kill_left_is_finished(void **state)
{
	static const struct {
		const char *what;
		bool has_marker, has_file, has_log;
		size_t aside; /* files that are set aside then */
	} rows[] = {
		{ "nothing was renamed yet", true, true, true, 2 },
		{ "the log was", true, true, false, 1 },
		{ "all was", true, false, false, 0 },
		{ "it was told", false, false, false, 0 },
		{ "the new one was made", false, true, false, 0 },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *again;

		(void)set_up_folder(&again);
		fixture = again;
		if (rows[i].has_file) {
			open_store(fixture);
			add_events(fixture, 1);
			close_store(fixture);
		}
		if (rows[i].has_log)
			write_file(fixture, FILE_NAME "-wal", "old log");
		write_file(fixture, rows[i].has_marker ? MARKER : LOST, "");
		fixture->now += 60;
		open_store(fixture);
		if (count_files(fixture, MARKER) != rows[i].aside)
			fail_msg("%s: %zu files are set aside", rows[i].what, count_files(fixture, MARKER));
		assert_made_anew(fixture, START + 60);
		assert_sql(fixture, "SELECT count(*) FROM events", !rows[i].has_marker && rows[i].has_file ? "2" : "1");
		(void)tear_down(&again);
	}
}

/* ---- the lock ---- */

static int held_fd = -1;

static int nap_until_it_is_let_go(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	fd_done(&held_fd);
	return microseconds;
}

/* SQLite counts its naps, not the time that they took. */
static int nap_in_no_time(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	return microseconds;
}

static void others_are_waited_for(void **state)
{
	struct fixture *fixture = *state;
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int (*nap)(sqlite3_vfs *, int) = vfs->xSleep;

	vfs->xSleep = nap_in_no_time;
	/* Who sets it aside keeps out those who open it … */
	DO((held_fd = lock_try(fixture->fd, LOCK, &err)) >= 0);
	FAILS(store_open(fixture->path, &fixture->clock, &err) != NULL, ERR_STORE, "is being set aside by another process");
	vfs->xSleep = nap_until_it_is_let_go;
	open_store(fixture);
	assert_int_equal(held_fd, -1);
	close_store(fixture);
	/* … and the reverse; those who open it do not wait for each other. */
	DO((held_fd = lock_share(fixture->fd, LOCK, &err)) >= 0);
	open_store(fixture);
	close_store(fixture);
	assert_true(held_fd >= 0);
	write_file(fixture, MARKER, "");
	vfs->xSleep = nap_in_no_time;
	FAILS(store_open(fixture->path, &fixture->clock, &err) != NULL, ERR_STORE, "is damaged and cannot be set aside");
	assert_int_equal(count_files(fixture, MARKER), 1);
	vfs->xSleep = nap_until_it_is_let_go;
	open_store(fixture);
	assert_made_anew(fixture, START);
	vfs->xSleep = nap;
}

/* One flipped bit in a row is enough; SQLite does not see it. */
static void word_that_says_nothing_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct store_job job = { 0 };
	bool is_found = false;
	int64_t id = 0;

	DO(store_job_add(fixture->store, "blog", "enable", false, 0, &id, &err));
	sql(fixture, "PRAGMA ignore_check_constraints = 1; UPDATE jobs SET state = 'wajting'");
	FAILS(store_job_get(fixture->store, id, &is_found, &job, &err), ERR_STORE, "is damaged (database disk image is malformed)");
	reopen(fixture);
	assert_made_anew(fixture, START);
}

/* ---- what does not make it corrupt ---- */

static void assert_untouched(struct fixture *fixture, const struct file_stamp *before)
{
	struct file_stamp after = file_stamp(fixture->fd, FILE_NAME);

	assert_int_equal(after.inode, before->inode);
	assert_int_equal(after.size, before->size);
	assert_int_equal(after.mtime_ns, before->mtime_ns);
	assert_int_equal(count_files(fixture, MARKER), 0);
	assert_false(file_exists(fixture->fd, LOST));
}

static void later_schema_is_not_corrupt_even_if_it_cannot_be_read(void **state)
{
	static const char *const changes[] = {
		"PRAGMA user_version = 4711",
		"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE hosts (id WRITTEN IN A LATER LANGUAGE ((' WHERE name = 'hosts'",
	};
	struct fixture *fixture = *state;

	close_store(fixture);
	for (size_t i = 0; i < COUNT(changes); i++) {
		sql(fixture, changes[i]);
		struct file_stamp before = file_stamp(fixture->fd, FILE_NAME);
		FAILS(store_open(fixture->path, &fixture->clock, &err) != NULL, ERR_STORE, "newer version of this plugin (schema 4711");
		assert_untouched(fixture, &before);
	}
}

static void full_disk_is_not_corrupt_and_leaves_nothing_behind(void **state)
{
	struct fixture *fixture = *state;
	struct store_event event = { 0 };

	fault.disk_full = true;
	FAILS(store_event_add(fixture->store, &event, &err), ERR_STORE, "the disk is full");
	fault.disk_full = false;
	assert_int_equal(count_files(fixture, MARKER), 0);
	close_store(fixture);
	/* While a new one is made: what was lost stays known, and what is unfinished is not set aside as well. */
	write_noise(fixture, FILE_NAME);
	fault.disk_full = true;
	for (int i = 0; i < 3; i++) {
		FAILS(store_open(fixture->path, &fixture->clock, &err) != NULL, ERR_STORE, "the disk is full");
		assert_true(file_exists(fixture->fd, LOST));
	}
	fault.disk_full = false;
	fixture->now += 60;
	open_store(fixture);
	assert_made_anew(fixture, START + 60);
	assert_int_equal(count_files(fixture, MARKER), 1);
}

/* What store_open says to somebody who may not write there. */
static char *open_as_nobody(struct fixture *fixture)
{
	int pipe_fds[2];
	char text[4096] = "";
	pid_t child;

	assert_int_equal(fchmod(fixture->fd, 0555), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct err err = { 0 };
		bool is_nobody = geteuid() != 0 || (setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
		bool is_open = is_nobody && store_open(fixture->path, &fixture->clock, &err) != NULL;

		(void)!write(pipe_fds[1], err.text, strlen(err.text));
		_exit(!is_nobody || is_open || err.kind != ERR_STORE);
	}
	(void)close(pipe_fds[1]);
	(void)!read(pipe_fds[0], text, sizeof(text) - 1);
	(void)close(pipe_fds[0]);
	assert_int_equal(wait_for_child(child), 0);
	assert_int_equal(fchmod(fixture->fd, 0755), 0);
	return mem_strdup(text);
}

static void read_only_folder_keeps_what_it_has(void **state)
{
	struct fixture *fixture = *state;

	/* Sound: not called damaged. */
	close_store(fixture);
	assert_int_equal(fchmodat(fixture->fd, FILE_NAME, 0444, 0), 0);
	struct file_stamp before = file_stamp(fixture->fd, FILE_NAME);
	AUTO_FREE char *sound = open_as_nobody(fixture);
	assert_non_null(strstr(sound, "is read-only for this user"));
	assert_untouched(fixture, &before);
	/* Corrupt: it stays where it is, and a person is told what to do. */
	write_noise(fixture, FILE_NAME);
	assert_int_equal(fchmodat(fixture->fd, FILE_NAME, 0444, 0), 0);
	before = file_stamp(fixture->fd, FILE_NAME);
	AUTO_FREE char *garbage = open_as_nobody(fixture);
	assert_non_null(strstr(garbage, "is damaged"));
	assert_non_null(strstr(garbage, "move it away"));
	assert_untouched(fixture, &before);
	/* Known from before. */
	write_file(fixture, MARKER, "");
	AUTO_FREE char *marked = open_as_nobody(fixture);
	assert_non_null(strstr(marked, "is damaged and cannot be set aside"));
	assert_non_null(strstr(marked, fixture->path));
	assert_int_equal(file_stamp(fixture->fd, FILE_NAME).inode, before.inode);
	assert_int_equal(count_files(fixture, MARKER), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(garbage_is_set_aside_and_made_anew, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(page_that_is_read_first_is_found_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_one_in_the_same_second_is_kept_too, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(sound_file_was_never_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(page_that_was_overwritten_is_found_by_a_later_statement, set_up, tear_down),
		cmocka_unit_test_setup_teardown(handle_on_the_old_file_is_told_and_marks_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_processes_set_it_aside_once, set_up_folder, tear_down),
		cmocka_unit_test(what_a_kill_left_is_finished),
		cmocka_unit_test_setup_teardown(others_are_waited_for, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(word_that_says_nothing_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(later_schema_is_not_corrupt_even_if_it_cannot_be_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_disk_is_not_corrupt_and_leaves_nothing_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(read_only_folder_keeps_what_it_has, set_up, tear_down),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
