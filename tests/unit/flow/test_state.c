/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/app.h"
#include "flow/engine.h"
#include "flow/state.h"
#include "util/when.h"

/* When the state line is written, and until when it says "nothing to do". */

#define NOW ((int64_t)1700000000)
#define DAYS(n) ((int64_t)(n) * WHEN_DAY)

static int64_t now(void *ctx)
{
	(void)ctx;
	return NOW;
}

static void set(struct desk *desk, const char *scope, const char *key, const char *value)
{
	AUTO_FREE char *name = mem_fmt("lib/config/letsencrypt/%s/%s", scope, key);

	folder_write(&desk->tree->folder, name, value, 0600);
}

/* False: there is no line, so that a deploy or a run looks again. */
static bool settle(struct desk *desk, struct state *ret_state)
{
	state_settle(&desk->context, "blog");
	return state_read(&desk->context, "blog", state_fingerprint(&desk->context, "blog", state_of_host(&desk->context)), ret_state);
}

static int begin(void **state)
{
	int status = desk_setup(state);
	struct desk *desk = *state;

	desk->context.clock = (struct clock){ .now_at = now };
	return status;
}

static void a_good_certificate_is_settled_until_its_renewal(void **state)
{
	struct desk *desk = *state;
	struct state line = { 0 };

	desk_install(desk, "blog", NOW + DAYS(60), true);
	assert_true(settle(desk, &line));
	assert_int_equal(line.renew_at, NOW + DAYS(30));
	assert_int_equal(line.check_at, NOW + DAYS(30));
}

static void a_window_is_asked_for_soon_after_issuance(void **state)
{
	struct desk *desk = *state;
	AUTO(app_done) struct app app = { 0 };
	AUTO(decision_done) struct decision decision = { .at = NOW + DAYS(30) };
	struct state line = { 0 };
	uint64_t fingerprint = 0;

	desk_install(desk, "blog", NOW + DAYS(60), true);
	fingerprint = state_fingerprint(&desk->context, "blog", state_of_host(&desk->context));
	assert_true(app_read(&desk->context, "blog", &app, &desk->err));
	free(app.held.known.ari_id);
	app.held.known.ari_id = mem_strdup("a.b");
	state_remember(&desk->context, &app, &decision, fingerprint);
	assert_true(state_read(&desk->context, "blog", fingerprint, &line));
	assert_int_equal(line.check_at, NOW + 6 * WHEN_HOUR);
	app.held.known.window_retry_at = NOW + 100;
	state_remember(&desk->context, &app, &decision, fingerprint);
	assert_true(state_read(&desk->context, "blog", fingerprint, &line));
	assert_int_equal(line.check_at, NOW + 100);
}

static void a_name_that_is_left_out_is_tried_again_tomorrow(void **state)
{
	struct desk *desk = *state;
	AUTO(app_done) struct app app = { 0 };
	AUTO(decision_done) struct decision decision = { .at = NOW + DAYS(30) };
	struct state line = { 0 };

	desk_install(desk, "blog", NOW + DAYS(60), true);
	assert_true(app_read(&desk->context, "blog", &app, &desk->err));
	strs_add(&decision.left_out, "new.example.com");
	state_remember(&desk->context, &app, &decision, 1);
	assert_true(state_read(&desk->context, "blog", 1, &line));
	assert_int_equal(line.check_at, NOW + DAYS(1));
}

static void what_is_due_or_missing_or_not_served_is_not_settled(void **state)
{
	struct desk *desk = *state;
	struct state line = { 0 };

	set(desk, "blog", "enabled", "true");
	assert_false(settle(desk, &line));
	desk_install(desk, "blog", NOW + DAYS(10), true);
	assert_false(settle(desk, &line));
	desk_install(desk, "blog", NOW + DAYS(60), true);
	assert_true(settle(desk, &line));
	assert_true(store_app_unserved(desk->context.store, "blog", "nginx", &desk->err));
	assert_false(settle(desk, &line));
}

/* Nothing else may tell that it was deployed since. */
static void an_app_that_a_deploy_would_enable_is_never_settled(void **state)
{
	struct desk *desk = *state;
	struct state line = { 0 };

	assert_true(settle(desk, &line));
	set(desk, "--global", "auto-enable", "true");
	assert_false(settle(desk, &line));
	set(desk, "blog", "dns-provider", "cloudflare");
	assert_true(settle(desk, &line));
	set(desk, "blog", "dns-provider", "");
	desk_install(desk, "blog", NOW + DAYS(60), false);
	assert_true(settle(desk, &line));
	set(desk, "blog", "enabled", "false");
	assert_true(settle(desk, &line));
	set(desk, "blog", "enabled", "");
	set(desk, "blog", "auto-enable", "false");
	assert_true(settle(desk, &line));
	assert_int_equal(line.check_at, NOW + DAYS(1));
}

#define STATE_TEST(function) cmocka_unit_test_setup_teardown(function, begin, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STATE_TEST(a_good_certificate_is_settled_until_its_renewal),
		STATE_TEST(a_window_is_asked_for_soon_after_issuance),
		STATE_TEST(a_name_that_is_left_out_is_tried_again_tomorrow),
		STATE_TEST(what_is_due_or_missing_or_not_served_is_not_settled),
		STATE_TEST(an_app_that_a_deploy_would_enable_is_never_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
