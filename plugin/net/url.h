/* SPDX-License-Identifier: MIT */
#ifndef NET_URL_H
#define NET_URL_H

#include <stdbool.h>

#include "util/attr.h"

struct err;

/* "https://host[:port]/path" with a valid host and port, no user, no control bytes or spaces. ERR_CONFIG otherwise, naming what is wrong. */
bool url_check_https(const char *url, struct err *err) MUST_USE;
/* "host" or "host:port" of a valid URL, lower case; the caller frees it. */
char *url_host_port(const char *url) MUST_USE NEVER_NULL;

#endif
