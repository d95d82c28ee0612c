/* SPDX-License-Identifier: MIT */
/*
 * The queue of the worker. Ended jobs stay for a week, so that whoever follows one can read how it ended.
 */
#include "store/store.h"

#include <stdlib.h>

#include "store/db.h"
#include "store/inner.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

#define ENDED_KEPT_S (7 * WHEN_DAY)
/* Old rows are looked for at one insertion in so many. */
#define PRUNE_EACH 256

#define JOB_COLUMNS "id, state, app, reason, is_forced, queued_at, not_before_at, exit_status, host, lease_until"

static const char *const state_words[] = { [JOB_WAITING] = "waiting", [JOB_RUNNING] = "running", [JOB_DONE] = "done", [JOB_FAILED] = "failed" };

void store_job_done(struct store_job *job)
{
	free(job->app);
	free(job->reason);
	free(job->host);
	*job = (struct store_job){ 0 };
}

static void read_job(struct query *query, struct store_job *ret_job)
{
	ret_job->id = query_read_int(query);
	ret_job->state = query_read_word(query, state_words, COUNT(state_words));
	ret_job->app = query_read_text(query);
	ret_job->reason = query_read_text(query);
	ret_job->is_forced = query_read_int(query) != 0;
	ret_job->queued_at = query_read_int(query);
	ret_job->not_before_at = query_read_int(query);
	ret_job->exit_status = query_read_int(query);
	ret_job->host = query_read_text(query);
	ret_job->lease_until = query_read_int(query);
}

/* Runs a query, whose parameters are bound, that gives one job or none. */
static bool read_one(struct query *query, bool *ret_found, struct store_job *ret_job, struct err *err)
{
	AUTO(store_job_done) struct store_job job = { 0 };
	bool is_found = query_step(query);

	if (is_found)
		read_job(query, &job);
	if (!query_end(query, err))
		return false;
	*ret_found = is_found;
	if (is_found) {
		*ret_job = job;
		job = (struct store_job){ 0 };
	}
	return true;
}

/* ---- adding ---- */

static bool find_waiting(struct store *store, const char *app, const char *reason, bool is_forced, int64_t *ret_id, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		"SELECT id FROM jobs WHERE state IN ('waiting', 'running') AND state = 'waiting' AND app = ? AND reason = ? AND is_forced = ? ORDER BY id LIMIT 1");
	int64_t id;

	query_bind_text(&query, app);
	query_bind_text(&query, reason);
	query_bind_int(&query, is_forced);
	id = query_step(&query) ? query_read_int(&query) : 0;
	if (!query_end(&query, err))
		return false;
	*ret_id = id;
	return true;
}

static bool make_sooner(struct store *store, int64_t id, int64_t not_before_at, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "UPDATE jobs SET not_before_at = ?1 WHERE id = ?2 AND not_before_at > ?1");

	query_bind_int(&query, not_before_at);
	query_bind_int(&query, id);
	return query_end(&query, err);
}

static bool prune(struct store *store, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "DELETE FROM jobs WHERE state IN ('done', 'failed') AND ended_at < ?");

	query_bind_int(&query, store_now(store) - ENDED_KEPT_S);
	return query_end(&query, err);
}

static bool insert(struct store *store, const char *app, const char *reason, bool is_forced, int64_t not_before_at, int64_t *ret_id, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "INSERT INTO jobs (state, app, reason, is_forced, queued_at, not_before_at) VALUES ('waiting', ?, ?, ?, ?, ?)");

	query_bind_text(&query, app);
	query_bind_text(&query, reason);
	query_bind_int(&query, is_forced);
	query_bind_int(&query, store_now(store));
	query_bind_int(&query, not_before_at);
	if (!query_end(&query, err))
		return false;
	*ret_id = db_last_id(store->db);
	return *ret_id % PRUNE_EACH != 0 || prune(store, err);
}

bool store_job_add(struct store *store, const char *app, const char *reason, bool is_forced, int64_t not_before_at, int64_t *ret_id, struct err *err)
{
	AUTO_TRANSACTION transaction = db_begin(store->db, err);
	int64_t id;

	if (!transaction || !find_waiting(store, app, reason, is_forced, &id, err))
		return false;
	if (id != 0 ? !make_sooner(store, id, not_before_at, err) : !insert(store, app, reason, is_forced, not_before_at, &id, err))
		return false;
	if (!db_commit(&transaction, err))
		return false;
	*ret_id = id;
	return true;
}

/* ---- running ---- */

bool store_job_claim(struct store *store, int64_t lease_until, bool *ret_found, struct store_job *ret_job, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		"UPDATE jobs SET state = 'running', host = ?1, lease_until = ?2 WHERE id ="
		" (SELECT id FROM jobs AS job WHERE state IN ('waiting', 'running')"
		"  AND iif(state = 'waiting', not_before_at <= ?3, lease_until <= ?3 AND host <> ?1) AND NOT EXISTS"
		"   (SELECT 1 FROM jobs WHERE state IN ('waiting', 'running') AND state = 'running' AND (lease_until > ?3 OR host = ?1) AND app = job.app AND id != job.id)"
		" ORDER BY id LIMIT 1)"
		" RETURNING " JOB_COLUMNS);

	query_bind_text(&query, store->host);
	query_bind_int(&query, lease_until);
	query_bind_int(&query, store_now(store));
	return read_one(&query, ret_found, ret_job, err);
}

bool store_job_end(struct store *store, int64_t id, bool is_done, int exit_status, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "UPDATE jobs SET state = ?, exit_status = ?, ended_at = ? WHERE id = ? AND state = 'running' AND host = ?");

	query_bind_text(&query, state_words[is_done ? JOB_DONE : JOB_FAILED]);
	query_bind_int(&query, exit_status);
	query_bind_int(&query, store_now(store));
	query_bind_int(&query, id);
	query_bind_text(&query, store->host);
	return query_end(&query, err);
}

bool store_job_get(struct store *store, int64_t id, bool *ret_found, struct store_job *ret_job, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?");

	query_bind_int(&query, id);
	return read_one(&query, ret_found, ret_job, err);
}

bool store_job_count(struct store *store, size_t *ret_count, struct err *err)
{
	AUTO_QUERY query = db_query(store->db, "SELECT count(*) FROM jobs WHERE state IN ('waiting', 'running')");
	int64_t count = query_step(&query) ? query_read_int(&query) : 0;

	if (!query_end(&query, err))
		return false;
	*ret_count = (size_t)count;
	return true;
}

bool store_job_recover(struct store *store, struct err *err)
{
	AUTO_QUERY query = db_query(store->db,
		"UPDATE jobs SET state = 'waiting', host = NULL, lease_until = 0 WHERE state IN ('waiting', 'running') AND state = 'running' AND host = ?");

	query_bind_text(&query, store->host);
	return query_end(&query, err);
}
