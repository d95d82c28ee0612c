/* SPDX-License-Identifier: MIT */
#ifndef FLOW_PROPERTY_DEPLOY_H
#define FLOW_PROPERTY_DEPLOY_H

#include <stdbool.h>

#include "util/attr.h"

struct err;
struct strs;

/*
 * What a deploy does by itself: for the table in flow/property. The hook program reads both properties from their files, so they have one form: "true" or "false",
 * and seconds.
 */

bool property_take_bool(const char *value, char **ret_value, struct err *err) MUST_USE;
bool property_take_deploy_wait(const char *value, char **ret_value, struct err *err) MUST_USE;
void property_note_auto_enable(const char *app, const char *value, struct strs *notes);
void property_note_deploy_wait(const char *app, const char *value, struct strs *notes);

#endif
