/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <fcntl.h>

#include "fault.h"
#include "helper.h"
#include "store/db.h"
#include "store/schema.h"

static void assert_mode(struct fixture *fixture, const char *name, unsigned wanted)
{
	struct stat info;

	assert_int_equal(fstatat(fixture->fd, name, &info, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(info.st_mode & 07777, wanted);
}

static void add_event(struct fixture *fixture)
{
	struct store_event event = { 0 };

	DO(store_event_add(fixture->store, &event, &err));
}

/* ---- opening ---- */

static void files_are_closed_to_others(void **state)
{
	struct fixture *fixture = *state;
	mode_t saved = umask(0);

	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	add_event(fixture);
	(void)umask(saved);
	assert_mode(fixture, "letsencrypt.db", 0600);
	assert_mode(fixture, "letsencrypt.db-wal", 0600);
	assert_mode(fixture, "letsencrypt.db-shm", 0600);
}

static void as_root_files_belong_to_the_owner_of_the_folder(void **state)
{
	static const char *const names[] = { "letsencrypt.db", "letsencrypt.db-wal", "letsencrypt.db-shm" };
	struct fixture *fixture = *state;
	struct stat info;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(fixture->fd, 65534, 65534), 0);
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	add_event(fixture);
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(fstatat(fixture->fd, names[i], &info, 0), 0);
		assert_int_equal(info.st_uid, 65534);
		assert_int_equal(info.st_gid, 65534);
	}
}

static void host_is_made_once(void **state)
{
	struct fixture *fixture = *state;
	char host[17];

	assert_int_equal(strlen(store_host(fixture->store)), 16);
	assert_int_equal(strspn(store_host(fixture->store), "0123456789abcdef"), 16);
	(void)snprintf(host, sizeof(host), "%s", store_host(fixture->store));
	reopen(fixture);
	assert_string_equal(store_host(fixture->store), host);
	store_close(fixture->store);
	DO(file_remove(fixture->fd, "letsencrypt.db", &err));
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	assert_string_not_equal(store_host(fixture->store), host);
}

static void folder_may_be_a_link_but_not_the_file(void **state)
{
	struct fixture *fixture = *state;
	AUTO_FREE char *linked_folder = mem_fmt("%s/volume", fixture->folder);
	AUTO_FREE char *through_link = mem_fmt("%s/volume/through.db", fixture->folder);
	AUTO_FREE char *linked_file = mem_fmt("%s/link.db", fixture->folder);
	struct store *store;

	assert_int_equal(symlink(fixture->folder, linked_folder), 0);
	DO((store = store_open(through_link, &fixture->clock, &err)) != NULL);
	store_close(store);
	assert_true(file_exists(fixture->fd, "through.db"));
	assert_int_equal(symlink("through.db", linked_file), 0);
	FAILS(store_open(linked_file, &fixture->clock, &err) != NULL, ERR_STORE, "symbolic link");
}

static void missing_folder_is_named(void **state)
{
	struct fixture *fixture = *state;
	AUTO_FREE char *path = mem_fmt("%s/nowhere/letsencrypt.db", fixture->folder);

	FAILS(store_open(path, &fixture->clock, &err) != NULL, ERR_STORE, path);
	FAILS(store_open(path, &fixture->clock, &err) != NULL, ERR_STORE, "No such file");
}

static void every_earlier_version_becomes_the_same_as_a_new_one(void **state)
{
	struct fixture *fixture = *state;
	AUTO_FREE char *wanted = sql_text(fixture, "SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_schema ORDER BY type, name)");

	assert_true(strlen(wanted) > 1000);
	for (size_t version = 0; version < schema_migration_count; version++) {
		store_close(fixture->store);
		fixture->store = NULL;
		DO(file_remove(fixture->fd, "letsencrypt.db", &err));
		if (version > 0) {
			struct db *db;

			DO((db = db_open(fixture->path, schema_migrations, version, &err)) != NULL);
			db_close(db);
		}
		DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
		assert_sql(fixture, "SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_schema ORDER BY type, name)", wanted);
		assert_int_equal(strlen(store_host(fixture->store)), 16);
		put_cert(fixture, LEAF_A);
		DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	}
}

static void all_tables_are_strict(void **state)
{
	assert_sql(*state, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite_%'", "0");
	assert_sql(*state, "SELECT count(*) >= 8 FROM pragma_table_list WHERE schema = 'main' AND strict", "1");
}

#define PROCESS_COUNT 12

static int open_in_child(struct fixture *fixture)
{
	struct err err = { 0 };
	struct store_event event = { 0 };
	struct store *store = store_open(fixture->path, &fixture->clock, &err);
	bool is_done = store && store_event_add(store, &event, &err);

	if (!is_done)
		(void)fprintf(stderr, "%s\n", err.text);
	store_close(store);
	(void)close(fixture->fd);
	return is_done ? 0 : 1;
}

static void many_processes_may_make_it_at_once(void **state)
{
	struct fixture *fixture = *state;

	for (int round = 0; round < 3; round++) {
		pid_t children[PROCESS_COUNT];

		for (size_t i = 0; i < COUNT(children); i++) {
			children[i] = fork();
			assert_true(children[i] >= 0);
			if (children[i] == 0)
				_exit(open_in_child(fixture));
		}
		for (size_t i = 0; i < COUNT(children); i++)
			assert_int_equal(wait_for_child(children[i]), 0);
		assert_sql(fixture, "SELECT count(*) FROM events", "12");
		assert_sql(fixture, "SELECT count(*) FROM hosts", "1");
		DO(file_remove(fixture->fd, "letsencrypt.db", &err));
	}
}

static sqlite3 *maker;

/* While the store naps the other one gets done. */
static int nap_until_maker_is_done(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	(void)sqlite3_exec(maker, "COMMIT", NULL, NULL, NULL);
	return microseconds;
}

static void process_that_is_making_it_is_waited_for(void **state)
{
	struct fixture *fixture = *state;
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int (*nap)(sqlite3_vfs *, int) = vfs->xSleep;

	assert_int_equal(sqlite3_open_v2(fixture->path, &maker, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(maker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	vfs->xSleep = nap_until_maker_is_done;
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	vfs->xSleep = nap;
	assert_int_equal(sqlite3_close(maker), SQLITE_OK);
	add_event(fixture);
}

/* ---- what goes wrong ---- */

static void later_schema_is_refused(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->store);
	fixture->store = NULL;
	sql(fixture, "PRAGMA user_version = 4711");
	FAILS(store_open(fixture->path, &fixture->clock, &err) != NULL, ERR_STORE, "newer version of this plugin (schema 4711");
}

static void full_disk_is_told_and_nothing_is_lost(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_order_done) struct store_order wanted = make_order("blog", "a.example.com");
	AUTO(store_order_done) struct store_order order = { 0 };
	struct store_event event = { 0 };

	DO(begin_order(fixture->store, &wanted, START + 60, &order, &err));
	fault.disk_full = true;
	FAILS(store_event_add(fixture->store, &event, &err), ERR_STORE, "the disk is full");
	FAILS(store_order_sending(fixture->store, order.id, &err), ERR_STORE, "the disk is full");
	fault.disk_full = false;
	assert_sql(fixture, "SELECT sent_count FROM orders", "0");
	DO(store_order_sending(fixture->store, order.id, &err));
	add_event(fixture);
	assert_sql(fixture, "SELECT (SELECT sent_count FROM orders) || (SELECT count(*) FROM events)", "11");
	assert_sql(fixture, "PRAGMA integrity_check", "ok");
}

static void full_disk_is_told_when_it_is_made(void **state)
{
	struct fixture *fixture = *state;

	fault.disk_full = true;
	FAILS(store_open(fixture->path, &fixture->clock, &err) != NULL, ERR_STORE, "the disk is full");
	fault.disk_full = false;
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	add_event(fixture);
}

/* Tells what it says when the file may only be read; for a process of its own. */
static int write_as_nobody(struct fixture *fixture, int out_fd)
{
	struct err err = { 0 };
	struct store_event event = { 0 };
	struct store *store;
	bool is_done;

	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
		return 1;
	store = store_open(fixture->path, &fixture->clock, &err);
	is_done = store && store_event_add(store, &event, &err);
	(void)!write(out_fd, err.text, strlen(err.text));
	store_close(store);
	(void)close(fixture->fd);
	(void)close(out_fd);
	return is_done ? 2 : err.kind == ERR_STORE ? 0 : 3;
}

static void assert_read_only_is_told(struct fixture *fixture, mode_t file_mode)
{
	int pipe_fds[2];
	char text[4096] = "";
	pid_t child;

	assert_int_equal(fchmodat(fixture->fd, "letsencrypt.db", file_mode, 0), 0);
	assert_int_equal(fchmod(fixture->fd, 0555), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(pipe_fds[0]);
		_exit(write_as_nobody(fixture, pipe_fds[1]));
	}
	(void)close(pipe_fds[1]);
	(void)!read(pipe_fds[0], text, sizeof(text) - 1);
	(void)close(pipe_fds[0]);
	assert_int_equal(wait_for_child(child), 0);
	assert_int_equal(fchmod(fixture->fd, 0755), 0);
	if (!strstr(text, "is read-only for this user") || !strstr(text, fixture->path))
		fail_msg("not called read-only: %s", text);
}

static void read_only_is_told(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->store);
	fixture->store = NULL;
	assert_read_only_is_told(fixture, 0444);
	assert_read_only_is_told(fixture, 0400);
}

/* SQLite counts its naps, not the time that they took. */
static int nap_in_no_time(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	return microseconds;
}

static void busy_process_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct store_event event = { 0 };
	sqlite3 *handle = NULL;
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int (*nap)(sqlite3_vfs *, int) = vfs->xSleep;

	assert_int_equal(sqlite3_open_v2(fixture->path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	vfs->xSleep = nap_in_no_time;
	FAILS(store_event_add(fixture->store, &event, &err), ERR_STORE, "kept busy by another process");
	vfs->xSleep = nap;
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
	add_event(fixture);
}

/* ---- a store that is only read ---- */

static void read_it_all(struct fixture *fixture)
{
	AUTO(store_apps_done) struct store_apps apps = { 0 };
	AUTO(store_certs_done) struct store_certs certs = { 0 };
	AUTO(store_cert_done) struct store_cert cert = make_cert(LEAF_A, "a.example.com");
	AUTO(store_job_done) struct store_job job = { 0 };
	bool is_found = true;

	DO(store_app_list(fixture->store, &apps, &err));
	DO(store_cert_list(fixture->store, &certs, &err));
	assert_int_equal(apps.count, 1);
	assert_int_equal(certs.count, 1);
	/* And what would change nothing. */
	DO(store_cert_put(fixture->store, &cert, &err));
	DO(store_cert_revoked(fixture->store, LEAF_A, START, &err));
	DO(store_cert_window(fixture->store, LEAF_A, 1, 2, 1, 3, "", &err));
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	DO(store_app_unserved(fixture->store, "blog", NULL, &err));
	DO(store_app_failed(fixture->store, "blog", NULL, &err));
	DO(store_app_hold(fixture->store, "blog", "revoked", &err));
	DO(store_mark_set(fixture->store, "told", START, &err));
	DO(store_job_claim(fixture->store, START + 60, &is_found, &job, &err));
	DO(store_job_recover(fixture->store, &err));
	DO(store_app_forget(fixture->store, "nobody", &err));
	assert_false(is_found);
}

static void assert_reading_writes_nothing(struct fixture *fixture)
{
	long writes = fault.write_count, syncs = fault.sync_count;

	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	read_it_all(fixture);
	store_close(fixture->store);
	fixture->store = NULL;
	assert_int_equal(fault.write_count, writes);
	assert_int_equal(fault.sync_count, syncs);
}

static void reading_writes_nothing(void **state)
{
	struct fixture *fixture = *state;
	long writes = fault.write_count, syncs = fault.sync_count;
	pid_t child;

	put_cert(fixture, LEAF_A);
	DO(store_app_uses(fixture->store, "blog", LEAF_A, &err));
	DO(store_app_hold(fixture->store, "blog", "revoked", &err));
	DO(store_mark_set(fixture->store, "told", START, &err));
	DO(store_cert_revoked(fixture->store, LEAF_A, START, &err));
	DO(store_cert_window(fixture->store, LEAF_A, 1, 2, 1, 3, "", &err));
	store_close(fixture->store);
	fixture->store = NULL;
	assert_true(fault.write_count > writes);
	assert_true(fault.sync_count > syncs);
	assert_reading_writes_nothing(fixture);
	/* After a writer that was killed: its log is still beside the file. */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct err err = { 0 };
		struct store_event event = { 0 };
		struct store *store = store_open(fixture->path, &fixture->clock, &err);

		if (store)
			(void)!store_event_add(store, &event, &err);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(wait_for_child(child), 128 + SIGKILL);
	assert_true(file_stamp(fixture->fd, "letsencrypt.db-wal").size > 0);
	assert_reading_writes_nothing(fixture);
	assert_sql(fixture, "SELECT count(*) FROM events", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_closed_to_others, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(as_root_files_belong_to_the_owner_of_the_folder, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(host_is_made_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folder_may_be_a_link_but_not_the_file, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(missing_folder_is_named, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(every_earlier_version_becomes_the_same_as_a_new_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_tables_are_strict, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_processes_may_make_it_at_once, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(process_that_is_making_it_is_waited_for, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(later_schema_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_disk_is_told_and_nothing_is_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_disk_is_told_when_it_is_made, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(read_only_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(busy_process_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reading_writes_nothing, set_up, tear_down),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
