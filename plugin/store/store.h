/* SPDX-License-Identifier: MIT */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/strs.h"

struct clock;
struct err;

/*
 * What this host (later: this fleet) must not forget: orders, certificates and who uses them, the queue of jobs, failed validations, events. SQLite: WAL,
 * synchronous=FULL, STRICT tables, numbered migrations. Every function is one transaction that may be run again after a crash with the same result; nobody above holds a
 * lock, a transaction or SQL. Moments are Unix seconds. Failures are ERR_STORE with the file, the reason and the next step (disk full, read-only, corrupt, made
 * by a newer version: its own words each).
 */
struct store;

/*
 * `path`: absolute; the folder exists. Makes (0600) and migrates it. The clock must outlive the store. A file that is corrupt, or that a run before found to be, is
 * set aside ("letsencrypt.db.corrupt-<date>", with its WAL) and made anew.
 */
struct store *store_open(const char *path, const struct clock *clock, struct err *err) MUST_USE;
void store_close(struct store *store);
static inline void store_closep(struct store **store)
{
	store_close(*store);
}
/* When the file was last found corrupt, set aside and made anew (design 4), 0 = never. */
int64_t store_lost_at(const struct store *store);
/* Of this host: random, made once, 16 hex digits; borrowed. */
const char *store_host(const struct store *store);

/* ---- certificates ---- */

struct store_cert {
	char *leaf;              /* SHA-256, 64 hex digits: its identity, and the name of its folder */
	char *server;            /* directory URL it was issued by; "" = unknown (found on disk) */
	char *account_url;       /* "" = unknown */
	char *profile;           /* "" = none asked for */
	char *key_type;          /* "ec256" … */
	struct strs names;       /* sorted */
	char *issuer;
	char *ari_id;            /* "" = none */
	int64_t not_before_at, not_after_at;
	int64_t issued_at;       /* Date of the answer in which the order was first seen valid */
	int64_t revoked_at;      /* 0 = not */
	/* RFC 9773; all 0 or "" while unknown */
	int64_t window_start_at, window_end_at;
	int64_t window_chosen_at;/* when to renew, drawn once within the window */
	int64_t window_retry_at; /* not asked before */
	char *window_url;        /* explanation */
};
void store_cert_done(struct store_cert *cert);
struct store_certs {
	struct store_cert *items;
	size_t count;
};
void store_certs_done(struct store_certs *certs);

/* Adds it or replaces what is known of it (a revocation and a window that are known stay when the new row has none). */
bool store_cert_put(struct store *store, const struct store_cert *cert, struct err *err) MUST_USE;
/* *ret_found false: unknown; ret_cert then untouched. */
bool store_cert_get(struct store *store, const char *leaf, bool *ret_found, struct store_cert *ret_cert, struct err *err) MUST_USE;
/* All, newest not_before first. */
bool store_cert_list(struct store *store, struct store_certs *ret_certs, struct err *err) MUST_USE;
/* Those for `name` (also by a wildcard) that no other app than this one uses, newest not_before first. */
bool store_cert_list_free(struct store *store, const char *app, const char *name, struct store_certs *ret_certs, struct err *err) MUST_USE;
bool store_cert_revoked(struct store *store, const char *leaf, int64_t at, struct err *err) MUST_USE;
bool store_cert_window(struct store *store, const char *leaf, int64_t start_at, int64_t end_at, int64_t chosen_at, int64_t retry_at, const char *url,
		       struct err *err) MUST_USE;

/* ---- apps ---- */

struct store_app {
	char *app;
	char *leaf;               /* certificate in use, "" = none of ours */
	int64_t installed_at;
	int64_t unserved_at;      /* installed, but the proxy does not serve it since then; 0 = serves it */
	char *unserved_reason;
	int64_t held_back_at;     /* nothing is issued automatically; 0 = not held back */
	char *held_back_reason;   /* for people: "revoked on 2026-01-02 (keyCompromise)" */
	int64_t failed_at;        /* last attempt that failed, 0 = the last one did not */
	char *failed_reason;
	char *notice;             /* the trouble that the operator was told of last: "expired" …, "" = none, or told that it is mended */
};
void store_app_done(struct store_app *app);
struct store_apps {
	struct store_app *items; /* sorted by name */
	size_t count;
};
void store_apps_done(struct store_apps *apps);

/* An app nobody knows has empty fields. */
bool store_app_get(struct store *store, const char *app, struct store_app *ret_app, struct err *err) MUST_USE;
bool store_app_list(struct store *store, struct store_apps *ret_apps, struct err *err) MUST_USE;
/* leaf: one that store_cert_put knows; NULL: uses none any more. Clears unserved and failed. */
bool store_app_uses(struct store *store, const char *app, const char *leaf, struct err *err) MUST_USE;
/* reason NULL: it is served. Keeps the first moment. */
bool store_app_unserved(struct store *store, const char *app, const char *reason, struct err *err) MUST_USE;
/* reason NULL: not held back any more. */
bool store_app_hold(struct store *store, const char *app, const char *reason, struct err *err) MUST_USE;
bool store_app_failed(struct store *store, const char *app, const char *reason, struct err *err) MUST_USE;
bool store_app_noticed(struct store *store, const char *app, const char *notice, struct err *err) MUST_USE;
/* What is known of `app`, its waiting jobs and its place in the queue are `new_name`'s from now on; its open orders stay with the old name. */
bool store_app_rename(struct store *store, const char *app, const char *new_name, struct err *err) MUST_USE;
/* Forgets the app, marks its open orders dead, drops its jobs and what it waits for; certificates stay. */
bool store_app_forget(struct store *store, const char *app, struct err *err) MUST_USE;

/* ---- orders (design 4): begun by book_admit, ended by book_issued or book_dead (book.h), which keep the budget in the same transaction ---- */

enum store_order_state { ORDER_INTENDED, ORDER_PLACED, ORDER_FINALIZING, ORDER_ISSUED, ORDER_INSTALLED, ORDER_DEAD };

struct store_order {
	int64_t id;
	enum store_order_state state;
	char *app;
	struct strs names;   /* sorted */
	char *server;        /* directory URL */
	char *account_url;
	char *profile;       /* "" = none */
	char *key_type;
	char *replaces;      /* ARI id, "" = none */
	char *url;           /* "" until placed */
	int64_t expires_at;  /* 0 = unknown */
	int64_t intended_at;
	int64_t sent_count;  /* how often newOrder was sent for it */
	char *leaf;          /* once issued */
	char *host;          /* who holds it … */
	int64_t lease_until; /* … until then */
};
void store_order_done(struct store_order *order);

/* The steps, book_issued and book_dead too, are for the host that holds the order; out of turn, or taken over by another host meanwhile: ERR_STORE. */

/* Before each sending of newOrder. */
bool store_order_sending(struct store *store, int64_t id, struct err *err) MUST_USE;
bool store_order_finalizing(struct store *store, int64_t id, struct err *err) MUST_USE;
/* In use by the order's app: state installed, and store_app_uses, in one step. */
bool store_order_installed(struct store *store, int64_t id, struct err *err) MUST_USE;
struct store_orders {
	struct store_order *items;
	size_t count;
};
void store_orders_done(struct store_orders *orders);
/* Those in any of the states intended, placed, finalizing, issued; of one app or (NULL) of all. Oldest first. */
bool store_order_list_open(struct store *store, const char *app, struct store_orders *ret_orders, struct err *err) MUST_USE;

/* ---- failed validations ---- */

struct store_validation {
	int64_t failed_at; /* latest failure, by this host's clock when book_failed told of it; 0 = none since the last success */
	bool is_daily;     /* there were STORE_FAILURES_MAX within an hour: one attempt a day until one succeeds (design 4) */
};
#define STORE_FAILURES_MAX 4
/* Of `name` at that CA. */
bool store_validation_get(struct store *store, const char *server, const char *name, struct store_validation *ret_validation, struct err *err) MUST_USE;
/* The latest one is nobody's reason to leave the name alone: what would have answered was not there. It counts among those of its hour all the same. */
bool store_validation_forget(struct store *store, int64_t order_id, const char *name, struct err *err) MUST_USE;

/* ---- queue (design 7) ---- */

enum store_job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_FAILED };

struct store_job {
	int64_t id;
	enum store_job_state state;
	char *app;
	char *reason;          /* "enable", "auto-renew" */
	bool is_forced;
	int64_t queued_at;
	int64_t not_before_at; /* 0 = at once */
	int64_t exit_status;   /* once done or failed */
	char *host;            /* of the worker that runs it … */
	int64_t lease_until;   /* … until then; later anybody may claim it */
};
void store_job_done(struct store_job *job);

/* A waiting job of the same app with the same reason and force is not doubled: its id comes back, and the earlier moment holds. */
bool store_job_add(struct store *store, const char *app, const char *reason, bool is_forced, int64_t not_before_at, int64_t *ret_id, struct err *err) MUST_USE;
/*
 * The oldest waiting job whose time has come (or whose worker's lease ran out, on another host: our own worker is alive, however long a job takes and whatever the
 * clock says), and whose app has no other job running, becomes running, leased to this host. *ret_found false: none.
 */
bool store_job_claim(struct store *store, int64_t lease_until, bool *ret_found, struct store_job *ret_job, struct err *err) MUST_USE;
/* One that is gone, or another worker's by now, is left alone. Ended jobs are kept for a week. */
bool store_job_end(struct store *store, int64_t id, bool is_done, int exit_status, struct err *err) MUST_USE;
bool store_job_get(struct store *store, int64_t id, bool *ret_found, struct store_job *ret_job, struct err *err) MUST_USE;
/* Jobs waiting or running. */
bool store_job_count(struct store *store, size_t *ret_count, struct err *err) MUST_USE;
/* At the start of a worker on this host (which holds the worker's lock, so no other one lives here): what is marked running by this host waits again. */
bool store_job_recover(struct store *store, struct err *err) MUST_USE;

/* ---- requests that ask for budget, from the engine's decision to the order's admission (design 4: each keeps its place) ---- */

struct store_wait {
	char *app;
	struct strs names;      /* sorted, as in store_order; so are the next five */
	char *server;
	char *account_url;      /* "" = there is none yet */
	char *profile;
	char *key_type;
	char *replaces;
	bool is_by_graceperiod; /* due by the user's graceperiod */
	char *reason;           /* of the job: "enable", "auto-renew" */
	bool is_forced;
	int64_t urgency;        /* enum urgency of flow/ */
	int64_t since_at;       /* when the app first asked; kept while the row lives */
	int64_t seen_at;        /* when it was last put */
	int64_t until_at;       /* earliest moment; 0: it has room; INT64_MAX: nobody knows */
	char *limit_name;       /* "" = it has room */
	char *bucket;
	char *message;          /* for people, without the moment */
	int64_t place;          /* in the queue for that bucket, from 1; 0 = it has room */
};
void store_wait_done(struct store_wait *wait);
struct store_waits {
	struct store_wait *items; /* oldest first */
	size_t count;
};
void store_waits_done(struct store_waits *waits);

/* One row an app; all or nothing. since_at 0: now, or what the row had. */
bool store_wait_put(struct store *store, const struct store_wait *waits, size_t count, struct err *err) MUST_USE;
/* *ret_found false: it waits for nothing; ret_wait then untouched. */
bool store_wait_get(struct store *store, const char *app, bool *ret_found, struct store_wait *ret_wait, struct err *err) MUST_USE;
bool store_wait_list(struct store *store, struct store_waits *ret_waits, struct err *err) MUST_USE;
bool store_wait_drop(struct store *store, const char *app, struct err *err) MUST_USE;

/* ---- leases (design 7: liveness of the worker) ---- */

/* Takes or extends the lease `name` for this host; *ret_is_ours false: another host's, until *ret_until. */
bool store_lease(struct store *store, const char *name, int64_t until_at, bool *ret_is_ours, int64_t *ret_until, struct err *err) MUST_USE;

/* ---- events: kept 90 days or 10 000, whichever is more ---- */

struct store_event {
	int64_t at;
	char *app;      /* "" = none */
	char *cause;    /* what started it: "enable", "auto-renew", "revoke" */
	char *decision; /* "issue", "renew (ARI)", … */
	char *result;   /* "installed", "failed: …" */
	char *next;     /* next step, "" = none */
	int64_t id;     /* of those that are listed: grows */
};
void store_event_done(struct store_event *event);
/* `event->at` 0 = now. */
bool store_event_add(struct store *store, const struct store_event *event, struct err *err) MUST_USE;
struct store_events {
	struct store_event *items;
	size_t count;
};
void store_events_done(struct store_events *events);
/* The latest `limit`, oldest first; of one app or (NULL) of all. */
bool store_event_list(struct store *store, const char *app, size_t limit, struct store_events *ret_events, struct err *err) MUST_USE;
/* Those after the one with this id (0: all), oldest first. */
bool store_event_list_after(struct store *store, const char *app, int64_t after_id, struct store_events *ret_events, struct err *err) MUST_USE;

/* ---- small things that are worth keeping between runs ---- */

/* Directory of a CA as fetched; NULL when there is none younger than `max_age_s`. The caller frees it. */
bool store_directory_get(struct store *store, const char *url, int64_t max_age_s, char **ret_text, struct err *err) MUST_USE;
/* text NULL: forget it. */
bool store_directory_put(struct store *store, const char *url, const char *text, struct err *err) MUST_USE;
/* Marks: "told-once" notes, last runs. *ret_at 0 = never. */
bool store_mark_get(struct store *store, const char *name, int64_t *ret_at, struct err *err) MUST_USE;
bool store_mark_set(struct store *store, const char *name, int64_t at, struct err *err) MUST_USE;

#endif
