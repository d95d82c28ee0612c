/* SPDX-License-Identifier: MIT */
#ifndef FLOW_LEGACY_H
#define FLOW_LEGACY_H

#include <stdbool.h>

#include "util/attr.h"

struct app;
struct buf;
struct context;
struct err;

/*
 * An app's certificate in the bash plugin's layout (contract 11.2), so that a user can go back: certs/<id>/{config,docker_options,certificates/<name>.{crt,key,pem}}
 * and the absolute link `current`. <id> is SHA-1 of the argument line that the old plugin would have used. Other folders there are left alone: `cleanup`.
 */
bool legacy_write(struct context *context, const struct app *app, const struct buf *chain_pem, const struct buf *key_pem, struct err *err) MUST_USE;
/*
 * Whether the older plugin would not find the certificate in tls/ any more: it looks for the app's first domain, which may be another one since. `is_typed`: also
 * whether settings or domains lead to another <id>, for which it would order anew. False where it cannot be told.
 */
bool legacy_is_behind(struct context *context, const struct app *app, bool is_typed);
/* Then it is written as by legacy_write. Beside a worker only that one may do this. */
bool legacy_follow(struct context *context, const struct app *app, bool is_typed, struct err *err) MUST_USE;
/* The two lines that <id> is made from; the caller frees both. Exposed for its test. */
char *legacy_config(const char *server, const char *email, const char *lego_args, const char *const *names) MUST_USE NEVER_NULL;
/* `current` of an app's copied layout, which is absolute, leads into the folder of the app that it was copied from: from now on into its own. */
bool legacy_repoint(struct context *context, const char *from, const char *to, struct err *err) MUST_USE;

#endif
