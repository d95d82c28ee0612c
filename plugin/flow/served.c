/* SPDX-License-Identifier: MIT */
/* The handshake of design 6: only what is served tells whether a reload did anything. */
#include "flow/served.h"

#include <stdio.h>
#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "flow/walk.h"
#include "net/probe.h"
#include "proxy/nginx.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define CONF_MAX ((size_t)4 * 1024 * 1024)
#define LOOK_MS 5000
#define PROBE_MS 2000

void served_done(struct served *served)
{
	free(served->name);
	*served = (struct served){ 0 };
}

static void find_listener(struct served *served, const char *conf)
{
	AUTO(nginx_listens_done) struct nginx_listens listens = { 0 };
	const struct nginx_listen *listen = NULL;

	nginx_listens_read(conf, &listens);
	listen = walk_listen(&listens, true);
	served->has_listener = listen != NULL;
	if (!listen)
		return;
	served->port = listen->port;
	served->has_proxy_protocol = listen->has_proxy_protocol;
	(void)snprintf(served->address, sizeof(served->address), "%s", listen->address);
}

bool served_find_listener(struct context *context, const char *app, struct served *served, struct err *err)
{
	AUTO_BUF conf = BUF_MAX(CONF_MAX);
	AUTO_FD app_fd = platform_app_fd(context->platform, app, err);
	struct err ignored;

	if (app_fd < 0)
		return false;
	if (!file_read(app_fd, "nginx.conf", &conf, &ignored))
		buf_clear(&conf);
	find_listener(served, buf_text(&conf));
	return true;
}

bool served_prepare(struct context *context, const struct app *app, struct served *ret_served, struct err *err)
{
	AUTO(served_done) struct served served = { 0 };

	served.name = mem_strdup(app->wanted.names.count > 0 ? app->wanted.names.items[0] : app->name);
	(void)snprintf(served.old, sizeof(served.old), "%s", app->held.is_readable ? app->held.cert.leaf_sha256 : "");
	if (!served_find_listener(context, app->name, &served, err))
		return false;
	*ret_served = served;
	served = (struct served){ 0 };
	return true;
}

/* One handshake each; without a listener none. */
static void ask(struct context *context, struct served *const *served, size_t count)
{
	AUTO_FREE struct probe *probes = mem_new(count + 1, sizeof(*probes));
	size_t asked = 0;

	for (size_t i = 0; i < count; i++)
		if (served[i]->has_listener)
			probes[asked++] = (struct probe){
				.address = served[i]->address,
				.port = served[i]->port,
				.has_proxy_protocol = served[i]->has_proxy_protocol,
				.name = served[i]->name,
			};
	probe_all(context_transfers(context), probes, asked, PROBE_MS);
	asked = 0;
	for (size_t i = 0; i < count; i++) {
		struct probe *probe = &probes[asked];

		if (!served[i]->has_listener)
			continue;
		(void)snprintf(served[i]->now, sizeof(served[i]->now), "%s", probe->leaf_sha256);
		(void)snprintf(served[i]->trouble, sizeof(served[i]->trouble), "%s", probe->reason);
		probe_done(probe);
		asked++;
	}
}

void served_baseline(struct context *context, struct served *const *served, size_t count)
{
	ask(context, served, count);
	for (size_t i = 0; i < count; i++)
		memcpy(served[i]->before, served[i]->now, sizeof(served[i]->before));
}

/* Takes those that serve what they should out of the list; the rest is asked again. */
static size_t keep_waiting(struct served **served, const char **leaves, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (!served[i]->has_listener || strcmp(served[i]->now, leaves[i]) == 0)
			continue;
		served[kept] = served[i];
		leaves[kept++] = leaves[i];
	}
	return kept;
}

void served_look(struct context *context, struct served *const *served, size_t count, const char *const *leaves)
{
	AUTO_FREE struct served **waiting = mem_new(count + 1, sizeof(struct served *));
	AUTO_FREE const char **wanted = mem_new(count + 1, sizeof(char *));
	int64_t deadline_ms = loop_now_ms(context->loop) + LOOK_MS;

	for (size_t i = 0; i < count; i++) {
		waiting[i] = served[i];
		wanted[i] = leaves[i];
	}
	do {
		ask(context, waiting, count);
		count = keep_waiting(waiting, wanted, count);
	} while (count > 0 && loop_now_ms(context->loop) < deadline_ms && loop_sleep(context->loop, 50) == WAIT_TIMEOUT);
}

const char *served_reason(struct served *served, const char *leaf)
{
	if (!served->has_listener)
		return "its proxy has no TLS listener for it (add a mapping: dokku ports:add <app> https:443:<container-port>)";
	if (strcmp(served->now, leaf) == 0)
		return NULL;
	if (!*served->now)
		return served->trouble;
	if (*served->old && strcmp(served->now, served->old) == 0)
		return "nginx keeps its old configuration (see /var/log/nginx/error.log): another program may have one of its ports";
	return "another app or server block answers for its name first";
}

bool served_is_worse(const struct served *served, const char *leaf)
{
	return *served->old && strcmp(served->before, served->old) == 0 && *served->now && strcmp(served->now, served->old) != 0 && strcmp(served->now, leaf) != 0;
}
