/* SPDX-License-Identifier: MIT */
#include "helper.h"

static int64_t add(struct fixture *fixture, const char *app, int64_t not_before_at)
{
	int64_t id = 0;

	DO(store_job_add(fixture->store, app, "enable", false, not_before_at, &id, &err));
	assert_true(id > 0);
	return id;
}

/* The id of the job that was claimed, 0 = none. */
static int64_t claim(struct fixture *fixture, struct store *store)
{
	AUTO(store_job_done) struct store_job job = { 0 };
	bool is_found = false;

	DO(store_job_claim(store, fixture->now + 60, &is_found, &job, &err));
	return is_found ? job.id : 0;
}

static struct store_job get(struct fixture *fixture, int64_t id)
{
	struct store_job job = { 0 };
	bool is_found = false;

	DO(store_job_get(fixture->store, id, &is_found, &job, &err));
	assert_true(is_found);
	return job;
}

static void waits_runs_and_ends(void **state)
{
	struct fixture *fixture = *state;
	int64_t id = add(fixture, "blog", 0);
	AUTO(store_job_done) struct store_job waiting = get(fixture, id);
	AUTO(store_job_done) struct store_job running = { 0 };
	AUTO(store_job_done) struct store_job ended = { 0 };
	bool is_found = false;

	assert_int_equal(waiting.state, JOB_WAITING);
	assert_string_equal(waiting.app, "blog");
	assert_string_equal(waiting.reason, "enable");
	assert_false(waiting.is_forced);
	assert_int_equal(waiting.queued_at, START);
	assert_string_equal(waiting.host, "");
	DO(store_job_claim(fixture->store, START + 60, &is_found, &running, &err));
	assert_true(is_found);
	assert_int_equal(running.id, id);
	assert_int_equal(running.state, JOB_RUNNING);
	assert_string_equal(running.host, store_host(fixture->store));
	assert_int_equal(running.lease_until, START + 60);
	DO(store_job_end(fixture->store, id, false, 75, &err));
	DO(store_job_end(fixture->store, id, true, 0, &err));
	ended = get(fixture, id);
	assert_int_equal(ended.state, JOB_FAILED);
	assert_int_equal(ended.exit_status, 75);
}

static void waiting_one_is_not_doubled(void **state)
{
	struct fixture *fixture = *state;
	int64_t id = add(fixture, "blog", START + 500);
	int64_t forced, other_reason;
	AUTO(store_job_done) struct store_job job = { 0 };

	DO(store_job_add(fixture->store, "blog", "enable", true, 0, &forced, &err));
	DO(store_job_add(fixture->store, "blog", "auto-renew", false, 0, &other_reason, &err));
	assert_true(id != forced && id != other_reason && forced != other_reason);
	assert_int_equal(add(fixture, "blog", START + 900), id);
	assert_int_equal(add(fixture, "blog", START + 100), id);
	job = get(fixture, id);
	assert_int_equal(job.not_before_at, START + 100);
	assert_true(add(fixture, "shop", 0) > other_reason);
}

static void running_one_does_not_stand_for_a_new_one(void **state)
{
	struct fixture *fixture = *state;
	int64_t id = add(fixture, "blog", 0);

	assert_int_equal(claim(fixture, fixture->store), id);
	assert_true(add(fixture, "blog", 0) > id);
}

static void oldest_whose_time_has_come_is_first(void **state)
{
	struct fixture *fixture = *state;
	int64_t later = add(fixture, "later", START + 100);
	int64_t first = add(fixture, "first", 0);
	int64_t second = add(fixture, "second", START);

	assert_int_equal(claim(fixture, fixture->store), first);
	assert_int_equal(claim(fixture, fixture->store), second);
	assert_int_equal(claim(fixture, fixture->store), 0);
	DO(store_job_end(fixture->store, first, true, 0, &err));
	DO(store_job_end(fixture->store, second, true, 0, &err));
	fixture->now = START + 100;
	assert_int_equal(claim(fixture, fixture->store), later);
}

static void one_job_of_an_app_runs_at_a_time(void **state)
{
	struct fixture *fixture = *state;
	int64_t first = add(fixture, "blog", 0);
	int64_t other = 0;
	int64_t third = 0;

	assert_int_equal(claim(fixture, fixture->store), first);
	DO(store_job_add(fixture->store, "blog", "auto-renew", false, 0, &other, &err));
	third = add(fixture, "shop", 0);
	assert_int_equal(claim(fixture, fixture->store), third);
	assert_int_equal(claim(fixture, fixture->store), 0);
	DO(store_job_end(fixture->store, first, true, 0, &err));
	assert_int_equal(claim(fixture, fixture->store), other);
}

static void lease_that_ran_out_frees_the_job(void **state)
{
	struct fixture *fixture = *state;
	struct store *other = open_as_other_host(fixture);
	int64_t id = add(fixture, "blog", 0);
	AUTO(store_job_done) struct store_job job = { 0 };

	assert_int_equal(claim(fixture, other), id);
	fixture->now += 59;
	assert_int_equal(claim(fixture, fixture->store), 0);
	fixture->now += 1;
	assert_int_equal(claim(fixture, fixture->store), id);
	/* The one who lost it has no say any more. */
	DO(store_job_end(other, id, true, 0, &err));
	job = get(fixture, id);
	assert_int_equal(job.state, JOB_RUNNING);
	assert_string_equal(job.host, store_host(fixture->store));
	store_close(other);
}

/* Also when the clock jumps: the worker that runs it is the one who asks. */
static void own_job_is_not_claimed_again(void **state)
{
	struct fixture *fixture = *state;
	int64_t id = add(fixture, "blog", 0);
	int64_t other = 0;

	assert_int_equal(claim(fixture, fixture->store), id);
	DO(store_job_add(fixture->store, "blog", "auto-renew", false, 0, &other, &err));
	fixture->now += 86400;
	assert_int_equal(claim(fixture, fixture->store), 0);
	DO(store_job_end(fixture->store, id, true, 0, &err));
	assert_int_equal(claim(fixture, fixture->store), other);
}

static void jobs_that_wait_or_run_are_counted(void **state)
{
	struct fixture *fixture = *state;
	size_t count = 99;

	DO(store_job_count(fixture->store, &count, &err));
	assert_int_equal(count, 0);
	(void)add(fixture, "blog", 0);
	(void)add(fixture, "shop", START + 900);
	DO(store_job_end(fixture->store, claim(fixture, fixture->store), true, 0, &err));
	(void)add(fixture, "wiki", 0);
	(void)claim(fixture, fixture->store);
	DO(store_job_count(fixture->store, &count, &err));
	assert_int_equal(count, 2);
}

static void recovery_takes_back_only_our_own(void **state)
{
	struct fixture *fixture = *state;
	struct store *other = open_as_other_host(fixture);
	int64_t theirs = add(fixture, "theirs", 0);
	int64_t ours;
	AUTO(store_job_done) struct store_job job = { 0 };

	assert_int_equal(claim(fixture, other), theirs);
	ours = add(fixture, "ours", 0);
	assert_int_equal(claim(fixture, fixture->store), ours);
	/* A twin waits: coming back beside it is no conflict. */
	(void)add(fixture, "ours", START + 900);
	DO(store_job_recover(fixture->store, &err));
	DO(store_job_recover(fixture->store, &err));
	job = get(fixture, ours);
	assert_int_equal(job.state, JOB_WAITING);
	assert_string_equal(job.host, "");
	store_job_done(&job);
	job = get(fixture, theirs);
	assert_int_equal(job.state, JOB_RUNNING);
	assert_int_equal(claim(fixture, fixture->store), ours);
	store_close(other);
}

/* The id is the name of the file with what was said of it: whoever follows the new one would read that of the old one. */
static void ids_never_come_back(void **state)
{
	struct fixture *fixture = *state;
	int64_t id = add(fixture, "blog", 0);

	sql(fixture, "DELETE FROM jobs");
	reopen(fixture);
	assert_true(add(fixture, "blog", 0) > id);
	/* A file that is made anew starts beyond those that the lost one gave out. */
	assert_true(id > START);
}

static void unknown_job_is_not_found(void **state)
{
	struct fixture *fixture = *state;
	struct store_job job = { 0 };
	bool is_found = true;

	DO(store_job_get(fixture->store, 4711, &is_found, &job, &err));
	assert_false(is_found);
	DO(store_job_end(fixture->store, 4711, true, 0, &err));
}

static void old_ended_jobs_go_after_a_week(void **state)
{
	struct fixture *fixture = *state;
	int64_t old = add(fixture, "old", 0);
	bool is_found = true;
	struct store_job job = { 0 };
	AUTO(store_job_done) struct store_job young = { 0 };
	int64_t young_id;

	assert_int_equal(claim(fixture, fixture->store), old);
	DO(store_job_end(fixture->store, old, true, 0, &err));
	fixture->now += 7 * 86400 + 1;
	young_id = add(fixture, "young", 0);
	assert_int_equal(claim(fixture, fixture->store), young_id);
	DO(store_job_end(fixture->store, young_id, true, 0, &err));
	for (int i = 0; i < 256; i++) {
		AUTO_FREE char *app = mem_fmt("app-%d", i);

		(void)add(fixture, app, 0);
	}
	DO(store_job_get(fixture->store, old, &is_found, &job, &err));
	assert_false(is_found);
	young = get(fixture, young_id);
	assert_int_equal(young.state, JOB_DONE);
}

/* ---- two processes ---- */

#define JOB_COUNT 200

/* Claims and ends jobs until there are none, and tells their ids. For a process of its own: no assertions. */
static int run_worker(struct fixture *fixture, int out_fd)
{
	struct err err = { 0 };
	struct store *store = store_open(fixture->path, &fixture->clock, &err);
	bool is_found = true;
	int status = store ? 0 : 1;

	while (status == 0) {
		AUTO(store_job_done) struct store_job job = { 0 };

		if (!store_job_claim(store, fixture->now + 60, &is_found, &job, &err))
			status = 2;
		if (status != 0 || !is_found)
			break;
		if (write(out_fd, &job.id, sizeof(job.id)) != sizeof(job.id) || !store_job_end(store, job.id, true, 0, &err))
			status = 3;
	}
	store_close(store);
	return status;
}

static pid_t start_worker(struct fixture *fixture, const int pipe_fds[2])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)close(pipe_fds[0]);
	int status = run_worker(fixture, pipe_fds[1]);
	(void)close(pipe_fds[1]);
	(void)close(fixture->fd);
	_exit(status);
}

static void two_processes_share_the_jobs_without_doubling(void **state)
{
	struct fixture *fixture = *state;
	int pipe_fds[2];
	pid_t workers[2];
	bool is_seen[JOB_COUNT] = { false };
	size_t count = 0;
	int64_t first = 0;
	int64_t id;

	for (int i = 0; i < JOB_COUNT; i++) {
		AUTO_FREE char *app = mem_fmt("app-%d", i);

		id = add(fixture, app, 0);
		first = i == 0 ? id : first;
	}
	store_close(fixture->store);
	fixture->store = NULL;
	assert_int_equal(pipe(pipe_fds), 0);
	for (size_t i = 0; i < COUNT(workers); i++)
		workers[i] = start_worker(fixture, pipe_fds);
	(void)close(pipe_fds[1]);
	while (read(pipe_fds[0], &id, sizeof(id)) == sizeof(id)) {
		assert_in_range(id, first, first + JOB_COUNT - 1);
		assert_false(is_seen[id - first]);
		is_seen[id - first] = true;
		count++;
	}
	(void)close(pipe_fds[0]);
	for (size_t i = 0; i < COUNT(workers); i++)
		assert_int_equal(wait_for_child(workers[i]), 0);
	assert_int_equal(count, JOB_COUNT);
	assert_sql(fixture, "SELECT count(*) FROM jobs WHERE state = 'done'", "200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waits_runs_and_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(waiting_one_is_not_doubled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(running_one_does_not_stand_for_a_new_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(oldest_whose_time_has_come_is_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_job_of_an_app_runs_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lease_that_ran_out_frees_the_job, set_up, tear_down),
		cmocka_unit_test_setup_teardown(own_job_is_not_claimed_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(jobs_that_wait_or_run_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(recovery_takes_back_only_our_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ids_never_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_job_is_not_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(old_ended_jobs_go_after_a_week, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_processes_share_the_jobs_without_doubling, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
