/* SPDX-License-Identifier: MIT */
#ifndef PROXY_NGINX_H
#define PROXY_NGINX_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"
#include "util/strs.h"

struct err;
struct loop;

/*
 * The host's nginx as the platform runs it: tested and reloaded with exactly the commands that its sudoers file allows (contract 6.4), as user dokku; as root the same commands
 * without sudo. Never writes a configuration itself.
 */
struct nginx;

struct nginx_setup {
	struct loop *loop;
	const char *const *env;      /* of children; borrowed for the life of the nginx */
	const char *distro;          /* "debian", "ubuntu", … */
	const char *service_command; /* property nginx-service-command, NULL = by distribution */
};
struct nginx *nginx_new(const struct nginx_setup *setup) MUST_USE NEVER_NULL;
void nginx_free(struct nginx *nginx);
static inline void nginx_freep(struct nginx **nginx)
{
	nginx_free(*nginx);
}

/* Tests the whole host's configuration. ERR_CHILD with nginx's own words: "… in /home/dokku/x/nginx.conf.d/y.conf:3". */
bool nginx_test(struct nginx *nginx, struct err *err) MUST_USE;
/* Asks it to reload; it does so a moment later, or not at all (design 6.5): only what it serves tells. */
bool nginx_reload(struct nginx *nginx, struct err *err) MUST_USE;

/* A file that the configuration includes, as it is about to be. */
struct nginx_change {
	const char *path;    /* absolute; need not exist yet */
	const char *content; /* NULL: as if it were not there */
};
/*
 * Tests the whole host's configuration as it would be with these changes, from copies in a temporary folder (`nginx -t -c`): nothing that nginx reads is touched.
 * On failure with ERR_CHILD *ret_culprit is the index of the change whose file (or whose app's file) nginx names, or SIZE_MAX; nginx's words name the real paths.
 */
bool nginx_test_changes(struct nginx *nginx, const struct nginx_change *changes, size_t count, size_t *ret_culprit, struct err *err) MUST_USE;

/* ---- what a generated configuration says ---- */

struct nginx_listen {
	char address[64]; /* to connect to: "127.0.0.1" for any IPv4, "::1" for any IPv6, else the address itself */
	int port;
	bool is_tls;
	bool has_proxy_protocol;
};
struct nginx_listens {
	struct nginx_listen *items;
	size_t count;
};
void nginx_listens_done(struct nginx_listens *listens);
/* The listeners of all server blocks in the text of an app's nginx.conf, each once, in order. */
void nginx_listens_read(const char *conf, struct nginx_listens *ret_listens);
/* The text includes the folder nginx.conf.d of the app (else a snippet there has no effect). */
bool nginx_includes_snippets(const char *conf, const char *app_folder);
/* The line of a `return` that answers for a whole server block, before any location is looked at: of the app's nginx.conf, or of a file that is included there. 0 = none. */
size_t nginx_return_line(const char *conf);

/* ---- the challenge snippet (design 5) ---- */

/*
 * Renders templates/nginx/challenge.conf with the app's webroot and the thumbprint of its primary account; refuses values that would need escaping.
 * `has_auth_request`: nginx knows the directive. The caller frees it. NULL = failed.
 */
char *nginx_challenge_snippet(const char *template_text, const char *webroot, const char *thumbprint, bool has_auth_request, struct err *err) MUST_USE;
/* Whether this nginx was built with auth_request (found by testing a tiny configuration with `nginx -t -c`); asked once. */
bool nginx_has_auth_request(struct nginx *nginx);

#endif
