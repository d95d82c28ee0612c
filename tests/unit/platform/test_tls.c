/* SPDX-License-Identifier: MIT */
/* Folders exchanged while the platform's own writer (certs-set: rm, cp by path, no lock) is at work in them: whatever the interleaving, the user's pair is there in the end. */
#include "platform/tls.h"

#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sys/loop.h"

#define ROUNDS 60
#define AT_ONCE 10

/* A file system that knows no flags of a rename, and a kill before the rename of this number; 0 = none. */
static struct {
	bool is_plain;
	long kill_at;
} renames;

/* Both take the place of libc's. */
int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	if (renames.is_plain && flags != 0) {
		errno = EINVAL;
		return -1;
	}
	if (renames.kill_at > 0 && --renames.kill_at == 0)
		(void)raise(SIGKILL);
	return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}

static struct buf text_of(const char *text)
{
	struct buf buf = BUF_MAX(1024);

	assert_true(buf_adds(&buf, text));
	return buf;
}

/* ---- one at a time ---- */

struct place {
	struct folder folder;
	struct loop *loop;
	int app_fd;
};

static int set_up(void **state)
{
	static struct place place;
	struct err err = { 0 };

	folder_init(&place.folder);
	place.loop = loop_new();
	place.app_fd = dir_open(place.folder.path, &err);
	*state = &place;
	return place.app_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	fd_done(&place->app_fd);
	loop_free(place->loop);
	folder_done(&place->folder);
	return 0;
}

static void put_file(int app_fd, const char *name, const char *text)
{
	struct err err = { 0 };
	AUTO_FD tls_fd = dir_make_at(app_fd, "tls", 0750, &err);

	assert_true(tls_fd >= 0 && file_replace(tls_fd, name, text, strlen(text), 0640, &err));
}

static bool file_is(int app_fd, const char *name, const char *text)
{
	struct err err = { 0 };
	AUTO_FD tls_fd = dir_open_at(app_fd, "tls", &err);
	AUTO_BUF content = BUF_MAX(1024);

	return tls_fd >= 0 && file_read(tls_fd, name, &content, &err) && strcmp(buf_text(&content), text) == 0;
}

/* Names in the app's folder, joined. */
static char *list(int app_fd)
{
	struct err err = { 0 };
	AUTO_STRS names = { 0 };

	assert_true(dir_list(app_fd, &names, &err));
	return strs_join(&names, " ");
}

static void stage(int app_fd, struct tls_swap *swap)
{
	struct err err = { 0 };
	AUTO_BUF chain = text_of("our crt");
	AUTO_BUF key = text_of("our key");

	assert_true(tls_stage(app_fd, &chain, &key, swap, &err));
}

static void first_certificate_is_renamed_into_place(void **state)
{
	struct place *place = *state;
	struct tls_swap swap;
	enum tls_outcome outcome;
	struct err err = { 0 };
	struct stat status;

	stage(place->app_fd, &swap);
	assert_false(file_exists(place->app_fd, "tls"));
	assert_true(tls_put_in_place(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_int_equal(outcome, TLS_OURS);
	assert_true(tls_settle(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_true(file_is(place->app_fd, "server.crt", "our crt") && file_is(place->app_fd, "server.letsencrypt.crt", "our crt"));
	assert_true(file_is(place->app_fd, "server.key", "our key"));
	assert_int_equal(fstatat(place->app_fd, "tls", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	assert_int_equal(fstatat(place->app_fd, "tls/server.key", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	AUTO_FREE char *names = list(place->app_fd);
	assert_string_equal(names, "tls");
}

static void renewed_one_keeps_foreign_files_and_leaves_nothing(void **state)
{
	struct place *place = *state;
	struct tls_swap swap;
	enum tls_outcome outcome;
	struct err err = { 0 };

	put_file(place->app_fd, "server.crt", "old crt");
	put_file(place->app_fd, "server.key", "old key");
	put_file(place->app_fd, "server.csr", "foreign");
	stage(place->app_fd, &swap);
	assert_true(tls_put_in_place(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_int_equal(outcome, TLS_OURS);
	assert_true(tls_settle(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_true(file_is(place->app_fd, "server.crt", "our crt") && file_is(place->app_fd, "server.key", "our key"));
	assert_true(file_is(place->app_fd, "server.csr", "foreign"));
	AUTO_FREE char *names = list(place->app_fd);
	assert_string_equal(names, "tls");
}

static void renewed_one_keeps_foreign_folders_and_links(void **state)
{
	struct place *place = *state;
	struct tls_swap swap;
	enum tls_outcome outcome;
	struct err err = { 0 };
	char target[32] = "";
	struct stat status;

	put_file(place->app_fd, "server.crt", "old crt");
	put_file(place->app_fd, "server.key", "old key");
	AUTO_FD folder_fd = dir_make_path_at(place->app_fd, "tls/older/still", 0710, &err);
	assert_true(folder_fd >= 0 && file_replace(folder_fd, "server.crt", "older crt", 9, 0604, &err));
	assert_int_equal(symlinkat("../nowhere", place->app_fd, "tls/link"), 0);
	stage(place->app_fd, &swap);
	assert_true(tls_put_in_place(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_int_equal(outcome, TLS_OURS);
	assert_true(tls_settle(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_true(file_is(place->app_fd, "server.crt", "our crt"));
	assert_int_equal(fstatat(place->app_fd, "tls/older/still", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0710);
	assert_int_equal(fstatat(place->app_fd, "tls/older/still/server.crt", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0604);
	assert_int_equal(status.st_size, 9);
	assert_int_equal(readlinkat(place->app_fd, "tls/link", target, sizeof(target) - 1), 10);
	assert_string_equal(target, "../nowhere");
	AUTO_FREE char *names = list(place->app_fd);
	assert_string_equal(names, "tls");
}

static void taken_back_is_what_was_before(void **state)
{
	struct place *place = *state;
	struct tls_swap swap;
	enum tls_outcome outcome;
	struct err err = { 0 };

	stage(place->app_fd, &swap);
	assert_true(tls_put_in_place(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_true(tls_take_back(place->app_fd, &swap, &err));
	tls_drop(place->app_fd, &swap);
	AUTO_FREE char *nothing = list(place->app_fd);
	assert_string_equal(nothing, "");

	put_file(place->app_fd, "server.crt", "old crt");
	put_file(place->app_fd, "server.key", "old key");
	stage(place->app_fd, &swap);
	assert_true(tls_put_in_place(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_true(tls_take_back(place->app_fd, &swap, &err));
	tls_drop(place->app_fd, &swap);
	assert_true(file_is(place->app_fd, "server.crt", "old crt") && file_is(place->app_fd, "server.key", "old key"));
	AUTO_FREE char *names = list(place->app_fd);
	assert_string_equal(names, "tls");
}

static void what_killed_runs_left_is_swept(void **state)
{
	struct place *place = *state;
	struct tls_swap swap;

	put_file(place->app_fd, "server.crt", "old crt");
	stage(place->app_fd, &swap);
	tls_sweep(place->app_fd);
	AUTO_FREE char *names = list(place->app_fd);
	assert_string_equal(names, "tls");
}

static void removed_meanwhile_stays_away(void **state)
{
	struct place *place = *state;
	struct tls_swap swap;
	enum tls_outcome outcome;
	struct err err = { 0 };

	put_file(place->app_fd, "server.crt", "old crt");
	put_file(place->app_fd, "server.key", "old key");
	stage(place->app_fd, &swap);
	assert_true(tls_put_in_place(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_true(dir_remove_tree(place->app_fd, "tls", &err));
	assert_true(tls_settle(place->loop, place->app_fd, &swap, &outcome, &err));
	assert_int_equal(outcome, TLS_GONE);
	AUTO_FREE char *names = list(place->app_fd);
	assert_string_equal(names, "");
}

/* ---- racing ---- */

static unsigned random_below(unsigned *seed, unsigned limit)
{
	return (unsigned)rand_r(seed) % limit;
}

static void nap_us(unsigned us)
{
	const struct timespec span = { .tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000 };

	(void)nanosleep(&span, NULL);
}

/* As cp: by path, over what is there, in pieces. */
static void copy_by_path(const char *path, const char *text, unsigned *seed)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	for (; *text; text++) {
		if (random_below(seed, 4) == 0)
			nap_us(random_below(seed, 800));
		if (write(fd, text, 1) != 1)
			_exit(1);
	}
	(void)close(fd);
}

/* A moment between two steps; a long one after the step at which the machine is very busy. */
static void pause_after(unsigned step, unsigned busy_step, unsigned *seed)
{
	nap_us(step == busy_step ? 1500000 : random_below(seed, 3000));
}

/* The file steps of core's certs-set, in their order. */
static void certs_set(const char *app_path, unsigned seed, unsigned busy_step)
{
	char tls[100], crt[120], key[120];

	(void)snprintf(tls, sizeof(tls), "%s/tls", app_path);
	(void)snprintf(crt, sizeof(crt), "%s/server.crt", tls);
	(void)snprintf(key, sizeof(key), "%s/server.key", tls);
	nap_us(random_below(&seed, 4000));
	(void)mkdir(tls, 0755);
	pause_after(1, busy_step, &seed);
	(void)unlink(crt);
	pause_after(2, busy_step, &seed);
	(void)unlink(key);
	pause_after(3, busy_step, &seed);
	copy_by_path(crt, "user crt", &seed);
	pause_after(4, busy_step, &seed);
	copy_by_path(key, "user key", &seed);
	(void)chmod(tls, 0750);
	(void)chmod(crt, 0640);
	(void)chmod(key, 0640);
	_exit(0);
}

struct round {
	struct loop *loop;
	struct folder folder;
	unsigned seed;
	unsigned busy_step;
	int app_fd;
	pid_t writer;
	bool starts_early; /* the writer, before we have staged: else at the worst moment, right after */
	bool is_taken_back;
	bool is_done;
};

static void start_writer(struct round *round)
{
	round->writer = fork();
	assert_true(round->writer >= 0);
	if (round->writer == 0)
		certs_set(round->folder.path, round->seed, round->busy_step);
}

/* As the engine: what lies there is looked at before, and if it is another one by the time of staging, it is the user's. */
static void install(void *arg)
{
	struct round *round = arg;
	struct tls_swap swap;
	enum tls_outcome outcome = TLS_OURS;
	struct err err = { 0 };
	bool had_crt = file_is(round->app_fd, "server.crt", "old crt");

	if (round->starts_early)
		start_writer(round);
	(void)loop_sleep(round->loop, random_below(&round->seed, 8));
	stage(round->app_fd, &swap);
	if (file_is(round->app_fd, "server.crt", "old crt") != had_crt || (!had_crt && file_exists(round->app_fd, "tls"))) {
		tls_drop(round->app_fd, &swap);
		round->is_done = true;
		return;
	}
	if (!round->starts_early)
		start_writer(round);
	(void)loop_sleep(round->loop, random_below(&round->seed, 12));
	assert_true(tls_put_in_place(round->loop, round->app_fd, &swap, &outcome, &err));
	if (outcome != TLS_OURS) {
		tls_drop(round->app_fd, &swap);
		round->is_done = true;
		return;
	}
	(void)loop_sleep(round->loop, random_below(&round->seed, 60));
	if (round->is_taken_back) {
		assert_true(tls_take_back(round->app_fd, &swap, &err));
		tls_drop(round->app_fd, &swap);
	} else {
		assert_true(tls_settle(round->loop, round->app_fd, &swap, &outcome, &err));
		if (outcome != TLS_OURS)
			tls_drop(round->app_fd, &swap);
	}
	round->is_done = true;
}

static void begin_round(struct round *round, struct loop *loop, unsigned number)
{
	struct err err = { 0 };

	*round = (struct round){
		.loop = loop,
		.seed = number,
		.busy_step = number % 20 < 4 ? number % 20 + 1 : 0,
		.starts_early = number % 5 == 4,
		.is_taken_back = number % 7 == 0,
	};
	folder_init(&round->folder);
	round->app_fd = dir_open(round->folder.path, &err);
	assert_true(round->app_fd >= 0);
	if (number % 3 != 0) {
		put_file(round->app_fd, "server.crt", "old crt");
		put_file(round->app_fd, "server.key", "old key");
	}
	loop_start(loop, install, round);
}

static void end_round(struct round *round, unsigned number)
{
	int status = 1;

	assert_true(round->is_done);
	assert_int_equal(waitpid(round->writer, &status, 0), round->writer);
	assert_int_equal(status, 0);
	if (!file_is(round->app_fd, "server.crt", "user crt") || !file_is(round->app_fd, "server.key", "user key"))
		fail_msg("round %u: the user's pair is lost or mixed", number);
	AUTO_FREE char *names = list(round->app_fd);
	if (strcmp(names, "tls") != 0)
		fail_msg("round %u: left: %s", number, names);
	fd_done(&round->app_fd);
	folder_done(&round->folder);
}

static void users_pair_is_never_lost_or_mixed(void **state)
{
	struct place *place = *state;
	const char *wanted = getenv("TLS_ROUNDS");
	unsigned rounds = wanted ? (unsigned)strtoul(wanted, NULL, 10) : ROUNDS;
	struct round running[AT_ONCE];

	for (unsigned number = 0; number < rounds; number += AT_ONCE) {
		bool are_done = false;

		for (unsigned i = 0; i < AT_ONCE; i++)
			begin_round(&running[i], place->loop, number + i);
		while (!are_done) {
			(void)loop_sleep(place->loop, 10);
			are_done = true;
			for (unsigned i = 0; i < AT_ONCE; i++)
				are_done = are_done && running[i].is_done;
		}
		for (unsigned i = 0; i < AT_ONCE; i++)
			end_round(&running[i], number + i);
	}
}

/* ---- layers ---- */

#define SKIPPED 77

/* An overlay whose lower layer has the app with its tls/, in a mount namespace of its own. */
static bool mount_overlay(const struct folder *folder)
{
	AUTO_FREE char *options =
		mem_fmt("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work,redirect_dir=off", folder->path, folder->path, folder->path);
	AUTO_FREE char *merged = folder_path(folder, "merged");
	AUTO_FREE char *lower_app = folder_path(folder, "lower/app");
	struct err err = { 0 };

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 || mount("tmpfs", folder->path, "tmpfs", 0, NULL) != 0)
		return false;
	folder_make(folder, "lower/app");
	folder_make(folder, "upper");
	folder_make(folder, "work");
	folder_make(folder, "merged");
	AUTO_FD app_fd = dir_open(lower_app, &err);
	put_file(app_fd, "server.crt", "old crt");
	put_file(app_fd, "server.key", "old key");
	put_file(app_fd, "server.csr", "foreign");
	return mount("overlay", merged, "overlay", 0, options) == 0;
}

static bool is_exchanged_on(int app_fd)
{
	struct loop *loop = loop_new();
	struct tls_swap swap;
	enum tls_outcome outcome = TLS_GONE;
	struct err err = { 0 };
	bool is_done;

	stage(app_fd, &swap);
	is_done = tls_put_in_place(loop, app_fd, &swap, &outcome, &err) && outcome == TLS_OURS && file_is(app_fd, "server.crt", "our crt") &&
		  file_is(app_fd, "server.csr", "foreign") && tls_take_back(app_fd, &swap, &err) && file_is(app_fd, "server.crt", "old crt") &&
		  file_is(app_fd, "server.key", "old key");
	tls_drop(app_fd, &swap);
	AUTO_FREE char *names = list(app_fd);
	loop_free(loop);
	return is_done && strcmp(names, "tls") == 0;
}

static int try_overlay(const struct folder *folder)
{
	AUTO_FREE char *app = folder_path(folder, "merged/app");
	struct err err = { 0 };

	if (!mount_overlay(folder))
		return SKIPPED;
	AUTO_FD app_fd = dir_open(app, &err);
	AUTO_FD probe_fd = dir_make_at(app_fd, "probe", 0700, &err);
	if (app_fd < 0 || probe_fd < 0 || renameat2(app_fd, "probe", app_fd, "tls", RENAME_EXCHANGE) == 0 || errno != EXDEV)
		return SKIPPED; /* this kernel can */
	return dir_remove_tree(app_fd, "probe", &err) && is_exchanged_on(app_fd) ? 0 : 1;
}

static void folder_of_a_lower_layer_is_exchanged_too(void **state)
{
	struct place *place = *state;
	int status = 1;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(try_overlay(&place->folder));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED) {
		print_message("no overlay can be mounted here, or it can exchange by itself\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- no exchange ---- */

static void put_old(int app_fd)
{
	put_file(app_fd, "server.crt", "old crt");
	put_file(app_fd, "server.key", "old key");
	put_file(app_fd, "server.csr", "foreign");
}

static void without_exchange_it_is_renamed_by_steps(void **state)
{
	struct place *place = *state;
	struct err err = { 0 };

	renames.is_plain = true;
	first_certificate_is_renamed_into_place(state);
	assert_true(dir_remove_tree(place->app_fd, "tls", &err));
	put_old(place->app_fd);
	assert_true(is_exchanged_on(place->app_fd));
	removed_meanwhile_stays_away(state);
	renames.is_plain = false;
}

/* Whoever holds the name "tls" at that moment has won. */
static bool is_old_or_new(int app_fd)
{
	bool is_old = file_is(app_fd, "server.crt", "old crt") && file_is(app_fd, "server.key", "old key");
	bool is_new = file_is(app_fd, "server.crt", "our crt") && file_is(app_fd, "server.key", "our key");

	return (is_old || is_new) && file_is(app_fd, "server.csr", "foreign");
}

static void put_and_die(int app_fd, long kill_at)
{
	struct loop *loop = loop_new();
	struct tls_swap swap;
	enum tls_outcome outcome;
	struct err err = { 0 };

	stage(app_fd, &swap);
	renames.is_plain = true;
	renames.kill_at = kill_at;
	_exit(tls_put_in_place(loop, app_fd, &swap, &outcome, &err) ? 0 : 1);
}

static void killed_between_the_steps_leaves_the_old_or_the_new(void **state)
{
	struct place *place = *state;
	bool is_killed = true;
	unsigned gone = 0;

	for (long kill_at = 1; is_killed; kill_at++) {
		struct err err = { 0 };
		int status = 0;
		pid_t child;

		assert_true(dir_remove_tree(place->app_fd, "tls", &err));
		put_old(place->app_fd);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			put_and_die(place->app_fd, kill_at);
		assert_int_equal(waitpid(child, &status, 0), child);
		is_killed = WIFSIGNALED(status);
		assert_true(is_killed || WEXITSTATUS(status) == 0);
		gone += !file_exists(place->app_fd, "tls");
		tls_sweep(place->app_fd);
		assert_true(is_old_or_new(place->app_fd));
		AUTO_FREE char *names = list(place->app_fd);
		assert_string_equal(names, "tls");
	}
	assert_int_equal(gone, 1);
}

#define at_a_place(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		at_a_place(first_certificate_is_renamed_into_place),
		at_a_place(renewed_one_keeps_foreign_files_and_leaves_nothing),
		at_a_place(renewed_one_keeps_foreign_folders_and_links),
		at_a_place(taken_back_is_what_was_before),
		at_a_place(what_killed_runs_left_is_swept),
		at_a_place(removed_meanwhile_stays_away),
		at_a_place(folder_of_a_lower_layer_is_exchanged_too),
		at_a_place(without_exchange_it_is_renamed_by_steps),
		at_a_place(killed_between_the_steps_leaves_the_old_or_the_new),
		at_a_place(users_pair_is_never_lost_or_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
