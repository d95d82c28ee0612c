/* SPDX-License-Identifier: MIT */
#ifndef FLOW_ADOPT_H
#define FLOW_ADOPT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

struct budget;
struct context;
struct err;

/*
 * Starts a CA's book from the certificates that exist (design 4): those of the store and of our folder, of every app (tls/, and letsencrypt/certs/ of the bash
 * plugin), and those that `install` found as root ($D/--global/found.json). Booked for the CA that issued them; time of issuance = latest SCT + 60 s, else
 * notBefore + 1 h. What cannot be read is skipped. *ret_count: how many are booked for this CA now.
 */
bool adopt_certificates(struct budget *budget, bool is_rebuild, size_t *ret_count, struct err *err) MUST_USE;
/* The same for every CA: those with published limits, and those that an app, a certificate or an order has to do with. *ret_count: of all of them. */
bool adopt_all(struct context *context, bool is_rebuild, size_t *ret_count, struct err *err) MUST_USE;

#endif
