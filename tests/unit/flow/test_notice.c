/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/notice.h"
#include "flow/notify.h"

/* Which state an app is in for those who are not looking; and who may be told. */

#define EXPIRES ((int64_t)100000)
#define RENEWS ((int64_t)70000)

static struct notice_facts good(void)
{
	return (struct notice_facts){
		.is_wanted = true,
		.has_certificate = true,
		.expires_at = EXPIRES,
		.renew_at = RENEWS,
		.held_back = "",
		.paused = "",
		.failed = "",
		.cannot = "",
		.waits = "",
	};
}

static void assert_notice(const struct notice_facts *facts, int64_t now_at, enum notice_kind expected, const char *expected_cause)
{
	const char *cause = NULL;

	assert_int_equal(notice_of(facts, now_at, &cause), expected);
	assert_string_equal(cause, expected_cause);
}

static void time_makes_it_worse(void **state)
{
	struct notice_facts facts = good();

	(void)state;
	facts.failed = "no answer";
	assert_notice(&facts, 80000, NOTICE_FAILING, "no answer");
	assert_notice(&facts, 89999, NOTICE_FAILING, "no answer");
	assert_notice(&facts, 90000, NOTICE_ENDING, "no answer");
	assert_notice(&facts, 99999, NOTICE_ENDING, "no answer");
	assert_notice(&facts, EXPIRES, NOTICE_EXPIRED, "no answer");
	facts.failed = "";
	assert_notice(&facts, 89999, NOTICE_GOOD, "");
	facts.waits = "used up";
	assert_notice(&facts, 80000, NOTICE_GOOD, "");
	assert_notice(&facts, 90000, NOTICE_ENDING, "used up");
	facts.waits = "";
	assert_notice(&facts, 90000, NOTICE_ENDING, "no run has renewed it: is the schedule on (dokku letsencrypt:cron-job)?");
	/* Renewed at every run: there is no time in which it should have been. */
	facts.renew_at = EXPIRES;
	assert_notice(&facts, EXPIRES - 1, NOTICE_GOOD, "");
}

static void the_cause_is_what_keeps_it_from_being_renewed(void **state)
{
	struct notice_facts facts = good();

	(void)state;
	facts.failed = "failed";
	facts.paused = "paused";
	assert_notice(&facts, 80000, NOTICE_PAUSED, "paused");
	facts.held_back = "revoked";
	assert_notice(&facts, 80000, NOTICE_HELD_BACK, "revoked");
	assert_notice(&facts, EXPIRES, NOTICE_EXPIRED, "revoked");
	facts.held_back = "";
	facts.cannot = "needs DNS";
	assert_notice(&facts, EXPIRES, NOTICE_EXPIRED, "needs DNS");
}

static void nobody_hears_of_what_nobody_wants(void **state)
{
	struct notice_facts facts = good();

	(void)state;
	facts.failed = "failed";
	facts.is_wanted = false;
	assert_notice(&facts, EXPIRES, NOTICE_NONE, "");
	/* Not yet got: there is nothing that could expire. */
	facts = good();
	facts.has_certificate = false;
	facts.expires_at = facts.renew_at = 0;
	assert_notice(&facts, EXPIRES, NOTICE_GOOD, "");
	facts.failed = "failed";
	assert_notice(&facts, EXPIRES, NOTICE_FAILING, "failed");
}

static void assert_program(struct desk *desk, const char *name, mode_t mode, const char *complaint)
{
	AUTO_FREE char *path = folder_path(&desk->tree->folder, name);

	folder_write(&desk->tree->folder, name, "#!/bin/sh\n", mode);
	if (complaint) {
		assert_false(notify_check_program(path, &desk->err));
		assert_non_null(strstr(desk->err.text, complaint));
	} else {
		assert_true(notify_check_program(path, &desk->err));
	}
}

static void a_program_that_others_can_change_is_refused(void **state)
{
	struct desk *desk = *state;

	assert_program(desk, "bin/good", 0755, NULL);
	assert_program(desk, "bin/of-group", 0775, "can be changed by others");
	assert_program(desk, "bin/of-all", 0757, "can be changed by others");
	assert_program(desk, "bin/text", 0644, "is not a program that can be run");
	assert_false(notify_check_program("good", &desk->err));
	assert_non_null(strstr(desk->err.text, "does not start with '/'"));
	assert_false(notify_check_program("/nowhere/at-all", &desk->err));
	assert_false(notify_check_program("/usr", &desk->err));
	assert_non_null(strstr(desk->err.text, "is not a program"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_makes_it_worse),
		cmocka_unit_test(the_cause_is_what_keeps_it_from_being_renewed),
		cmocka_unit_test(nobody_hears_of_what_nobody_wants),
		DESK_TEST(a_program_that_others_can_change_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
