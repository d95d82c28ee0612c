/* SPDX-License-Identifier: MIT */
/* Addresses as text to their canonical form and to the blocks that the CA counts by. */
#include "budget/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "util/mem.h"

#define V4_SIZE 4
#define V6_SIZE 16

struct address {
	unsigned char bytes[V6_SIZE];
	size_t size;
};

static bool parse(const char *text, struct address *ret_address)
{
	struct address address = { .size = strchr(text, ':') != NULL ? V6_SIZE : V4_SIZE };

	if (inet_pton(address.size == V6_SIZE ? AF_INET6 : AF_INET, text, address.bytes) != 1)
		return false;
	*ret_address = address;
	return true;
}

static char *format(const struct address *address)
{
	char text[INET6_ADDRSTRLEN];
	const char *done = inet_ntop(address->size == V6_SIZE ? AF_INET6 : AF_INET, address->bytes, text, sizeof(text));

	assert(done != NULL);
	return mem_strdup(text);
}

char *address_canonical(const char *text)
{
	struct address address;

	return parse(text, &address) ? format(&address) : NULL;
}

bool address_is_v6(const char *address)
{
	return strchr(address, ':') != NULL;
}

char *address_block(const char *address, int v4_bits, int v6_bits)
{
	struct address block = { 0 };
	bool is_address = parse(address, &block);
	assert(is_address);

	int bits = block.size == V6_SIZE ? v6_bits : v4_bits;
	assert(bits % 8 == 0);
	memset(block.bytes + bits / 8, 0, block.size - (size_t)(bits / 8));
	AUTO_FREE char *lowest = format(&block);
	return mem_fmt("%s/%d", lowest, bits);
}
