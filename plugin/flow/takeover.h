/* SPDX-License-Identifier: MIT */
#ifndef FLOW_TAKEOVER_H
#define FLOW_TAKEOVER_H

#include <stdbool.h>

#include "util/attr.h"

struct context;
struct err;

/*
 * What `install` does on a host that ran the bash plugin, at every install: older spellings of properties, accounts and certificates in use become ours where
 * they lie, modes that were too wide are narrowed. Nothing is deleted, no CA is asked, `enabled` stays as it is. An app whose certificate the plugin did not
 * install is held back; one with a certificate that may be another app's is left alone and told once. What fails for one app is said and fails for that app.
 */
bool takeover(struct context *context, struct err *err) MUST_USE;

#endif
