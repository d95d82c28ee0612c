/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/loop.h"
#include "sys/spawn.h"
#include "sys/stop.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

static const char *const test_env[] = { "PATH=/usr/bin:/bin", "GREETING=hello", NULL };

static int make_loop(void **state)
{
	*state = loop_new();
	return 0;
}

static int drop_loop(void **state)
{
	loop_free(*state);
	return 0;
}

/* Runs `script` by sh and wants its status. */
static struct spawn_result run_script(struct loop *loop, const char *script, int wanted_status)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct spawn spawn = { .argv = argv, .env = test_env };
	struct spawn_result result = { 0 };
	struct err err = { 0 };

	if (!spawn_run(loop, &spawn, &result, &err))
		fail_msg("%s", err.text);
	assert_int_equal(result.status, wanted_status);
	return result;
}

static void captures_streams_and_status(void **state)
{
	AUTO(spawn_result_done) struct spawn_result good = run_script(*state, "echo out; echo err >&2; echo more", 0);
	AUTO(spawn_result_done) struct spawn_result bad = run_script(*state, "exit 7", 7);
	AUTO(spawn_result_done) struct spawn_result killed = run_script(*state, "kill -KILL $$", 128 + SIGKILL);

	assert_string_equal(buf_text(&good.out), "out\nmore\n");
	assert_string_equal(buf_text(&good.err), "err\n");
	assert_false(good.timed_out);
	assert_string_equal(buf_text(&bad.out), "");
	assert_false(killed.timed_out);
}

static void gives_the_child_only_what_it_was_told(void **state)
{
	int inherited = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as libraries open */
	mode_t saved_umask = umask(077);

	assert_true(inherited >= 0);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_int_equal(setenv("LEAKED", "yes", 1), 0);
	AUTO(spawn_result_done) struct spawn_result result = run_script(*state,
		"echo \"$GREETING $LEAKED.\"; pwd; umask; cat; for fd in /proc/self/fd/*; do echo \"${fd##*/}\"; done; "
		"grep -E 'Sig(Ign|Blk)' /proc/self/status | sed 's/180000000$/000000000/' # (the C library's own two)", 0);
	assert_int_equal(unsetenv("LEAKED"), 0);
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	assert_int_equal(umask(saved_umask), 077);
	(void)close(inherited);

	AUTO_FREE char *wanted = mem_fmt("hello .\n/\n0022\n0\n1\n2\n%s", "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	/* The shell's own reading of the folder is descriptor 3. */
	AUTO_BUF got = BUF_MAX(2000);
	for (const char *at = buf_text(&result.out); *at != '\0';) {
		size_t size = strcspn(at, "\n") + 1;

		if (strncmp(at, "3\n", 2) != 0)
			assert_true(buf_add(&got, at, size));
		at += size;
	}
	assert_string_equal(buf_text(&got), wanted);
}

static void the_child_has_a_session_of_its_own(void **state)
{
	AUTO(spawn_result_done) struct spawn_result result = run_script(*state, "read -r pid name st ppid pgrp session rest </proc/self/stat; echo $session $$", 0);
	char first[30], second[30];

	assert_int_equal(sscanf(buf_text(&result.out), "%29s %29s", first, second), 2);
	assert_string_equal(first, second);
}

static void feeds_its_input(void **state)
{
	const char *const argv[] = { "cat", NULL };
	AUTO_FREE char *data = mem_new(300000, 1);
	struct err err = { 0 };

	/* More than a pipe holds, with bytes of every value. */
	for (size_t i = 0; i < 300000; i++)
		data[i] = (char)(i * 7);
	const struct spawn spawn = { .argv = argv, .env = test_env, .in = data, .in_size = 300000 };
	AUTO(spawn_result_done) struct spawn_result result = { 0 };
	assert_true(spawn_run(*state, &spawn, &result, &err));
	assert_int_equal(result.status, 0);
	assert_int_equal(result.out.size, 300000);
	assert_memory_equal(result.out.data, data, 300000);
}

static void runs_in_the_given_folder(void **state)
{
	const char *const argv[] = { "/bin/pwd", NULL };
	const struct spawn spawn = { .argv = argv, .env = test_env, .dir = "/usr" };
	AUTO(spawn_result_done) struct spawn_result result = { 0 };
	struct err err = { 0 };

	assert_true(spawn_run(*state, &spawn, &result, &err));
	assert_string_equal(buf_text(&result.out), "/usr\n");
}

static void too_much_output_is_cut(void **state)
{
	AUTO(spawn_result_done) struct spawn_result result = run_script(*state,
		"echo first; head -c 1100000 /dev/zero | tr '\\0' x; (head -c 70000 /dev/zero | tr '\\0' y; echo last) >&2", 0);

	assert_int_equal(result.out.size, 1 << 20);
	assert_true(result.out.is_full);
	assert_true(text_starts(buf_text(&result.out), "first\nxxx"));
	assert_int_equal(result.err.size, 64 << 10);
	assert_true(result.err.is_full);
	assert_true(text_ends(buf_text(&result.err), "yyylast\n"));
}

/* 20 MB are about 39000 blocks of 512 bytes; what is kept of both streams is 2048 and 128. */
static void what_is_cut_takes_no_memory(void **state)
{
	AUTO(spawn_result_done) struct spawn_result result = run_script(*state,
		"exec 3>&1 4>&2; head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2; for i in $(seq 200); do\n"
		"[ $(stat -L -c %b /dev/fd/3) -le 4096 ] && [ $(stat -L -c %b /dev/fd/4) -le 4096 ] && exit; sleep 0.05; done; exit 1", 0);

	assert_true(result.out.is_full && result.err.is_full);
}

static void what_a_stream_gets_twice_is_kept(void **state)
{
	AUTO(spawn_result_done) struct spawn_result result = run_script(*state, "exec 3>>/dev/stderr; echo a >&2; echo b >&3; echo c >&2; echo d >&3", 0);

	assert_string_equal(buf_text(&result.err), "a\nb\nc\nd\n");
}

static void a_grandchild_that_lives_on_is_not_waited_for(void **state)
{
	AUTO(spawn_result_done) struct spawn_result result = run_script(*state, "sleep 600 & echo $!", 0);
	AUTO_FREE char *text = text_trim(buf_text(&result.out));
	int64_t pid = 0;

	assert_true(parse_int(text, 2, INT32_MAX, &pid));
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
}

/* valgrind makes a fork of posix_spawn's vfork: the parent then does not learn that exec failed. */
static void skip_without_vfork(void)
{
	if (RUNNING_ON_VALGRIND)
		skip();
}

static void what_cannot_start_is_named(void **state)
{
	static const struct {
		const char *program, *dir, *wanted;
	} cases[] = {
		{ "no-such-program", NULL, "cannot start 'no-such-program' in folder '/': No such file or directory" },
		{ "/no/such/program", NULL, "cannot start '/no/such/program' in folder '/': No such file or directory" },
		{ "true", "/no/such/folder", "cannot start 'true' in folder '/no/such/folder': No such file or directory" },
		{ "/etc/passwd", NULL, "cannot start '/etc/passwd' in folder '/': Permission denied" },
	};

	skip_without_vfork();
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *const argv[] = { cases[i].program, NULL };
		const struct spawn spawn = { .argv = argv, .env = test_env, .dir = cases[i].dir };
		struct spawn_result result = { 0 };
		struct err err = { 0 };

		assert_false(spawn_run(*state, &spawn, &result, &err));
		assert_int_equal(err.kind, ERR_CHILD);
		assert_string_equal(err.text, cases[i].wanted);
	}
}

static void a_script_without_interpreter_is_explained(void **state)
{
	skip_without_vfork();
	char path[] = P_tmpdir "/unit-XXXXXX";
	int fd = mkstemp(path);
	const char *const argv[] = { path, NULL };
	const struct spawn spawn = { .argv = argv, .env = test_env };
	struct spawn_result result = { 0 };
	struct err err = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "echo x\n", 7), 7);
	assert_int_equal(fchmod(fd, 0700), 0);
	(void)close(fd);
	bool is_run = spawn_run(*state, &spawn, &result, &err);
	(void)unlink(path);
	assert_false(is_run);
	assert_non_null(strstr(err.text, "Exec format error"));
	assert_non_null(strstr(err.text, "'#!'"));
}

static void a_late_child_is_ended(void **state)
{
	const char *const argv[] = { "sleep", "600", NULL };
	const struct spawn spawn = { .argv = argv, .env = test_env, .timeout_ms = 50 };
	AUTO(spawn_result_done) struct spawn_result result = { 0 };
	struct err err = { 0 };

	assert_true(spawn_run(*state, &spawn, &result, &err));
	assert_true(result.timed_out);
	assert_int_equal(result.status, 128 + SIGTERM);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void check_explains_a_failure(void **state)
{
	static const struct {
		const char *script;
		enum err_kind kind;
		const char *wanted;
	} cases[] = {
		{ "echo out; exit 0", ERR_NONE, "" },
		{ "exit 3", ERR_CHILD, "'sh -c exit 3' failed (exit 3)" },
		{ "echo out; exit 3", ERR_CHILD, "'sh -c echo out; exit 3' failed (exit 3): out" },
		{ "echo out; echo err >&2; exit 3", ERR_CHILD, "'sh -c echo out; echo err >&2; exit 3' failed (exit 3): err" },
		{ "seq 20 >&2; exit 1", ERR_CHILD, "'sh -c seq 20 >&2; exit 1' failed (exit 1): 11\n12\n13\n14\n15\n16\n17\n18\n19\n20" },
		{ "kill -TERM $$", ERR_CHILD, "'sh -c kill -TERM $$' failed (exit 143)" },
		{ "printf '\\033[31mred'; exit 1", ERR_CHILD, "'sh -c printf '\\033[31mred'; exit 1' failed (exit 1): \\x1b[31mred" },
		{ "sleep 600", ERR_TIMEOUT, "'sh -c sleep 600' took too long and was ended" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *const argv[] = { "sh", "-c", cases[i].script, NULL };
		const struct spawn spawn = { .argv = argv, .env = test_env, .timeout_ms = cases[i].kind == ERR_TIMEOUT ? 50 : 0 };
		AUTO(spawn_result_done) struct spawn_result result = { 0 };
		struct err err = { 0 };

		assert_int_equal(spawn_check(*state, &spawn, &result, &err), cases[i].kind == ERR_NONE);
		assert_int_equal(err.kind, cases[i].kind);
		assert_string_equal(err.text, cases[i].wanted);
	}
}

struct job {
	struct loop *loop;
	const char *argv[4];
	struct spawn_result result;
	bool is_good;
};

static void run_job(void *arg)
{
	struct job *job = arg;
	const struct spawn spawn = { .argv = job->argv, .env = test_env };
	struct err err = { 0 };

	job->is_good = spawn_run(job->loop, &spawn, &job->result, &err);
}

/* A FIFO pair of two children: each waits for the other, so they end only if they run at the same time. */
static void two_fibers_run_two_children_at_once(void **state)
{
	char path[] = P_tmpdir "/unit-XXXXXX";
	assert_non_null(mkdtemp(path));
	AUTO_FREE char *fifo = mem_fmt("%s/fifo", path);
	AUTO_FREE char *writer_script = mem_fmt("echo met >%s", fifo);
	AUTO_FREE char *reader_script = mem_fmt("cat %s", fifo);
	struct job writer = { .loop = *state, .argv = { "sh", "-c", writer_script } };
	struct job reader = { .loop = *state, .argv = { "sh", "-c", reader_script } };

	assert_int_equal(mkfifo(fifo, 0600), 0);
	loop_start(*state, run_job, &writer);
	run_job(&reader);
	while (!writer.is_good)
		assert_int_equal(loop_sleep(*state, 1), WAIT_TIMEOUT);
	(void)unlink(fifo);
	(void)rmdir(path);
	assert_true(reader.is_good);
	assert_string_equal(buf_text(&reader.result.out), "met\n");
	spawn_result_done(&reader.result);
	spawn_result_done(&writer.result);
}

/* ---- a termination signal, in a process of its own; the child sends it itself, so nothing depends on time ---- */

struct stop_case {
	const char *script;
	bool must_finish;
	bool is_good;
	enum err_kind kind;
};

/* 0, or which expectation failed. */
static int stopped_run(const struct stop_case *row)
{
	const char *const argv[] = { "sh", "-c", row->script, NULL };
	const struct spawn spawn = { .argv = argv, .env = test_env, .must_finish = row->must_finish };
	AUTO(loop_freep) struct loop *loop = loop_new();
	AUTO(spawn_result_done) struct spawn_result result = { 0 };
	struct err err = { 0 };

	stop_install();
	if (spawn_run(loop, &spawn, &result, &err) != row->is_good)
		return 1;
	if (err.kind != row->kind || !stop_is_requested())
		return 2;
	if (row->is_good && result.status != 5)
		return 3;
	if (waitpid(-1, NULL, WNOHANG) != -1)
		return 4;
	/* From now on nothing is started that need not be. */
	if (!row->must_finish && (spawn_run(loop, &spawn, &result, &err) || err.kind != ERR_STOPPED || strstr(err.text, "before") == NULL))
		return 5;
	return 0;
}

static void a_signal_ends_the_wait_unless_it_must_finish(void **state)
{
	static const struct stop_case cases[] = {
		{ "kill -TERM $PPID; sleep 600", false, false, ERR_STOPPED },
		{ "trap '' TERM; kill -TERM $PPID; while :; do sleep 1; done", false, false, ERR_STOPPED },
		{ "kill -TERM $PPID; sleep 0.1; exit 5", true, true, ERR_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(stopped_run(&cases[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* The FIFO is at its end when the last of those who write to it is gone. */
static void what_a_child_started_ends_with_it(void **state)
{
	char path[] = P_tmpdir "/unit-XXXXXX";
	int status;

	(void)state;
	assert_non_null(mkdtemp(path));
	AUTO_FREE char *fifo = mem_fmt("%s/fifo", path);
	AUTO_FREE char *script = mem_fmt("{ kill -TERM $PPID; sleep 600; } >%s & wait", fifo);
	struct stop_case row = { script, false, false, ERR_STOPPED };
	assert_int_equal(mkfifo(fifo, 0600), 0);
	struct pollfd reader = { .fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC), .events = POLLIN };

	pid_t pid = fork();
	if (pid == 0)
		_exit(stopped_run(&row));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	int count = poll(&reader, 1, 10000);
	(void)close(reader.fd);
	(void)unlink(fifo);
	(void)rmdir(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(count, 1);
	assert_int_equal(reader.revents, POLLHUP);
}

/* Programs are looked up in our own PATH; one with folders that we may not read gives other reasons. */
static int set_path(void **state)
{
	(void)state;
	return setenv("PATH", "/usr/bin:/bin", 1);
}

#define loop_test(function) cmocka_unit_test_setup_teardown(function, make_loop, drop_loop)

/* What lives on has nothing of ours: it tells in a file what it has. */
static void what_lives_on_holds_nothing_of_ours(void **state)
{
	static const char script[] = "cat; ls /proc/$$/fd; pwd; env | grep -c GREETING; cut -d ' ' -f 6 /proc/$$/stat; echo err >&2";
	const char *const argv[] = { "sh", "-c", script, NULL };
	int inherited = open("/dev/null", O_RDONLY);
	int out_fd = memfd_create("out", MFD_CLOEXEC);
	int owner_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char expected[100], content[100] = "";
	struct err err = { 0 };
	pid_t pid = 0;
	int status = 1;

	(void)state;
	assert_true(inherited > STDERR_FILENO && out_fd >= 0 && owner_fd >= 0);
	assert_true(spawn_detached(argv, test_env, out_fd, owner_fd, &pid, &err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* Its own session. */
	(void)snprintf(expected, sizeof(expected), "0\n1\n2\n/\n1\n%ld\nerr\n", (long)pid);
	assert_true(pread(out_fd, content, sizeof(content) - 1, 0) > 0);
	assert_string_equal(content, expected);
	(void)close(inherited);
	(void)close(out_fd);
	(void)close(owner_fd);
}

static void what_lives_on_may_write_nowhere(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo out; echo err >&2", NULL };
	int owner_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err err = { 0 };
	pid_t pid = 0;
	int status = 1;

	(void)state;
	assert_true(spawn_detached(argv, test_env, -1, owner_fd, &pid, &err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(owner_fd);
}

static void what_cannot_live_on_is_named(void **state)
{
	const char *const argv[] = { "/nonexistent/program", NULL };
	struct err err = { 0 };
	pid_t pid = 0;

	(void)state;
	skip_without_vfork();
	int owner_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_false(spawn_detached(argv, test_env, -1, owner_fd, &pid, &err));
	assert_int_equal(err.kind, ERR_CHILD);
	assert_non_null(strstr(err.text, "/nonexistent/program"));
	(void)close(owner_fd);
}

/* What root starts for the platform's user is that user's. */
static void as_root_it_becomes_the_owner(void **state)
{
	const char *const argv[] = { "id", "-u", NULL };
	char folder[] = "/tmp/test-letsencrypt.XXXXXX", content[20] = "";
	struct err err = { 0 };
	pid_t pid = 0;
	int status = 1;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chown(folder, 65534, 65534), 0);
	int out_fd = memfd_create("out", MFD_CLOEXEC);
	int owner_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(spawn_detached(argv, test_env, out_fd, owner_fd, &pid, &err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(pread(out_fd, content, sizeof(content) - 1, 0) > 0);
	assert_string_equal(content, "65534\n");
	(void)close(out_fd);
	(void)close(owner_fd);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		loop_test(captures_streams_and_status),
		loop_test(gives_the_child_only_what_it_was_told),
		loop_test(the_child_has_a_session_of_its_own),
		loop_test(feeds_its_input),
		loop_test(runs_in_the_given_folder),
		loop_test(too_much_output_is_cut),
		loop_test(what_is_cut_takes_no_memory),
		loop_test(what_a_stream_gets_twice_is_kept),
		loop_test(a_grandchild_that_lives_on_is_not_waited_for),
		loop_test(what_cannot_start_is_named),
		loop_test(a_script_without_interpreter_is_explained),
		loop_test(a_late_child_is_ended),
		loop_test(check_explains_a_failure),
		loop_test(two_fibers_run_two_children_at_once),
		cmocka_unit_test(a_signal_ends_the_wait_unless_it_must_finish),
		cmocka_unit_test(what_a_child_started_ends_with_it),
		cmocka_unit_test(what_lives_on_holds_nothing_of_ours),
		cmocka_unit_test(what_lives_on_may_write_nowhere),
		cmocka_unit_test(what_cannot_live_on_is_named),
		cmocka_unit_test(as_root_it_becomes_the_owner),
	};

	return cmocka_run_group_tests(tests, set_path, NULL);
}
