/* SPDX-License-Identifier: MIT */
#ifndef FLOW_NARROW_H
#define FLOW_NARROW_H

#include <stddef.h>

struct context;
struct strs;

/*
 * The bash plugin left account keys, credentials and keys of certificates that everybody could read: takes that away (accounts and properties,
 * letsencrypt/certs of each app, and the key in its tls/). *ret_count: how many files and folders. What cannot be changed is said.
 */
void narrow_all(struct context *context, const struct strs *apps, size_t *ret_count);

#endif
