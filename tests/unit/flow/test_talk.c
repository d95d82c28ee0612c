/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/talk.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

static void note(void *ctx, enum talk_kind kind, const char *app, const char *text)
{
	strs_addf(ctx, "%d %s %s", (int)kind, app ? app : "-", text);
}

static void each_line_is_said(void **state)
{
	AUTO_STRS said = { 0 };
	struct talk talk = { note, &said };
	struct err err = { 0 };

	(void)state;
	talk_say(&talk, TALK_INFO1, "blog", "%s", "one\ntwo");
	talk_say(&talk, TALK_END, "blog", "%s", "");
	(void)err_set(&err, ERR_CONFIG, "three");
	err_append(&err, "four");
	talk_err(&talk, NULL, &err);
	AUTO_FREE char *all = strs_join(&said, "\n");
	AUTO_FREE char *expected =
		mem_fmt("%d blog one\n%d blog two\n%d blog \n%d - three\n%d - four", TALK_INFO1, TALK_INFO1, TALK_END, TALK_WARN, TALK_WARN);
	assert_string_equal(all, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_line_is_said) };

	return cmocka_run_group_tests_name("flow/talk", tests, NULL, NULL);
}
