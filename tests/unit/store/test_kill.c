/* SPDX-License-Identifier: MIT */
/*
 * A writer is killed in the middle of SQLite's N-th write, for one N after the other: what it was told to be done is there afterwards, at most the step that
 * was under way besides, and never a part of one.
 */
#include "fault.h"
#include "helper.h"

#define ROUNDS 40
/* Steps of one order, in this sequence; the kill comes within the first few orders. */
#define STEP_COUNT 6
#define ORDERS_MAX 50

/* One step of order number `i`, whose id the first step tells. */
static bool take_step(struct store *store, int i, int step, int64_t *io_id, struct err *err)
{
	AUTO_FREE char *name = mem_fmt("app-%d.example.com", i);
	AUTO_FREE char *app = mem_fmt("app-%d", i);
	AUTO_FREE char *leaf = mem_fmt("%064d", i);
	AUTO_FREE char *url = mem_fmt("https://ca.test/order/%d", i);
	AUTO(store_order_done) struct store_order wanted = make_order(app, name);
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO(store_cert_done) struct store_cert cert = make_cert(leaf, name);

	switch (step) {
	case 0:
		if (!begin_order(store, &wanted, START + 60, &order, err))
			return false;
		*io_id = order.id;
		return true;
	case 1:
		return store_order_sending(store, *io_id, err);
	case 2:
		return place_order(store, *io_id, url, START + 600, err);
	case 3:
		return store_order_finalizing(store, *io_id, err);
	case 4:
		return issue_order(store, *io_id, &cert, err);
	default:
		return store_order_installed(store, *io_id, err);
	}
}

/* Runs until it is killed; tells each step that is done. */
static int write_until_killed(struct fixture *fixture, int out_fd, long kill_at)
{
	struct err err = { 0 };
	struct store *store;
	int64_t id = 0;

	fault.write_count = 0;
	fault.kill_at = kill_at;
	store = store_open(fixture->path, &fixture->clock, &err);
	for (int i = 0; store && i < ORDERS_MAX * STEP_COUNT; i++)
		if (!take_step(store, i / STEP_COUNT, i % STEP_COUNT, &id, &err) || write(out_fd, &i, sizeof(i)) != sizeof(i))
			return 1;
	return 2;
}

/* How many steps the killed writer was told to be done. */
static int run_round(struct fixture *fixture, long kill_at)
{
	int pipe_fds[2];
	int step, count = 0;
	pid_t child;

	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(write_until_killed(fixture, pipe_fds[1], kill_at));
	(void)close(pipe_fds[1]);
	while (read(pipe_fds[0], &step, sizeof(step)) == sizeof(step)) {
		assert_int_equal(step, count);
		count++;
	}
	(void)close(pipe_fds[0]);
	assert_int_equal(wait_for_child(child), 128 + SIGKILL);
	return count;
}

/* How many steps are in the file. */
static int count_steps(struct fixture *fixture)
{
	AUTO_FREE char *text = sql_text(fixture, "SELECT ifnull(sum(CASE state WHEN 'intended' THEN 1 + sent_count WHEN 'placed' THEN 3 WHEN 'finalizing' THEN 4"
						 " WHEN 'issued' THEN 5 WHEN 'installed' THEN 6 END), 0) FROM orders");

	return (int)strtol(text, NULL, 10);
}

static void assert_consistent(struct fixture *fixture)
{
	assert_sql(fixture, "PRAGMA integrity_check", "ok");
	assert_sql(fixture, "SELECT count(*) FROM pragma_foreign_key_check", "0");
	assert_sql(fixture, "SELECT count(*) FROM orders WHERE (url <> '') <> (state NOT IN ('intended'))", "0");
	assert_sql(fixture, "SELECT count(*) FROM orders WHERE (leaf IS NOT NULL) <> (state IN ('issued', 'installed'))", "0");
	assert_sql(fixture, "SELECT (SELECT count(*) FROM certs) - (SELECT count(*) FROM orders WHERE state IN ('issued', 'installed'))", "0");
	assert_sql(fixture, "SELECT count(*) FROM orders LEFT JOIN apps USING (app)"
			    " WHERE (orders.state = 'installed') <> (apps.leaf IS orders.leaf AND apps.leaf IS NOT NULL)", "0");
}

static void killed_writer_leaves_whole_steps(void **state)
{
	struct fixture *fixture = *state;
	int longest = 0;

	for (long round = 1; round <= ROUNDS; round++) {
		/* The first writes make the file; after them the gaps grow. */
		int told = run_round(fixture, round <= 20 ? round * 2 : round * round / 8);
		int kept;

		DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
		store_close(fixture->store);
		fixture->store = NULL;
		kept = count_steps(fixture);
		if (kept != told && kept != told + 1)
			fail_msg("round %ld: %d steps were told, %d are kept", round, told, kept);
		assert_consistent(fixture);
		longest = told > longest ? told : longest;
		DO(file_remove(fixture->fd, "letsencrypt.db", &err));
		DO(file_remove(fixture->fd, "letsencrypt.db-wal", &err));
		DO(file_remove(fixture->fd, "letsencrypt.db-shm", &err));
	}
	/* Some of them came well into the work. */
	assert_true(longest > 2 * STEP_COUNT);
}

static void work_goes_on_where_it_was_killed(void **state)
{
	struct fixture *fixture = *state;
	int steps = run_round(fixture, 90);
	AUTO(store_orders_done) struct store_orders orders = { 0 };
	AUTO(store_order_done) struct store_order again = { 0 };

	assert_true(steps > 0);
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	DO(store_order_list_open(fixture->store, NULL, &orders, &err));
	assert_in_range(orders.count, 0, 1);
	if (orders.count == 1 && orders.items[0].state < ORDER_ISSUED) {
		DO(begin_order(fixture->store, &orders.items[0], START + 60, &again, &err));
		assert_int_equal(again.id, orders.items[0].id);
		assert_int_equal(again.state, orders.items[0].state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_writer_leaves_whole_steps, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(work_goes_on_where_it_was_killed, set_up_folder, tear_down),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
