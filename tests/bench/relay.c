/* SPDX-License-Identifier: MIT */
/*
 * A far-away server: a TCP relay on the loopback that hands on each byte DELAY milliseconds after it came, in both directions, and makes a new connection
 * cost a round trip. For each connection it prints when it began and ended, so that a client is measured from outside, whatever it is.
 *
 *     relay LISTEN_PORT SERVER_PORT DELAY_MS
 *
 *     ready
 *     open  NUMBER
 *     close NUMBER FIRST LAST     microseconds of one clock: connected; last byte handed to the client before it hung up
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define CHUNK_MAX 16384

/* Bytes on their way; none = the end of the stream. */
struct chunk {
	struct chunk *next;
	int64_t due_us;
	size_t size, sent;
	char data[];
};

/* One direction of a connection. */
struct lane {
	int from, to;
	struct chunk *first, **last;
	int64_t open_us; /* nothing passes before: the connection is being made */
	bool is_read_out, is_ended;
};

struct connection {
	bool is_used;
	unsigned number;
	struct lane up, down;
	int64_t first_us, last_us;
};

struct relay {
	int listen_fd;
	uint16_t server_port;
	int64_t delay_us;
	unsigned count;
	struct connection connections[CONNECTIONS_MAX];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct sockaddr_in local(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void listen_at(struct relay *relay, uint16_t port)
{
	struct sockaddr_in address = local(port);
	int on = 1;

	relay->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (relay->listen_fd < 0 || setsockopt(relay->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(relay->listen_fd, (struct sockaddr *)&address, sizeof(address)) || listen(relay->listen_fd, 64))
		die("listen");
}

/* ---- one direction ---- */

static void lane_init(struct lane *lane, int from, int to, int64_t open_us)
{
	*lane = (struct lane){ .from = from, .to = to, .open_us = open_us };
	lane->last = &lane->first;
}

static void lane_add(struct lane *lane, const char *data, size_t size, int64_t delay_us)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + size);
	int64_t now = now_us();

	if (!chunk)
		die("calloc");
	chunk->due_us = (now > lane->open_us ? now : lane->open_us) + delay_us;
	chunk->size = size;
	if (size)
		memcpy(chunk->data, data, size);
	*lane->last = chunk;
	lane->last = &chunk->next;
}

static void lane_drop_first(struct lane *lane)
{
	struct chunk *chunk = lane->first;

	lane->first = chunk->next;
	if (!lane->first)
		lane->last = &lane->first;
	free(chunk);
}

/* A broken connection ends like a closed one. */
static void lane_read(struct lane *lane, int64_t delay_us)
{
	char data[CHUNK_MAX];
	ssize_t size = recv(lane->from, data, sizeof(data), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	lane->is_read_out = size <= 0;
	lane_add(lane, data, size > 0 ? (size_t)size : 0, delay_us);
}

/* Hands on what is due. True: some of it was bytes. */
static bool lane_write(struct lane *lane)
{
	bool any = false;

	while (lane->first && lane->first->due_us <= now_us()) {
		struct chunk *chunk = lane->first;
		ssize_t size = 0;

		if (chunk->size == 0) {
			(void)shutdown(lane->to, SHUT_WR);
			lane->is_ended = true;
		} else {
			size = send(lane->to, chunk->data + chunk->sent, chunk->size - chunk->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (size < 0 && (errno == EAGAIN || errno == EINTR))
				return any;
			any = any || size > 0;
			chunk->sent += size > 0 ? (size_t)size : chunk->size - chunk->sent;
		}
		if (chunk->sent == chunk->size)
			lane_drop_first(lane);
	}
	return any;
}

/* ---- connections ---- */

static int connect_to_server(const struct relay *relay)
{
	struct sockaddr_in address = local(relay->server_port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		die("connect");
	return fd;
}

/* The kernel has taken the connection at once; the round trip that this would have cost is paid by the first bytes. */
static void take_connection(struct relay *relay)
{
	struct connection *connection = relay->connections;
	int client_fd = accept4(relay->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	int server_fd;
	int on = 1;

	if (client_fd < 0)
		return;
	while (connection < relay->connections + CONNECTIONS_MAX && connection->is_used)
		connection++;
	if (connection == relay->connections + CONNECTIONS_MAX) {
		close(client_fd);
		return;
	}
	(void)setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*connection = (struct connection){ .is_used = true, .number = ++relay->count, .first_us = now_us() };
	connection->last_us = connection->first_us;
	server_fd = connect_to_server(relay);
	lane_init(&connection->up, client_fd, server_fd, connection->first_us + 2 * relay->delay_us);
	lane_init(&connection->down, server_fd, client_fd, 0);
	printf("open %u\n", connection->number);
}

static void close_connection(struct connection *connection)
{
	printf("close %u %lld %lld\n", connection->number, (long long)connection->first_us, (long long)connection->last_us);
	close(connection->up.from);
	close(connection->up.to);
	while (connection->up.first)
		lane_drop_first(&connection->up);
	while (connection->down.first)
		lane_drop_first(&connection->down);
	connection->is_used = false;
}

static void serve_connection(struct connection *connection)
{
	(void)lane_write(&connection->up);
	if (lane_write(&connection->down) && !connection->up.is_read_out)
		connection->last_us = now_us();
	if (connection->up.is_ended && connection->down.is_ended)
		close_connection(connection);
}

/* ---- the loop ---- */

struct poll_set {
	struct pollfd fds[1 + 2 * CONNECTIONS_MAX];
	struct lane *lanes[1 + 2 * CONNECTIONS_MAX];
	nfds_t count;
	int64_t due_us;
};

static void poll_set_add(struct poll_set *set, struct lane *lane)
{
	if (lane->first && lane->first->due_us < set->due_us)
		set->due_us = lane->first->due_us;
	if (lane->is_read_out)
		return;
	set->lanes[set->count] = lane;
	set->fds[set->count++] = (struct pollfd){ .fd = lane->from, .events = POLLIN };
}

static void wait_for_something(struct poll_set *set)
{
	int64_t left_us = set->due_us - now_us();
	struct timespec timeout;

	left_us = left_us < 0 ? 0 : left_us > 1000000 ? 1000000 : left_us;
	timeout = (struct timespec){ .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };
	if (ppoll(set->fds, set->count, &timeout, NULL) < 0 && errno != EINTR)
		die("ppoll");
}

static void turn(struct relay *relay)
{
	struct poll_set set = { .count = 1, .due_us = INT64_MAX };

	set.fds[0] = (struct pollfd){ .fd = relay->listen_fd, .events = POLLIN };
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (!relay->connections[i].is_used)
			continue;
		poll_set_add(&set, &relay->connections[i].up);
		poll_set_add(&set, &relay->connections[i].down);
	}
	wait_for_something(&set);
	for (nfds_t i = 1; i < set.count; i++)
		if (set.fds[i].revents)
			lane_read(set.lanes[i], relay->delay_us);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (relay->connections[i].is_used)
			serve_connection(&relay->connections[i]);
	if (set.fds[0].revents)
		take_connection(relay);
}

int main(int argc, char **argv)
{
	static struct relay relay;

	if (argc != 4) {
		fprintf(stderr, "Usage: %s LISTEN_PORT SERVER_PORT DELAY_MS\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	relay.server_port = (uint16_t)strtoul(argv[2], NULL, 10);
	relay.delay_us = strtol(argv[3], NULL, 10) * 1000;
	listen_at(&relay, (uint16_t)strtoul(argv[1], NULL, 10));
	puts("ready");
	for (;;)
		turn(&relay);
}
