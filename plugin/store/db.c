/* SPDX-License-Identifier: MIT */
/*
 * The only module that knows SQLite: opening and migrating the file, transactions, statements, and what its failures mean for a person.
 */
#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/aside.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"

/* "lenc": tells our files from other SQLite files. */
#define APPLICATION_ID 0x6c656e63
/* Transactions take milliseconds; whoever holds one for longer hangs. */
#define BUSY_TIMEOUT_MS 10000
/* Statements that are kept ready for their next use; making one takes longer than most of them run. */
#define READY_MAX 48

struct ready {
	const char *sql; /* as the caller wrote it: a literal, so its address mostly tells */
	sqlite3_stmt *statement;
};

struct db {
	sqlite3 *handle;
	char *path; /* as the caller wrote it: for messages */
	struct ready ready[READY_MAX];
	size_t ready_count;
};

const char *db_path(const struct db *db)
{
	return db->path;
}

/* ---- failures ---- */

static bool is_no_room(int primary, int sys_errno)
{
	return primary == SQLITE_FULL || ((primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) && (sys_errno == ENOSPC || sys_errno == EDQUOT));
}

static bool is_not_writable(int primary, int sys_errno)
{
	if (primary == SQLITE_READONLY || primary == SQLITE_PERM)
		return true;
	return (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) && (sys_errno == EROFS || sys_errno == EACCES || sys_errno == EPERM);
}

/* What SQLite (result `code`) or the system (sys_errno, 0 = none) said about `path`, and what to do. */
static bool fail_with(struct err *err, const char *path, int code, int sys_errno, const char *detail)
{
	int primary = code & 0xff;

	if (is_no_room(primary, sys_errno))
		return err_set(err, ERR_STORE, "'%s' cannot be written: the disk is full or its quota is used up; make room there and run this again", path);
	if (is_not_writable(primary, sys_errno))
		return err_set(err, ERR_STORE,
			       "'%s' cannot be written: the file or its folder is read-only for this user; check the mount and the owner of both, and run this again", path);
	if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
		return err_set(err, ERR_STORE, "'%s' was kept busy by another process for more than %d s; find out which one hangs, and run this again", path,
			       BUSY_TIMEOUT_MS / 1000);
	if (code == SQLITE_CANTOPEN_SYMLINK)
		return err_set(err, ERR_STORE, "'%s' is a symbolic link, which is not followed; put the file itself there", path);
	if (sys_errno != 0)
		return err_set(err, ERR_STORE, "'%s' cannot be used: %s (%s); look for the cause in the system's log, and run this again", path, strerror(sys_errno),
			       detail);
	return err_set(err, ERR_STORE, "'%s' cannot be used: %s (code %d); please report this", path, detail, code);
}

static bool has_moved(const struct db *db)
{
	int moved = 0;

	return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

static bool fail_moved(const struct db *db, struct err *err)
{
	return err_set(err, ERR_STORE, "'%s' was set aside or replaced while it was in use; run this again, with the new one", db->path);
}

/* The next one who opens it sets it aside; unless that was done already, and this handle still has the old one. */
static bool fail_corrupt(const struct db *db, int primary, struct err *err)
{
	const char *detail = sqlite3_errstr(primary);
	AUTO_ASIDE aside = ASIDE_NONE;
	struct err ignored;
	bool is_locked = aside_share(db->path, &aside, &ignored);

	if (has_moved(db))
		return fail_moved(db, err);
	if (is_locked && aside_mark(&aside, &ignored))
		return err_set(err, ERR_STORE, "'%s' is damaged (%s); run this again: it is then set aside, and a new one made from the certificates on disk", db->path,
			       detail);
	return err_set(err, ERR_STORE,
		       "'%s' is damaged (%s); move it away together with '%s-wal' and '%s-shm', the next run makes a new one from the certificates on disk", db->path,
		       detail, db->path, db->path);
}

static bool fail(const struct db *db, int code, struct err *err)
{
	int primary = code & 0xff;

	if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
		return fail_corrupt(db, primary, err);
	/* Only these two set it; otherwise it is left over from something else. */
	int sys_errno = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ? sqlite3_system_errno(db->handle) : 0;

	return fail_with(err, db->path, code, sys_errno, sqlite3_errmsg(db->handle));
}

/* ---- statements ---- */

/* Takes a statement that is ready out of its place; NULL = there is none. */
static sqlite3_stmt *take_ready(struct db *db, const char *sql)
{
	for (size_t i = 0; i < db->ready_count; i++) {
		struct ready found = db->ready[i];

		if (found.sql == sql && strcmp(sqlite3_sql(found.statement), sql) == 0) {
			db->ready[i] = db->ready[--db->ready_count];
			return found.statement;
		}
	}
	return NULL;
}

struct query db_query(struct db *db, const char *sql)
{
	struct query query = { .db = db, .sql = sql, .statement = take_ready(db, sql) };

	if (!query.statement)
		query.code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &query.statement, NULL);
	return query;
}

void query_done(struct query *query)
{
	struct db *db = query->db;

	if (!query->statement)
		return;
	if (db->ready_count == READY_MAX) {
		(void)sqlite3_finalize(query->statement);
	} else {
		(void)sqlite3_reset(query->statement);
		(void)sqlite3_clear_bindings(query->statement);
		db->ready[db->ready_count++] = (struct ready){ query->sql, query->statement };
	}
	query->statement = NULL;
}

static void keep_first_failure(struct query *query, int code)
{
	if (query->code == SQLITE_OK)
		query->code = code;
}

void query_bind_text(struct query *query, const char *text)
{
	keep_first_failure(query, sqlite3_bind_text(query->statement, ++query->bound_count, text ? text : "", -1, SQLITE_STATIC));
}

void query_bind_key(struct query *query, const char *key)
{
	if (key && *key)
		query_bind_text(query, key);
	else
		keep_first_failure(query, sqlite3_bind_null(query->statement, ++query->bound_count));
}

void query_bind_int(struct query *query, int64_t value)
{
	keep_first_failure(query, sqlite3_bind_int64(query->statement, ++query->bound_count, value));
}

bool query_step(struct query *query)
{
	int code;

	if (query->code != SQLITE_OK)
		return false;
	code = sqlite3_step(query->statement);
	query->read_count = 0;
	if (code == SQLITE_ROW)
		return true;
	query->code = code;
	return false;
}

bool query_end(struct query *query, struct err *err)
{
	while (query_step(query))
		continue;
	return query->code == SQLITE_DONE || fail(query->db, query->code, err);
}

char *query_read_text(struct query *query)
{
	const unsigned char *text = sqlite3_column_text(query->statement, query->read_count++);

	return mem_strdup(text ? (const char *)text : "");
}

int64_t query_read_int(struct query *query)
{
	return sqlite3_column_int64(query->statement, query->read_count++);
}

unsigned query_read_word(struct query *query, const char *const *words, size_t count)
{
	AUTO_FREE char *text = query_read_text(query);

	for (unsigned i = 0; i < count; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	keep_first_failure(query, SQLITE_CORRUPT);
	return 0;
}

int64_t db_last_id(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

/* ---- transactions ---- */

/* One or more statements without parameters and without rows that matter. */
static bool run(struct db *db, const char *sql, struct err *err)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK || fail(db, code, err);
}

struct db *db_begin(struct db *db, struct err *err)
{
	AUTO_TRANSACTION transaction = run(db, "BEGIN IMMEDIATE", err) ? db : NULL;
	struct db *begun = transaction;

	/* What is written to a file that was set aside nobody would see. */
	if (transaction && has_moved(db)) {
		(void)fail_moved(db, err);
		return NULL;
	}
	transaction = NULL;
	return begun;
}

struct db *db_begin_reading(struct db *db, struct err *err)
{
	return run(db, "BEGIN", err) ? db : NULL;
}

void db_rollback(struct db **transaction)
{
	/* Some failures (a full disk) have rolled back already. */
	if (*transaction && !sqlite3_get_autocommit((*transaction)->handle))
		(void)sqlite3_exec((*transaction)->handle, "ROLLBACK", NULL, NULL, NULL);
	*transaction = NULL;
}

bool db_commit(struct db **transaction, struct err *err)
{
	if (!run(*transaction, "COMMIT", err)) {
		db_rollback(transaction);
		return false;
	}
	*transaction = NULL;
	return true;
}

/* ---- migrations ---- */

static bool read_number(struct db *db, const char *sql, int64_t *ret_number, struct err *err)
{
	AUTO_QUERY query = db_query(db, sql);
	int64_t number = query_step(&query) ? query_read_int(&query) : 0;

	if (!query_end(&query, err))
		return false;
	*ret_number = number;
	return true;
}

/* The version of the file, 0 = new. */
static bool read_version(struct db *db, size_t newest, size_t *ret_version, struct err *err)
{
	int64_t version, application_id, table_count = 0;

	/*
	 * The application's id last: another process may be making the file, all in one transaction, so whoever has seen its tables or version then sees the id.
	 * The tables of a later version are not looked at: what this SQLite cannot read there it would call corrupt.
	 */
	if (!read_number(db, "PRAGMA user_version", &version, err) ||
	    (version <= (int64_t)newest && !read_number(db, "SELECT count(*) FROM sqlite_schema", &table_count, err)) ||
	    !read_number(db, "PRAGMA application_id", &application_id, err))
		return false;
	if (version < 0 || (application_id != APPLICATION_ID && (application_id != 0 || version != 0 || table_count != 0)))
		return err_set(err, ERR_STORE, "'%s' is a database of some other program; move it away, the next run makes a new one", db->path);
	if (version > (int64_t)newest)
		return err_set(err, ERR_STORE, "'%s' was made by a newer version of this plugin (schema %lld, this one knows schemas up to %zu); update the plugin",
			       db->path, (long long)version, newest);
	*ret_version = (size_t)version;
	return true;
}

/*
 * Kept in the file from then on. While another process does the same SQLite answers "busy" at once: waiting for the right to write, which it does with
 * patience, is waiting for that process.
 */
static bool switch_to_wal(struct db *db, struct err *err)
{
	int code = SQLITE_BUSY;

	for (int i = 0; i < 100 && (code & 0xff) == SQLITE_BUSY; i++) {
		AUTO_TRANSACTION transaction = i > 0 ? db_begin(db, err) : NULL;

		if (i > 0 && !transaction)
			return false;
		db_rollback(&transaction);
		code = sqlite3_exec(db->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	}
	return code == SQLITE_OK || fail(db, code, err);
}

static bool migrate(struct db *db, const char *const *migrations, size_t count, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(db, err);
	AUTO_FREE char *numbers = mem_fmt("PRAGMA application_id = %d; PRAGMA user_version = %zu", APPLICATION_ID, count);
	size_t version;

	/* Read again: another process may have been faster. */
	if (!transaction || !read_version(db, count, &version, err))
		return false;
	for (; version < count; version++)
		if (!run(db, migrations[version], err))
			return false;
	return run(db, numbers, err) && db_commit(&transaction, err);
}

static bool bring_up_to_date(struct db *db, const char *const *migrations, size_t count, struct err *err)
{
	size_t version;

	/* A commit that was answered survives a power cut: a lost one would mean a request too many. Setting it looks at the tables. */
	if (!read_version(db, count, &version, err) || !run(db, "PRAGMA synchronous = FULL", err))
		return false;
	if (version == 0 && !switch_to_wal(db, err))
		return false;
	return version == count || migrate(db, migrations, count, err);
}

/* ---- opening ---- */

/* As root the file is the folder's owner's, so that the platform's user can open it later. */
static bool give_to_owner_of(const char *folder, int fd)
{
	struct stat info;

	return geteuid() != 0 || (stat(folder, &info) == 0 && fchown(fd, info.st_uid, info.st_gid) == 0);
}

/*
 * Makes the file 0600 before SQLite, which would make it 0644; its siblings then get mode and owner of the file. An existing file is never opened here: closing a
 * descriptor of it would drop the locks that another handle of this process has.
 */
static bool make_file(const char *folder, const char *file, const char *path, struct err *err)
{
	AUTO_FD fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST || fail_with(err, path, SQLITE_CANTOPEN, errno, "making the file");
	return give_to_owner_of(folder, fd) || fail_with(err, path, SQLITE_CANTOPEN, errno, "giving the file to its owner");
}

/* SQLITE_OPEN_NOFOLLOW refuses links anywhere in the path, but operators link their volumes: only the file itself must be none. */
static char *resolve(const char *path, char ret_folder[static PATH_MAX], struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *folder = NULL;

	assert(*path == '/');
	folder = mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!realpath(folder, ret_folder)) {
		(void)fail_with(err, path, SQLITE_CANTOPEN, errno, "looking for its folder");
		return NULL;
	}
	return mem_fmt("%s/%s", strcmp(ret_folder, "/") == 0 ? "" : ret_folder, slash + 1);
}

static const char *const settings =
	"PRAGMA foreign_keys = ON;"
	"PRAGMA temp_store = MEMORY;"
	/* Against files that somebody tampered with. */
	"PRAGMA trusted_schema = OFF;"
	"PRAGMA cell_size_check = ON;";

static bool connect(struct db *db, const char *file, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX;
	int code = sqlite3_open_v2(file, &db->handle, flags, NULL);

	if (code != SQLITE_OK)
		return fail(db, code, err);
	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	return run(db, settings, err);
}

struct db *db_open(const char *path, const char *const *migrations, size_t count, struct err *err)
{
	AUTO(db_closep) struct db *db = mem_new(1, sizeof(*db));
	char folder[PATH_MAX];
	AUTO_FREE char *file = resolve(path, folder, err);
	struct db *opened = db;

	db->path = mem_strdup(path);
	if (!file || !make_file(folder, file, path, err) || !connect(db, file, err) || !bring_up_to_date(db, migrations, count, err))
		return NULL;
	db = NULL;
	return opened;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->ready_count; i++)
		(void)sqlite3_finalize(db->ready[i].statement);
	/* The last one to close copies the log into the file, and that means fsync: readers leave it to the next writer. */
	if (db->handle && sqlite3_total_changes64(db->handle) == 0)
		(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_close(db->handle);
	free(db->path);
	free(db);
}
