/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/legacy.h"

/* What enable says without a worker. */

#define LATER ((int64_t)4000000000)
#define CONFIG "lib/config/letsencrypt/"

/* With a good certificate, and everything as it should be. */
static void secure(struct desk *desk, const char *app)
{
	AUTO_FREE char *domains = mem_fmt("home/%s/VHOST", app);
	AUTO(app_done) struct app read = { 0 };

	folder_write(&desk->tree->folder, domains, "blog.example.com\n", 0644);
	desk_install(desk, app, LATER, true);
	assert_true(app_read(&desk->context, app, &read, &desk->err));
	assert_true(legacy_follow(&desk->context, &read, true, &desk->err));
}

/* An app that cannot be read fails alone. */
static void all_goes_on_after_a_broken_one(void **state)
{
	struct desk *desk = *state;
	int exit_status = 0;

	secure(desk, "shop");
	folder_write(&desk->tree->folder, CONFIG "blog/graceperiod", "soon", 0600);
	assert_true(enable_all(&desk->context, false, &exit_status, &desk->err));
	assert_int_equal(exit_status, 1);
	AUTO_FREE char *said = strs_join(&desk->said, "\n");
	assert_non_null(strstr(said, "warn blog: property graceperiod of blog is 'soon'"));
	assert_non_null(strstr(said, "info1 shop: Certificate is still valid for shop, skipping certificate request"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(all_goes_on_after_a_broken_one),
	};

	return cmocka_run_group_tests_name("flow/enable", tests, NULL, NULL);
}
