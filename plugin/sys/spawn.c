/* SPDX-License-Identifier: MIT */
/*
 * Children by posix_spawn. Their three standard streams are files in memory, so that nothing has to be drained while they run and a grandchild that keeps
 * one open holds up nobody. Each child has a session of its own: keys typed at our terminal do not reach it, and a signal to it reaches what it started.
 */
#include "sys/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

#define OUT_MAX ((size_t)1 << 20)
#define ERR_MAX ((size_t)64 << 10)
#define TIMEOUT_DEFAULT_MS 60000
#define GRACE_MS 2000
#define LOOK_MS 20
#define TRIM_MS 50
#define LINES_SHOWN 10
#define COMMAND_SHOWN_MAX 200

/* What a running child is to us. */
struct child {
	struct loop *loop;
	pid_t pid;
	int in_fd, out_fd, err_fd;
	int pid_fd; /* -1: look_timer instead */
	struct loop_timer look_timer;
	struct loop_timer trim_timer;
	struct loop_event has_ended;
};

static void child_done(struct child *child)
{
	fd_done(&child->in_fd);
	fd_done(&child->out_fd);
	fd_done(&child->err_fd);
	fd_done(&child->pid_fd);
}

void spawn_result_done(struct spawn_result *result)
{
	buf_done(&result->out);
	buf_done(&result->err);
}

static int open_input(const struct spawn *spawn, struct err *err)
{
	if (spawn->in_size == 0) {
		int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (null_fd < 0)
			(void)err_sys(err, "open '/dev/null'");
		return null_fd;
	}
	int fd = memfd_create("stdin", MFD_CLOEXEC);
	/* A file in memory takes all at once or is out of memory. */
	if (fd >= 0 && pwrite(fd, spawn->in, spawn->in_size, 0) == (ssize_t)spawn->in_size)
		return fd;
	(void)err_sys(err, "prepare the input of '%s'", spawn->argv[0]);
	fd_done(&fd);
	return -1;
}

static int open_output(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	/* For a child that opens /dev/stderr anew and then has two positions in it: each writes at the end. */
	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, O_APPEND);
	return fd;
}

static bool open_streams(const struct spawn *spawn, struct child *child, struct err *err)
{
	child->in_fd = open_input(spawn, err);
	if (child->in_fd < 0)
		return false;
	child->out_fd = open_output("stdout");
	child->err_fd = open_output("stderr");
	return (child->out_fd >= 0 && child->err_fd >= 0) || err_sys(err, "prepare the output of '%s'", spawn->argv[0]);
}

static void set_actions(posix_spawn_file_actions_t *actions, const struct spawn *spawn, const struct child *child)
{
	int failed = posix_spawn_file_actions_init(actions);

	failed |= posix_spawn_file_actions_adddup2(actions, child->in_fd, STDIN_FILENO);
	failed |= posix_spawn_file_actions_adddup2(actions, child->out_fd, STDOUT_FILENO);
	failed |= posix_spawn_file_actions_adddup2(actions, child->err_fd, STDERR_FILENO);
	/* Libraries open descriptors without O_CLOEXEC (curl's wake-up pair, SQLite's files). */
	failed |= posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	failed |= posix_spawn_file_actions_addchdir_np(actions, spawn->dir != NULL ? spawn->dir : "/");
	assert(failed == 0);
}

/* Default signals, none blocked: an ignored SIGPIPE would survive exec and break shells quietly. */
static void set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int failed = posix_spawnattr_init(attributes);
	failed |= posix_spawnattr_setsigmask(attributes, &none);
	failed |= posix_spawnattr_setsigdefault(attributes, &all);
	failed |= posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	assert(failed == 0);
}

/* posix_spawn's type of a vector is older than const; it changes nothing in it. */
static char *const *vector(const char *const *strings)
{
	union {
		const char *const *ours;
		char *const *theirs;
	} type = { .ours = strings };

	return type.theirs;
}

static bool fail_start(const struct spawn *spawn, int error, struct err *err)
{
	err_record(err, ERR_CHILD, error, "cannot start '%s' in folder '%s'", spawn->argv[0], spawn->dir != NULL ? spawn->dir : "/");
	if (error == ENOEXEC)
		err_append(err, "A script needs a first line with '#!' and its interpreter.");
	return false;
}

static bool start(const struct spawn *spawn, struct child *child, struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	set_actions(&actions, spawn, child);
	set_attributes(&attributes);
	/* No attribute for it; there is one thread, so ours may differ for a moment. The platform's programs write files that others read. */
	mode_t saved_umask = umask(022);
	int error = posix_spawnp(&child->pid, spawn->argv[0], &actions, &attributes, vector(spawn->argv), vector(spawn->env));
	(void)umask(saved_umask);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return error == 0 || fail_start(spawn, error, err);
}

static void note_end(void *ctx, int fd, short revents)
{
	struct child *child = ctx;

	(void)revents;
	loop_unwatch(child->loop, fd);
	loop_set(child->loop, &child->has_ended);
}

static void look(void *ctx)
{
	struct child *child = ctx;
	siginfo_t info = { 0 };

	/* WNOWAIT: it is reaped later, when nobody sends it signals any more. */
	if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == child->pid)
		loop_set(child->loop, &child->has_ended);
	else
		loop_timer_set(child->loop, &child->look_timer, loop_now_ms(child->loop) + LOOK_MS);
}

static void give_back(int fd, off_t from, off_t to)
{
	if (to > from)
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, to - from);
}

/* What collect() leaves out gives its memory back meanwhile: a child that writes without end would fill the machine's. */
static void trim(void *ctx)
{
	struct child *child = ctx;
	struct stat out = { 0 };
	struct stat err = { 0 };

	if (fstat(child->out_fd, &out) == 0)
		give_back(child->out_fd, (off_t)OUT_MAX, out.st_size);
	if (fstat(child->err_fd, &err) == 0)
		give_back(child->err_fd, 0, err.st_size - (off_t)ERR_MAX);
	loop_timer_set(child->loop, &child->trim_timer, loop_now_ms(child->loop) + TRIM_MS);
}

/* By its pidfd; where there is none (an old container runtime forbids it, valgrind does not know it) by looking from time to time. */
static void watch(struct child *child)
{
	child->trim_timer = (struct loop_timer){ .fire = trim, .ctx = child };
	trim(child);
	child->pid_fd = pidfd_open(child->pid, 0);
	if (child->pid_fd >= 0) {
		loop_watch(child->loop, child->pid_fd, POLLIN, note_end, child);
		return;
	}
	child->look_timer = (struct loop_timer){ .fire = look, .ctx = child };
	look(child);
}

static void unwatch(struct child *child)
{
	loop_timer_clear(child->loop, &child->trim_timer);
	if (child->pid_fd >= 0)
		loop_unwatch(child->loop, child->pid_fd);
	else
		loop_timer_clear(child->loop, &child->look_timer);
}

/* The child and all of its session that stayed in its process group. One of another user (sudo) does not get our signals: it is not waited for for ever. */
static void terminate(struct child *child)
{
	static const int signals[] = { SIGTERM, SIGKILL };

	for (size_t i = 0; i < COUNT(signals); i++) {
		(void)kill(-child->pid, signals[i]);
		if (loop_wait_finish(child->loop, &child->has_ended, loop_now_ms(child->loop) + GRACE_MS) == WAIT_DONE)
			return;
	}
}

static enum loop_wait wait_for(const struct spawn *spawn, struct child *child)
{
	int64_t deadline_ms = loop_now_ms(child->loop) + (spawn->timeout_ms > 0 ? spawn->timeout_ms : TIMEOUT_DEFAULT_MS);
	enum loop_wait outcome;

	watch(child);
	if (spawn->must_finish)
		outcome = loop_wait_finish(child->loop, &child->has_ended, deadline_ms);
	else
		outcome = loop_wait(child->loop, &child->has_ended, deadline_ms);
	if (outcome != WAIT_DONE)
		terminate(child);
	unwatch(child);
	return outcome;
}

static bool reap(const struct spawn *spawn, const struct child *child, int *ret_status, struct err *err)
{
	int status;

	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return err_set(err, ERR_CHILD, "'%s' (process %ld) goes on although it was told to end", spawn->argv[0], (long)child->pid);
	*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

/* What a child wrote: of too much the beginning, or the end, where the reason of a failure stands. */
static struct buf collect(int fd, size_t max, bool wants_end)
{
	struct buf text = BUF_MAX(max);
	struct stat status = { 0 };

	if (fstat(fd, &status) != 0 || status.st_size <= 0)
		return text;
	size_t size = (size_t)status.st_size;
	size_t kept = size < max ? size : max;
	AUTO_FREE char *bytes = mem_new(kept, 1);
	ssize_t got = pread(fd, bytes, kept, wants_end ? (off_t)(size - kept) : 0);
	if (got > 0)
		buf_add(&text, bytes, (size_t)got);
	text.is_full = kept < size;
	return text;
}

bool spawn_run(struct loop *loop, const struct spawn *spawn, struct spawn_result *ret_result, struct err *err)
{
	AUTO(child_done) struct child child = { .loop = loop, .in_fd = -1, .out_fd = -1, .err_fd = -1, .pid_fd = -1 };
	int status;

	if (!spawn->must_finish && loop_is_stopping(loop))
		return err_set(err, ERR_STOPPED, "stopped before '%s' was started", spawn->argv[0]);
	if (!open_streams(spawn, &child, err) || !start(spawn, &child, err))
		return false;
	enum loop_wait outcome = wait_for(spawn, &child);
	if (!reap(spawn, &child, &status, err))
		return false;
	if (outcome == WAIT_STOPPED)
		return err_set(err, ERR_STOPPED, "stopped while '%s' was running", spawn->argv[0]);
	*ret_result = (struct spawn_result){
		.status = status,
		.timed_out = outcome == WAIT_TIMEOUT,
		.out = collect(child.out_fd, OUT_MAX, false),
		.err = collect(child.err_fd, ERR_MAX, true),
	};
	return true;
}

/* The command for a message. */
static char *command_text(const char *const *argv)
{
	AUTO_BUF text = BUF_MAX(COMMAND_SHOWN_MAX);

	text_escape(&text, argv[0], false);
	for (size_t i = 1; argv[i] != NULL && !text.is_full; i++) {
		if (buf_addc(&text, ' '))
			text_escape(&text, argv[i], false);
	}
	return mem_fmt("%s%s", buf_text(&text), text.is_full ? "..." : "");
}

/* The last lines of its stderr, else of its stdout; the caller frees it. */
static char *last_lines(const struct spawn_result *result)
{
	AUTO_STRS lines = { 0 };
	AUTO_STRS shown = { 0 };

	text_lines(buf_text(&result->err), &lines);
	if (lines.count == 0)
		text_lines(buf_text(&result->out), &lines);
	for (size_t i = lines.count > LINES_SHOWN ? lines.count - LINES_SHOWN : 0; i < lines.count; i++)
		strs_add(&shown, lines.items[i]);
	return strs_join(&shown, "\n");
}

bool spawn_check(struct loop *loop, const struct spawn *spawn, struct spawn_result *ret_result, struct err *err)
{
	if (!spawn_run(loop, spawn, ret_result, err))
		return false;
	if (ret_result->status == 0 && !ret_result->timed_out)
		return true;

	AUTO_FREE char *command = command_text(spawn->argv);
	AUTO_FREE char *lines = last_lines(ret_result);
	const char *colon = lines[0] != '\0' ? ": " : "";
	if (ret_result->timed_out)
		return err_set(err, ERR_TIMEOUT, "'%s' took too long and was ended%s%s", command, colon, lines);
	return err_set(err, ERR_CHILD, "'%s' failed (exit %d)%s%s", command, ret_result->status, colon, lines);
}

/* ---- what lives on ---- */

/* `argv`, behind what makes root the owner of that folder: a program of the system, since it knows all that belongs to a change of users. */
static bool add_as_owner(int owner_fd, const char *const *argv, struct strs *words, struct err *err)
{
	struct stat owner;

	if (fstat(owner_fd, &owner) != 0)
		return err_sys(err, "look whose folder it is");
	if (geteuid() == 0 && owner.st_uid != 0) {
		strs_add(words, "/usr/bin/setpriv");
		strs_addf(words, "--reuid=%ju", (uintmax_t)owner.st_uid);
		strs_addf(words, "--regid=%ju", (uintmax_t)owner.st_gid);
		strs_add(words, "--init-groups");
	}
	for (; *argv != NULL; argv++)
		strs_add(words, *argv);
	return true;
}

bool spawn_detached(const char *const *argv, const char *const *env, int out_fd, int owner_fd, pid_t *ret_pid, struct err *err)
{
	AUTO_STRS words = { 0 };
	AUTO_FD null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0)
		return err_sys(err, "open '/dev/null'");
	if (!add_as_owner(owner_fd, argv, &words, err))
		return false;
	int to_fd = out_fd >= 0 ? out_fd : null_fd;
	struct child child = { .in_fd = null_fd, .out_fd = to_fd, .err_fd = to_fd };
	const struct spawn spawn = { .argv = (const char *const *)strs_argv(&words), .env = env };
	if (!start(&spawn, &child, err))
		return false;
	*ret_pid = child.pid;
	return true;
}
