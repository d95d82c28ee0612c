/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "json/read.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

struct problem {
	char *type;
	int64_t status;
};

struct item {
	char *name;
	bool is_good;
};

struct thing {
	char *name;
	int64_t count;
	bool is_on;
	struct strs words;
	struct problem problem;
	struct json_array items;
	struct json_array profiles;
};

static const struct json_field problem_fields[] = {
	JSON_STR("type", struct problem, type, true),
	JSON_INT("status", struct problem, status, false),
	JSON_END,
};

static const struct json_field item_fields[] = {
	JSON_STR("name", struct item, name, true),
	JSON_BOOL("good", struct item, is_good, false),
	JSON_END,
};

static const struct json_field thing_fields[] = {
	JSON_STR("name", struct thing, name, true),
	JSON_INT("count", struct thing, count, false),
	JSON_BOOL("on", struct thing, is_on, false),
	JSON_STRS("words", struct thing, words, false),
	JSON_OBJ("problem", struct thing, problem, problem_fields, false),
	JSON_OBJS("items", struct thing, items, item_fields, struct item, false),
	JSON_MAP("profiles", struct thing, profiles, false),
	JSON_END,
};

static void thing_done(struct thing *thing)
{
	struct item *items = thing->items.items;

	for (size_t i = 0; i < thing->items.count; i++)
		free(items[i].name);
	free(items);
	free(thing->name);
	free(thing->problem.type);
	strs_done(&thing->words);
	json_map_done(&thing->profiles);
}

static void reads_every_kind(void **state)
{
	static const char text[] = "{\"profiles\":{\"classic\":\"https://x/c\",\"short\":\"https://x/s\"},\"name\":\"caf\\u00e9\",\"count\":-9007199254740993,"
		"\"on\":true,\"words\":[\"a\",\"b\"],\"problem\":{\"type\":\"t\",\"status\":429,\"more\":1},"
		"\"items\":[{\"name\":\"one\",\"good\":true},{\"name\":\"two\"}],\"unknown\":{\"deep\":[1,2,{}]}}";
	AUTO(thing_done) struct thing thing = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(json_read(text, sizeof(text) - 1, thing_fields, &thing, &err));
	assert_string_equal(thing.name, "caf\xc3\xa9");
	assert_true(thing.count == -9007199254740993);
	assert_true(thing.is_on);
	assert_int_equal(thing.words.count, 2);
	assert_string_equal(thing.words.items[1], "b");
	assert_string_equal(thing.problem.type, "t");
	assert_int_equal(thing.problem.status, 429);
	assert_int_equal(thing.items.count, 2);
	const struct item *items = thing.items.items;
	assert_string_equal(items[0].name, "one");
	assert_true(items[0].is_good);
	assert_string_equal(items[1].name, "two");
	assert_false(items[1].is_good);
	assert_string_equal(json_map_get(&thing.profiles, "short"), "https://x/s");
	assert_null(json_map_get(&thing.profiles, "long"));
	assert_int_equal(err.kind, ERR_NONE);
}

static void absent_and_null_leave_the_target(void **state)
{
	static const char *const texts[] = {
		"{\"name\":\"x\"}",
		"{\"name\":\"x\",\"count\":null,\"on\":null,\"words\":null,\"problem\":null,\"items\":null,\"profiles\":null}",
		"{\"name\":\"x\",\"words\":[],\"items\":[],\"profiles\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		AUTO(thing_done) struct thing thing = { .count = 7, .is_on = true };
		struct err err = { 0 };

		assert_true(json_read(texts[i], strlen(texts[i]), thing_fields, &thing, &err));
		assert_int_equal(thing.count, 7);
		assert_true(thing.is_on);
		assert_int_equal(thing.words.count + thing.items.count + thing.profiles.count, 0);
		assert_null(thing.problem.type);
	}
}

static void a_field_that_has_a_value_gets_the_new_one(void **state)
{
	static const char first[] = "{\"name\":\"x\",\"profiles\":{\"a\":\"1\"}}";
	static const char second[] = "{\"name\":\"y\",\"profiles\":{\"b\":\"2\",\"c\":\"3\"}}";
	AUTO(thing_done) struct thing thing = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(json_read(first, sizeof(first) - 1, thing_fields, &thing, &err));
	assert_true(json_read(second, sizeof(second) - 1, thing_fields, &thing, &err));
	assert_string_equal(thing.name, "y");
	assert_int_equal(thing.profiles.count, 2);
	assert_string_equal(json_map_get(&thing.profiles, "c"), "3");
}

/* The size is given apart, for texts with a NUL. */
#define TEXT(text) (text), sizeof(text) - 1

static void faults_name_the_member(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *wanted;
	} cases[] = {
		{ TEXT("{}"), "'name' is missing" },
		{ TEXT("{\"name\":null}"), "'name' is missing" },
		{ TEXT("{\"name\":1}"), "'name' is not a string" },
		{ TEXT("{\"name\":\"x\",\"count\":\"1\"}"), "'count' is not an integer" },
		{ TEXT("{\"name\":\"x\",\"count\":1.0}"), "'count' is not an integer" },
		{ TEXT("{\"name\":\"x\",\"on\":1}"), "'on' is not true or false" },
		{ TEXT("{\"name\":\"x\",\"words\":\"a\"}"), "'words' is not an array of strings" },
		{ TEXT("{\"name\":\"x\",\"words\":[\"a\",1]}"), "'words' is not an array of strings" },
		{ TEXT("{\"name\":\"x\",\"problem\":[]}"), "'problem' is not an object" },
		{ TEXT("{\"name\":\"x\",\"problem\":{}}"), "'problem': 'type' is missing" },
		{ TEXT("{\"name\":\"x\",\"problem\":{\"type\":\"t\",\"status\":true}}"), "'problem': 'status' is not an integer" },
		{ TEXT("{\"name\":\"x\",\"items\":{}}"), "'items' is not an array of objects" },
		{ TEXT("{\"name\":\"x\",\"items\":[{\"name\":\"a\"},2]}"), "'items' is not an array of objects" },
		{ TEXT("{\"name\":\"x\",\"items\":[{\"name\":\"a\"},{\"name\":\"b\",\"good\":0}]}"), "'items': 'good' is not true or false" },
		{ TEXT("{\"name\":\"x\",\"profiles\":[]}"), "'profiles' is not an object of strings" },
		{ TEXT("{\"name\":\"x\",\"profiles\":{\"a\":\"1\",\"b\":2}}"), "'profiles' is not an object of strings" },
		{ TEXT("[]"), "not a JSON object" },
		{ TEXT(""), "not JSON: " },
		{ TEXT("<html>"), "not JSON: " },
		{ TEXT("{\"name\":\"x\"} trailing"), "not JSON: " },
		{ TEXT("{\"name\":\"x\",\"name\":\"y\"}"), "not JSON: " },
		{ TEXT("{\"name\":\"a\\u0000b\"}"), "not JSON: " },
		{ TEXT("{\"name\":\"a\0b\"}"), "not JSON: " },
		{ TEXT("{\"name\":\"\xc3\"}"), "not JSON: " },
		{ TEXT("{\"name\":\"x\",}"), "not JSON: " },
		{ TEXT("{\"name\":\"x\""), "not JSON: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(thing_done) struct thing thing = { 0 };
		struct err err = { 0 };

		if (json_read(cases[i].text, cases[i].size, thing_fields, &thing, &err))
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_memory_equal(err.text, cases[i].wanted, strlen(cases[i].wanted));
	}
}

static void only_the_given_bytes_are_read(void **state)
{
	static const char text[] = "{\"name\":\"x\"}garbage";
	AUTO(thing_done) struct thing thing = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(json_read(text, strlen("{\"name\":\"x\"}"), thing_fields, &thing, &err));
	assert_false(json_read(NULL, 0, thing_fields, &thing, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_kind),
		cmocka_unit_test(absent_and_null_leave_the_target),
		cmocka_unit_test(a_field_that_has_a_value_gets_the_new_one),
		cmocka_unit_test(faults_name_the_member),
		cmocka_unit_test(only_the_given_bytes_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
