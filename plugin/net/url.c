/* SPDX-License-Identifier: MIT */
/* https URLs, checked by hand: what a CA or an operator gives is looked at before it goes anywhere. Nothing but https is a URL here. */
#include "net/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/text.h"

#define SCHEME "https://"

/* Host and port of a URL, not yet checked; both in memory of their own. */
struct authority {
	char *host; /* IPv6 addresses with their brackets */
	char *port; /* NULL = none given */
};

static void authority_done(struct authority *authority)
{
	free(authority->host);
	free(authority->port);
}

/* `url` starts with the scheme. */
static struct authority authority_of(const char *url)
{
	const char *start = url + strlen(SCHEME);
	size_t size = strcspn(start, "/?#");
	size_t host_size = start[0] == '[' ? strcspn(start, "]") + 1 : strcspn(start, ":/?#");
	struct authority authority = { 0 };

	if (host_size > size)
		host_size = size;
	authority.host = mem_strndup(start, host_size);
	if (host_size < size && start[host_size] == ':')
		authority.port = mem_strndup(start + host_size + 1, size - host_size - 1);
	else if (host_size < size) /* "[::1]x": something that is no port follows; make it one that fails */
		authority.port = mem_strndup(start + host_size, size - host_size);
	return authority;
}

static bool is_ipv6_literal(const char *host)
{
	size_t size = strlen(host);
	AUTO_FREE char *inner = NULL;
	struct in6_addr address;

	if (size < 4 || host[0] != '[' || host[size - 1] != ']')
		return false;
	inner = mem_strndup(host + 1, size - 2);
	return inet_pton(AF_INET6, inner, &address) == 1;
}

/* Letters, digits and hyphens in labels of 1 to 63; a host without a dot is one too (a CA in the local network). */
static bool is_host(const char *host)
{
	size_t label_size = 0;

	if (host[0] == '[')
		return is_ipv6_literal(host);
	if (strlen(host) > 253)
		return false;
	for (const char *at = host; *at; at++) {
		if (*at == '.') {
			if (label_size == 0)
				return false;
			label_size = 0;
		} else if ((!text_is_alnum(*at) && *at != '-') || ++label_size > 63) {
			return false;
		}
	}
	return label_size > 0;
}

/* What is wrong with it, to follow "it"; NULL = nothing. */
static const char *fault_of(const char *url)
{
	AUTO(authority_done) struct authority authority = { 0 };
	int64_t port;

	for (const char *at = url; *at; at++)
		if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f)
			return "has a space or another byte that no URL has";
	if (!text_starts(url, SCHEME))
		return "does not start with " SCHEME;
	authority = authority_of(url);
	if (strchr(authority.host, '@') || (authority.port && strchr(authority.port, '@')))
		return "holds a user name";
	if (!is_host(authority.host))
		return "has no valid host name";
	if (authority.port && !parse_int(authority.port, 1, 65535, &port))
		return "has no valid port";
	if (strchr(url, '#'))
		return "has a fragment ('#')";
	return NULL;
}

bool url_check_https(const char *url, struct err *err)
{
	const char *fault = fault_of(url);

	if (fault)
		return err_set(err, ERR_CONFIG, "'%s' is not a usable URL: it %s; it has to look like https://host/path", url, fault);
	return true;
}

char *url_host_port(const char *url)
{
	AUTO(authority_done) struct authority authority = { 0 };
	AUTO_FREE char *joined = NULL;

	if (!text_starts(url, SCHEME))
		return mem_strdup(url);
	authority = authority_of(url);
	joined = authority.port ? mem_fmt("%s:%s", authority.host, authority.port) : mem_strdup(authority.host);
	return text_lower(joined);
}
