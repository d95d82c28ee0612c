/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include <stdio.h>
#include <unistd.h>

#include "flow/app.h"
#include "flow/legacy.h"

/* What the bash plugin would find when somebody goes back to it. */

#define LATER ((int64_t)4000000000)
#define CONFIG "lib/config/letsencrypt/"
#define CERTS "home/blog/letsencrypt/certs/"

static struct app read_app(struct desk *desk)
{
	struct app app = { 0 };

	assert_true(app_read(&desk->context, "blog", &app, &desk->err));
	return app;
}

static bool is_behind(struct desk *desk, bool is_typed)
{
	AUTO(app_done) struct app app = read_app(desk);

	return legacy_is_behind(&desk->context, &app, is_typed);
}

static void follow(struct desk *desk, bool is_typed)
{
	AUTO(app_done) struct app app = read_app(desk);

	assert_true(legacy_follow(&desk->context, &app, is_typed, &desk->err));
}

/* The name of the folder that is in use; the caller frees it. */
static char *current(struct desk *desk)
{
	AUTO_FREE char *link = folder_path(&desk->tree->folder, CERTS "current");
	char target[4096];
	ssize_t size = readlink(link, target, sizeof(target) - 1);

	if (size <= 0)
		return mem_strdup("");
	target[size] = '\0';
	return mem_strdup(strrchr(target, '/') + 1);
}

/* Byte by byte what tls/ has, since that is what it compares. */
static void assert_found_as(struct desk *desk, const char *name)
{
	AUTO_FREE char *id = current(desk);
	AUTO_FREE char *crt = mem_fmt(CERTS "%s/certificates/%s.crt", id, name);
	AUTO_FREE char *pem = mem_fmt(CERTS "%s/certificates/%s.pem", id, name);
	AUTO_FREE char *written = folder_read(&desk->tree->folder, crt);
	AUTO_FREE char *copy = folder_read(&desk->tree->folder, "home/blog/tls/server.letsencrypt.crt");

	assert_string_equal(written, copy);
	assert_true(desk_has(desk, pem));
}

/* Let's Encrypt has an empty line between the certificates of a chain. */
static void the_layout_is_made_from_what_is_in_use(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *leaf = pem_certificate(7, "blog.example.com", LATER - 1000, LATER);
	AUTO_FREE char *chain = mem_fmt("%s\n%s", leaf, leaf);

	desk_install(desk, "blog", LATER, true);
	folder_write(&desk->tree->folder, "home/blog/tls/server.crt", chain, 0640);
	folder_write(&desk->tree->folder, "home/blog/tls/server.letsencrypt.crt", chain, 0640);
	assert_true(is_behind(desk, false));
	follow(desk, false);
	assert_found_as(desk, "blog.example.com");
	assert_false(is_behind(desk, false) || is_behind(desk, true));
}

static void it_follows_the_first_domain(void **state)
{
	struct desk *desk = *state;

	desk_install(desk, "blog", LATER, true);
	folder_write(&desk->tree->folder, "home/blog/VHOST", "old.example.com\nblog.example.com\n", 0644);
	follow(desk, false);
	assert_found_as(desk, "old.example.com");
	folder_write(&desk->tree->folder, "home/blog/VHOST", "blog.example.com\n", 0644);
	assert_true(is_behind(desk, false));
	follow(desk, false);
	assert_found_as(desk, "blog.example.com");
	assert_false(is_behind(desk, true));
}

/* It would order anew for them, if it was asked to: who typed enable asks. */
static void settings_are_followed_when_somebody_asks(void **state)
{
	struct desk *desk = *state;

	desk_install(desk, "blog", LATER, true);
	follow(desk, false);
	AUTO_FREE char *before = current(desk);
	folder_write(&desk->tree->folder, CONFIG "blog/lego-docker-options", "-v /a:/b", 0600);
	assert_false(is_behind(desk, false));
	follow(desk, false);
	AUTO_FREE char *same = current(desk);
	assert_string_equal(same, before);
	assert_true(is_behind(desk, true));
	follow(desk, true);
	AUTO_FREE char *after = current(desk);
	assert_string_not_equal(after, before);
	assert_found_as(desk, "blog.example.com");
	AUTO_FREE char *name = mem_fmt(CERTS "%s/docker_options", after);
	AUTO_FREE char *options = folder_read(&desk->tree->folder, name);
	assert_string_equal(options, "-v /a:/b");
}

/* A key of one certificate is not put beside another; a folder that an operator put elsewhere is left alone. */
static void what_cannot_be_told_is_left_alone(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *other = pem_certificate(8, "blog.example.com", LATER - 1000, LATER);
	AUTO_FREE char *link = folder_path(&desk->tree->folder, "home/blog/letsencrypt");

	assert_false(is_behind(desk, true));
	desk_install(desk, "blog", LATER, true);
	assert_int_equal(symlink("/nowhere", link), 0);
	assert_false(is_behind(desk, true));
	assert_int_equal(unlink(link), 0);
	assert_true(is_behind(desk, true));
	folder_write(&desk->tree->folder, "home/blog/tls/server.letsencrypt.crt", other, 0640);
	assert_false(is_behind(desk, true));
}

static void a_failure_says_what_it_is_for(void **state)
{
	struct desk *desk = *state;

	desk_install(desk, "blog", LATER, true);
	follow(desk, false);
	AUTO_FREE char *id = current(desk);
	AUTO_FREE char *name = mem_fmt(CERTS "%s/certificates", id);
	AUTO_FREE char *path = folder_path(&desk->tree->folder, name);
	AUTO_FREE char *away = mem_fmt("%s.away", path);
	assert_int_equal(rename(path, away), 0);
	folder_write(&desk->tree->folder, name, "in the way", 0600);
	AUTO(app_done) struct app app = read_app(desk);
	assert_false(legacy_follow(&desk->context, &app, false, &desk->err));
	assert_non_null(strstr(desk->err.text, "the copy of the certificate of blog for the older plugin: "));
	assert_non_null(strstr(desk->err.text, "home/blog/letsencrypt' away"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(the_layout_is_made_from_what_is_in_use),
		DESK_TEST(it_follows_the_first_domain),
		DESK_TEST(settings_are_followed_when_somebody_asks),
		DESK_TEST(what_cannot_be_told_is_left_alone),
		DESK_TEST(a_failure_says_what_it_is_for),
	};

	return cmocka_run_group_tests_name("flow/legacy", tests, NULL, NULL);
}
