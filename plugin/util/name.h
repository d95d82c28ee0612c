/* SPDX-License-Identifier: MIT */
#ifndef UTIL_NAME_H
#define UTIL_NAME_H

#include <stdbool.h>

/* Names of things that come from outside and become identifiers or file names. */

enum name_kind {
	NAME_DNS,      /* a host name with at least one dot, LDH labels, at most 253 bytes */
	NAME_WILDCARD, /* "*." and a host name */
	NAME_IPV4,
	NAME_IPV6,
	NAME_BAD       /* nothing a certificate can be issued for */
};

/* What a lower-case name is. For NAME_BAD `*ret_reason` (static text, may be NULL as argument) says why, to follow the name: "has no dot". */
enum name_kind name_kind(const char *name, const char **ret_reason);
/* An app's name as Dokku takes it (old ones may have '_'): ^[a-z0-9][a-z0-9._-]*$; safe as a file name. */
bool name_is_app(const char *name);
/* A property's key: letters, digits, "_-.,:", no dot first; safe as a file name. */
bool name_is_key(const char *name);
/* One path component, so that it leads nowhere else: not empty, not "." or "..", no '/'. How long it may be, the file system says. */
bool name_is_component(const char *name);
/* Certificate name `pattern` (maybe a wildcard) covers `name`: equal, or one label for the '*'. Both lower case. */
bool name_covers(const char *pattern, const char *name);

#endif
