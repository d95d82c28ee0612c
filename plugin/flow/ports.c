/* SPDX-License-Identifier: MIT */
/* The port mapping that HTTP-01 needs. */
#include "flow/ports.h"

#include <string.h>

#include "flow/context.h"
#include "flow/talk.h"
#include "platform/platform.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

/* The mapping as the files of the ports plugin say it: the explicit one, else the detected one; without either the platform falls back to http:80. */
static bool files_have_http(struct platform *platform, const char *app, bool *ret_has, struct err *err)
{
	static const char *const keys[] = { "map", "map-detected" };

	for (size_t i = 0; i < COUNT(keys); i++) {
		AUTO_FREE char *text = NULL;
		AUTO_STRS lines = { 0 };

		if (!platform_property(platform, "ports", app, keys[i], &text, err))
			return false;
		if (!text || !*text)
			continue;
		text_lines(text, &lines);
		for (size_t j = 0; j < lines.count; j++)
			*ret_has = *ret_has || text_starts(lines.items[j], "http:80:");
		return true;
	}
	return true;
}

static const struct platform_port *first_of(const struct platform_ports *ports, const char *scheme)
{
	for (size_t i = 0; i < ports->count; i++)
		if (strcmp(ports->items[i].scheme, scheme) == 0)
			return &ports->items[i];
	return NULL;
}

static bool has_http_80(const struct platform_ports *ports)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->items[i].host_port == 80 && strcmp(ports->items[i].scheme, "http") == 0)
			return true;
	return false;
}

/* The container port to map 80 to; 0 = it is mapped already. */
static bool find_container_port(struct context *context, const char *app, int *ret_port, struct err *err)
{
	AUTO(platform_ports_done) struct platform_ports ports = { 0 };
	const struct platform_port *port = NULL;
	bool has_http = false;

	*ret_port = 0;
	if (!files_have_http(context->platform, app, &has_http, err))
		return false;
	if (has_http)
		return true;
	if (!platform_ports(context->platform, app, &ports, err))
		return false;
	if (has_http_80(&ports))
		return true;
	port = first_of(&ports, "http");
	if (!port)
		port = first_of(&ports, "https");
	if (!port)
		return err_set(err, ERR_REFUSED,
			       "Cannot enable letsencrypt for %s: no http or https proxy port mapping was found.\n"
			       "The ACME HTTP-01 challenge comes on port 80, so the app needs a mapping for it.\n"
			       "  Add one with: dokku ports:add %s http:80:<container-port>",
			       app, app);
	*ret_port = port->container_port;
	return true;
}

bool ports_check_http(struct context *context, const char *app, struct err *err)
{
	int port = 0;

	return find_container_port(context, app, &port, err);
}

bool ports_ensure_http(struct context *context, const char *app, const struct talk *talk, struct err *err)
{
	int port = 0;

	if (!find_container_port(context, app, &port, err))
		return false;
	if (port == 0)
		return true;
	talk_say(talk, TALK_INFO1, app, "Adding http:80:%d port mapping to %s for ACME HTTP-01 challenge...", port, app);
	return platform_add_http_port(context->platform, app, port, err);
}

bool ports_lack_https(struct context *context, const char *app, bool *ret_lack, struct err *err)
{
	AUTO_FREE char *map = NULL;
	AUTO_STRS lines = { 0 };
	bool has_http = false;
	bool has_https = false;

	if (!platform_property(context->platform, "ports", app, "map", &map, err))
		return false;
	text_lines(map ? map : "", &lines);
	for (size_t i = 0; i < lines.count; i++) {
		has_http = has_http || text_starts(lines.items[i], "http:80:");
		has_https = has_https || text_starts(lines.items[i], "https:443:");
	}
	*ret_lack = has_http && !has_https;
	return true;
}
