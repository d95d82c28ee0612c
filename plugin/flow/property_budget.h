/* SPDX-License-Identifier: MIT */
#ifndef FLOW_PROPERTY_BUDGET_H
#define FLOW_PROPERTY_BUDGET_H

#include <stdbool.h>

#include "util/attr.h"

struct context;
struct err;
struct strs;

/* For the rows of flow/property that are about budgets: how values are checked, and what a change means. */

bool property_take_limits(const char *value, char **ret_value, struct err *err) MUST_USE;
bool property_take_rate(const char *value, char **ret_value, struct err *err) MUST_USE;
bool property_take_globs(const char *value, char **ret_value, struct err *err) MUST_USE;
bool property_take_share(const char *value, char **ret_value, struct err *err) MUST_USE;
bool property_take_reserve(const char *value, char **ret_value, struct err *err) MUST_USE;
bool property_take_suffixes(const char *value, char **ret_value, struct err *err) MUST_USE;

/* Whether what follows the prefix in a key makes sense; the text of a failure is the reason alone. */
bool property_check_limit_key(const char *key, struct err *err) MUST_USE;
bool property_check_group_key(const char *key, struct err *err) MUST_USE;

void property_note_limits(const char *app, const char *value, struct strs *notes);
void property_note_rate(const char *app, const char *value, struct strs *notes);
void property_note_group(const char *app, const char *value, struct strs *notes);
void property_note_share(const char *app, const char *value, struct strs *notes);
void property_note_reserve(const char *app, const char *value, struct strs *notes);
void property_note_suffixes(const char *app, const char *value, struct strs *notes);

#endif
