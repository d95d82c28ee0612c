/* SPDX-License-Identifier: MIT */
#include "store/db.h"

#include "helper.h"

static const char *const migrations[] = {
	"CREATE TABLE fruit (name TEXT NOT NULL) STRICT; INSERT INTO fruit VALUES ('apple');",
	"ALTER TABLE fruit ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'; CREATE INDEX fruit_colour ON fruit (colour);",
	"CREATE TABLE basket (name TEXT NOT NULL) STRICT; INSERT INTO basket SELECT name || ' ' || colour FROM fruit;",
};

static struct db *open_version(struct fixture *fixture, size_t version)
{
	struct db *db;

	DO((db = db_open(fixture->path, migrations, version, &err)) != NULL);
	return db;
}

static void every_earlier_version_is_brought_up_to_date(void **state)
{
	struct fixture *fixture = *state;

	for (size_t version = 0; version <= COUNT(migrations); version++) {
		db_close(open_version(fixture, version));
		db_close(open_version(fixture, COUNT(migrations)));
		db_close(open_version(fixture, COUNT(migrations)));
		assert_sql(fixture, "SELECT group_concat(name) FROM basket", "apple green");
		assert_sql(fixture, "PRAGMA user_version", "3");
		assert_sql(fixture, "PRAGMA journal_mode", "wal");
		DO(file_remove(fixture->fd, "letsencrypt.db", &err));
	}
}

static void migration_that_fails_changes_nothing(void **state)
{
	static const char *const broken[] = { "CREATE TABLE fruit (name TEXT) STRICT; INSERT INTO fruit VALUES ('apple');",
					      "CREATE TABLE basket (name TEXT) STRICT; DELETE FROM fruit; INSERT INTO nowhere VALUES (1);" };
	struct fixture *fixture = *state;
	struct db *db;

	DO((db = db_open(fixture->path, broken, 1, &err)) != NULL);
	db_close(db);
	FAILS(db_open(fixture->path, broken, 2, &err) != NULL, ERR_STORE, "no such table: nowhere");
	assert_sql(fixture, "PRAGMA user_version", "1");
	assert_sql(fixture, "SELECT count(*) FROM fruit", "1");
	assert_sql(fixture, "SELECT count(*) FROM sqlite_schema WHERE name = 'basket'", "0");
}

static void later_version_is_refused_and_not_touched(void **state)
{
	struct fixture *fixture = *state;

	db_close(open_version(fixture, 3));
	FAILS(db_open(fixture->path, migrations, 2, &err) != NULL, ERR_STORE, "newer version of this plugin (schema 3, this one knows schemas up to 2)");
	assert_sql(fixture, "PRAGMA user_version", "3");
}

static void database_of_others_is_refused_and_not_touched(void **state)
{
	static const char *const others[] = { "CREATE TABLE theirs (x)", "PRAGMA user_version = 2", "PRAGMA application_id = 77", "PRAGMA user_version = -1" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(others); i++) {
		sql(fixture, others[i]);
		FAILS(db_open(fixture->path, migrations, 3, &err) != NULL, ERR_STORE, "some other program");
		assert_sql(fixture, "PRAGMA journal_mode", "delete");
		assert_sql(fixture, "SELECT count(*) FROM sqlite_schema WHERE name = 'fruit'", "0");
		DO(file_remove(fixture->fd, "letsencrypt.db", &err));
	}
}

static void transaction_is_all_or_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = open_version(fixture, 1);

	for (int is_committed = 0; is_committed < 2; is_committed++) {
		AUTO_TRANSACTION transaction = NULL;

		DO((transaction = db_begin(db, &err)) != NULL);
		for (int i = 0; i < 2; i++) {
			AUTO_QUERY query = db_query(db, "INSERT INTO fruit VALUES ('pear')");

			DO(query_end(&query, &err));
		}
		if (is_committed)
			DO(db_commit(&transaction, &err));
	}
	db_close(db);
	assert_sql(fixture, "SELECT count(*) FROM fruit", "3");
}

static void values_go_in_and_come_out_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = open_version(fixture, 1);
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *empty = NULL;
	AUTO_FREE char *nothing = NULL;

	{
		AUTO_QUERY query = db_query(db, "SELECT ?, ?, ?, ?, ? IS NULL UNION ALL SELECT 'second', 0, 0, 0, 0");

		query_bind_text(&query, "it's \"quoted\" ä");
		query_bind_int(&query, INT64_MIN);
		query_bind_text(&query, NULL);
		query_bind_key(&query, "");
		query_bind_key(&query, NULL);
		assert_true(query_step(&query));
		text = query_read_text(&query);
		assert_string_equal(text, "it's \"quoted\" ä");
		assert_int_equal(query_read_int(&query), INT64_MIN);
		empty = query_read_text(&query);
		assert_string_equal(empty, "");
		nothing = query_read_text(&query);
		assert_string_equal(nothing, "");
		assert_int_equal(query_read_int(&query), 1);
		DO(query_end(&query, &err));
		assert_false(query_step(&query));
	}
	db_close(db);
}

static void first_failure_of_a_statement_sticks(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = open_version(fixture, 1);

	{
		AUTO_QUERY misspelt = db_query(db, "SELEKT 1");
		AUTO_QUERY too_many = db_query(db, "SELECT ?");

		query_bind_text(&misspelt, "x");
		assert_false(query_step(&misspelt));
		FAILS(query_end(&misspelt, &err), ERR_STORE, fixture->path);
		query_bind_int(&too_many, 1);
		query_bind_int(&too_many, 2);
		FAILS(query_end(&too_many, &err), ERR_STORE, fixture->path);
	}
	db_close(db);
}

static void id_of_the_last_insertion_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = open_version(fixture, 1);

	{
		AUTO_QUERY insertion = db_query(db, "INSERT INTO fruit VALUES ('pear'), ('plum')");

		DO(query_end(&insertion, &err));
		assert_int_equal(db_last_id(db), 3);
	}
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_earlier_version_is_brought_up_to_date, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(migration_that_fails_changes_nothing, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(later_version_is_refused_and_not_touched, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(database_of_others_is_refused_and_not_touched, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(transaction_is_all_or_nothing, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(values_go_in_and_come_out_in_order, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(first_failure_of_a_statement_sticks, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(id_of_the_last_insertion_is_known, set_up_folder, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
