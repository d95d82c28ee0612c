/* SPDX-License-Identifier: MIT */
#include "flow/suffixes.h"

#include <fcntl.h>

#include "net/http.h"
#include "net/transfer.h"
#include "sys/loop.h"
#include "tests/unit/net/server.h"
#include "tests/unit/platform/folder.h"

#define DATED(date, rule) "// remarks\n\n// VERSION: " date "\n// COMMIT: 0\n\ncom\norg\n" rule "\n"
#define UNDATED(rule) "// VERSION: none\ncom\norg\n" rule "\n"
#define LONG_AGO 1000000000
#define IN_2026 1790000000

struct desk {
	struct folder folder;
	int fetched_fd;
	char *own, *system;
	struct suffix_places places;
	struct err err;
};

static int setup(void **state)
{
	struct desk *desk = mem_new(1, sizeof(*desk));

	folder_init(&desk->folder);
	folder_make(&desk->folder, "own");
	folder_make(&desk->folder, "system");
	folder_make(&desk->folder, "fetched");
	AUTO_FREE char *fetched = folder_path(&desk->folder, "fetched");
	desk->fetched_fd = dir_open(fetched, &desk->err);
	desk->own = folder_path(&desk->folder, "own/list");
	desk->system = folder_path(&desk->folder, "system/list");
	desk->places = (struct suffix_places){ .fetched_fd = desk->fetched_fd, .system = desk->system };
	*state = desk;
	return 0;
}

static int teardown(void **state)
{
	struct desk *desk = *state;

	(void)close(desk->fetched_fd);
	folder_done(&desk->folder);
	free(desk->own);
	free(desk->system);
	free(desk);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static void write_list(const struct desk *desk, const char *name, const char *text, int64_t at)
{
	const struct timespec times[2] = { { .tv_sec = at }, { .tv_sec = at } };
	AUTO_FREE char *path = folder_path(&desk->folder, name);

	folder_write(&desk->folder, name, text, 0644);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Whose rule counts: "own.com", "fetched.com" or "system.com" is a suffix. */
static void assert_newest(struct desk *desk, const char *which)
{
	AUTO_SUFFIXES *suffixes = suffix_list_newest(&desk->places, &desk->err);
	AUTO_FREE char *name = mem_fmt("www.app.%s.com", which);
	AUTO_FREE char *expected = mem_fmt("app.%s.com", which);

	if (!suffixes)
		fail_msg("%s: %s", which, desk->err.text);
	AUTO_FREE char *domain = domain_registered(suffixes, name);
	assert_string_equal(domain, expected);
}

static void the_newest_counts(void **state)
{
	struct desk *desk = *state;

	write_list(desk, "system/list", UNDATED("system.com"), LONG_AGO);
	assert_newest(desk, "system");
	write_list(desk, "fetched/public_suffix_list.dat", DATED("2026-07-14_08-33-11_UTC", "fetched.com"), LONG_AGO);
	assert_newest(desk, "fetched");
	/* 2026-09-21 by its file's date */
	write_list(desk, "system/list", UNDATED("system.com"), IN_2026);
	assert_newest(desk, "system");
	/* The date in the list wins over that of its file. */
	write_list(desk, "system/list", DATED("2026-07-14_08-33-10_UTC", "system.com"), IN_2026);
	assert_newest(desk, "fetched");
	/* An operator's one that is never named is never read. */
	write_list(desk, "own/list", DATED("2026-07-15_00-00-00_UTC", "own.com"), LONG_AGO);
	assert_newest(desk, "fetched");
	desk->places.own = desk->own;
	assert_newest(desk, "own");
	write_list(desk, "own/list", DATED("2026-01-15_00-00-00_UTC", "own.com"), IN_2026);
	assert_newest(desk, "fetched");
	/* Of the same date: the operator's. */
	write_list(desk, "own/list", DATED("2026-07-14_08-33-11_UTC", "own.com"), LONG_AGO);
	assert_newest(desk, "own");
}

static void links_of_operators_are_followed(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *link = folder_path(&desk->folder, "own/link");

	write_list(desk, "own/list", UNDATED("own.com"), IN_2026);
	assert_int_equal(symlink("list", link), 0);
	desk->places.own = link;
	assert_newest(desk, "own");
	assert_true(suffix_list_check(link, &desk->err));
}

static void what_makes_no_sense_is_passed_over(void **state)
{
	struct desk *desk = *state;

	write_list(desk, "fetched/public_suffix_list.dat", "<html>", IN_2026);
	write_list(desk, "system/list", UNDATED("system.com"), LONG_AGO);
	assert_newest(desk, "system");
	write_list(desk, "system/list", "", IN_2026 + 1);
	write_list(desk, "fetched/public_suffix_list.dat", UNDATED("fetched.com"), LONG_AGO);
	assert_newest(desk, "fetched");
}

static void refuses(struct desk *desk, const char *why)
{
	assert_null(suffix_list_newest(&desk->places, &desk->err));
	assert_int_equal(desk->err.kind, ERR_CONFIG);
	if (!strstr(desk->err.text, why))
		fail_msg("%s", desk->err.text);
}

static void without_any_list(void **state)
{
	struct desk *desk = *state;

	refuses(desk, "sudo apt-get install publicsuffix");
	write_list(desk, "system/list", "garbage", IN_2026);
	refuses(desk, "sudo apt-get install publicsuffix");
}

static void an_operator_s_list_has_to_be_good(void **state)
{
	struct desk *desk = *state;

	write_list(desk, "system/list", UNDATED("system.com"), LONG_AGO);
	desk->places.own = desk->own;
	refuses(desk, desk->own);
	refuses(desk, "No such file");
	write_list(desk, "own/list", "garbage", IN_2026);
	refuses(desk, desk->own);
	refuses(desk, "not a public suffix list");
	assert_false(suffix_list_check(desk->own, &desk->err));
	assert_non_null(strstr(desk->err.text, desk->own));
	assert_false(suffix_list_check("/nonexistent", &desk->err));
	assert_false(suffix_list_check("relative", &desk->err));
}

/* ---- fetching ---- */

struct net {
	struct server server;
	struct loop *loop;
	struct transfers *transfers;
	struct http *http;
};

static void net_start(struct net *net)
{
	net->server = server_start(true);
	net->loop = loop_new();
	net->transfers = transfers_new(net->loop);
	net->http = http_new(net->transfers, "tester/1", net->server.trust_file);
}

static void net_stop(struct net *net)
{
	http_free(net->http);
	transfers_free(net->transfers);
	loop_free(net->loop);
	server_stop(&net->server);
}

static bool fetch(struct desk *desk, struct net *net, const char *path)
{
	AUTO_FREE char *url = mem_fmt("https://127.0.0.1:%d%s", net->server.port, path);

	return suffix_list_fetch(net->http, url, desk->fetched_fd, &desk->err);
}

static uint64_t inode(const struct desk *desk)
{
	return file_stamp(desk->fetched_fd, "public_suffix_list.dat").inode;
}

static void a_list_is_fetched_if_it_changed(void **state)
{
	struct desk *desk = *state;
	struct net net;

	net_start(&net);
	assert_true(fetch(desk, &net, "/list"));
	assert_newest(desk, "fetched");
	assert_int_equal(folder_mode(&desk->folder, "fetched/public_suffix_list.dat"), 0600);
	uint64_t first = inode(desk);
	assert_true(fetch(desk, &net, "/list"));
	assert_int_equal(net.server.counts->requests, 2);
	assert_int_equal(inode(desk), first);
	/* What was changed here meanwhile is not taken for what the server calls unchanged. */
	write_list(desk, "fetched/public_suffix_list.dat", UNDATED("other.com"), IN_2026);
	assert_true(fetch(desk, &net, "/list"));
	assert_newest(desk, "fetched");
	/* Nor what came from elsewhere. */
	first = inode(desk);
	AUTO_FREE char *source = folder_read(&desk->folder, "fetched/public_suffix_list.source");
	AUTO_FREE char *other = mem_fmt("url https://127.0.0.1/list\n%s", strstr(source, "sha256 "));
	folder_write(&desk->folder, "fetched/public_suffix_list.source", other, 0600);
	assert_true(fetch(desk, &net, "/list"));
	assert_int_not_equal(inode(desk), first);
	net_stop(&net);
}

static void what_is_no_list_leaves_the_old_one(void **state)
{
	static const struct {
		const char *path, *why;
	} cases[] = {
		{ "/hello", "/hello' answers with is not a public suffix list" }, { "/missing", "status 404 instead of a list" },
		{ "/redirect", "status 302 instead" }, { "/big", "larger than" }, { "/cut", "broke off" },
	};
	struct desk *desk = *state;
	struct net net;

	net_start(&net);
	assert_true(fetch(desk, &net, "/list"));
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (fetch(desk, &net, cases[i].path) || !strstr(desk->err.text, cases[i].why))
			fail_msg("%s: %s", cases[i].path, desk->err.text);
		assert_newest(desk, "fetched");
	}
	net_stop(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_counts),
		TEST(links_of_operators_are_followed),
		TEST(what_makes_no_sense_is_passed_over),
		TEST(without_any_list),
		TEST(an_operator_s_list_has_to_be_good),
		TEST(a_list_is_fetched_if_it_changed),
		TEST(what_is_no_list_leaves_the_old_one),
	};

	return cmocka_run_group_tests_name("flow/suffixes", tests, NULL, NULL);
}
