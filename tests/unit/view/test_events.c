/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "view/events.h"
#include "view/who.h"

static void add(struct desk *desk, const char *app, const char *result)
{
	char enable[] = "enable", issue[] = "issue", next[] = "the next run";
	AUTO_FREE char *app_copy = mem_strdup(app);
	AUTO_FREE char *result_copy = mem_strdup(result);
	const struct store_event event = { .app = app_copy, .cause = enable, .decision = issue, .result = result_copy, .next = next };
	struct store *store = context_store(&desk->context, &desk->err);

	assert_true(store && store_event_add(store, &event, &desk->err));
}

/* The platform shows the caller no app but blog. */
static void show_only_blog(struct desk *desk)
{
	folder_write(&desk->tree->folder, "lib/plugins/enabled/filter/user-auth-app", "#!/bin/sh\n", 0755);
	folder_write(&desk->tree->folder, "plugn.d/app-list", "echo blog\n", 0644);
}

static void who_sees_all_sees_every_name(void **state)
{
	struct desk *desk = *state;
	AUTO(viewer_done) struct viewer viewer = { 0 };

	folder_write(&desk->tree->folder, "home/shop/VHOST", "", 0644);
	assert_true(viewer_open(&desk->context, &viewer, &desk->err));
	assert_true(viewer.sees_all);
	assert_string_equal(viewer_name(&viewer, "shop"), "shop");
	assert_string_equal(viewer_name(&viewer, "long-gone"), "long-gone");
	assert_true(viewer_check(&viewer, &desk->context, "shop", &desk->err));
	assert_false(viewer_check(&viewer, &desk->context, "long-gone", &desk->err));
	assert_int_equal(desk->err.kind, ERR_NO_APP);
}

static void others_have_no_name(void **state)
{
	struct desk *desk = *state;
	AUTO(viewer_done) struct viewer viewer = { 0 };

	folder_write(&desk->tree->folder, "home/shop/VHOST", "", 0644);
	show_only_blog(desk);
	assert_true(viewer_open(&desk->context, &viewer, &desk->err));
	assert_string_equal(viewer_name(&viewer, "blog"), "blog");
	assert_string_equal(viewer_name(&viewer, "shop"), "another app");
	assert_string_equal(viewer_name(&viewer, ""), "");
	assert_false(viewer_check(&viewer, &desk->context, "shop", &desk->err));
	assert_int_equal(desk->err.kind, ERR_NO_APP);
	assert_string_equal(desk->err.text, "App shop does not exist");
}

static void of_other_apps_only_that_something_happened(void **state)
{
	struct desk *desk = *state;
	AUTO(viewer_done) struct viewer viewer = { 0 };
	AUTO(view_events_done) struct view_events all = { 0 };
	AUTO(view_events_done) struct view_events later = { 0 };

	folder_write(&desk->tree->folder, "home/shop/VHOST", "", 0644);
	show_only_blog(desk);
	assert_true(viewer_open(&desk->context, &viewer, &desk->err));
	add(desk, "blog", "failed: blog.example.com has no address");
	add(desk, "shop", "failed: shop.example.com has no address");
	assert_true(view_events(&desk->context, &viewer, NULL, 10, &all, &desk->err));
	assert_int_equal(all.count, 2);
	assert_string_equal(all.items[0].result, "failed: blog.example.com has no address");
	assert_string_equal(all.items[0].next, "the next run");
	assert_string_equal(all.items[1].app, "another app");
	assert_string_equal(all.items[1].decision, "issue");
	assert_string_equal(all.items[1].result, "failed");
	assert_string_equal(all.items[1].next, "");
	add(desk, "shop", "installed");
	add(desk, "blog", "installed");
	assert_true(view_events_after(&desk->context, &viewer, NULL, all.items[1].id, &later, &desk->err));
	assert_int_equal(later.count, 2);
	assert_string_equal(later.items[0].app, "another app");
	assert_string_equal(later.items[1].app, "blog");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(who_sees_all_sees_every_name),
		DESK_TEST(others_have_no_name),
		DESK_TEST(of_other_apps_only_that_something_happened),
	};

	return cmocka_run_group_tests_name("view/events", tests, NULL, NULL);
}
