/* SPDX-License-Identifier: MIT */
#ifndef TESTS_STORE_HELPER_H
#define TESTS_STORE_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "budget/ledger.h"
#include "store/book.h"
#include "store/store.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/mem.h"

/* A folder of its own for each test, a clock that stands still, and mostly a store. */
struct fixture {
	char folder[64];
	char path[96];
	int fd; /* the folder */
	int64_t now;
	struct clock clock;
	struct store *store;
};

#define START 1700000000
#define NS(at) ((START + (int64_t)(at)) * NS_PER_S)
#define LEAF_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LEAF_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OTHER_HOST "0123456789abcdef"

/* The call, which takes `&err`, must succeed. */
#define DO(call) \
	do { \
		struct err err = { 0 }; \
		if (!(call)) \
			fail_msg("%s: %s", #call, err.text); \
	} while (0)
/* The call must fail so, with this in its text. */
#define FAILS(call, wanted_kind, part) \
	do { \
		struct err err = { 0 }; \
		if (call) \
			fail_msg("%s succeeded", #call); \
		assert_int_equal(err.kind, wanted_kind); \
		if (!strstr(err.text, part)) \
			fail_msg("'%s' is not in: %s", part, err.text); \
	} while (0)

static int64_t fixture_now(void *ctx)
{
	return ((struct fixture *)ctx)->now;
}

static inline int set_up_folder(void **state)
{
	struct fixture *fixture = mem_new(1, sizeof(*fixture));

	(void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/store-test.XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/letsencrypt.db", fixture->folder);
	DO((fixture->fd = dir_open(fixture->folder, &err)) >= 0);
	fixture->now = START;
	fixture->clock = (struct clock){ fixture_now, fixture };
	*state = fixture;
	return 0;
}

static inline int set_up(void **state)
{
	struct fixture *fixture;

	(void)set_up_folder(state);
	fixture = *state;
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	int parent_fd;

	store_close(fixture->store);
	fd_done(&fixture->fd);
	DO((parent_fd = dir_open("/tmp", &err)) >= 0);
	DO(dir_remove_tree(parent_fd, fixture->folder + strlen("/tmp/"), &err));
	fd_done(&parent_fd);
	free(fixture);
	return 0;
}

static inline void reopen(struct fixture *fixture)
{
	store_close(fixture->store);
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
}

/* ---- past the store: what it holds, and what others might have put there ---- */

static inline void sql(const struct fixture *fixture, const char *statements)
{
	sqlite3 *handle = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open_v2(fixture->path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
	(void)sqlite3_busy_timeout(handle, 10000);
	if (sqlite3_exec(handle, statements, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", statements, message);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

/* The first column of the only row, as text, which the caller frees. */
static inline char *sql_text(const struct fixture *fixture, const char *statement)
{
	sqlite3 *handle = NULL;
	sqlite3_stmt *query = NULL;
	char *text;

	assert_int_equal(sqlite3_open_v2(fixture->path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	(void)sqlite3_busy_timeout(handle, 10000);
	if (sqlite3_prepare_v2(handle, statement, -1, &query, NULL) != SQLITE_OK)
		fail_msg("%s: %s", statement, sqlite3_errmsg(handle));
	assert_int_equal(sqlite3_step(query), SQLITE_ROW);
	text = mem_strdup((const char *)sqlite3_column_text(query, 0));
	assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
	return text;
}

static inline void assert_sql(const struct fixture *fixture, const char *statement, const char *wanted)
{
	AUTO_FREE char *text = sql_text(fixture, statement);

	assert_string_equal(text, wanted);
}

/* A second handle on the same file, of a host with another id. */
static inline struct store *open_as_other_host(struct fixture *fixture)
{
	struct store *store;

	sql(fixture, "INSERT OR IGNORE INTO hosts VALUES ('" OTHER_HOST "', 0); UPDATE hosts SET is_here = (id = '" OTHER_HOST "')");
	DO((store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	sql(fixture, "UPDATE hosts SET is_here = (id <> '" OTHER_HOST "')");
	return store;
}

/* ---- things to store ---- */

static inline struct store_cert make_cert(const char *leaf, const char *names)
{
	struct store_cert cert = {
		.leaf = mem_strdup(leaf),
		.server = mem_strdup("https://ca.test/directory"),
		.account_url = mem_strdup("https://ca.test/acct/1"),
		.profile = mem_strdup("classic"),
		.key_type = mem_strdup("ec256"),
		.issuer = mem_strdup("R10"),
		.ari_id = mem_strdup("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"),
		.window_url = mem_strdup(""),
		.not_before_at = START - 3600,
		.not_after_at = START + 90 * 86400,
		.issued_at = START - 10,
	};

	strs_split(&cert.names, names, " ");
	return cert;
}

static inline void put_cert(struct fixture *fixture, const char *leaf)
{
	AUTO(store_cert_done) struct store_cert cert = make_cert(leaf, "a.example.com");

	DO(store_cert_put(fixture->store, &cert, &err));
}

static inline struct store_order make_order(const char *app, const char *names)
{
	struct store_order order = {
		.app = mem_strdup(app),
		.server = mem_strdup("https://ca.test/directory"),
		.account_url = mem_strdup("https://ca.test/acct/1"),
		.profile = mem_strdup(""),
		.key_type = mem_strdup("ec256"),
		.replaces = mem_strdup(""),
	};

	strs_split(&order.names, names, " ");
	return order;
}

/* ---- orders for which there is always budget ---- */

static inline struct book book_without_limits(struct store *store)
{
	return (struct book){ .store = store, .ca = "ca.test" };
}

static inline bool begin_order(struct store *store, const struct store_order *wanted, int64_t lease_until, struct store_order *ret_order, struct err *err)
{
	struct book book = book_without_limits(store);
	struct book_request request = { .order = wanted, .account = "1", .now_ns = NS(0), .spend_ns = NS(0), .lease_until = lease_until };
	struct book_wait wait = { 0 };
	enum order_as as;
	bool is_admitted = false;

	if (!book_admit(&book, &request, &is_admitted, ret_order, &as, &wait, err))
		return false;
	assert_true(is_admitted);
	return true;
}

static inline bool place_order(struct store *store, int64_t id, const char *url, int64_t expires_at, struct err *err)
{
	struct book book = book_without_limits(store);

	return book_placed(&book, id, url, expires_at, NS(0), err);
}

static inline bool issue_order(struct store *store, int64_t id, const struct store_cert *cert, struct err *err)
{
	struct book book = book_without_limits(store);

	return book_issued(&book, id, cert, NS(0), err);
}

static inline bool end_order(struct store *store, int64_t id, const char *reason, struct err *err)
{
	struct book book = book_without_limits(store);

	return book_dead(&book, id, reason, BOOK_UNUSED, NS(0), err);
}

/* Waits for a child of the test; its exit status, or 128 + the signal. */
static inline int wait_for_child(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
