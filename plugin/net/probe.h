/* SPDX-License-Identifier: MIT */
#ifndef NET_PROBE_H
#define NET_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/buf.h"

struct transfers;

/*
 * What does this host serve under a name? Asks the proxy itself at an address and port, with the name as Host and SNI. Verifies no certificate: it looks at
 * them, and must know no secret of ours. Loopback and own addresses only; no proxies, redirects are told and not followed, answers cut at 4 KiB.
 */
enum probe_outcome {
	PROBE_ANSWERED,    /* HTTP: status and body are there; TLS: the leaf is there */
	PROBE_UNREACHABLE, /* no connection */
	PROBE_BROKEN       /* connected, but no HTTP answer or no TLS handshake */
};

/* Where an answer with status 301, 302, 303, 307 or 308 leads. */
struct probe_redirect {
	char *name;    /* host, lower case, IPv6 in brackets; NULL: nowhere, or to what is neither http nor https */
	bool is_https;
	int port;
	char *path;    /* with the query */
};

struct probe {
	/* in */
	const char *address; /* IPv4 or IPv6, without brackets */
	int port;
	bool has_proxy_protocol; /* the listener wants to be told first who asks: this host itself */
	const char *name;    /* host name asked for */
	const char *path;    /* GET of this path; NULL: a TLS handshake */
	bool is_https;       /* … over TLS */
	/* out */
	enum probe_outcome outcome;
	long status;         /* HTTP status */
	struct buf body;     /* HTTP body */
	struct probe_redirect redirect;
	char leaf_sha256[65];/* TLS: of the certificate served, lower-case hex; "" if none */
	char reason[160];    /* for people, when not PROBE_ANSWERED */
};
void probe_done(struct probe *probe);

/* All at once, each within `timeout_ms`; returns when all have an outcome (earlier, with PROBE_UNREACHABLE "stopped", on a termination signal). */
void probe_all(struct transfers *transfers, struct probe *probes, size_t count, int64_t timeout_ms);

#endif
