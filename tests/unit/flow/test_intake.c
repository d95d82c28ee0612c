/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/actions.h"
#include "flow/automatic.h"
#include "flow/intake.h"
#include "flow/progress.h"
#include "flow/worker.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/spool.h"
#include "util/when.h"

/* From the spool into the store: nothing is lost, nothing is taken in for ever. */

#define LATER ((int64_t)4000000000)

static int global_fd(struct desk *desk)
{
	return platform_global_fd(desk->context.platform, &desk->err);
}

static void enable(struct desk *desk)
{
	folder_write(&desk->tree->folder, "lib/config/letsencrypt/blog/enabled", "true", 0600);
}

static char *put(struct desk *desk, const char *const *words, size_t count)
{
	char *name = NULL;

	assert_true(spool_put(global_fd(desk), words, count, &name, &desk->err));
	return name;
}

static int64_t promised(struct desk *desk, const char *entry)
{
	AUTO_FREE char *name = mem_fmt("lib/data/letsencrypt/--global/progress/%s", entry);
	AUTO_FREE char *text = folder_read(&desk->tree->folder, name);
	char *end = NULL;
	int64_t id = strtoll(text, &end, 10);

	assert_string_equal(end, "\n");
	return id;
}

/* Jobs that wait or run. */
static size_t open_jobs(struct desk *desk)
{
	size_t count = 0;

	assert_non_null(context_store(&desk->context, &desk->err));
	assert_true(store_job_count(desk->context.store, &count, &desk->err));
	return count;
}

static void assert_job(struct desk *desk, int64_t id, const char *reason)
{
	AUTO(store_job_done) struct store_job job = { 0 };
	bool is_found = false;

	assert_true(store_job_get(desk->context.store, id, &is_found, &job, &desk->err) && is_found);
	assert_string_equal(job.app, "blog");
	assert_string_equal(job.reason, reason);
}

static void an_entry_becomes_a_job_and_its_hook_is_told(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *deploy = NULL;
	AUTO_FREE char *again = NULL;
	AUTO_FREE char *domains = NULL;

	enable(desk);
	deploy = put(desk, (const char *const[]){ "post-deploy", "blog" }, 2);
	again = put(desk, (const char *const[]){ "post-deploy", "blog", "", "" }, 4);
	domains = put(desk, (const char *const[]){ "post-domains-update", "blog", "add", "new.example.com" }, 4);
	assert_true(intake_spool(&desk->context, &desk->err));
	assert_false(spool_has_any(global_fd(desk)));
	assert_int_equal(open_jobs(desk), 2);
	assert_job(desk, promised(desk, deploy), "deploy");
	assert_job(desk, promised(desk, domains), "domains");
	assert_int_equal(promised(desk, again), promised(desk, deploy));
}

static void what_means_nothing_goes_too(void **state)
{
	static const char *const entries[][2] = { { "post-deploy", "blog" }, { "post-deploy", "gone" }, { "post-deploy", "../x" }, { "post-news", "blog" } };
	struct desk *desk = *state;

	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		AUTO_FREE char *entry = put(desk, entries[i], 2);

		assert_true(intake_spool(&desk->context, &desk->err));
		assert_int_equal(promised(desk, entry), 0);
	}
	AUTO_FREE char *alone = put(desk, (const char *const[]){ "post-deploy" }, 1);
	assert_true(intake_spool(&desk->context, &desk->err));
	assert_false(spool_has_any(global_fd(desk)));
	assert_int_equal(open_jobs(desk), 0);
}

/* Its job tells what is wrong with it. */
static void a_property_that_makes_no_sense_stops_nobody(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *entry = put(desk, (const char *const[]){ "post-deploy", "blog" }, 2);

	folder_write(&desk->tree->folder, "lib/config/letsencrypt/blog/auto-enable", "perhaps\n", 0600);
	assert_true(intake_spool(&desk->context, &desk->err));
	assert_int_equal(open_jobs(desk), 1);
}

static void assert_held(struct desk *desk, const char *reason)
{
	AUTO(store_app_done) struct store_app app = { 0 };

	assert_true(store_app_get(desk->context.store, "blog", &app, &desk->err));
	assert_string_equal(app.held_back_reason, reason);
}

static void what_was_done_by_hand_holds_the_app_back(void **state)
{
	struct desk *desk = *state;

	enable(desk);
	desk_install(desk, "blog", LATER, true);
	AUTO_FREE char *ours = put(desk, (const char *const[]){ "post-certs-update", "blog" }, 2);
	assert_true(intake_spool(&desk->context, &desk->err));
	assert_held(desk, "");
	desk_install(desk, "blog", LATER - 1, false);
	AUTO_FREE char *theirs = put(desk, (const char *const[]){ "post-certs-update", "blog" }, 2);
	AUTO_FREE char *again = put(desk, (const char *const[]){ "post-certs-update", "blog" }, 2);
	assert_true(intake_spool(&desk->context, &desk->err));
	assert_held(desk, "a certificate was installed by hand");
	AUTO(store_events_done) struct store_events events = { 0 };
	assert_true(store_event_list(desk->context.store, "blog", 10, &events, &desk->err));
	assert_int_equal(events.count, 1);
	AUTO_FREE char *path = folder_path(&desk->tree->folder, "home/blog");
	AUTO_FD app_fd = dir_open(path, &desk->err);
	assert_true(dir_remove_tree(app_fd, "tls", &desk->err));
	AUTO_FREE char *removed = put(desk, (const char *const[]){ "post-certs-remove", "blog" }, 2);
	assert_true(intake_spool(&desk->context, &desk->err));
	assert_held(desk, "the certificate was removed by hand");
}

static void an_app_that_is_gone_is_forgotten_before_what_came_after(void **state)
{
	struct desk *desk = *state;

	enable(desk);
	desk_install(desk, "blog", LATER, true);
	AUTO_FREE char *before = put(desk, (const char *const[]){ "post-deploy", "blog" }, 2);
	AUTO_FREE char *end = put(desk, (const char *const[]){ "post-delete", "blog", "latest" }, 3);
	AUTO_FREE char *after = put(desk, (const char *const[]){ "post-domains-update", "blog" }, 2);
	assert_true(intake_spool(&desk->context, &desk->err));
	assert_int_equal(open_jobs(desk), 1);
	AUTO(store_app_done) struct store_app app = { 0 };
	assert_true(store_app_get(desk->context.store, "blog", &app, &desk->err));
	assert_string_equal(app.leaf, "");
	AUTO(store_certs_done) struct store_certs certs = { 0 };
	assert_true(store_cert_list(desk->context.store, &certs, &desk->err));
	assert_int_equal(certs.count, 1);
}

static void what_is_put_off_after_boot_is_told_with_its_moment(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *entry = NULL;
	struct progress_reader reader = { 0 };
	bool is_over = true;

	desk_set_clock(desk, "1000000 30\n");
	AUTO_FD lock_fd = lock_try(global_fd(desk), "boot.lock", &desk->err);
	enable(desk);
	entry = put(desk, (const char *const[]){ "post-deploy", "blog" }, 2);
	/* Another process waits for that moment: it is left to that one. */
	assert_true(lock_fd >= 0 && automatic_await_boot(&desk->context, &is_over, &desk->err));
	assert_false(is_over);
	assert_false(spool_has_any(global_fd(desk)));
	assert_int_equal(open_jobs(desk), 1);
	reader.job_id = promised(desk, entry);
	progress_tell(&desk->context, &reader);
	AUTO_FREE char *when = when_human(1000570);
	AUTO_FREE char *said = mem_fmt("info1 blog: blog waits until %s: nothing starts by itself within ten minutes of boot\nend blog: ", when);
	assert_said(desk, said);
	desk_set_clock(desk, "1000600 630\n");
	assert_true(automatic_await_boot(&desk->context, &is_over, &desk->err));
	assert_true(is_over);
}

/* ---- killed ---- */

static int64_t left; /* readings of the clock until it kills */

static int64_t deadly_clock(void *ctx)
{
	(void)ctx;
	if (--left == 0)
		(void)raise(SIGKILL);
	return 1700000000;
}

/* In a process of its own, killed at the n-th reading of the clock (each of the store's steps reads it). True: it came to its end. */
static bool take_in_and_die(struct desk *desk, int64_t n)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		desk->context.clock = (struct clock){ .now_at = deadly_clock };
		left = n;
		_exit(intake_spool(&desk->context, &desk->err) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 1);
	return WIFEXITED(status);
}

static void begin_anew(struct desk *desk)
{
	dir_sweep(global_fd(desk), "letsencrypt.db", 0);
	context_close(&desk->context);
	assert_true(context_open(&desk->context, strs_argv(&desk->tree->env), (struct talk){ desk_note, desk }, &desk->err));
}

static void a_kill_at_any_step_loses_and_doubles_nothing(void **state)
{
	struct desk *desk = *state;
	bool is_over = false;
	int64_t n = 1;

	enable(desk);
	for (; !is_over; n++) {
		AUTO_FREE char *deploy = put(desk, (const char *const[]){ "post-deploy", "blog" }, 2);
		AUTO_FREE char *ports = put(desk, (const char *const[]){ "post-proxy-ports-update", "blog", "set" }, 3);

		is_over = take_in_and_die(desk, n);
		assert_true(intake_spool(&desk->context, &desk->err));
		assert_false(spool_has_any(global_fd(desk)));
		assert_int_equal(open_jobs(desk), 2);
		begin_anew(desk);
	}
	assert_true(n > 3);
}

/* ---- who works ---- */

static void while_one_waits_for_the_lock_nobody_else_does(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *entry = NULL;
	AUTO_FD lock_fd = lock_try(global_fd(desk), "worker.lock", &desk->err);
	AUTO_FD place_fd = lock_try(global_fd(desk), "worker.lock.next", &desk->err);

	assert_true(lock_fd >= 0 && place_fd >= 0);
	entry = put(desk, (const char *const[]){ "post-deploy", "blog" }, 2);
	assert_true(worker_serve(&desk->context, &desk->err));
	assert_true(spool_has_any(global_fd(desk)));
	fd_done(&place_fd);
	fd_done(&lock_fd);
	assert_true(worker_serve(&desk->context, &desk->err));
	assert_false(spool_has_any(global_fd(desk)));
}

static void the_schedule_takes_in_what_no_worker_came_to(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *entry = NULL;
	int exit_status = 1;

	enable(desk);
	entry = put(desk, (const char *const[]){ "post-deploy", "blog" }, 2);
	assert_true(auto_renew_all(&desk->context, true, &exit_status, &desk->err));
	assert_int_equal(exit_status, 0);
	assert_false(spool_has_any(global_fd(desk)));
	assert_int_equal(open_jobs(desk), 0);
	AUTO(store_job_done) struct store_job job = { 0 };
	bool is_found = false;
	assert_true(store_job_get(desk->context.store, promised(desk, entry), &is_found, &job, &desk->err) && is_found);
	assert_int_equal(job.state, JOB_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(an_entry_becomes_a_job_and_its_hook_is_told),
		DESK_TEST(what_means_nothing_goes_too),
		DESK_TEST(a_property_that_makes_no_sense_stops_nobody),
		DESK_TEST(what_was_done_by_hand_holds_the_app_back),
		DESK_TEST(an_app_that_is_gone_is_forgotten_before_what_came_after),
		DESK_TEST(what_is_put_off_after_boot_is_told_with_its_moment),
		DESK_TEST(a_kill_at_any_step_loses_and_doubles_nothing),
		DESK_TEST(while_one_waits_for_the_lock_nobody_else_does),
		DESK_TEST(the_schedule_takes_in_what_no_worker_came_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
