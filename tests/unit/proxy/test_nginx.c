/* SPDX-License-Identifier: MIT */
#include "tests/unit/platform/folder.h"

#include "proxy/nginx.h"
#include "sys/loop.h"

/* The commands that are run, what is made of nginx's words, and the copies a change is tested with: with an nginx that is a script. */

#define NOBODY 65534

struct site {
	struct folder folder;
	struct loop *loop;
	char *path;
	const char *env[3];
	struct nginx *nginx;
	struct err err;
};

static void site_open(struct site *site, const char *distro, const char *service_command)
{
	nginx_free(site->nginx);
	site->nginx = nginx_new(&(struct nginx_setup){
		.loop = site->loop,
		.env = site->env,
		.distro = distro,
		.service_command = service_command,
	});
}

/* nginx writes its arguments to calls. It keeps the folder of -c under seen, says what is in words (with FILE for that folder) and exits with what is in status. */
static int site_setup(void **state)
{
	static const char nginx[] = "#!/bin/sh\nhere=${0%/bin/*}\nconf=$here/etc/nginx.conf\necho \"nginx $*\" | sed \"s,/tmp/letsencrypt-nginx[^/]*,FOLDER,\" >> $here/calls\n"
		"folder=none\n[ \"$2\" != -c ] || { conf=$3; folder=$(echo $3 | cut -d/ -f1-3); cp -a $folder $here/seen; }\n"
		"sed \"s,FOLDER,$folder,g\" $here/state/words >&2\nstatus=$(cat $here/state/status)\n"
		"[ $status != 0 ] || echo \"nginx: the configuration file $conf syntax is ok\" >&2\n"
		"[ $status = 0 ] && echo \"nginx: configuration file $conf test is successful\" >&2 || echo \"nginx: configuration file $conf test failed\" >&2\n"
		"exit $status\n";
	static const char other[] = "#!/bin/sh\nhere=${0%/bin/*}\necho \"${0##*/} $*\" | sed \"s,$here,,\" >> $here/calls\n[ ! -e $here/state/broken ] || { echo 'no such service' >&2; exit 1; }\n";
	static const char sudo[] = "#!/bin/sh\nhere=${0%/bin/*}\nprintf 'sudo ' >> $here/calls\nexec \"$@\"\n";
	struct site *site = mem_new(1, sizeof(*site));

	folder_init(&site->folder);
	folder_write(&site->folder, "bin/nginx", nginx, 0755);
	folder_write(&site->folder, "bin/systemctl", other, 0755);
	folder_write(&site->folder, "bin/service", other, 0755);
	folder_write(&site->folder, "bin/sudo", sudo, 0755);
	folder_write(&site->folder, "state/status", "0", 0644);
	folder_write(&site->folder, "state/words", "", 0644);
	site->loop = loop_new();
	site->path = mem_fmt("PATH=%s/bin:/usr/bin:/bin", site->folder.path);
	site->env[0] = site->path;
	site_open(site, "debian", NULL);
	*state = site;
	return 0;
}

static int site_teardown(void **state)
{
	struct site *site = *state;

	nginx_free(site->nginx);
	loop_free(site->loop);
	free(site->path);
	folder_done(&site->folder);
	free(site);
	return 0;
}

#define SITE_TEST(function) cmocka_unit_test_setup_teardown(function, site_setup, site_teardown)

static void nginx_answers(const struct site *site, const char *status, const char *words)
{
	folder_write(&site->folder, "state/status", status, 0644);
	folder_write(&site->folder, "state/words", words, 0644);
}

static void assert_calls(const struct site *site, const char *expected)
{
	AUTO_FREE char *calls = folder_read(&site->folder, "calls");

	assert_string_equal(calls, expected);
}

/* ---- commands ---- */

static void root_needs_no_sudo(void **state)
{
	struct site *site = *state;

	if (geteuid() != 0)
		skip();
	assert_true(nginx_test(site->nginx, &site->err));
	assert_true(nginx_reload(site->nginx, &site->err));
	assert_calls(site, "nginx -t\nsystemctl reload nginx\n");
}

static void others_go_through_sudo(void **state)
{
	struct site *site = *state;
	bool was_root = geteuid() == 0;

	assert_true(!was_root || seteuid(NOBODY) == 0);
	bool is_good = nginx_test(site->nginx, &site->err);
	bool is_reloaded = nginx_reload(site->nginx, &site->err);
	assert_true(!was_root || seteuid(0) == 0);
	assert_true(is_good && is_reloaded);
	assert_calls(site, "sudo nginx -t\nsudo systemctl reload nginx\n");
}

static void reloads_as_the_distribution_does(void **state)
{
	static const struct {
		const char *distro, *init, *sv, *expected;
	} cases[] = {
		{ "debian", NULL, NULL, "systemctl reload nginx\n" },
		{ "raspbian", NULL, "sv", "systemctl reload nginx\n" },
		{ "ubuntu", NULL, "sv", "systemctl reload nginx\n" },
		{ "ubuntu", "DOKKU_INIT_SYSTEM=sv", "sv", "sv reload nginx\n" },
		{ "ubuntu", "DOKKU_INIT_SYSTEM=sv", NULL, "systemctl reload nginx\n" },
		{ "arch", NULL, NULL, "systemctl reload nginx\n" },
	};
	struct site *site = *state;

	if (geteuid() != 0)
		skip();
	AUTO_FREE char *systemctl = folder_path(&site->folder, "bin/systemctl");
	AUTO_FREE char *sv = folder_path(&site->folder, "bin/sv");
	AUTO_FREE char *calls = folder_path(&site->folder, "calls");
	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)unlink(calls);
		(void)unlink(sv);
		assert_true(cases[i].sv == NULL || link(systemctl, sv) == 0);
		site->env[1] = cases[i].init;
		site_open(site, cases[i].distro, NULL);
		assert_true(nginx_reload(site->nginx, &site->err));
		assert_calls(site, cases[i].expected);
	}
}

static void an_operator_s_command_reloads(void **state)
{
	struct site *site = *state;
	AUTO_FREE char *service = folder_path(&site->folder, "bin/service");

	site_open(site, "debian", service);
	assert_true(nginx_reload(site->nginx, &site->err));
	assert_calls(site, "service reload\n");
}

static void a_failed_reload_says_why(void **state)
{
	struct site *site = *state;
	AUTO_FREE char *service = folder_path(&site->folder, "bin/service");

	site_open(site, "debian", service);
	folder_write(&site->folder, "state/broken", "", 0644);
	assert_false(nginx_reload(site->nginx, &site->err));
	assert_int_equal(site->err.kind, ERR_CHILD);
	assert_non_null(strstr(site->err.text, "nginx was not reloaded"));
	assert_non_null(strstr(site->err.text, "no such service"));
}

static void a_refusal_has_nginx_s_words(void **state)
{
	struct site *site = *state;

	nginx_answers(site, "1", "nginx: [warn] conflicting server name \"a\" on 0.0.0.0:80, ignored\n"
		"nginx: [emerg] duplicate location \"/x\" in /home/dokku/x/nginx.conf.d/y.conf:3\n");
	assert_false(nginx_test(site->nginx, &site->err));
	assert_int_equal(site->err.kind, ERR_CHILD);
	assert_string_equal(site->err.text, "nginx refuses its configuration: duplicate location \"/x\" in /home/dokku/x/nginx.conf.d/y.conf:3");
	nginx_answers(site, "1", "sudo: a password is required\n");
	assert_false(nginx_test(site->nginx, &site->err));
	assert_true(text_starts(site->err.text, "nginx's configuration could not be tested: sudo: a password is required"));
}

/* ---- changes ---- */

/* Two apps as core includes them, with a glob in a file beside the main one. */
static void write_site(const struct site *site)
{
	AUTO_FREE char *main_text = mem_fmt("# main\nevents {}\nhttp {\n\tinclude mime.types;\n\tinclude conf.d/*.conf; # apps\n}\n");
	AUTO_FREE char *dokku = mem_fmt("include %s/home/*/nginx.conf;\nserver_tokens off;\n", site->folder.path);
	AUTO_FREE char *api = mem_fmt("server {\n\tinclude %s/home/api/nginx.conf.d/*.conf;\n}\n", site->folder.path);
	AUTO_FREE char *blog = mem_fmt("server {\n\tinclude %s/home/blog/nginx.conf.d/*.conf;\n}\nserver { include '%s/home/blog/nginx.conf.d/*.conf'; }\n",
		site->folder.path, site->folder.path);

	folder_write(&site->folder, "etc/nginx.conf", main_text, 0644);
	folder_write(&site->folder, "etc/mime.types", "types {}\n", 0644);
	folder_write(&site->folder, "etc/conf.d/dokku.conf", dokku, 0644);
	folder_write(&site->folder, "etc/conf.d/other.conf", "server {}\n", 0644);
	folder_write(&site->folder, "home/api/nginx.conf", api, 0644);
	folder_write(&site->folder, "home/blog/nginx.conf", blog, 0644);
	folder_write(&site->folder, "home/blog/nginx.conf.d/hsts.conf", "# hsts\n", 0644);
	folder_write(&site->folder, "home/blog/nginx.conf.d/upload.conf", "# upload\n", 0644);
}

/* A copy with the test's folder as SITE and the temporary one as COPY; the caller frees it. */
static char *seen_copy(const struct site *site, const char *name, bool is_mirrored)
{
	AUTO_FREE char *path = is_mirrored ? mem_fmt("seen/files%s/%s", site->folder.path, name) : mem_fmt("seen/main/%s", name);
	AUTO_FREE char *text = folder_read(&site->folder, path);
	AUTO_BUF out = BUF_MAX(65536);

	for (const char *at = text; *at != '\0';) {
		if (text_starts(at, "/tmp/letsencrypt-nginx.")) {
			buf_adds(&out, "COPY");
			at += strlen("/tmp/letsencrypt-nginx.XXXXXX");
		} else if (text_starts(at, site->folder.path)) {
			buf_adds(&out, "SITE");
			at += strlen(site->folder.path);
		} else {
			buf_addc(&out, *at++);
		}
	}
	return buf_take(&out);
}

static bool test_change(struct site *site, const char *name, const char *content, size_t *ret_culprit)
{
	AUTO_FREE char *path = folder_path(&site->folder, name);
	struct nginx_change change = { .path = path, .content = content };

	return nginx_test_changes(site->nginx, &change, 1, ret_culprit, &site->err);
}

static void copies_the_chain_that_leads_to_a_change(void **state)
{
	struct site *site = *state;
	size_t culprit = 0;

	write_site(site);
	assert_true(test_change(site, "home/blog/nginx.conf.d/letsencrypt.conf", "# ours\n", &culprit));
	assert_int_equal(culprit, SIZE_MAX);
	AUTO_FREE char *main_text = seen_copy(site, "nginx.conf", false);
	AUTO_FREE char *dokku = seen_copy(site, "etc/conf.d/dokku.conf", true);
	AUTO_FREE char *blog = seen_copy(site, "home/blog/nginx.conf", true);
	AUTO_FREE char *ours = seen_copy(site, "home/blog/nginx.conf.d/letsencrypt.conf", true);
	AUTO_FREE char *api = seen_copy(site, "home/api/nginx.conf", true);
	AUTO_FREE char *types = seen_copy(site, "mime.types", false);
	assert_string_equal(main_text, "# main\nevents {}\nhttp {\n\tinclude mime.types;\n\t"
		"include \"COPY/filesSITE/etc/conf.d/dokku.conf\"; include \"SITE/etc/conf.d/other.conf\";  # apps\n}\n");
	assert_string_equal(dokku, "include \"SITE/home/api/nginx.conf\"; include \"COPY/filesSITE/home/blog/nginx.conf\"; \nserver_tokens off;\n");
	/* In nginx's order: by name. */
	assert_string_equal(blog, "server {\n\tinclude \"SITE/home/blog/nginx.conf.d/hsts.conf\"; "
		"include \"COPY/filesSITE/home/blog/nginx.conf.d/letsencrypt.conf\"; include \"SITE/home/blog/nginx.conf.d/upload.conf\"; \n}\n"
		"server { include \"SITE/home/blog/nginx.conf.d/hsts.conf\"; "
		"include \"COPY/filesSITE/home/blog/nginx.conf.d/letsencrypt.conf\"; include \"SITE/home/blog/nginx.conf.d/upload.conf\";  }\n");
	assert_string_equal(ours, "# ours\n");
	assert_string_equal(api, "");
	/* A link, which file_read does not follow. */
	assert_string_equal(types, "");
	AUTO_FREE char *link_path = folder_path(&site->folder, "seen/main/mime.types");
	assert_int_equal(access(link_path, R_OK), 0);
	assert_int_equal(folder_mode(&site->folder, "seen"), 0700);
	if (geteuid() == 0)
		assert_calls(site, "nginx -t\nnginx -t -c FOLDER/main/nginx.conf\n");
}

static void a_file_can_be_as_if_it_were_not_there(void **state)
{
	struct site *site = *state;
	size_t culprit = 0;

	write_site(site);
	assert_true(test_change(site, "home/blog/nginx.conf.d/hsts.conf", NULL, &culprit));
	AUTO_FREE char *blog = seen_copy(site, "home/blog/nginx.conf", true);
	/* Nothing included is copied, so the glob would still find it: it has to be written out. */
	assert_null(strstr(blog, "hsts.conf"));
	assert_non_null(strstr(blog, "include \"SITE/home/blog/nginx.conf.d/upload.conf\""));
}

static void takes_an_app_s_whole_configuration(void **state)
{
	struct site *site = *state;
	AUTO_FREE char *conf = mem_fmt("server { include %s/home/new/nginx.conf.d/*.conf; }\n", site->folder.path);
	AUTO_FREE char *conf_path = folder_path(&site->folder, "home/new/nginx.conf");
	AUTO_FREE char *snippet_path = folder_path(&site->folder, "home/new/nginx.conf.d/letsencrypt.conf");
	const struct nginx_change changes[] = { { snippet_path, "# ours\n" }, { conf_path, conf } };
	size_t culprit = 0;

	write_site(site);
	assert_true(nginx_test_changes(site->nginx, changes, 2, &culprit, &site->err));
	AUTO_FREE char *dokku = seen_copy(site, "etc/conf.d/dokku.conf", true);
	AUTO_FREE char *new = seen_copy(site, "home/new/nginx.conf", true);
	assert_non_null(strstr(dokku, "include \"SITE/home/blog/nginx.conf\"; include \"COPY/filesSITE/home/new/nginx.conf\"; \n"));
	assert_string_equal(new, "server { include \"COPY/filesSITE/home/new/nginx.conf.d/letsencrypt.conf\";  }\n");
}

static void files_that_include_each_other_end(void **state)
{
	struct site *site = *state;
	AUTO_FREE char *loop = mem_fmt("include %s/etc/conf.d/loop.conf;\n", site->folder.path);
	size_t culprit = 0;

	write_site(site);
	folder_write(&site->folder, "etc/conf.d/loop.conf", loop, 0644);
	assert_true(test_change(site, "home/blog/nginx.conf.d/letsencrypt.conf", "# ours\n", &culprit));
}

/* Each includes all: nginx ends by its open files, which is no end for who only follows the names. */
static void files_that_all_include_each_other_end(void **state)
{
	struct site *site = *state;
	AUTO_FREE char *all = mem_fmt("include %s/etc/conf.d/*.conf;\n", site->folder.path);
	size_t culprit = 0;

	write_site(site);
	folder_write(&site->folder, "etc/conf.d/one.conf", all, 0644);
	folder_write(&site->folder, "etc/conf.d/three.conf", all, 0644);
	folder_write(&site->folder, "etc/conf.d/two.conf", all, 0644);
	assert_false(test_change(site, "home/blog/nginx.conf.d/letsencrypt.conf", "# ours\n", &culprit));
	assert_int_equal(site->err.kind, ERR_REFUSED);
	assert_non_null(strstr(site->err.text, "includes files more than 50000 times"));
}

/* As an operator may write them: the same files. */
static void names_may_have_parts_that_say_nothing(void **state)
{
	struct site *site = *state;
	AUTO_FREE char *dokku = mem_fmt("include %s/./home//*/nginx.conf;\n", site->folder.path);
	size_t culprit = 0;

	write_site(site);
	folder_write(&site->folder, "etc/nginx.conf", "http { include ././conf.d/*.conf; }\n", 0644);
	folder_write(&site->folder, "etc/conf.d/dokku.conf", dokku, 0644);
	assert_true(test_change(site, "home/blog/nginx.conf.d/letsencrypt.conf", "# ours\n", &culprit));
	AUTO_FREE char *main_text = seen_copy(site, "nginx.conf", false);
	AUTO_FREE char *ours = seen_copy(site, "home/blog/nginx.conf.d/letsencrypt.conf", true);
	assert_string_equal(main_text, "http { include \"COPY/filesSITE/etc/conf.d/dokku.conf\"; include \"SITE/etc/conf.d/other.conf\";  }\n");
	assert_string_equal(ours, "# ours\n");
}

static void names_real_paths_and_the_culprit(void **state)
{
	static const struct {
		const char *words; /* with FOLDER for the temporary folder and SITE for the test's */
		const char *expected;
		size_t culprit;
	} cases[] = {
		{ "duplicate location \"/x\" in FOLDER/filesSITE/home/blog/nginx.conf.d/letsencrypt.conf:2",
			"duplicate location \"/x\" in SITE/home/blog/nginx.conf.d/letsencrypt.conf:2", 1 },
		{ "unknown directive \"x\" in SITE/home/api/nginx.conf.d/own.conf:1", "unknown directive \"x\" in SITE/home/api/nginx.conf.d/own.conf:1", 0 },
		{ "unknown directive \"x\" in FOLDER/filesSITE/home/api/nginx.conf:1", "unknown directive \"x\" in SITE/home/api/nginx.conf:1", 0 },
		{ "cannot load certificate \"SITE/home/blog/tls/server.crt\"", "cannot load certificate \"SITE/home/blog/tls/server.crt\"", 1 },
		{ "unknown directive \"x\" in FOLDER/main/nginx.conf:1", "unknown directive \"x\" in SITE/etc/nginx.conf:1", SIZE_MAX },
		{ "unknown directive \"x\" in SITE/home/blog2/nginx.conf:1", "unknown directive \"x\" in SITE/home/blog2/nginx.conf:1", SIZE_MAX },
	};
	struct site *site = *state;
	AUTO_FREE char *api = folder_path(&site->folder, "home/api/nginx.conf.d/letsencrypt.conf");
	AUTO_FREE char *blog = folder_path(&site->folder, "home/blog/nginx.conf.d/letsencrypt.conf");
	const struct nginx_change changes[] = { { api, "# ours\n" }, { blog, "# ours\n" } };

	write_site(site);
	assert_true(nginx_test(site->nginx, &site->err));
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_BUF words = BUF_MAX(10000);
		AUTO_BUF expected = BUF_MAX(10000);
		size_t culprit = 99;
		const char *const texts[] = { cases[i].words, cases[i].expected };

		buf_adds(&words, "nginx: [emerg] ");
		buf_adds(&expected, "nginx refuses its configuration: ");
		for (size_t j = 0; j < COUNT(texts); j++) {
			const char *mark = strstr(texts[j], "SITE");

			buf_add(j == 0 ? &words : &expected, texts[j], mark != NULL ? (size_t)(mark - texts[j]) : strlen(texts[j]));
			if (mark != NULL)
				buf_addf(j == 0 ? &words : &expected, "%s%s", site->folder.path, mark + strlen("SITE"));
		}
		buf_addc(&words, '\n');
		nginx_answers(site, "1", buf_text(&words));
		assert_false(nginx_test_changes(site->nginx, changes, 2, &culprit, &site->err));
		assert_int_equal(site->err.kind, ERR_CHILD);
		assert_string_equal(site->err.text, buf_text(&expected));
		assert_int_equal(culprit, cases[i].culprit);
	}
}

static void knows_the_main_file_of_a_broken_host(void **state)
{
	struct site *site = *state;
	size_t culprit = 0;

	write_site(site);
	nginx_answers(site, "1", "nginx: [emerg] bind() failed\n");
	assert_false(test_change(site, "home/blog/nginx.conf.d/letsencrypt.conf", "# ours\n", &culprit));
	assert_string_equal(site->err.text, "nginx refuses its configuration: bind() failed");
	AUTO_FREE char *main_text = seen_copy(site, "nginx.conf", false);
	assert_non_null(strstr(main_text, "COPY/files"));
}

static void knows_whether_there_is_auth_request(void **state)
{
	struct site *site = *state;

	assert_true(nginx_has_auth_request(site->nginx));
	nginx_answers(site, "1", "nginx: [emerg] unknown directive \"auth_request\" in FOLDER/nginx.conf:4\n");
	/* Asked once. */
	assert_true(nginx_has_auth_request(site->nginx));
	site_open(site, "debian", NULL);
	assert_false(nginx_has_auth_request(site->nginx));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(root_needs_no_sudo),
		SITE_TEST(others_go_through_sudo),
		SITE_TEST(reloads_as_the_distribution_does),
		SITE_TEST(an_operator_s_command_reloads),
		SITE_TEST(a_failed_reload_says_why),
		SITE_TEST(a_refusal_has_nginx_s_words),
		SITE_TEST(copies_the_chain_that_leads_to_a_change),
		SITE_TEST(a_file_can_be_as_if_it_were_not_there),
		SITE_TEST(takes_an_app_s_whole_configuration),
		SITE_TEST(files_that_include_each_other_end),
		SITE_TEST(files_that_all_include_each_other_end),
		SITE_TEST(names_may_have_parts_that_say_nothing),
		SITE_TEST(names_real_paths_and_the_culprit),
		SITE_TEST(knows_the_main_file_of_a_broken_host),
		SITE_TEST(knows_whether_there_is_auth_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
