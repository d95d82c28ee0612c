/* SPDX-License-Identifier: MIT */
#include "net/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/strs.h"

static void links(void **state)
{
	static const struct {
		const char *values[3];
		const char *urls[3]; /* of "alternate", in order */
	} cases[] = {
		{ { "<https://a/1>;rel=\"alternate\"" }, { "https://a/1" } },
		{ { "<https://a/1>; rel=alternate" }, { "https://a/1" } },
		{ { "<https://a/1> ; title=\"x; rel=up, <y>\" ; REL = \"Alternate\"" }, { "https://a/1" } },
		{ { "<https://a/1>;rel=\"index alternate\"" }, { "https://a/1" } },
		{ { "<https://a/0>;rel=\"index\", <https://a/1>;rel=\"alternate\" , <https://a/2>;rel=alternate" }, { "https://a/1", "https://a/2" } },
		{ { "<https://a/0>;rel=\"up\"", "<https://a/1>;rel=\"alternate\"", "<https://a/2>;rel=\"alternate\"" }, { "https://a/1", "https://a/2" } },
		{ { "<https://a/1,2;3>;rel=\"alternate\"" }, { "https://a/1,2;3" } },
		{ { "<https://a/1>;title=\"a \\\" quoted\";rel=\"alternate\"" }, { "https://a/1" } },
		{ { "<https://a/1>;rel=\"alternates\"" }, { NULL } },
		{ { "<https://a/1>;rel=\"up\";rel=\"alternate\"" }, { NULL } }, /* RFC 8288 §3.3: the first one counts */
		{ { "<https://a/1>" }, { NULL } },
		{ { "<https://a/1;rel=\"alternate\"" }, { NULL } },
		{ { "https://a/1;rel=\"alternate\"" }, { NULL } },
		{ { "" }, { NULL } },
		{ { ",,," }, { NULL } },
		{ { "<https://a/1>;rel=\"alternate" }, { "https://a/1" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_STRS values = { 0 };

		for (size_t k = 0; k < COUNT(cases[i].values) && cases[i].values[k]; k++)
			strs_add(&values, cases[i].values[k]);
		for (size_t k = 0; k < COUNT(cases[i].urls); k++) {
			AUTO_FREE char *url = header_link(&values, "alternate", k);
			const char *wanted = cases[i].urls[k];

			if ((url != NULL) != (wanted != NULL) || (url && strcmp(url, wanted) != 0))
				fail_msg("%s: %s", cases[i].values[0], url ? url : "none");
		}
	}
}

static void media_types(void **state)
{
	static const struct {
		const char *value, *type;
	} cases[] = { { "application/json", "application/json" }, { "Text/HTML; charset=utf-8", "text/html" }, { " text/plain ", "text/plain" }, { "", "" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO_FREE char *type = header_media_type(cases[i].value);

		assert_string_equal(type, cases[i].type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(links), cmocka_unit_test(media_types) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
