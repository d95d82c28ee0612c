/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/state.h"
#include "util/clock.h"
#include "view/plan.h"

#define LATER ((int64_t)4000000000)
#define CONFIG "lib/config/letsencrypt/"

static const struct strs nobody = { 0 };

/* A state line that holds for the files as they are. */
static void write_line(struct desk *desk, const struct state *state)
{
	state_write(&desk->context, "blog", state_fingerprint(&desk->context, "blog", state_of_host(&desk->context)), state);
}

static void make(struct desk *desk, const struct view_plan_wish *wish, struct view_plan *ret_plan)
{
	if (!view_plan(&desk->context, wish, ret_plan, &desk->err))
		fail_msg("%s", desk->err.text);
}

/* Of the only app that is listed. */
static void assert_only(const struct view_plan *plan, const char *decision, const char *why)
{
	assert_int_equal(plan->count, 1);
	assert_string_equal(plan->items[0].app, "blog");
	assert_string_equal(plan->items[0].decision, decision);
	if (!strstr(plan->items[0].why, why))
		fail_msg("not '%s' but: %s", why, plan->items[0].why);
}

static void use_email(struct desk *desk)
{
	folder_write(&desk->tree->folder, CONFIG "--global/email", "you@example.com", 0600);
}

static void it_is_what_the_command_of_that_name_would_do(void **state)
{
	struct desk *desk = *state;
	AUTO_STRS blog = { 0 };
	AUTO(view_plan_done) struct view_plan schedule = { 0 };
	AUTO(view_plan_done) struct view_plan typed = { 0 };
	AUTO(view_plan_done) struct view_plan all = { 0 };

	use_email(desk);
	strs_add(&blog, "blog");
	make(desk, &(struct view_plan_wish){ .apps = &nobody }, &schedule);
	assert_int_equal(schedule.count, 0);
	assert_int_equal(schedule.app_count, 1);
	assert_int_equal(schedule.without_count, 1);
	make(desk, &(struct view_plan_wish){ .apps = &blog }, &typed);
	assert_only(&typed, "issue", "there is no certificate yet");
	assert_string_equal(typed.items[0].urgency, "no certificate");
	make(desk, &(struct view_plan_wish){ .apps = &nobody, .is_all = true, .is_whole = true }, &all);
	assert_only(&all, "issue", "there is no certificate yet");
}

static void what_is_switched_off_is_left_alone(void **state)
{
	struct desk *desk = *state;
	AUTO_STRS blog = { 0 };
	AUTO(view_plan_done) struct view_plan all = { 0 };
	AUTO(view_plan_done) struct view_plan typed = { 0 };

	use_email(desk);
	strs_add(&blog, "blog");
	folder_write(&desk->tree->folder, CONFIG "blog/enabled", "false", 0600);
	make(desk, &(struct view_plan_wish){ .apps = &nobody, .is_all = true, .is_whole = true }, &all);
	assert_only(&all, "nothing", "is disabled");
	make(desk, &(struct view_plan_wish){ .apps = &blog }, &typed);
	assert_only(&typed, "issue", "there is no certificate yet");
}

static void what_would_stop_a_run_is_told(void **state)
{
	struct desk *desk = *state;
	AUTO_STRS blog = { 0 };
	AUTO(view_plan_done) struct view_plan no_email = { 0 };
	AUTO(view_plan_done) struct view_plan no_conf = { 0 };
	AUTO(view_plan_done) struct view_plan no_sense = { 0 };

	strs_add(&blog, "blog");
	make(desk, &(struct view_plan_wish){ .apps = &blog }, &no_email);
	assert_only(&no_email, "refuse", "without an e-mail address");
	use_email(desk);
	folder_write(&desk->tree->folder, CONFIG "blog/enabled", "true", 0600);
	make(desk, &(struct view_plan_wish){ .apps = &nobody }, &no_conf);
	assert_only(&no_conf, "refuse", "it has no nginx.conf");
	folder_write(&desk->tree->folder, CONFIG "blog/graceperiod", "soon", 0600);
	make(desk, &(struct view_plan_wish){ .apps = &nobody }, &no_sense);
	assert_only(&no_sense, "refuse", "graceperiod");
}

static void a_good_certificate_is_counted_until_its_renewal_matters(void **state)
{
	struct desk *desk = *state;
	AUTO(view_plan_done) struct view_plan now = { 0 };
	AUTO(view_plan_done) struct view_plan whole = { 0 };
	AUTO(view_plan_done) struct view_plan later = { 0 };

	desk_install(desk, "blog", LATER, true);
	make(desk, &(struct view_plan_wish){ .apps = &nobody }, &now);
	assert_int_equal(now.count, 0);
	assert_int_equal(now.good_count, 1);
	int64_t renew_at = now.next_at;
	assert_true(renew_at > 0 && renew_at < LATER);
	make(desk, &(struct view_plan_wish){ .apps = &nobody, .is_whole = true }, &whole);
	assert_only(&whole, "nothing", "the certificate is good");
	make(desk, &(struct view_plan_wish){ .apps = &nobody, .until_at = renew_at }, &later);
	assert_only(&later, "renew", "due");
	assert_int_equal(later.items[0].at, renew_at);
}

/* What the state line says is believed: a run reads no more either. */
static void a_state_line_is_enough(void **state)
{
	struct desk *desk = *state;
	AUTO(view_plan_done) struct view_plan believed = { 0 };
	AUTO(view_plan_done) struct view_plan all = { 0 };
	AUTO(view_plan_done) struct view_plan changed = { 0 };
	AUTO(view_plan_done) struct view_plan over = { 0 };

	use_email(desk);
	desk_install(desk, "blog", LATER, true);
	write_line(desk, &(struct state){ .check_at = LATER, .renew_at = LATER - 7 });
	make(desk, &(struct view_plan_wish){ .apps = &nobody }, &believed);
	assert_int_equal(believed.next_at, LATER - 7);
	make(desk, &(struct view_plan_wish){ .apps = &nobody, .is_all = true, .is_whole = true }, &all);
	assert_only(&all, "nothing", "");
	assert_int_equal(all.items[0].at, LATER - 7);
	/* The schedule buys nothing because of a setting, enable does. */
	folder_write(&desk->tree->folder, CONFIG "--global/key-type", "ec384", 0600);
	write_line(desk, &(struct state){ .check_at = LATER, .renew_at = LATER - 7 });
	make(desk, &(struct view_plan_wish){ .apps = &nobody, .is_all = true, .is_whole = true }, &changed);
	assert_only(&changed, "issue", "settings changed");
	write_line(desk, &(struct state){ .check_at = 1, .renew_at = LATER - 7 });
	make(desk, &(struct view_plan_wish){ .apps = &nobody }, &over);
	assert_true(over.next_at != LATER - 7);
}

static void more_apps_ask_as_real_ones_would(void **state)
{
	struct desk *desk = *state;
	AUTO_STRS blog = { 0 };
	AUTO(view_plan_done) struct view_plan fits = { 0 };

	use_email(desk);
	strs_add(&blog, "blog");
	make(desk, &(struct view_plan_wish){ .apps = &blog, .add_count = 12, .add_domain = "www.example.com" }, &fits);
	assert_true(fits.has_what_if);
	assert_string_equal(fits.what_if.registered, "example.com");
	assert_int_equal(fits.what_if.size, 50);
	assert_int_equal(fits.what_if.free, 50);
	assert_int_equal(fits.what_if.taken, 1);
	assert_int_equal(fits.what_if.fit_count, 12);
	assert_int_equal(fits.what_if.last_at, 0);
}

static void too_many_more_apps_wait(void **state)
{
	struct desk *desk = *state;
	AUTO(view_plan_done) struct view_plan waits = { 0 };

	make(desk, &(struct view_plan_wish){ .apps = &nobody, .add_count = 47, .add_domain = "example.com" }, &waits);
	/* Five are kept; the first unit comes back after 201.6 minutes, and the second one as long after it. */
	assert_int_equal(waits.what_if.taken, 0);
	assert_int_equal(waits.what_if.fit_count, 45);
	int64_t after_s = waits.what_if.last_at - clock_now(&desk->context.clock);
	assert_in_range(after_s, 24192 - 30, 24192 + 30);
	assert_non_null(strstr(waits.what_if.why, "new certificates for example.com within 7 days are used up"));
}

static void the_platform_s_domain_is_the_default(void **state)
{
	struct desk *desk = *state;
	AUTO(view_plan_done) struct view_plan plan = { 0 };
	const struct view_plan_wish wish = { .apps = &nobody, .add_count = 1 };
	const struct view_plan_wish senseless = { .apps = &nobody, .add_count = 1, .add_domain = "localhost" };

	assert_false(view_plan(&desk->context, &wish, &plan, &desk->err));
	assert_non_null(strstr(desk->err.text, "--add 12.example.com"));
	assert_false(view_plan(&desk->context, &senseless, &plan, &desk->err));
	assert_non_null(strstr(desk->err.text, "'localhost' has no dot"));
	folder_write(&desk->tree->folder, "home/VHOST", "apps.Example.org\n", 0644);
	make(desk, &wish, &plan);
	assert_string_equal(plan.what_if.domain, "apps.example.org");
	assert_string_equal(plan.what_if.registered, "example.org");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(it_is_what_the_command_of_that_name_would_do),
		DESK_TEST(what_is_switched_off_is_left_alone),
		DESK_TEST(what_would_stop_a_run_is_told),
		DESK_TEST(a_good_certificate_is_counted_until_its_renewal_matters),
		DESK_TEST(a_state_line_is_enough),
		DESK_TEST(more_apps_ask_as_real_ones_would),
		DESK_TEST(too_many_more_apps_wait),
		DESK_TEST(the_platform_s_domain_is_the_default),
	};

	return cmocka_run_group_tests_name("view/plan", tests, NULL, NULL);
}
