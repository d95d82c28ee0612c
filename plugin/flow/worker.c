/* SPDX-License-Identifier: MIT */
/* Queue, lock and fibers of the one worker. */
#include "flow/worker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow/challenge.h"
#include "flow/context.h"
#include "flow/install.h"
#include "flow/intake.h"
#include "flow/issue.h"
#include "flow/leftovers.h"
#include "flow/notice.h"
#include "flow/progress.h"
#include "flow/wishes.h"
#include "platform/platform.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

#define RUNNING_MAX 128
#define PATIENCE_MS 1000
#define POLL_MS 100
#define FOLLOW_MS 250
#define LEASE_S (10 * WHEN_MINUTE)
#define LOCK "worker.lock"
/* Connections, and what is known of a CA, are made anew so often. */
#define SERVE_S (30 * WHEN_MINUTE)

/* ---- working ---- */

struct task {
	struct worker *worker;
	struct store_job job;
	const struct wishes *wishes;
	struct progress progress; /* for the process that follows it, when it is not ours */
	struct talk talk;
	struct issue *issue;
	size_t turn;
	struct task *next;        /* of those that may start */
};

static void task_free(struct task *task)
{
	issue_free(task->issue);
	store_job_done(&task->job);
	free(task);
}

/* On a termination signal the job of another process stays running: the next worker takes it up. */
static void end_task(struct task *task, int exit_status)
{
	struct worker *worker = task->worker;
	struct err ignored;

	talk_say(&task->talk, TALK_END, task->job.app, "%s", "");
	if (wishes_has(task->wishes, task->job.id) || !loop_is_stopping(worker->context->loop))
		(void)!store_job_end(worker->context->store, task->job.id, exit_status == 0, exit_status, &ignored);
	wishes_end(task->wishes, task->job.id, exit_status);
	(void)strs_add_new(worker->ended_apps, task->job.app);
	task_free(task);
}

static void run_task(void *arg)
{
	struct task *task = arg;
	struct worker *worker = task->worker;
	int exit_status = 1;

	issue_run(task->issue, &exit_status);
	end_task(task, exit_status);
	worker->running--;
	loop_set(worker->context->loop, &worker->ended);
}

static void start_tasks(struct worker *worker)
{
	while (worker->ready && worker->running < RUNNING_MAX) {
		struct task *task = worker->ready;

		worker->ready = task->next;
		worker->running++;
		issue_expect(task->issue);
		loop_start(worker->context->loop, run_task, task);
	}
}

static struct task *new_task(struct worker *worker, const struct store_job *job, const struct wishes *wishes)
{
	struct task *task = mem_new(1, sizeof(*task));

	*task = (struct task){ .worker = worker, .job = *job, .wishes = wishes };
	progress_init(worker->progress_fd, job->id, &task->progress);
	task->talk = wishes_has(wishes, job->id) ? worker->context->talk : progress_talk(&task->progress);
	task->issue = issue_new(worker, job, &task->talk);
	return task;
}

/* ---- what goes first ---- */

struct tasks {
	struct task **items;
	size_t count;
};

/* Those that are left may still be started by the next worker. */
static void tasks_done(struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->count; i++)
		task_free(tasks->items[i]);
	free(tasks->items);
}

/* It is made longer when half of it is over, not at each look into the queue: that would be ten writes to the disk each second. */
static bool keep_lease(struct worker *worker, struct err *err)
{
	int64_t now_at = clock_now(&worker->context->clock);
	bool is_ours = false;

	if (worker->lease_until - now_at > LEASE_S / 2)
		return true;
	if (!store_lease(worker->context->store, "worker", now_at + LEASE_S, &is_ours, &worker->lease_until, err))
		return false;
	return is_ours || err_set(err, ERR_LOCKED, "another host works for these apps; what is in the queue goes on there");
}

/* All that are in the queue, one of each app. */
static bool claim(struct worker *worker, const struct wishes *wishes, struct tasks *tasks, struct err *err)
{
	bool is_found = true;

	if (!keep_lease(worker, err))
		return false;
	while (is_found) {
		struct store_job job = { 0 };

		if (!store_job_claim(worker->context->store, worker->lease_until, &is_found, &job, err))
			return false;
		if (!is_found)
			break;
		tasks->items = mem_resize(tasks->items, tasks->count + 1, sizeof(struct task *));
		tasks->items[tasks->count++] = new_task(worker, &job, wishes);
	}
	return true;
}

/* Those that can be decided. */
static void begin_tasks(struct tasks *tasks)
{
	size_t kept = 0;

	for (size_t i = 0; i < tasks->count; i++) {
		struct task *task = tasks->items[i];
		int exit_status = 1;

		if (issue_begin(task->issue, &exit_status))
			tasks->items[kept++] = task;
		else
			end_task(task, exit_status);
	}
	tasks->count = kept;
}

/* The budget is asked for all of them at once, and their places are on disk before anything of them is begun. */
static bool plan_tasks(struct worker *worker, struct tasks *tasks, struct err *err)
{
	AUTO_FREE struct planned *planned = mem_new(tasks->count + 1, sizeof(*planned));
	bool is_done = false;

	for (size_t i = 0; i < tasks->count; i++)
		planned[i] = *issue_planned(tasks->items[i]->issue);
	is_done = plan_budget(worker->context, planned, tasks->count, err) && plan_keep(worker->context, planned, tasks->count, err);
	for (size_t i = 0; i < tasks->count; i++) {
		*issue_planned(tasks->items[i]->issue) = planned[i];
		tasks->items[i]->turn = planned[i].turn;
	}
	return is_done;
}

static int by_turn(const void *a, const void *b)
{
	const struct task *const *left = a;
	const struct task *const *right = b;

	if ((*left)->turn != (*right)->turn)
		return (*left)->turn < (*right)->turn ? -1 : 1;
	return (*left)->job.id < (*right)->job.id ? -1 : (*left)->job.id > (*right)->job.id;
}

/* What has no room ends here; the rest becomes ready, in its order. */
static void sort_tasks(struct worker *worker, struct tasks *tasks)
{
	struct task **link = &worker->ready;
	size_t count = tasks->count;

	if (count > 1)
		qsort(tasks->items, count, sizeof(struct task *), by_turn);
	while (*link)
		link = &(*link)->next;
	tasks->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct task *task = tasks->items[i];
		enum decision_kind kind = issue_planned(task->issue)->decision.kind;
		int exit_status = 1;

		if (kind == DECISION_WAIT || kind == DECISION_REFUSE) {
			issue_run(task->issue, &exit_status);
			end_task(task, exit_status);
			continue;
		}
		*link = task;
		link = &task->next;
	}
}

/* Takes what is in the queue. *ret_any false: it is empty. */
static bool take(struct worker *worker, const struct wishes *wishes, bool *ret_any, struct err *err)
{
	AUTO(tasks_done) struct tasks tasks = { 0 };

	if (!claim(worker, wishes, &tasks, err))
		return false;
	*ret_any = tasks.count > 0;
	begin_tasks(&tasks);
	if (tasks.count > 0 && !plan_tasks(worker, &tasks, err))
		return false;
	sort_tasks(worker, &tasks);
	return true;
}

/* The next worker finds them in the queue. */
static void drop_ready(struct worker *worker)
{
	while (worker->ready) {
		struct task *task = worker->ready;

		worker->ready = task->next;
		task_free(task);
	}
}

static void wait_for_tasks(struct worker *worker)
{
	while (worker->running > 0) {
		loop_reset(&worker->ended);
		(void)loop_wait_finish(worker->context->loop, &worker->ended, LOOP_NEVER);
	}
}

/*
 * New entries, those of the hooks too, join while there is work; nothing new is begun once what this command wanted is done, or its time is over: whoever follows
 * takes the lock then.
 */
static bool serve(struct worker *worker, const struct wishes *wishes, struct err *err)
{
	struct loop *loop = worker->context->loop;
	bool any = true;
	bool is_ok = true;

	while (is_ok && (any || worker->ready || worker->running > 0)) {
		bool takes_more = !loop_is_stopping(loop) && !wishes_are_done(wishes) && loop_now_ms(loop) < worker->deadline_ms;

		any = false;
		if (takes_more)
			is_ok = intake_spool(worker->context, err) && take(worker, wishes, &any, err);
		else
			drop_ready(worker);
		start_tasks(worker);
		loop_reset(&worker->ended);
		if (worker->running > 0) {
			(void)loop_wait_finish(loop, &worker->ended, takes_more ? loop_now_ms(loop) + POLL_MS : LOOP_NEVER);
			any = true; /* another job of the same app may have waited for the one that ended */
		}
	}
	drop_ready(worker);
	wait_for_tasks(worker);
	return is_ok;
}

static void worker_init(struct worker *worker, struct context *context, int64_t deadline_ms, struct strs *ended_apps)
{
	*worker = (struct worker){
		.context = context,
		.cas = { .context = context, .deadline_ms = deadline_ms },
		.deadline_ms = deadline_ms,
		.certs_fd = -1,
		.progress_fd = progress_folder(context),
		.ended_apps = ended_apps,
		.snippets = { .loop = context->loop, .carry_out = challenge_write_snippets, .ctx = worker, .patience_ms = PATIENCE_MS },
		.renewals = { .loop = context->loop, .carry_out = install_renewals, .ctx = worker, .patience_ms = PATIENCE_MS },
	};
}

static void worker_done(struct worker *worker)
{
	cas_done(&worker->cas);
	fd_done(&worker->certs_fd);
	fd_done(&worker->progress_fd);
}

static bool work(struct context *context, const struct wishes *wishes, int64_t deadline_ms, struct strs *ended_apps, struct err *err)
{
	AUTO(worker_done) struct worker worker;

	worker_init(&worker, context, deadline_ms, ended_apps);
	worker.certs_fd = context_certs_fd(context, err);
	progress_sweep(context);
	leftovers_sweep_host(context);
	return worker.certs_fd >= 0 && store_job_recover(context->store, err) && serve(&worker, wishes, err);
}

/* ---- entries ---- */

static bool enqueue(struct context *context, const struct request *requests, const struct wishes *wishes, struct err *err)
{
	for (size_t i = 0; i < wishes->count; i++) {
		struct wish *wish = &wishes->items[i];

		if (!store_job_add(context->store, requests[i].app, requests[i].reason, requests[i].is_forced, 0, &wish->id, err))
			return false;
		wish->reader = (struct progress_reader){ .job_id = wish->id };
	}
	return true;
}

/* What another worker has ended is seen first, whoever works now. */
static bool work_or_follow(struct context *context, const struct wishes *wishes, int64_t deadline_ms, struct strs *ended_apps, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);

	while (global_fd >= 0 && loop_now_ms(context->loop) < deadline_ms) {
		struct err locked;
		AUTO_FD lock_fd = lock_try(global_fd, LOCK, &locked);

		if (lock_fd < 0 && locked.kind != ERR_LOCKED) {
			*err = locked;
			return false;
		}
		if (!wishes_follow(context, wishes, err))
			return false;
		if (wishes_are_done(wishes))
			return true;
		if (lock_fd >= 0 && !work(context, wishes, deadline_ms, ended_apps, err))
			return false;
		if (loop_is_stopping(context->loop))
			return err_set(err, ERR_STOPPED, "stopped; what was begun goes on with the next run");
		if (lock_fd < 0)
			(void)loop_sleep(context->loop, FOLLOW_MS);
	}
	return global_fd >= 0;
}

bool worker_do(struct context *context, const struct request *requests, size_t count, int64_t timeout_s, int *ret_exits, struct err *err)
{
	AUTO_FREE struct wish *items = mem_new(count + 1, sizeof(*items));
	const struct wishes wishes = { .items = items, .count = count };
	int64_t deadline_ms = loop_now_ms(context->loop) + timeout_s * 1000;
	AUTO_STRS ended_apps = { 0 };

	if (!context_store(context, err) || !enqueue(context, requests, &wishes, err) || !work_or_follow(context, &wishes, deadline_ms, &ended_apps, err))
		return false;
	/* Not while others wait for the lock. */
	notice_tell(context, &ended_apps);
	for (size_t i = 0; i < count; i++) {
		ret_exits[i] = items[i].is_ended ? items[i].exit_status : 75;
		if (!items[i].is_ended)
			talk_say(&context->talk, TALK_INFO1, requests[i].app, "%s is still in the queue: the next run goes on with it", requests[i].app);
	}
	return true;
}

/*
 * The lock of the worker, for one that has no wish of its own. *ret_fd -1: it is not needed. One waits behind the lock, whoever holds it: what a hook left
 * after the holder's last look is found by that one. It lets go of its place before it looks, so that who comes too late for the place is not too late for the look.
 */
static bool take_lock(struct context *context, int *ret_fd, struct err *err)
{
	int global_fd = platform_global_fd(context->platform, err);
	AUTO_FD place_fd = -1;

	*ret_fd = -1;
	if (global_fd < 0)
		return false;
	place_fd = lock_try(global_fd, LOCK ".next", err);
	if (place_fd < 0)
		return err->kind == ERR_LOCKED;
	*ret_fd = lock_take(context->loop, global_fd, LOCK, LOOP_NEVER, err);
	return *ret_fd >= 0;
}

static bool serve_others(struct context *context, struct strs *ended_apps, struct err *err)
{
	const struct wishes endless = { .is_endless = true };
	AUTO_FD lock_fd = -1;

	if (!context_store(context, err) || !take_lock(context, &lock_fd, err))
		return false;
	while (lock_fd >= 0 && !loop_is_stopping(context->loop)) {
		int64_t deadline_ms = loop_now_ms(context->loop) + SERVE_S * 1000;

		if (!work(context, &endless, deadline_ms, ended_apps, err))
			return false;
		if (loop_now_ms(context->loop) < deadline_ms)
			break;
	}
	return true;
}

bool worker_serve(struct context *context, struct err *err)
{
	AUTO_STRS ended_apps = { 0 };
	bool is_done = serve_others(context, &ended_apps, err);

	notice_tell(context, &ended_apps);
	return is_done;
}
