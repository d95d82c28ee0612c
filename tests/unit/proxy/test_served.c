/* SPDX-License-Identifier: MIT */
#include "tests/unit/platform/folder.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "proxy/nginx.h"
#include "sys/loop.h"

/* With a real nginx on free loopback ports: what the challenge snippet answers in an app's servers, and that a test from copies says what nginx would say. */

#define NGINX "/usr/sbin/nginx"
#define THUMBPRINT "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"
#define PREFIX "/.well-known/acme-challenge/"
#define START_TRIES 500

struct served {
	struct folder folder;
	struct loop *loop;
	int port;
	pid_t pid;
	char *env[2];
};

static int served_setup(void **state)
{
	struct served *served = mem_new(1, sizeof(*served));

	folder_init(&served->folder);
	served->loop = loop_new();
	served->env[0] = mem_fmt("PATH=%s/bin:/usr/bin:/bin", served->folder.path);
	*state = served;
	return 0;
}

static void stop(struct served *served)
{
	if (served->pid > 0) {
		(void)kill(served->pid, SIGKILL);
		(void)waitpid(served->pid, NULL, 0);
	}
	served->pid = 0;
}

static int served_teardown(void **state)
{
	struct served *served = *state;

	stop(served);
	loop_free(served->loop);
	free(served->env[0]);
	folder_done(&served->folder);
	free(served);
	return 0;
}

#define SERVED_TEST(function) cmocka_unit_test_setup_teardown(function, served_setup, served_teardown)

static void need_nginx(void)
{
	if (access(NGINX, X_OK) == 0)
		return;
	print_message("          %s is not there\n", NGINX);
	skip();
}

/* ---- a client ---- */

static int connect_to(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fd_done(&fd);
	return fd;
}

static int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin_port);
}

/* "200 text/plain body", or the status alone when it is none of those of success; the caller frees it. */
static char *get(const struct served *served, const char *path)
{
	AUTO_FD fd = connect_to(served->port);
	AUTO_FREE char *request = mem_fmt("GET %s HTTP/1.0\r\nHost: blog.example.com\r\n\r\n", path);
	AUTO_BUF answer = BUF_MAX(65536);
	char chunk[4096];
	ssize_t got;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&answer, chunk, (size_t)got);
	const char *body = strstr(buf_text(&answer), "\r\n\r\n");
	const char *type = text_find_nocase(buf_text(&answer), "content-type: ");
	assert_true(text_starts(buf_text(&answer), "HTTP/1.1 ") && body != NULL && type != NULL);
	AUTO_FREE char *status = mem_strndup(buf_text(&answer) + strlen("HTTP/1.1 "), 3);
	AUTO_FREE char *media = mem_strndup(type + strlen("content-type: "), strcspn(type + strlen("content-type: "), "\r;"));
	if (strcmp(status, "200") != 0)
		return mem_strdup(status);
	return mem_fmt("%s %s %s", status, media, body + 4);
}

static void assert_answer(const struct served *served, const char *path, const char *expected)
{
	AUTO_FREE char *answer = get(served, path);

	assert_string_equal(answer, expected);
}

/* ---- nginx ---- */

/* A main file that needs nothing of the host's. */
static void write_main(const struct served *served)
{
	AUTO_FREE char *text = mem_fmt("daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log error.log;\nevents {}\nhttp {\n\taccess_log off;\n"
		"\tclient_body_temp_path t1;\n\tproxy_temp_path t2;\n\tfastcgi_temp_path t3;\n\tuwsgi_temp_path t4;\n\tscgi_temp_path t5;\n"
		"\tinclude %s/home/*/nginx.conf;\n}\n", served->folder.path);

	folder_write(&served->folder, "etc/nginx.conf", text, 0644);
}

/* nginx in PATH: the real one, with its files in our folder. It needs no rights, so sudo gives none. */
static void write_program(const struct served *served)
{
	static const char program[] = "#!/bin/sh\nhere=${0%/bin/nginx}\nexec " NGINX " -p $here -e error.log -c $here/etc/nginx.conf \"$@\"\n";

	folder_write(&served->folder, "bin/nginx", program, 0755);
	folder_write(&served->folder, "bin/sudo", "#!/bin/sh\nexec \"$@\"\n", 0755);
}

static void start(struct served *served)
{
	AUTO_FREE char *program = folder_path(&served->folder, "bin/nginx");
	char *const argv[] = { program, NULL };
	int fd = -1;

	write_main(served);
	write_program(served);
	assert_int_equal(posix_spawn(&served->pid, program, NULL, NULL, argv, served->env), 0);
	for (int i = 0; i < START_TRIES && (fd = connect_to(served->port)) < 0; i++)
		(void)usleep(10000);
	assert_true(fd >= 0);
	fd_done(&fd);
}

static char *snippet(const struct served *served, bool has_auth_request)
{
	struct err err = { 0 };
	AUTO_FD folder_fd = dir_open("templates/nginx", &err);
	AUTO_FREE char *webroot = folder_path(&served->folder, "webroot");
	AUTO_BUF text = BUF_MAX(65536);

	assert_true(folder_fd >= 0 && file_read(folder_fd, "challenge.conf", &text, &err));
	char *filled = nginx_challenge_snippet(buf_text(&text), webroot, THUMBPRINT, has_auth_request, &err);
	assert_non_null(filled);
	return filled;
}

/* An app whose server says `before`, then includes its snippets at the place where core's template does, then says `after`. */
static void serve(struct served *served, const char *before, const char *after)
{
	AUTO_FREE char *ours = snippet(served, true);

	stop(served);
	served->port = free_port();
	AUTO_FREE char *conf = mem_fmt("server {\n\tlisten 127.0.0.1:%d;\n\tserver_name blog.example.com;\n%s\n\tinclude %s/home/blog/nginx.conf.d/*.conf;\n%s\n}\n",
		served->port, before, served->folder.path, after);
	folder_write(&served->folder, "home/blog/nginx.conf", conf, 0644);
	folder_write(&served->folder, "home/blog/nginx.conf.d/letsencrypt.conf", ours, 0644);
	folder_write(&served->folder, "webroot" PREFIX "on-disk", "on-disk.of-another-account", 0644);
	start(served);
}

/* What holds in every server, whatever else it says. */
static void assert_challenges(const struct served *served)
{
	assert_answer(served, PREFIX "Abc_-123", "200 text/plain Abc_-123." THUMBPRINT);
	assert_answer(served, PREFIX "Abc?x=1", "200 text/plain Abc." THUMBPRINT);
	assert_answer(served, PREFIX "on-disk", "200 text/plain on-disk.of-another-account");
	assert_answer(served, PREFIX, "404");
	assert_answer(served, PREFIX "a.b", "404");
	assert_answer(served, PREFIX "a/b", "404");
	assert_answer(served, PREFIX "a%22b", "404");
	assert_answer(served, PREFIX ".hidden", "404");
	assert_answer(served, "/.well-known/acme-challenge", "404");
}

static void answers_in_core_s_servers(void **state)
{
	struct served *served = *state;

	need_nginx();
	/* The redirect of an app with a certificate: the include comes first. */
	serve(served, "", "location / { return 301 https://$host:443$request_uri; }");
	assert_challenges(served);
	assert_answer(served, "/", "301");
	assert_answer(served, "/.well-known/other", "301");
	/* The proxy, here without anything behind it: the include comes last. */
	serve(served, "location / { proxy_pass http://127.0.0.1:1; }\nerror_page 400 403 404 /404-error.html;\n"
		"location /404-error.html { root /nonexistent; internal; }\nerror_page 502 /502-error.html;\nlocation /502-error.html { return 502; }\n"
		"client_max_body_size 1m;", "");
	assert_challenges(served);
	assert_answer(served, "/", "502");
	/* An app without processes. */
	serve(served, "location / { return 502; }", "");
	assert_challenges(served);
}

static void nothing_of_a_user_s_hinders_it(void **state)
{
	static const char *const settings[] = {
		"location ~ /\\. { deny all; }",
		"location ~* \"acme\" { return 403; }",
		"location /.well-known/acme-challenge/ { }",
		"location = /.well-known/acme-challenge/ { return 404; }",
		"auth_basic closed;\nauth_basic_user_file /nonexistent;",
		"deny all;",
		"satisfy all;\ndeny all;\nauth_basic closed;\nauth_basic_user_file /nonexistent;",
		"auth_request /auth;\nlocation = /auth { return 401; }",
		"default_type application/octet-stream;\ntypes { text/html html; }",
		"root /nonexistent;\nindex index.php;\nautoindex on;",
	};
	struct served *served = *state;

	need_nginx();
	for (size_t i = 0; i < COUNT(settings); i++) {
		/* A longer string of the template's wins: it is the operator's own arrangement. What matters is that nginx takes both. */
		bool has_own_location = text_starts(settings[i], "location /.well-known");

		serve(served, settings[i], "location / { return 200 app; }");
		if (has_own_location)
			assert_answer(served, "/.well-known/acme-challenge", "404");
		else
			assert_challenges(served);
	}
}

static void only_tokens_are_served_from_there(void **state)
{
	struct served *served = *state;

	need_nginx();
	AUTO_FREE char *root = mem_fmt("root %s/public;", served->folder.path);
	folder_write(&served->folder, "public" PREFIX "a.b", "of the app", 0644);
	folder_write(&served->folder, "public" PREFIX "token", "of the app", 0644);
	folder_write(&served->folder, "public/.well-known/other", "of the app", 0644);
	serve(served, root, "");
	assert_challenges(served);
	assert_answer(served, PREFIX "token", "200 text/plain token." THUMBPRINT);
	assert_answer(served, "/.well-known/other", "200 text/plain of the app");
}

/* ---- tests from copies ---- */

static struct nginx *open_nginx(const struct served *served)
{
	return nginx_new(&(struct nginx_setup){ .loop = served->loop, .env = (const char *const *)served->env, .distro = "debian" });
}

static void says_what_nginx_would_say(void **state)
{
	static const struct {
		const char *other, *content, *expected;
	} cases[] = {
		{ "# nothing\n", NULL, NULL },
		{ "location /.well-known/acme-challenge/ {}\n", NULL, NULL },
		{ "location ^~ /.well-known/acme-challenge {}\n", NULL,
			"duplicate location \"/.well-known/acme-challenge\" in SITE/home/blog/nginx.conf.d/other.conf:1" },
		{ "# nothing\n", "location /x {\n\tno_such_directive;\n}\n",
			"unknown directive \"no_such_directive\" in SITE/home/blog/nginx.conf.d/letsencrypt.conf:2" },
	};
	struct served *served = *state;

	need_nginx();
	write_main(served);
	write_program(served);
	AUTO_FREE char *conf = mem_fmt("server { listen 127.0.0.1:%d; include %s/home/blog/nginx.conf.d/*.conf; }\n", free_port(), served->folder.path);
	AUTO_FREE char *path = folder_path(&served->folder, "home/blog/nginx.conf.d/letsencrypt.conf");
	AUTO_FREE char *ours = snippet(served, true);
	AUTO(nginx_freep) struct nginx *nginx = open_nginx(served);
	folder_write(&served->folder, "home/blog/nginx.conf", conf, 0644);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		struct nginx_change change = { .path = path, .content = cases[i].content != NULL ? cases[i].content : ours };
		size_t culprit = 99;

		folder_write(&served->folder, "home/blog/nginx.conf.d/other.conf", cases[i].other, 0644);
		bool is_good = nginx_test_changes(nginx, &change, 1, &culprit, &err);
		assert_int_equal(is_good, cases[i].expected == NULL);
		assert_int_equal(access(path, F_OK), -1);
		/* Nothing changed for the host. */
		assert_true(nginx_test(nginx, &err));
		if (is_good)
			continue;
		const char *site = strstr(cases[i].expected, "SITE");
		AUTO_FREE char *expected = mem_fmt("nginx refuses its configuration: %.*s%s%s", (int)(site - cases[i].expected), cases[i].expected,
			served->folder.path, site + strlen("SITE"));
		assert_string_equal(err.text, expected);
		assert_int_equal(culprit, 0);
	}
}

static void knows_auth_request(void **state)
{
	struct served *served = *state;

	need_nginx();
	write_main(served);
	write_program(served);
	AUTO(nginx_freep) struct nginx *nginx = open_nginx(served);
	/* Debian builds it in, as the tests above need it. */
	assert_true(nginx_has_auth_request(nginx));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED_TEST(answers_in_core_s_servers),
		SERVED_TEST(nothing_of_a_user_s_hinders_it),
		SERVED_TEST(only_tokens_are_served_from_there),
		SERVED_TEST(says_what_nginx_would_say),
		SERVED_TEST(knows_auth_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
