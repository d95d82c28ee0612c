/* SPDX-License-Identifier: MIT */
#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct strs;

/*
 * A JSON value under construction. Members keep the order in which they were set. A `const char *` that is NULL leaves the member out; text that is not
 * UTF-8 has its bad bytes replaced. What is handed over by `_set` or `_append` belongs to the container from then on.
 */
struct json;

/* (Not json_object: jansson has that name.) */
struct json *json_new_object(void) MUST_USE NEVER_NULL;
struct json *json_new_list(void) MUST_USE NEVER_NULL;
void json_free(struct json *value);
static inline void json_freep(struct json **value)
{
	json_free(*value);
}
#define AUTO_JSON AUTO(json_freep) struct json

void json_set_str(struct json *object, const char *key, const char *value);
void json_set_int(struct json *object, const char *key, int64_t value);
void json_set_bool(struct json *object, const char *key, bool value);
void json_set_strs(struct json *object, const char *key, const struct strs *values);
void json_set(struct json *object, const char *key, struct json *value);
void json_append(struct json *list, struct json *value);
void json_append_str(struct json *list, const char *value);

/* Compact text; the caller frees it. */
char *json_text(const struct json *value) MUST_USE NEVER_NULL;
/* Compact, members sorted: the form of RFC 7638 §3. */
char *json_text_sorted(const struct json *value) MUST_USE NEVER_NULL;
/* Indented with tabs, as account.json is kept. */
char *json_text_indented(const struct json *value) MUST_USE NEVER_NULL;
/* For people's terminals (reports): compact, as Go writes it for HTML ('<' '>' '&' as \u003c \u003e \u0026), DEL and the controls of C1 escaped as well. */
char *json_text_report(const struct json *value) MUST_USE NEVER_NULL;

#endif
