/* SPDX-License-Identifier: MIT */
/* What an app's nginx.conf says: where its servers listen, and whether they include the app's snippets. */

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "proxy/conf.h"
#include "proxy/nginx.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define PORT_DEFAULT 80

void nginx_listens_done(struct nginx_listens *listens)
{
	free(listens->items);
	*listens = (struct nginx_listens){ 0 };
}

/* What to connect to: `host` as nginx has it, without brackets. */
static const char *reachable(const char *host)
{
	if (host[0] == '\0' || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(host, "::") == 0 ? "::1" : host;
}

/* Where the port stands in "80", "*:80" and "[::1]:80", NULL if there is none; *ret_host is what stands before it, without brackets: the caller frees it. */
static const char *split_address(const char *text, char **ret_host)
{
	bool has_brackets = text[0] == '[';
	bool is_port = text[strspn(text, "0123456789")] == '\0';
	const char *host = has_brackets ? text + 1 : text;
	size_t size = is_port ? 0 : strcspn(host, has_brackets ? "]" : ":");
	const char *after = host + size + (has_brackets && host[size] == ']' ? 1 : 0);

	*ret_host = mem_strndup(host, size);
	if (is_port)
		return text;
	return *after == ':' ? after + 1 : NULL;
}

/* False for what nothing can be asked at: "unix:/…", a port that is none. */
static bool read_address(const char *text, struct nginx_listen *ret_listen)
{
	AUTO_FREE char *host = NULL;
	const char *port_text = split_address(text, &host);
	int64_t port = PORT_DEFAULT;

	if (text_starts(text, "unix:") || (port_text != NULL && !parse_int(port_text, 1, 65535, &port)))
		return false;
	ret_listen->port = (int)port;
	return snprintf(ret_listen->address, sizeof(ret_listen->address), "%s", reachable(host)) < (int)sizeof(ret_listen->address);
}

/* Flags of one address count for all servers on it. */
static void add_listen(struct nginx_listens *listens, const struct nginx_listen *listen)
{
	for (size_t i = 0; i < listens->count; i++) {
		struct nginx_listen *known = &listens->items[i];

		if (known->port != listen->port || strcmp(known->address, listen->address) != 0)
			continue;
		known->is_tls |= listen->is_tls;
		known->has_proxy_protocol |= listen->has_proxy_protocol;
		return;
	}
	listens->items = mem_resize(listens->items, listens->count + 1, sizeof(*listens->items));
	listens->items[listens->count++] = *listen;
}

void nginx_listens_read(const char *conf, struct nginx_listens *ret_listens)
{
	struct conf_scan scan = { .text = conf };
	AUTO(conf_directive_done) struct conf_directive directive = { 0 };
	struct nginx_listens listens = { 0 };

	while (conf_next(&scan, &directive)) {
		const struct strs *words = &directive.words;
		struct nginx_listen listen = { 0 };

		if (!directive.is_in_server || words->count < 2 || strcmp(words->items[0], "listen") != 0)
			continue;
		/* Datagrams: HTTP/3. */
		if (strs_has(words, "quic") || !read_address(words->items[1], &listen))
			continue;
		listen.is_tls = strs_has(words, "ssl");
		listen.has_proxy_protocol = strs_has(words, "proxy_protocol");
		add_listen(&listens, &listen);
	}
	*ret_listens = listens;
}

bool nginx_includes_snippets(const char *conf, const char *app_folder)
{
	struct conf_scan scan = { .text = conf };
	AUTO(conf_directive_done) struct conf_directive directive = { 0 };
	AUTO_FREE char *snippet = mem_fmt("%s/nginx.conf.d/letsencrypt.conf", app_folder);

	while (conf_next(&scan, &directive)) {
		const struct strs *words = &directive.words;

		if (directive.is_in_server && words->count == 2 && strcmp(words->items[0], "include") == 0 &&
			fnmatch(words->items[1], snippet, FNM_PATHNAME | FNM_PERIOD) == 0)
			return true;
	}
	return false;
}

size_t nginx_return_line(const char *conf)
{
	struct conf_scan scan = { .text = conf };
	AUTO(conf_directive_done) struct conf_directive directive = { 0 };
	size_t line = 1;

	while (conf_next(&scan, &directive)) {
		if (!(directive.is_in_server || directive.depth == 0) || directive.words.count == 0 || strcmp(directive.words.items[0], "return") != 0)
			continue;
		for (size_t i = 0; i < directive.start; i++)
			line += conf[i] == '\n';
		return line;
	}
	return 0;
}
