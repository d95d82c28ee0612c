/* SPDX-License-Identifier: MIT */
/* The port mappings of an app, "scheme:host:container" a line. There is no trigger that adds one: the list is a property of core's plugin. */

#include <stdio.h>
#include <string.h>

#include "platform/host.h"
#include "platform/platform.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strs.h"
#include "util/text.h"

#define PLUGIN "ports"
#define MAP_SIZE_MAX 65536

void platform_ports_done(struct platform_ports *ports)
{
	free(ports->items);
	*ports = (struct platform_ports){ 0 };
}

static bool read_port(const char *line, struct platform_port *ret_port)
{
	AUTO_STRS parts = { 0 };
	int64_t host_port, container_port;

	strs_split(&parts, line, ":");
	if (parts.count != 3 || strlen(parts.items[0]) >= sizeof(ret_port->scheme) || !parse_int(parts.items[1], 1, 65535, &host_port) ||
		!parse_int(parts.items[2], 1, 65535, &container_port))
		return false;
	(void)snprintf(ret_port->scheme, sizeof(ret_port->scheme), "%s", parts.items[0]);
	ret_port->host_port = (int)host_port;
	ret_port->container_port = (int)container_port;
	return true;
}

/* The effective mappings as lines, without whatever else a plugin prints. */
static bool effective_lines(struct platform *platform, const char *app, struct strs *lines, struct err *err)
{
	AUTO(spawn_result_done) struct spawn_result result = { 0 };
	AUTO_STRS printed = { 0 };
	struct platform_port port;

	if (!platform_check_app(platform, app, err) || !platform_trigger(platform, (const char *const[]){ "ports-get", app, NULL }, &result, err))
		return false;
	text_lines(buf_text(&result.out), &printed);
	for (size_t i = 0; i < printed.count; i++) {
		if (read_port(printed.items[i], &port))
			strs_add(lines, printed.items[i]);
	}
	return true;
}

bool platform_ports(struct platform *platform, const char *app, struct platform_ports *ret_ports, struct err *err)
{
	AUTO_STRS lines = { 0 };

	if (!effective_lines(platform, app, &lines, err))
		return false;
	ret_ports->items = mem_new(lines.count, sizeof(*ret_ports->items));
	ret_ports->count = 0;
	for (size_t i = 0; i < lines.count; i++) {
		if (read_port(lines.items[i], &ret_ports->items[ret_ports->count]))
			ret_ports->count++;
	}
	return true;
}

/*
 * The explicit mappings, else those detected: an explicit map takes their place. As they were detected, since of an app with a certificate the platform makes
 * TLS of all of them when none is at port 80. Without either, those in effect.
 */
static bool read_map(struct platform *platform, const char *app, struct strs *lines, struct err *err)
{
	static const char *const keys[] = { "map", "map-detected" };

	for (size_t i = 0; i < COUNT(keys) && lines->count == 0; i++) {
		AUTO_FREE char *map = NULL;

		if (!platform_property(platform, PLUGIN, app, keys[i], &map, err))
			return false;
		text_lines(map != NULL ? map : "", lines);
	}
	return lines->count > 0 || effective_lines(platform, app, lines, err);
}

static bool write_map(struct platform *platform, const char *app, const struct strs *lines, struct err *err)
{
	AUTO_BUF text = BUF_MAX(MAP_SIZE_MAX);
	AUTO_FD folder_fd = property_open(platform, PLUGIN, app, true, err);

	if (folder_fd < 0)
		return false;
	for (size_t i = 0; i < lines->count; i++)
		buf_addf(&text, "%s\n", lines->items[i]);
	if (text.is_full)
		return err_set(err, ERR_REFUSED, "%s has too many port mappings", app);
	return file_replace(folder_fd, "map", buf_text(&text), text.size, 0600, err);
}

bool platform_add_http_port(struct platform *platform, const char *app, int container_port, struct err *err)
{
	AUTO_STRS lines = { 0 };
	AUTO_FREE char *added = mem_fmt("http:80:%d", container_port);

	if (!read_map(platform, app, &lines, err))
		return false;
	if (!strs_add_new(&lines, added))
		return true;
	return write_map(platform, app, &lines, err) &&
		platform_trigger(platform, (const char *const[]){ "post-proxy-ports-update", app, "add", NULL }, NULL, err);
}
