/* SPDX-License-Identifier: MIT */
/*
 * A visitor of many sites, for the tests of renewals: goes round the names in a file, asks each over HTTPS, and writes down which certificate it was shown.
 *
 *     client new|keep PORT NAMES      until SIGTERM
 *
 * "new": a connection for each request. "keep": one connection a name, kept alive; a request that finds it closed is repeated once on a new one, as browsers do.
 * Prints a line for each certificate that was seen of a name, "NAME LEAF FIRST LAST" (milliseconds since 1970), one for each failed request, and "requests N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#define NAMES_MAX 200
#define LEAVES_MAX 4
#define PATIENCE_S 10

struct sighting {
	char leaf[65];
	int64_t first_ms, last_ms;
};

struct site {
	char name[128];
	SSL *tls; /* NULL: not connected */
	struct sighting seen[LEAVES_MAX];
};

struct visitor {
	SSL_CTX *context;
	struct sockaddr_in address;
	bool is_keeping;
	struct site sites[NAMES_MAX];
	size_t count;
	unsigned long requests;
};

/* The signal is blocked, so that it breaks no request off. */
static bool is_stopping(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void hang_up(struct site *site)
{
	if (!site->tls)
		return;
	(void)close(SSL_get_fd(site->tls));
	SSL_free(site->tls);
	site->tls = NULL;
}

/* Which certificate this connection showed. */
static void note_leaf(struct site *site)
{
	X509 *leaf = SSL_get1_peer_certificate(site->tls);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	char hex[65] = "";
	struct sighting *seen = site->seen;

	(void)X509_digest(leaf, EVP_sha256(), digest, &size);
	X509_free(leaf);
	for (unsigned i = 0; i < size && i < 32; i++)
		(void)snprintf(hex + (size_t)i * 2, 3, "%02x", digest[i]);
	while (*seen->leaf && strcmp(seen->leaf, hex) != 0 && seen < site->seen + LEAVES_MAX - 1)
		seen++;
	if (!*seen->leaf)
		seen->first_ms = now_ms();
	memcpy(seen->leaf, hex, sizeof(hex));
	seen->last_ms = now_ms();
}

static const char *dial(struct visitor *visitor, struct site *site)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	site->tls = SSL_new(visitor->context);
	(void)SSL_set_fd(site->tls, fd);
	(void)SSL_set_tlsext_host_name(site->tls, site->name);
	if (connect(fd, (struct sockaddr *)&visitor->address, sizeof(visitor->address)) != 0)
		return "connect";
	return SSL_connect(site->tls) == 1 ? NULL : "handshake";
}

/* Reads one answer that says its length; NULL or what went wrong. */
static const char *read_answer(struct site *site)
{
	char answer[4096];
	size_t size = 0;

	for (;;) {
		int got = SSL_read(site->tls, answer + size, (int)(sizeof(answer) - 1 - size));
		const char *body, *length;

		if (got <= 0)
			return size == 0 ? "closed" : "half an answer";
		size += (size_t)got;
		answer[size] = '\0';
		body = strstr(answer, "\r\n\r\n");
		length = strcasestr(answer, "\r\nContent-Length: ");
		if (!body || !length)
			continue;
		if (size - (size_t)(body + 4 - answer) < strtoul(length + 18, NULL, 10))
			continue;
		return strncmp(answer, "HTTP/1.1 200 ", 13) == 0 ? NULL : "status";
	}
}

static const char *ask(struct visitor *visitor, struct site *site)
{
	char request[256];
	int size = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\nConnection: %s\r\n\r\n", site->name, visitor->is_keeping ? "keep-alive" : "close");
	const char *trouble = NULL;

	if (!site->tls)
		trouble = dial(visitor, site);
	if (!trouble && SSL_write(site->tls, request, size) != size)
		trouble = "closed";
	if (!trouble)
		trouble = read_answer(site);
	if (!trouble)
		note_leaf(site);
	return trouble;
}

static void visit(struct visitor *visitor, struct site *site)
{
	bool was_connected = site->tls != NULL;
	int64_t since_ms = now_ms();
	const char *trouble = ask(visitor, site);

	if (trouble && was_connected) {
		hang_up(site);
		trouble = ask(visitor, site);
	}
	if (trouble)
		printf("failed %s %s at %" PRId64 " after %" PRId64 " ms: %s\n", site->name, trouble, since_ms, now_ms() - since_ms, strerror(errno));
	if (trouble || !visitor->is_keeping)
		hang_up(site);
	visitor->requests++;
}

static bool read_names(struct visitor *visitor, const char *path)
{
	FILE *file = fopen(path, "re");

	while (file && visitor->count < NAMES_MAX && fscanf(file, "%127s", visitor->sites[visitor->count].name) == 1)
		visitor->count++;
	return file && fclose(file) == 0 && visitor->count > 0;
}

static void report(const struct visitor *visitor)
{
	for (size_t i = 0; i < visitor->count; i++)
		for (const struct sighting *seen = visitor->sites[i].seen; seen < visitor->sites[i].seen + LEAVES_MAX && *seen->leaf; seen++)
			printf("%s %s %" PRId64 " %" PRId64 "\n", visitor->sites[i].name, seen->leaf, seen->first_ms, seen->last_ms);
	printf("requests %lu\n", visitor->requests);
}

int main(int count, char **words)
{
	static struct visitor visitor;
	sigset_t blocked;

	visitor.is_keeping = count == 4 && strcmp(words[1], "keep") == 0;
	visitor.context = SSL_CTX_new(TLS_client_method());
	if (count != 4 || !visitor.context || !read_names(&visitor, words[3]))
		return 2;
	visitor.address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)strtoul(words[2], NULL, 10)) };
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	while (!is_stopping())
		for (size_t i = 0; i < visitor.count && !is_stopping(); i++)
			visit(&visitor, &visitor.sites[i]);
	report(&visitor);
	return 0;
}
