/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_CLI_SHEET_H
#define TESTS_UNIT_CLI_SHEET_H

/* A page in memory that things are printed on. Moments are in UTC. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/out.h"
#include "cli/page.h"
#include "json/write.h"
#include "util/mem.h"
#include "util/strs.h"

struct sheet {
	struct page page;
	char *text;
	size_t size;
	FILE *stream;
	struct out *out;
};

static inline void sheet_open(struct sheet *sheet, struct page page, bool is_quiet)
{
	*sheet = (struct sheet){ .page = page };
	(void)setenv("TZ", "UTC0", 1);
	tzset();
	sheet->stream = open_memstream(&sheet->text, &sheet->size);
	sheet->out = out_new(&(struct out_setup){ .out = sheet->stream, .err = stderr, .is_quiet = is_quiet });
}

/* Whatever is printed fits the page. */
static inline void sheet_close(struct sheet *sheet, const char *expected)
{
	AUTO_STRS lines = { 0 };

	assert_true(out_close(sheet->out));
	(void)fclose(sheet->stream);
	assert_string_equal(sheet->text, expected);
	strs_split(&lines, sheet->text, "\n");
	for (size_t i = 0; i < lines.count; i++)
		if (page_width(lines.items[i]) > (size_t)sheet->page.columns)
			fail_msg("wider than %d columns: %s", sheet->page.columns, lines.items[i]);
	free(sheet->text);
}

static const struct page narrow = { .columns = 80 };
static const struct page wide = { .columns = 130 };

static inline void assert_json(struct json *value, const char *expected)
{
	AUTO_FREE char *text = json_text(value);

	json_free(value);
	assert_string_equal(text, expected);
}

#endif
