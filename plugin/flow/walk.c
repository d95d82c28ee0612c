/* SPDX-License-Identifier: MIT */
/* A redirect is no wrong answer: the CA goes where it leads. On this host so does the self-test. */
#include "flow/walk.h"

#include <stdlib.h>
#include <string.h>

#include "flow/context.h"
#include "flow/names.h"
#include "net/probe.h"
#include "platform/platform.h"
#include "proxy/nginx.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

#define HOPS_MAX 10

void walk_done(struct walk *walk)
{
	free(walk->name);
	free(walk->path);
	*walk = (struct walk){ 0 };
}

/* Where IPv6 is switched off, as in most containers, nginx still binds [::], but nobody gets to ::1. */
static int preference(const struct nginx_listen *listen)
{
	return (listen->port == (listen->is_tls ? 443 : 80) ? 2 : 0) + (strchr(listen->address, ':') ? 0 : 1);
}

const struct nginx_listen *walk_listen(const struct nginx_listens *listens, bool is_tls)
{
	const struct nginx_listen *chosen = NULL;

	for (size_t i = 0; i < listens->count; i++) {
		const struct nginx_listen *listen = &listens->items[i];

		if (listen->is_tls == is_tls && (!chosen || preference(listen) > preference(chosen)))
			chosen = listen;
	}
	return chosen;
}

/* Of all apps but one. An app that goes away meanwhile has no names. */
static bool read_names(struct context *context, const char *but, struct strs *ret_names, struct err *err)
{
	AUTO_STRS apps = { 0 };

	if (!platform_apps(context->platform, &apps, err))
		return false;
	for (size_t i = 0; i < apps.count; i++) {
		const char *app = apps.items[i];
		bool is_read = strcmp(app, but) == 0 || (platform_domains(context->platform, app, ret_names, err) &&
							 platform_redirect_sources(context->platform, app, ret_names, err));

		if (!is_read && err->kind != ERR_NO_APP)
			return false;
	}
	return true;
}

bool walk_host_names(struct context *context, struct strs *ret_names, struct err *err)
{
	return read_names(context, "", ret_names, err);
}

bool walk_name_is_shared(struct context *context, const char *app, const char *name)
{
	AUTO_STRS others = { 0 };
	struct err ignored;

	return read_names(context, app, &others, &ignored) && strs_has(&others, name);
}

/* True: the probe is to be asked again. A port that no CA goes to makes it end here, with the redirect as a wrong answer. */
static bool step(const struct nginx_listens *listens, const struct strs *host_names, struct probe *probe, struct walk *walk)
{
	struct probe_redirect *redirect = &probe->redirect;
	const struct nginx_listen *listen = walk_listen(listens, redirect->is_https);
	bool is_https = redirect->is_https;

	if (probe->outcome != PROBE_ANSWERED || !redirect->name || (redirect->port != 80 && redirect->port != 443))
		return false;
	walk_done(walk);
	walk->name = mem_take(&redirect->name);
	walk->path = mem_take(&redirect->path);
	walk->leads_away = !listen || !names_cover(host_names, walk->name);
	if (walk->leads_away)
		return false;
	probe_done(probe);
	*probe = (struct probe){
		.address = listen->address,
		.port = listen->port,
		.has_proxy_protocol = listen->has_proxy_protocol,
		.name = walk->name,
		.path = walk->path,
		.is_https = is_https,
	};
	return true;
}

void walk_all(struct context *context, const struct nginx_listens *listens, const struct strs *host_names, struct probe *probes, struct walk *walks, size_t count,
	      int64_t timeout_ms)
{
	AUTO_FREE struct probe *again = mem_new(count + 1, sizeof(*again));
	AUTO_FREE size_t *indexes = mem_new(count + 1, sizeof(*indexes));

	for (int hop = 0; hop < HOPS_MAX; hop++) {
		size_t led = 0;

		for (size_t i = 0; i < count; i++) {
			if (walks[i].leads_away || !step(listens, host_names, &probes[i], &walks[i]))
				continue;
			indexes[led] = i;
			again[led++] = probes[i];
		}
		probe_all(context_transfers(context), again, led, timeout_ms);
		for (size_t i = 0; i < led; i++)
			probes[indexes[i]] = again[i];
		if (led == 0)
			return;
	}
}
