/* SPDX-License-Identifier: MIT */
/* Design 4: who goes first. */
#include "flow/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "flow/app.h"
#include "flow/decide.h"
#include "util/attr.h"
#include "util/mem.h"
#include "util/when.h"

#define NOW ((int64_t)1800000000)

/* ---- order ---- */

struct request {
	const char *app;
	enum urgency urgency;
	const char *group; /* NULL: its own */
	int64_t served_at, since_at;
};

static void assert_order(const struct request *requests, size_t count, const char *expected)
{
	struct turn turns[16];
	char found[256] = "";

	for (size_t i = 0; i < count; i++)
		turns[i] = (struct turn){ .index = i,
					  .urgency = requests[i].urgency,
					  .group = requests[i].group ? requests[i].group : requests[i].app,
					  .served_at = requests[i].served_at,
					  .since_at = requests[i].since_at,
					  .app = requests[i].app };
	turn_sort(turns, count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(turns[i].app, requests[turns[i].index].app);
		(void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i ? " " : "", turns[i].app);
	}
	assert_string_equal(found, expected);
}
#define ASSERT_ORDER(requests, expected) assert_order(requests, COUNT(requests), expected)

static void the_more_urgent_goes_first(void **state)
{
	static const struct request requests[] = {
		{ "forced", URGENCY_FORCED, .since_at = 1 }, { "names", URGENCY_NAMES, .since_at = 2 },     { "none", URGENCY_NONE, .since_at = 3 },
		{ "due", URGENCY_DUE, .since_at = 4 },       { "expires", URGENCY_EXPIRES, .since_at = 5 }, { "expired", URGENCY_EXPIRED, .since_at = 6 },
	};

	(void)state;
	ASSERT_ORDER(requests, "expired expires due none names forced");
}

static void groups_take_turns(void **state)
{
	static const struct request requests[] = {
		{ "pr-1", URGENCY_NONE, "previews", .since_at = 1 }, { "pr-2", URGENCY_NONE, "previews", .since_at = 2 },
		{ "pr-3", URGENCY_NONE, "previews", .since_at = 3 }, { "shop", URGENCY_NONE, .since_at = 4 },
		{ "blog", URGENCY_NONE, .since_at = 5 },
	};

	(void)state;
	ASSERT_ORDER(requests, "pr-1 shop blog pr-2 pr-3");
}

static void who_was_served_lately_waits_but_for_the_oldest(void **state)
{
	static const struct request requests[] = {
		{ "pr-1", URGENCY_NONE, "previews", .served_at = 900, .since_at = 1 }, { "pr-2", URGENCY_NONE, "previews", .served_at = 900, .since_at = 2 },
		{ "shop", URGENCY_NONE, .served_at = 500, .since_at = 3 },             { "blog", URGENCY_NONE, .served_at = 0, .since_at = 4 },
	};

	(void)state;
	ASSERT_ORDER(requests, "pr-1 blog shop pr-2");
	ASSERT_ORDER(((const struct request[]){ requests[1], requests[3], requests[2] }), "pr-2 blog shop");
}

static void forced_ones_skip_the_turn(void **state)
{
	static const struct request requests[] = {
		{ "b", URGENCY_FORCED, "g", .served_at = 9, .since_at = 2 },
		{ "a", URGENCY_FORCED, "g", .served_at = 9, .since_at = 1 },
		{ "c", URGENCY_FORCED, .since_at = 3 },
	};

	(void)state;
	ASSERT_ORDER(requests, "a b c");
}

static void those_that_are_alike_go_by_name(void **state)
{
	static const struct request requests[] = {
		{ .app = "b", .urgency = URGENCY_DUE }, { .app = "c", .urgency = URGENCY_DUE }, { .app = "a", .urgency = URGENCY_DUE }
	};

	(void)state;
	ASSERT_ORDER(requests, "a b c");
	assert_order(requests, 0, "");
}

/* ---- urgency ---- */

struct held {
	const char *what;
	bool has_none, by_hand, is_revoked, is_forced;
	int64_t expires_in_s;
	enum decision_kind kind;
	enum urgency urgency;
};

static void urgencies(void **state)
{
	static const struct held table[] = {
		{ "none", .has_none = true, .kind = DECISION_ISSUE, .urgency = URGENCY_NONE },
		{ "by hand", .by_hand = true, .expires_in_s = -WHEN_DAY, .kind = DECISION_ISSUE, .urgency = URGENCY_NONE },
		{ "expired", .expires_in_s = 0, .kind = DECISION_ISSUE, .urgency = URGENCY_EXPIRED },
		{ "expires soon", .expires_in_s = WHEN_DAY, .kind = DECISION_RENEW, .urgency = URGENCY_EXPIRES },
		{ "due", .expires_in_s = 20 * WHEN_DAY, .kind = DECISION_RENEW, .urgency = URGENCY_DUE },
		{ "due, forced", .expires_in_s = 20 * WHEN_DAY, .kind = DECISION_RENEW, .is_forced = true, .urgency = URGENCY_DUE },
		{ "good, forced", .expires_in_s = 80 * WHEN_DAY, .kind = DECISION_RENEW, .is_forced = true, .urgency = URGENCY_FORCED },
		{ "names", .expires_in_s = 80 * WHEN_DAY, .kind = DECISION_ISSUE, .urgency = URGENCY_NAMES },
		{ "names, forced", .expires_in_s = 80 * WHEN_DAY, .kind = DECISION_ISSUE, .is_forced = true, .urgency = URGENCY_NAMES },
		{ "revoked", .is_revoked = true, .expires_in_s = 80 * WHEN_DAY, .kind = DECISION_ISSUE, .urgency = URGENCY_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct held *held = &table[i];
		struct app app = { .held = { .is_ours = !held->has_none && !held->by_hand, .is_readable = !held->has_none, .is_known = true } };
		const struct decision decision = { .kind = held->kind };
		enum urgency found;

		app.wanted.settings.graceperiod_s = GRACEPERIOD_DEFAULT_S;
		app.held.cert.not_after_at = NOW + held->expires_in_s;
		app.held.cert.not_before_at = app.held.cert.not_after_at - 90 * WHEN_DAY;
		app.held.known.revoked_at = held->is_revoked;
		found = urgency_of(&app, &decision, held->is_forced, NOW);
		if (found != held->urgency)
			fail_msg("%s: %s, not %s", held->what, urgency_name(found), urgency_name(held->urgency));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_more_urgent_goes_first),
		cmocka_unit_test(groups_take_turns),
		cmocka_unit_test(who_was_served_lately_waits_but_for_the_oldest),
		cmocka_unit_test(forced_ones_skip_the_turn),
		cmocka_unit_test(those_that_are_alike_go_by_name),
		cmocka_unit_test(urgencies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
