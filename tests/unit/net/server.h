/* SPDX-License-Identifier: MIT */
#ifndef TESTS_NET_SERVER_H
#define TESTS_NET_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/mem.h"

/*
 * A small server on a free port of 127.0.0.1, HTTP/1.1 with kept connections, over TLS or plain. A process of its own, and one more for each connection; all
 * end with the test. By path: /hello, /host, /echo (the POSTed body), /headers, /redirect, /away, /circle, /elsewhere, /big (2 MiB), /cut (closes without an answer), /silent (never
 * answers), anything else is 404.
 */
struct server_counts {
	atomic_int connections, requests, posts;
};

struct server {
	pid_t pid;
	int port;
	struct server_counts *counts;
	char trust_file[64]; /* PEM of its certificate */
	char leaf_sha256[65], other_leaf_sha256[65];
};

#define SERVER_OTHER_NAME "other.example" /* served with another certificate */

/* A certificate for itself; `names`: as in openssl.cnf. */
static inline X509 *server_make_cert(EVP_PKEY *key, const char *names, long serial)
{
	X509 *cert = X509_new();
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	assert_non_null(extension);
	assert_int_equal(X509_set_version(cert, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0), 1);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	X509_EXTENSION_free(extension);
	return cert;
}

static inline void server_hash(const X509 *cert, char ret_hex[65])
{
	unsigned char digest[32];
	unsigned size;

	assert_int_equal(X509_digest(cert, EVP_sha256(), digest, &size), 1);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

static inline SSL_CTX *server_make_ctx(X509 *cert, EVP_PKEY *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	return ctx;
}

/* ---- in the child ---- */

struct server_peer {
	int fd;
	SSL *ssl; /* NULL: plain */
};

static inline int server_read(const struct server_peer *peer, char *data, int size)
{
	return peer->ssl ? SSL_read(peer->ssl, data, size) : (int)read(peer->fd, data, (size_t)size);
}

static inline void server_write(const struct server_peer *peer, const char *data, size_t size)
{
	while (size > 0) {
		int written = peer->ssl ? SSL_write(peer->ssl, data, (int)size) : (int)write(peer->fd, data, size);

		if (written <= 0)
			_exit(0);
		data += written;
		size -= (size_t)written;
	}
}

static inline void server_answer(const struct server_peer *peer, const char *status, const char *headers, const char *body)
{
	char head[1024];
	int size = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers, strlen(body));

	server_write(peer, head, (size_t)size);
	server_write(peer, body, strlen(body));
}

/* A line of the PROXY protocol before the TLS handshake or the request is looked at and taken away. */
static inline void server_take_proxy_line(int fd)
{
	char line[108];
	ssize_t got = recv(fd, line, sizeof(line), MSG_PEEK);
	const char *end = got > 6 && memcmp(line, "PROXY ", 6) == 0 ? memmem(line, (size_t)got, "\r\n", 2) : NULL;

	if (!end || read(fd, line, (size_t)(end + 2 - line)) < 0)
		_exit(0);
}

/* Reads until the head is complete, and the body after it; in one buffer. False: the peer has gone. */
static inline bool server_read_request(const struct server_peer *peer, char *request, size_t room, char **ret_body)
{
	size_t size = 0;

	for (;;) {
		char *end = memmem(request, size, "\r\n\r\n", 4);
		const char *length = end ? memmem(request, size, "Content-Length: ", 16) : NULL;
		size_t wanted = end ? (size_t)(end + 4 - request) + (length ? (size_t)atoi(length + 16) : 0) : room;
		int got;

		if (end && size >= wanted) {
			request[size] = '\0';
			*ret_body = end + 4;
			return true;
		}
		got = server_read(peer, request + size, (int)(room - 1 - size));
		if (got <= 0)
			return false;
		size += (size_t)got;
	}
}

static inline void server_answer_host(const struct server_peer *peer, char *request)
{
	char *host = strstr(request, "Host: ");

	if (!host)
		_exit(1);
	host[strcspn(host, "\r")] = '\0';
	server_answer(peer, "200 OK", "Content-Type: text/plain\r\n", host + 6);
}

static inline void server_answer_big(const struct server_peer *peer)
{
	char *big = malloc(2 * 1024 * 1024 + 1);

	if (!big)
		_exit(1);
	memset(big, 'x', 2 * 1024 * 1024);
	big[2 * 1024 * 1024] = '\0';
	server_answer(peer, "200 OK", "", big);
	free(big);
}

/* A list of public suffixes that does not change. */
static inline void server_answer_list(const struct server_peer *peer, const char *request)
{
	static const char date[] = "Fri, 15 Jan 2027 08:00:00 GMT";
	bool is_known = strstr(request, "\r\nIf-None-Match: \"v1\"\r\n") && strstr(request, "\r\nIf-Modified-Since: Fri, 15 Jan 2027 08:00:00 GMT\r\n");
	char headers[128];

	(void)snprintf(headers, sizeof(headers), "ETag: \"v1\"\r\nLast-Modified: %s\r\n", date);
	server_answer(peer, is_known ? "304 Not Modified" : "200 OK", headers, is_known ? "" : "com\norg\nfetched.com\n");
}

static inline void server_answer_one(const struct server_peer *peer, char *request, const char *body)
{
	char *path = strchr(request, ' ') + 1;
	size_t size = strcspn(path, " ");

#define SERVER_IS(text) (size == strlen(text) && memcmp(path, (text), size) == 0)
	if (SERVER_IS("/hello"))
		server_answer(peer, "200 OK", "Content-Type: text/plain\r\n", memcmp(request, "HEAD ", 5) == 0 ? "" : "hello");
	else if (SERVER_IS("/host"))
		server_answer_host(peer, request);
	else if (SERVER_IS("/echo"))
		server_answer(peer, "201 Created", strstr(request, "\r\nContent-Type: application/jose+json\r\n") ? "Content-Type: text/yes\r\n" : "", body);
	else if (SERVER_IS("/agent"))
		server_answer(peer, strstr(request, "\r\nUser-Agent: tester/1\r\n") && strstr(request, "\r\nAccept: text/odd\r\n") ? "200 OK" : "400 No", "", "");
	else if (SERVER_IS("/headers"))
		server_answer(peer, "201 Created",
			      "content-type: Application/JSON; charset=utf-8\r\nLocation: https://a/b\r\nreplay-nonce: abc\r\nRetry-After: 120\r\n"
			      "Date: Fri, 15 Jan 2027 08:00:00 GMT\r\nLink: <https://a/1>;rel=\"alternate\"\r\nLink: <https://a/2>;rel=\"alternate\"\r\n",
			      "{}");
	else if (SERVER_IS("/redirect"))
		server_answer(peer, "302 Found", "Location: /hello\r\n", "");
	else if (SERVER_IS("/away"))
		server_answer(peer, "301 Moved Permanently", "Location: https://Other.Example:8443/a%20b?c=d\r\n", "");
	else if (SERVER_IS("/circle"))
		server_answer(peer, "302 Found", "Location: /circle\r\n", "");
	else if (SERVER_IS("/elsewhere"))
		server_answer(peer, "302 Found", "Location: ftp://other.example/\r\n", "");
	else if (SERVER_IS("/list"))
		server_answer_list(peer, request);
	else if (SERVER_IS("/big"))
		server_answer_big(peer);
	else if (SERVER_IS("/cut"))
		_exit(0);
	else if (SERVER_IS("/silent"))
		(void)pause();
	else
		server_answer(peer, "404 Not Found", "", "");
#undef SERVER_IS
}

static inline void server_talk(int fd, SSL_CTX *ctx, struct server_counts *counts)
{
	struct server_peer peer = { .fd = fd };
	static char request[256 * 1024];
	char *body;

	counts->connections++;
	if (ctx) {
		peer.ssl = SSL_new(ctx);
		if (!peer.ssl || SSL_set_fd(peer.ssl, fd) != 1 || SSL_accept(peer.ssl) != 1)
			_exit(0);
	}
	while (server_read_request(&peer, request, sizeof(request), &body)) {
		counts->requests++;
		counts->posts += memcmp(request, "POST ", 5) == 0;
		server_answer_one(&peer, request, body);
	}
	_exit(0);
}

static inline int server_choose_cert(SSL *ssl, int *alert, void *other_ctx)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (name && strcmp(name, SERVER_OTHER_NAME) == 0)
		SSL_set_SSL_CTX(ssl, other_ctx);
	return SSL_TLSEXT_ERR_OK;
}

static inline void server_serve(int listener, SSL_CTX *ctx, bool has_proxy_protocol, struct server_counts *counts)
{
	(void)signal(SIGCHLD, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (has_proxy_protocol)
				server_take_proxy_line(fd);
			server_talk(fd, ctx, counts);
		}
		(void)close(fd);
	}
}

/* ---- in the test ---- */

static inline int server_listen(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(listen(fd, 64), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static inline void server_write_trust(struct server *server, X509 *cert)
{
	FILE *file;
	int fd;

	(void)snprintf(server->trust_file, sizeof(server->trust_file), "/tmp/test-trust.XXXXXX");
	fd = mkstemp(server->trust_file);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_int_equal(PEM_write_X509(file, cert), 1);
	assert_int_equal(fclose(file), 0);
}

static inline struct server server_start_with(bool is_tls, bool has_proxy_protocol)
{
	struct server server = { 0 };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = server_make_cert(key, "IP:127.0.0.1", 1);
	X509 *other = server_make_cert(key, "DNS:" SERVER_OTHER_NAME, 2);
	SSL_CTX *ctx = server_make_ctx(cert, key);
	SSL_CTX *other_ctx = server_make_ctx(other, key);
	int listener = server_listen(&server.port);

	server_hash(cert, server.leaf_sha256);
	server_hash(other, server.other_leaf_sha256);
	server_write_trust(&server, cert);
	assert_int_equal(SSL_CTX_set_tlsext_servername_callback(ctx, server_choose_cert), 1);
	assert_int_equal(SSL_CTX_set_tlsext_servername_arg(ctx, other_ctx), 1);
	server.counts = mmap(NULL, sizeof(*server.counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(server.counts, MAP_FAILED);
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		server_serve(listener, is_tls ? ctx : NULL, has_proxy_protocol, server.counts);
	}
	(void)close(listener);
	SSL_CTX_free(ctx);
	SSL_CTX_free(other_ctx);
	X509_free(cert);
	X509_free(other);
	EVP_PKEY_free(key);
	return server;
}

static inline struct server server_start(bool is_tls)
{
	return server_start_with(is_tls, false);
}

static inline void server_stop(struct server *server)
{
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
	(void)unlink(server->trust_file);
	(void)munmap(server->counts, sizeof(*server->counts));
}

/* A port on which nobody listens. */
static inline int server_free_port(void)
{
	int port;
	int fd = server_listen(&port);

	(void)close(fd);
	return port;
}

#endif
