/* SPDX-License-Identifier: MIT */
#ifndef SYS_SCHEDULE_H
#define SYS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct err;

/*
 * The schedule of a host: what starts `auto-renew --scheduled`, when, and when it last did. It needs libc only, since both programs read it. `global_fd` is
 * $DOKKU_LIB_ROOT/data/letsencrypt/--global, where it is kept in small files:
 *
 *     schedule       "MINUTE SINCE_AT HOST": as it was set up
 *     no-schedule    somebody switched it off; survives updates
 *     autorenew      the bash plugin's own flag, for going back to it: there after --add, gone after --remove
 *     last-run       "STARTED_AT COMPLETED_AT EXIT_STATUS MECHANISM"
 */

/* Two mechanisms may start a run, always both at the same minute; the one that is not in charge ends at once. */
enum schedule_by {
	SCHEDULE_BY_CRON_ENTRIES, /* the platform's crontab, by the trigger cron-entries */
	SCHEDULE_BY_HOST          /* what `install` wrote: a systemd timer or a file in /etc/cron.d */
};
/* "cron-entries", "host". */
const char *schedule_by_name(enum schedule_by by);
bool schedule_by_parse(const char *name, enum schedule_by *ret_by);
/*
 * Who is in charge at this moment: the platform asks for lines of its crontab only while some app, or the platform as a whole, uses the scheduler docker-local
 * (property `selected` of the plugin `scheduler`; contract 8, 10). It may change without a trigger.
 */
enum schedule_by schedule_in_charge(const char *lib_root);

#define SCHEDULE_HOST_SIZE 16
struct schedule {
	int64_t minute;                /* 1..59 of every hour, drawn once for each host, so that not all hosts come to the CA at once */
	int64_t since_at;              /* it was set up or switched on then */
	char host[SCHEDULE_HOST_SIZE]; /* what the host itself starts it by: "systemd", "cron.d", or "none" */
};
/* Reads it; what is missing is drawn and written. `host`: what `install` has found, NULL = as it was. */
bool schedule_open(int global_fd, int64_t now_at, const char *host, struct schedule *ret_schedule, struct err *err) MUST_USE;
/* When it carries out its next run. What it starts within SCHEDULE_BOOT_S of boot waits for their end. */
int64_t schedule_next_at(const struct schedule *schedule, int64_t now_at, int64_t uptime_s);

bool schedule_is_on(int global_fd);
bool schedule_switch(int global_fd, bool on, int64_t now_at, struct err *err) MUST_USE;

/* Automation leaves a host that long alone after it has booted (design 5): its apps are started one after the other. */
#define SCHEDULE_BOOT_S 600

struct schedule_run {
	int64_t started_at;   /* the last run; 0 = there was none */
	int64_t completed_at; /* the last run that came to its end, whatever it found there */
	int64_t exit_status;  /* of the last run */
	enum schedule_by by;
};
/* All zero when nothing readable is there. */
struct schedule_run schedule_last_run(int global_fd);
bool schedule_note_run(int global_fd, const struct schedule_run *run, struct err *err) MUST_USE;
/* Held during a run over all apps; -1 = failed, ERR_LOCKED: there is one. The caller closes it. */
int schedule_lock(int global_fd, struct err *err) MUST_USE;
/* This hour's run was started already: by the other mechanism, while it was in charge. */
bool schedule_has_run(const struct schedule_run *last, int64_t now_at);
/*
 * Nothing has been completed for more than two hours, although the schedule is on and the host was up: the moment of the last sign of life. 0 = all is well,
 * which costs one file.
 */
int64_t schedule_forgotten_since(int global_fd, int64_t now_at, int64_t uptime_s);
/* What people are told then; the caller frees it. */
char *schedule_forgotten_text(int64_t since_at, const char *logs_dir) MUST_USE NEVER_NULL;

#endif
