/* SPDX-License-Identifier: MIT */
/*
 * book FOLDER: what an admission costs beside a million buckets, as a multiple of that disk's fsync, or in a folder in memory, where fsync is free, by itself; how
 * large the file is; how long a plan of 10 000 apps takes. Medians of what is measured in turn: other work of the host slows both.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "budget/domain.h"
#include "store/book.h"
#include "sys/file.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/mem.h"

#define BUCKETS 1000000
#define ADMISSIONS 300
#define APPS 10000
#define START 1700000000
#define DAY 86400
#define FILE_MAX_MB 250.0
#define MEMORY_SYNC_MS 0.05 /* less takes no disk */
#define RATIO_MAX 3.0
#define OWN_MAX_MS 0.2
#define PLAN_MAX_S 1.0
#define MEMORY_MAX_MB 100.0

static double milliseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int64_t start(void *ctx)
{
	(void)ctx;
	return START;
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_size);
	return values[count / 2];
}

static double file_mb(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? (double)info.st_size / 1e6 : 0;
}

static bool is_within(const char *what, double value, double max, const char *unit)
{
	printf("%-42s %8.3f %s (at most %.1f)%s\n", what, value, unit, max, value > max ? "  TOO MUCH" : "");
	return value <= max;
}

/* ---- the book ---- */

static void set_limits(struct limits *limits)
{
	static const struct {
		enum limit limit;
		int64_t count, period_s;
	} rows[] = { { LIMIT_ORDERS, 300, 3 * 3600 }, { LIMIT_FAILURES, 5, 3600 }, { LIMIT_DOMAIN, 50, 7 * DAY }, { LIMIT_SET, 5, 7 * DAY } };
	const char *reason;

	for (size_t i = 0; i < COUNT(rows); i++)
		limits->is_limited[rows[i].limit] = rate_make(rows[i].count, rows[i].count, rows[i].period_s * NS_PER_S, &limits->rates[rows[i].limit], &reason);
}

/* Domains, sets and failed names in no order, as a life would bring them. */
static bool fill(const struct book *book, struct err *err)
{
	const struct ledger_store *store = book_ledger_store();
	void *ctx = (void *)(uintptr_t)book;

	for (uint64_t i = 0; i < BUCKETS; i++) {
		uint64_t mixed = i * UINT64_C(0x9e3779b97f4a7c15);
		enum limit limit = i % 3 == 0 ? LIMIT_DOMAIN : i % 3 == 1 ? LIMIT_SET : LIMIT_FAILURES;
		AUTO_FREE char *bucket = limit == LIMIT_DOMAIN ? mem_fmt("d%" PRIx64 ".example.com", mixed)
			: limit == LIMIT_SET ? mem_fmt("%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, mixed, ~mixed, mixed * 3, mixed * 5)
					     : mem_fmt("1:app%" PRIx64 ".example.com", mixed);

		if (i % 10000 == 0 && ((i > 0 && !book_commit(book, (int64_t)i, err)) || !book_begin(book, err)))
			return false;
		if (!store->set_tat(ctx, limit, bucket, (START + DAY) * NS_PER_S, err))
			return false;
	}
	return book_commit(book, BUCKETS, err);
}

static struct store_order make_order(int number)
{
	struct store_order order = {
		.app = mem_fmt("app-%d", number),
		.server = mem_strdup("https://acme-v02.api.letsencrypt.org/directory"),
		.account_url = mem_strdup("https://acme-v02.api.letsencrypt.org/acme/acct/1234567890"),
		.profile = mem_strdup(""),
		.key_type = mem_strdup("ec256"),
		.replaces = mem_strdup(""),
	};

	strs_addf(&order.names, "app-%d.domain-%d.com", number, number / 10);
	strs_addf(&order.names, "www.app-%d.domain-%d.com", number, number / 10);
	return order;
}

/* ---- what is measured ---- */

struct times {
	double fsync[ADMISSIONS];
	double admission[ADMISSIONS];
};

/* As much as an admission writes: a few pages at the end of a log. */
static double fsync_ms(int fd)
{
	static const char pages[8 * 4096];
	double before = milliseconds(CLOCK_MONOTONIC);

	if (write(fd, pages, sizeof(pages)) < 0 || fdatasync(fd) != 0)
		return 0;
	return milliseconds(CLOCK_MONOTONIC) - before;
}

static bool admit(const struct book *book, int number, struct err *err)
{
	AUTO(store_order_done) struct store_order wanted = make_order(number);
	AUTO(store_order_done) struct store_order order = { 0 };
	AUTO(book_wait_done) struct book_wait wait = { 0 };
	struct book_request request = {
		.order = &wanted, .account = "1", .keep = { .domain = 5 }, .now_ns = START * NS_PER_S, .spend_ns = START * NS_PER_S, .lease_until = START + 60,
	};
	enum order_as as;
	bool is_admitted;

	return book_admit(book, &request, &is_admitted, &order, &as, &wait, err);
}

static bool take_times(const struct book *book, int fd, struct times *times, struct err *err)
{
	for (int i = 0; i < ADMISSIONS; i++) {
		times->fsync[i] = fsync_ms(fd);
		double before = milliseconds(CLOCK_MONOTONIC);

		if (!admit(book, i, err))
			return false;
		times->admission[i] = milliseconds(CLOCK_MONOTONIC) - before;
	}
	return true;
}

static bool plan_s(const struct book *book, double *ret_s, struct err *err)
{
	double before = milliseconds(CLOCK_PROCESS_CPUTIME_ID);

	if (!book_plan(book, err))
		return false;
	for (int i = ADMISSIONS; i < ADMISSIONS + APPS; i++) {
		AUTO(store_order_done) struct store_order wanted = make_order(i);
		AUTO(book_wait_done) struct book_wait wait = { 0 };
		struct book_request request = { .order = &wanted, .account = "1", .now_ns = START * NS_PER_S, .spend_ns = START * NS_PER_S };
		enum order_as as;
		bool would;

		if (!book_ask(book, &request, &would, &as, &wait, err))
			return false;
	}
	*ret_s = (milliseconds(CLOCK_PROCESS_CPUTIME_ID) - before) / 1e3;
	return true;
}

static bool measure(const char *folder, const struct book *book, const char *path, bool *ret_is_good, struct err *err)
{
	static struct times times;
	AUTO_FREE char *log = mem_fmt("%s-wal", path);
	AUTO_FREE char *other = mem_fmt("%s/fsync", folder);
	AUTO_FD fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	double plan;
	struct rusage usage;

	if (fd < 0)
		return err_sys(err, "make '%s'", other);
	if (!fill(book, err) || !take_times(book, fd, &times, err) || !plan_s(book, &plan, err))
		return false;
	double sync = median(times.fsync, ADMISSIONS);
	*ret_is_good = is_within("file and log of 1 000 000 buckets", file_mb(path) + file_mb(log), FILE_MAX_MB, "MB");
	printf("%-42s %8.3f ms\n", "fsync", sync);
	double admission = median(times.admission, ADMISSIONS);
	*ret_is_good &= sync > MEMORY_SYNC_MS ? is_within("admission", admission / sync, RATIO_MAX, "x fsync") : is_within("admission", admission, OWN_MAX_MS, "ms");
	*ret_is_good &= is_within("plan for 10 000 apps", plan, PLAN_MAX_S, "s");
	(void)getrusage(RUSAGE_SELF, &usage);
	*ret_is_good &= is_within("memory", (double)usage.ru_maxrss / 1e3, MEMORY_MAX_MB, "MB");
	return true;
}

static bool run(const char *folder, bool *ret_is_good, struct err *err)
{
	static const char list[] = "com\norg\n";
	static const struct clock clock = { .now_at = start };
	AUTO_FREE char *path = mem_fmt("%s/book.db", folder);
	AUTO_LIMITS limits = { 0 };
	AUTO_SUFFIXES *suffixes = suffixes_read(list, strlen(list), err);
	AUTO(store_closep) struct store *store = store_open(path, &clock, err);

	set_limits(&limits);
	return suffixes && store &&
	       measure(folder, &(struct book){ .store = store, .ca = "Let's Encrypt", .rules = { &limits, suffixes } }, path, ret_is_good, err);
}

static void remove_files(const char *folder)
{
	static const char *const names[] = { "book.db", "book.db-wal", "book.db-shm", "book.db.lock", "fsync" };

	for (size_t i = 0; i < COUNT(names); i++) {
		AUTO_FREE char *path = mem_fmt("%s/%s", folder, names[i]);

		unlink(path);
	}
	rmdir(folder);
}

int main(int argc, char **argv)
{
	AUTO_FREE char *folder = mem_fmt("%s/book.XXXXXX", argc == 2 ? argv[1] : "/tmp");
	struct err err = { 0 };
	bool is_good = false;

	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	if (!run(folder, &is_good, &err))
		fprintf(stderr, "%s\n", err.text);
	remove_files(folder);
	return is_good ? 0 : 1;
}
