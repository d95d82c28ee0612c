/* SPDX-License-Identifier: MIT */
#ifndef JSON_READ_H
#define JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

struct err;

/*
 * Bytes in, struct out, by a table of fields. Unknown members are ignored (ACME grows by adding them), wrong types are errors that name the member
 * ("'authorizations' is not an array of strings"). Duplicate members, embedded NULs and text that is not UTF-8 are refused. ERR_PROTOCOL.
 */
enum json_kind {
	JSON_KIND_STRING,  /* char *, malloc'ed; a field that already has a value frees it first */
	JSON_KIND_INT,     /* int64_t */
	JSON_KIND_BOOL,    /* bool */
	JSON_KIND_STRINGS, /* struct strs, appended to */
	JSON_KIND_OBJECT,  /* a nested struct at this offset, read with `fields` */
	JSON_KIND_OBJECTS, /* struct json_array: an array of objects, each read with `fields` into `item_size` zeroed bytes */
	JSON_KIND_MAP      /* struct json_array of struct json_pair: an object whose members are strings */
};

struct json_array {
	void *items; /* malloc'ed array of the structs */
	size_t count;
};

struct json_pair {
	char *key;
	char *value;
};

struct json_field {
	const char *name;
	enum json_kind kind;
	size_t offset;
	bool is_required;
	const struct json_field *fields; /* of a nested object, ends with a row without name */
	size_t item_size;
};

#define JSON_STR(member, type, field, required) { (member), JSON_KIND_STRING, offsetof(type, field), (required), NULL, 0 }
#define JSON_INT(member, type, field, required) { (member), JSON_KIND_INT, offsetof(type, field), (required), NULL, 0 }
#define JSON_BOOL(member, type, field, required) { (member), JSON_KIND_BOOL, offsetof(type, field), (required), NULL, 0 }
#define JSON_STRS(member, type, field, required) { (member), JSON_KIND_STRINGS, offsetof(type, field), (required), NULL, 0 }
#define JSON_OBJ(member, type, field, nested, required) { (member), JSON_KIND_OBJECT, offsetof(type, field), (required), (nested), 0 }
#define JSON_OBJS(member, type, field, nested, item, required) { (member), JSON_KIND_OBJECTS, offsetof(type, field), (required), (nested), sizeof(item) }
#define JSON_MAP(member, type, field, required) { (member), JSON_KIND_MAP, offsetof(type, field), (required), NULL, 0 }
#define JSON_END { NULL, JSON_KIND_STRING, 0, false, NULL, 0 }

/* Reads the object in `text` into `target`, which the caller has zeroed and releases with its own destructor, also after a failure. */
bool json_read(const char *text, size_t size, const struct json_field *fields, void *target, struct err *err) MUST_USE;
/* Releases the pairs of a JSON_KIND_MAP. */
void json_map_done(struct json_array *map);
/* The value under `key` in a JSON_KIND_MAP, or NULL; borrowed. */
const char *json_map_get(const struct json_array *map, const char *key);

#endif
