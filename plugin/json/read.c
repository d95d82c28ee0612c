/* SPDX-License-Identifier: MIT */
/*
 * JSON objects into structs by field tables, on jansson. The tree dies in here: everything that leaves is a copy. A member that is null counts as absent,
 * since servers written in Go send empty lists and objects so.
 */
#include "json/read.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

static void release(json_t **value)
{
	json_decref(*value);
}

static bool wrong_type(const struct json_field *field, const char *wanted, struct err *err)
{
	return err_set(err, ERR_PROTOCOL, "'%s' is not %s", field->name, wanted);
}

static bool read_string(const json_t *value, const struct json_field *field, char **target, struct err *err)
{
	if (!json_is_string(value))
		return wrong_type(field, "a string", err);
	free(*target);
	*target = mem_strdup(json_string_value(value));
	return true;
}

static bool read_int(const json_t *value, const struct json_field *field, int64_t *target, struct err *err)
{
	if (!json_is_integer(value))
		return wrong_type(field, "an integer", err);
	*target = json_integer_value(value);
	return true;
}

static bool read_bool(const json_t *value, const struct json_field *field, bool *target, struct err *err)
{
	if (!json_is_boolean(value))
		return wrong_type(field, "true or false", err);
	*target = json_is_true(value);
	return true;
}

static bool read_strings(const json_t *list, const struct json_field *field, struct strs *target, struct err *err)
{
	size_t i;
	json_t *value;

	if (!json_is_array(list))
		return wrong_type(field, "an array of strings", err);
	json_array_foreach(list, i, value) {
		if (!json_is_string(value))
			return wrong_type(field, "an array of strings", err);
		strs_add(target, json_string_value(value));
	}
	return true;
}

static bool read_map(json_t *object, const struct json_field *field, struct json_array *target, struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return wrong_type(field, "an object of strings", err);
	json_map_done(target);
	struct json_pair *pairs = mem_new(json_object_size(object), sizeof(*pairs));
	target->items = pairs;
	json_object_foreach(object, key, value) {
		if (!json_is_string(value))
			return wrong_type(field, "an object of strings", err);
		pairs[target->count].key = mem_strdup(key);
		pairs[target->count].value = mem_strdup(json_string_value(value));
		target->count++;
	}
	return true;
}

static bool read_fields(const json_t *object, const struct json_field *fields, void *target, struct err *err);

static bool read_object(const json_t *value, const struct json_field *field, void *target, struct err *err)
{
	if (!json_is_object(value))
		return wrong_type(field, "an object", err);
	if (!read_fields(value, field->fields, target, err))
		return err_wrap(err, "'%s'", field->name);
	return true;
}

static bool read_objects(const json_t *list, const struct json_field *field, struct json_array *target, struct err *err)
{
	size_t i;
	json_t *value;

	if (!json_is_array(list))
		return wrong_type(field, "an array of objects", err);
	assert(target->items == NULL);
	if (json_array_size(list) == 0)
		return true;
	/* The count is right before an item is read: zeroed items are valid ones for the target's destructor. */
	target->items = mem_new(json_array_size(list), field->item_size);
	target->count = json_array_size(list);
	json_array_foreach(list, i, value) {
		if (!json_is_object(value))
			return wrong_type(field, "an array of objects", err);
		if (!read_fields(value, field->fields, (char *)target->items + i * field->item_size, err))
			return err_wrap(err, "'%s'", field->name);
	}
	return true;
}

static bool read_value(json_t *value, const struct json_field *field, void *target, struct err *err)
{
	void *at = (char *)target + field->offset;

	switch (field->kind) {
	case JSON_KIND_STRING: return read_string(value, field, at, err);
	case JSON_KIND_INT: return read_int(value, field, at, err);
	case JSON_KIND_BOOL: return read_bool(value, field, at, err);
	case JSON_KIND_STRINGS: return read_strings(value, field, at, err);
	case JSON_KIND_OBJECT: return read_object(value, field, at, err);
	case JSON_KIND_OBJECTS: return read_objects(value, field, at, err);
	case JSON_KIND_MAP: return read_map(value, field, at, err);
	}
	assert(!"a kind of field");
	return false;
}

static bool read_fields(const json_t *object, const struct json_field *fields, void *target, struct err *err)
{
	for (const struct json_field *field = fields; field->name != NULL; field++) {
		json_t *value = json_object_get(object, field->name);

		if (value != NULL && !json_is_null(value)) {
			if (!read_value(value, field, target, err))
				return false;
		} else if (field->is_required) {
			return err_set(err, ERR_PROTOCOL, "'%s' is missing", field->name);
		}
	}
	return true;
}

bool json_read(const char *text, size_t size, const struct json_field *fields, void *target, struct err *err)
{
	json_error_t problem;
	AUTO(release) json_t *root = json_loadb(size > 0 ? text : "", size, JSON_REJECT_DUPLICATES, &problem);

	if (root == NULL)
		return err_set(err, ERR_PROTOCOL, "not JSON: line %d: %s", problem.line, problem.text);
	if (!json_is_object(root))
		return err_set(err, ERR_PROTOCOL, "not a JSON object");
	return read_fields(root, fields, target, err);
}

void json_map_done(struct json_array *map)
{
	struct json_pair *pairs = map->items;

	for (size_t i = 0; i < map->count; i++) {
		free(pairs[i].key);
		free(pairs[i].value);
	}
	free(pairs);
	*map = (struct json_array){ 0 };
}

const char *json_map_get(const struct json_array *map, const char *key)
{
	const struct json_pair *pairs = map->items;

	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(pairs[i].key, key) == 0)
			return pairs[i].value;
	}
	return NULL;
}
