/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/walk.h"
#include "net/probe.h"
#include "proxy/nginx.h"
#include "tests/unit/net/server.h"

/* Where the self-test goes when it is led on. */

static void the_listener_is_the_one_that_a_ca_comes_to(void **state)
{
	struct nginx_listen items[] = {
		{ "127.0.0.1", 8080, false, false }, { "::1", 80, false, true }, { "10.0.0.1", 80, false, false },
		{ "127.0.0.1", 80, false, false }, { "::1", 443, true, false }, { "127.0.0.1", 443, true, false },
	};
	struct nginx_listens listens = { items, COUNT(items) };

	(void)state;
	/* Of one port the one at an IPv4 address: where IPv6 is switched off nothing is at ::1. */
	assert_ptr_equal(walk_listen(&listens, false), &items[2]);
	assert_ptr_equal(walk_listen(&listens, true), &items[5]);
	listens.count = 5;
	assert_ptr_equal(walk_listen(&listens, true), &items[4]);
	listens.count = 2;
	assert_ptr_equal(walk_listen(&listens, false), &items[1]);
	listens.count = 1;
	assert_ptr_equal(walk_listen(&listens, false), &items[0]);
	assert_null(walk_listen(&listens, true));
}

static void names_of_this_host_are_those_of_all_apps(void **state)
{
	struct desk *desk = *state;
	AUTO_STRS names = { 0 };
	AUTO_FREE char *joined = NULL;

	folder_write(&desk->tree->folder, "home/blog/REDIRECTS", "old.example.com:blog.example.com:301\n", 0644);
	folder_write(&desk->tree->folder, "home/shop/VHOST", "shop.example.com\n*.shop.example.com\n", 0644);
	assert_true(walk_host_names(&desk->context, &names, &desk->err));
	joined = strs_join(&names, " ");
	assert_string_equal(joined, "blog.example.com old.example.com shop.example.com *.shop.example.com");
}

/* One question to the test server, whose /redirect leads to its /hello, /circle to itself, and /away to a port where no CA goes. */
static void ask(struct desk *desk, const struct server *server, const char *path, const char *host_names, struct probe *probe, struct walk *walk)
{
	struct nginx_listen item = { "127.0.0.1", server->port, false, false };
	const struct nginx_listens listens = { &item, 1 };
	AUTO_STRS names = { 0 };

	strs_split(&names, host_names, " ");
	*probe = (struct probe){ .address = "127.0.0.1", .port = server->port, .name = "a.example", .path = path };
	*walk = (struct walk){ 0 };
	probe_all(context_transfers(&desk->context), probe, 1, 5000);
	walk_all(&desk->context, &listens, &names, probe, walk, 1, 5000);
}

static void redirects_are_followed_as_far_as_a_ca_would(void **state)
{
	static const struct {
		const char *path, *host_names;
		bool leads_away;
		long status;
		int requests;
	} cases[] = {
		{ "/hello", "a.example", false, 200, 1 },
		{ "/redirect", "a.example", false, 200, 2 },
		{ "/redirect", "*.example", false, 200, 2 },
		{ "/redirect", "b.example", true, 302, 1 },
		{ "/away", "a.example other.example", false, 301, 1 },
		{ "/circle", "a.example", false, 302, 11 },
	};
	struct desk *desk = *state;
	struct server server = server_start(false);

	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(probe_done) struct probe probe = { 0 };
		AUTO(walk_done) struct walk walk = { 0 };
		int before = server.counts->requests;

		ask(desk, &server, cases[i].path, cases[i].host_names, &probe, &walk);
		if (probe.status != cases[i].status || walk.leads_away != cases[i].leads_away || server.counts->requests - before != cases[i].requests)
			fail_msg("case %zu: status %ld, away %d, %d requests", i, probe.status, walk.leads_away, server.counts->requests - before);
	}
	server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_listener_is_the_one_that_a_ca_comes_to),
		DESK_TEST(names_of_this_host_are_those_of_all_apps),
		DESK_TEST(redirects_are_followed_as_far_as_a_ca_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
