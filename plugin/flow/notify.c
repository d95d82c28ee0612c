/* SPDX-License-Identifier: MIT */
/* Two ways out: a program of the operator's, or mail. Neither gets a secret, a shell or our environment. */
#include "flow/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/context.h"
#include "json/write.h"
#include "platform/platform.h"
#include "sys/clock.h"
#include "sys/spawn.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"
#include "util/when.h"

#define TIMEOUT_MS 10000
#define HOST_MAX 256
#define MAIL_MAX ((size_t)64 * 1024)
#define LINE_MAX_SIZE ((size_t)900)
#define SENDMAIL "sendmail"

static bool run(struct context *context, const char *const *argv, const char *text, struct err *err)
{
	AUTO(spawn_result_done) struct spawn_result result = { 0 };
	const struct spawn spawn = {
		.argv = argv,
		.env = platform_child_env(context->platform),
		.in = text,
		.in_size = strlen(text),
		.timeout_ms = TIMEOUT_MS,
	};

	return spawn_check(context->loop, &spawn, &result, err);
}

static void read_host(char ret_host[static HOST_MAX])
{
	if (gethostname(ret_host, HOST_MAX) != 0)
		*ret_host = '\0';
	ret_host[HOST_MAX - 1] = '\0';
}

/* ---- a program ---- */

bool notify_check_program(const char *path, struct err *err)
{
	struct stat status;

	if (*path != '/')
		return err_set(err, ERR_CONFIG, "'%s' does not start with '/'", path);
	if (stat(path, &status) != 0)
		return err_sys(err, "'%s'", path);
	if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
		return err_set(err, ERR_CONFIG, "'%s' is not a program that can be run (chmod +x)", path);
	if ((status.st_mode & 022) != 0 || (status.st_uid != 0 && status.st_uid != geteuid()))
		return err_set(err, ERR_CONFIG, "'%s' can be changed by others (chown root, chmod go-w)", path);
	return true;
}

static bool run_program(struct context *context, const char *path, const struct notification *notification, struct err *err)
{
	AUTO_JSON *object = json_new_object();
	AUTO_FREE char *text = NULL;
	char host[HOST_MAX];

	read_host(host);
	json_set_str(object, "host", host);
	json_set_str(object, "app", notification->app);
	json_set_str(object, "state", notification->state);
	json_set_str(object, "before", notification->before);
	json_set_str(object, "cause", notification->cause);
	json_set_str(object, "next", notification->next);
	json_set_strs(object, "names", notification->names);
	if (notification->expires_at > 0)
		json_set_int(object, "expiration", notification->expires_at);
	json_set_int(object, "at", clock_now(&context->clock));
	text = json_text(object);
	return notify_check_program(path, err) && run(context, (const char *const[]){ path, NULL }, text, err);
}

/* ---- mail ---- */

static const char *path_of_children(const struct context *context)
{
	for (const char *const *line = platform_child_env(context->platform); *line; line++)
		if (text_starts(*line, "PATH="))
			return *line + strlen("PATH=");
	return "";
}

/* As execvp would find it. */
static bool is_in_path(const struct context *context, const char *name)
{
	AUTO_STRS folders = { 0 };

	strs_split(&folders, path_of_children(context), ":");
	for (size_t i = 0; i < folders.count; i++) {
		AUTO_FREE char *file = mem_fmt("%s/%s", folders.items[i], name);

		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* A header ends with its line, so nothing of a value may end the line. */
static void add_header(struct buf *mail, const char *name, const char *value)
{
	AUTO_BUF escaped = BUF_MAX(LINE_MAX_SIZE);

	text_escape(&escaped, value, false);
	(void)buf_addf(mail, "%s: %s\n", name, buf_text(&escaped));
}

/* Mail servers refuse lines of more than 998 bytes (RFC 5322, 2.1.1): broken at a blank, or anywhere when there is none. */
static void add_line(struct buf *mail, const char *line)
{
	while (strlen(line) > LINE_MAX_SIZE) {
		size_t size = LINE_MAX_SIZE;

		while (size > 0 && line[size] != ' ')
			size--;
		size = size > 0 ? size : LINE_MAX_SIZE;
		(void)buf_addf(mail, "%.*s\n", (int)size, line);
		line += size;
	}
	(void)buf_addf(mail, "%s\n", line);
}

static void add_text(struct buf *mail, const char *label, const char *text)
{
	AUTO_BUF escaped = BUF_MAX(MAIL_MAX);
	AUTO_STRS lines = { 0 };

	if (!*text)
		return;
	(void)buf_addf(&escaped, "%s: ", label);
	text_escape(&escaped, text, true);
	text_lines(buf_text(&escaped), &lines);
	for (size_t i = 0; i < lines.count; i++)
		add_line(mail, lines.items[i]);
}

static bool send_mail(struct context *context, const char *to, const struct notification *notification, struct err *err)
{
	AUTO_BUF mail = BUF_MAX(MAIL_MAX);
	AUTO_FREE char *expiry = notification->expires_at > 0 ? when_human(notification->expires_at) : mem_strdup("");
	AUTO_FREE char *names = strs_join(notification->names, " ");
	AUTO_FREE char *subject = NULL;
	char host[HOST_MAX];

	read_host(host);
	subject = mem_fmt("letsencrypt on %s: %s is %s", host, notification->app, notification->state);
	add_header(&mail, "To", to);
	add_header(&mail, "Subject", subject);
	add_header(&mail, "Auto-Submitted", "auto-generated");
	add_header(&mail, "MIME-Version", "1.0");
	add_header(&mail, "Content-Type", "text/plain; charset=utf-8");
	add_header(&mail, "Content-Transfer-Encoding", "8bit");
	(void)buf_addc(&mail, '\n');
	add_text(&mail, "App", notification->app);
	add_text(&mail, "State", notification->state);
	add_text(&mail, "Cause", notification->cause);
	add_text(&mail, "Next", notification->next);
	add_text(&mail, "Names", names);
	add_text(&mail, "Certificate until", expiry);
	return run(context, (const char *const[]){ SENDMAIL, "-i", "-t", NULL }, buf_text(&mail), err);
}

bool notify(struct context *context, const struct notification *notification, bool *ret_told, struct err *err)
{
	AUTO_FREE char *program = NULL;
	AUTO_FREE char *mail_to = NULL;

	if (!platform_setting(context->platform, "--global", "notify", &program, err) ||
	    !platform_property(context->platform, "cron", "--global", "mailto", &mail_to, err))
		return false;
	*ret_told = program || (mail_to && *mail_to && is_in_path(context, SENDMAIL));
	if (program)
		return run_program(context, program, notification, err);
	return !*ret_told || send_mail(context, mail_to, notification, err);
}
