/* SPDX-License-Identifier: MIT */
#include "proxy/nginx.h"

/*
 * Runs the host's nginx with the commands that the platform's sudoers file allows to its user, word for word: `sudo nginx -t`, `sudo nginx -t -c FILE`, and the
 * reload of the distribution. Where the configuration lies, nginx says itself in what it prints for -t.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/copies.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/spawn.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

#define OPENRESTY "/usr/bin/openresty"
/* A thousand certificates take nginx some seconds. */
#define TIMEOUT_MS 120000

struct nginx {
	struct loop *loop;
	const char *const *env;
	char *distro;
	char *service_command; /* NULL = by distribution */
	char *main_path;       /* NULL = nginx was not asked yet */
	bool was_asked_for_auth_request;
	bool has_auth_request;
	bool is_asking;           /* for it, on behalf of everybody who comes meanwhile */
	struct loop_event asked;
};

struct nginx *nginx_new(const struct nginx_setup *setup)
{
	struct nginx *nginx = mem_new(1, sizeof(*nginx));

	nginx->loop = setup->loop;
	nginx->env = setup->env;
	nginx->distro = mem_strdup(setup->distro);
	nginx->service_command = setup->service_command != NULL ? mem_strdup(setup->service_command) : NULL;
	return nginx;
}

void nginx_free(struct nginx *nginx)
{
	if (nginx == NULL)
		return;
	free(nginx->distro);
	free(nginx->service_command);
	free(nginx->main_path);
	free(nginx);
}

/* ---- programs ---- */

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Borrowed, NULL if unset. */
static const char *env_value(const char *const *env, const char *name)
{
	size_t size = strlen(name);

	for (; *env != NULL; env++) {
		if (strncmp(*env, name, size) == 0 && (*env)[size] == '=')
			return *env + size + 1;
	}
	return NULL;
}

/* In PATH, else in `folder` (cron's PATH has no sbin); the caller frees it. */
static char *find_program(const struct nginx *nginx, const char *name, const char *folder)
{
	const char *path = env_value(nginx->env, "PATH");
	AUTO_STRS folders = { 0 };

	strs_split(&folders, path != NULL ? path : "", ":");
	for (size_t i = 0; i < folders.count; i++) {
		AUTO_FREE char *program = mem_fmt("%s/%s", folders.items[i], name);

		if (is_program(program))
			return mem_take(&program);
	}
	return mem_fmt("%s/%s", folder, name);
}

static char *nginx_program(const struct nginx *nginx)
{
	return is_program(OPENRESTY) ? mem_strdup(OPENRESTY) : find_program(nginx, "nginx", "/usr/sbin");
}

static void add_sudo(const struct nginx *nginx, struct strs *argv)
{
	if (geteuid() == 0)
		return;
	AUTO_FREE char *sudo = find_program(nginx, "sudo", "/usr/bin");

	strs_add(argv, sudo);
}

static struct spawn command(const struct nginx *nginx, const struct strs *argv)
{
	return (struct spawn){
		.argv = (const char *const *)strs_argv(argv),
		.env = nginx->env,
		.timeout_ms = TIMEOUT_MS,
		.must_finish = true,
	};
}

/* ---- nginx -t ---- */

/* "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok", or "nginx: configuration file … test failed": the path; NULL if there is none. */
static char *read_main_path(const char *words)
{
	static const char before[] = "configuration file ";
	static const char *const after[] = { " syntax is ok", " test failed", " test is successful" };
	const char *path = strstr(words, before);

	if (path == NULL)
		return NULL;
	path += strlen(before);
	AUTO_FREE char *line = mem_strndup(path, strcspn(path, "\n"));
	for (size_t i = 0; i < COUNT(after); i++) {
		if (line[0] == '/' && text_ends(line, after[i]))
			return mem_strndup(line, strlen(line) - strlen(after[i]));
	}
	return NULL;
}

/* `main_path` NULL: of the host. *ret_words are nginx's, also when it refuses; the caller frees them. False only when it could not be asked. */
static bool run_test(struct nginx *nginx, const char *main_path, bool *ret_is_good, char **ret_words, struct err *err)
{
	AUTO_FREE char *program = nginx_program(nginx);
	AUTO_STRS argv = { 0 };
	AUTO(spawn_result_done) struct spawn_result result = { 0 };

	add_sudo(nginx, &argv);
	strs_add(&argv, program);
	strs_add(&argv, "-t");
	if (main_path != NULL) {
		strs_add(&argv, "-c");
		strs_add(&argv, main_path);
	}
	struct spawn spawn = command(nginx, &argv);
	if (!spawn_run(nginx->loop, &spawn, &result, err))
		return err_wrap(err, "test nginx's configuration");
	if (result.timed_out)
		return err_set(err, ERR_TIMEOUT, "nginx did not test its configuration within %d seconds", TIMEOUT_MS / 1000);
	if (main_path == NULL && nginx->main_path == NULL)
		nginx->main_path = read_main_path(buf_text(&result.err));
	*ret_is_good = result.status == 0;
	*ret_words = buf_take(&result.err);
	return true;
}

/* The lines that say why, without nginx's own marks; all of them when none is marked: then it was not nginx that refused (sudo did, or it was not found). */
static bool fail_test(const char *words, struct err *err)
{
	static const char mark[] = "[emerg] ";
	AUTO_STRS lines = { 0 };
	AUTO_STRS reasons = { 0 };

	text_lines(words, &lines);
	for (size_t i = 0; i < lines.count; i++) {
		const char *found = strstr(lines.items[i], mark);

		if (found != NULL)
			strs_add(&reasons, found + strlen(mark));
	}
	AUTO_FREE char *text = strs_join(reasons.count > 0 ? &reasons : &lines, "\n");
	return reasons.count > 0 ? err_set(err, ERR_CHILD, "nginx refuses its configuration: %s", text) :
		err_set(err, ERR_CHILD, "nginx's configuration could not be tested: %s", text[0] != '\0' ? text : "nobody says why");
}

bool nginx_test(struct nginx *nginx, struct err *err)
{
	AUTO_FREE char *words = NULL;
	bool is_good = false;

	return run_test(nginx, NULL, &is_good, &words, err) && (is_good || fail_test(words, err));
}

/* ---- nginx -t with changes ---- */

static bool learn_main_path(struct nginx *nginx, struct err *err)
{
	AUTO_FREE char *words = NULL;
	bool is_good = false;

	if (nginx->main_path != NULL)
		return true;
	if (!run_test(nginx, NULL, &is_good, &words, err))
		return false;
	if (nginx->main_path != NULL)
		return true;
	return is_good ? err_set(err, ERR_CHILD, "nginx does not say where its configuration is: %s", words) : fail_test(words, err);
}

/* "/home/dokku/x/" of "/home/dokku/x/nginx.conf" and of "/home/dokku/x/nginx.conf.d/y.conf"; the caller frees it. */
static char *app_folder(const char *path)
{
	static const char snippets[] = "/nginx.conf.d/";
	const char *end = strstr(path, snippets);

	if (end == NULL)
		end = strrchr(path, '/');
	return mem_strndup(path, end != NULL ? (size_t)(end - path) + 1 : 0);
}

static size_t find_culprit(const char *reason, const struct nginx_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *place = mem_fmt("%s:", changes[i].path);

		if (strstr(reason, place) != NULL)
			return i;
	}
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *folder = app_folder(changes[i].path);

		if (folder[0] != '\0' && strstr(reason, folder) != NULL)
			return i;
	}
	return SIZE_MAX;
}

bool nginx_test_changes(struct nginx *nginx, const struct nginx_change *changes, size_t count, size_t *ret_culprit, struct err *err)
{
	AUTO(copies_done) struct copies copies = COPIES_EMPTY;
	AUTO_FREE char *words = NULL;
	bool is_good = false;

	*ret_culprit = SIZE_MAX;
	if (!learn_main_path(nginx, err) || !copies_init(&copies, nginx->main_path, changes, count, err) ||
		!run_test(nginx, copies.copied_main_path, &is_good, &words, err))
		return false;
	if (is_good)
		return true;
	AUTO_FREE char *real_words = copies_real_words(&copies, words);
	(void)fail_test(real_words, err);
	*ret_culprit = find_culprit(err->text, changes, count);
	return false;
}

/* ---- reload ---- */

static void add_words(struct strs *argv, const char *program, const char *first, const char *second)
{
	strs_add(argv, program);
	strs_add(argv, first);
	strs_add(argv, second);
}

/* As core chooses: by distribution, then by what is installed. */
static void add_reload(const struct nginx *nginx, struct strs *argv)
{
	AUTO_FREE char *systemctl = find_program(nginx, "systemctl", "/usr/bin");
	AUTO_FREE char *sv = find_program(nginx, "sv", "/usr/bin");
	const char *service = is_program(OPENRESTY) ? "openresty" : "nginx";
	const char *init = env_value(nginx->env, "DOKKU_INIT_SYSTEM");
	bool is_runit = init != NULL && strcmp(init, "sv") == 0;
	bool is_ubuntu = strcmp(nginx->distro, "ubuntu") == 0;

	if (is_ubuntu && is_program(sv) && (is_runit || !is_program(systemctl))) {
		add_words(argv, sv, "reload", service);
	} else if (is_program(systemctl)) {
		add_words(argv, systemctl, "reload", service);
	} else if (is_ubuntu) {
		strs_addf(argv, "/etc/init.d/%s", service);
		strs_add(argv, "reload");
	} else {
		add_words(argv, "/usr/sbin/invoke-rc.d", service, "reload");
	}
}

bool nginx_reload(struct nginx *nginx, struct err *err)
{
	AUTO_STRS argv = { 0 };
	AUTO(spawn_result_done) struct spawn_result result = { 0 };

	if (nginx->service_command != NULL) {
		strs_add(&argv, nginx->service_command);
		strs_add(&argv, "reload");
	} else {
		add_sudo(nginx, &argv);
		add_reload(nginx, &argv);
	}
	struct spawn spawn = command(nginx, &argv);
	return spawn_check(nginx->loop, &spawn, &result, err) || err_wrap(err, "nginx was not reloaded");
}

/* ---- what nginx knows ---- */

static bool ask_for_auth_request(struct nginx *nginx, const char *folder, struct err *err)
{
	AUTO_FREE char *path = mem_fmt("%s/nginx.conf", folder);
	/* No server: nothing is bound. A test makes the pid file. */
	AUTO_FREE char *conf = mem_fmt("error_log stderr crit;\npid %s/nginx.pid;\nevents {}\nhttp { access_log off; auth_request off; }\n", folder);
	AUTO_FREE char *words = NULL;
	AUTO_FD folder_fd = dir_open(folder, err);
	bool is_good = false;

	if (folder_fd < 0 || !file_replace_fast(folder_fd, "nginx.conf", conf, strlen(conf), 0600, err) ||
		!run_test(nginx, path, &is_good, &words, err))
		return false;
	return strstr(words, "unknown directive \"auth_request\"") == NULL;
}

bool nginx_has_auth_request(struct nginx *nginx)
{
	struct err ignored = { 0 };

	while (nginx->is_asking)
		(void)loop_wait_finish(nginx->loop, &nginx->asked, LOOP_NEVER);
	if (nginx->was_asked_for_auth_request)
		return nginx->has_auth_request;
	AUTO_FREE char *folder = copies_make_folder(&ignored);
	if (folder == NULL)
		return false;
	nginx->is_asking = true;
	nginx->has_auth_request = ask_for_auth_request(nginx, folder, &ignored);
	nginx->was_asked_for_auth_request = true;
	nginx->is_asking = false;
	loop_set(nginx->loop, &nginx->asked);
	copies_remove_folder(folder);
	return nginx->has_auth_request;
}
