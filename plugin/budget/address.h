/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_ADDRESS_H
#define BUDGET_ADDRESS_H

#include <stdbool.h>

#include "util/attr.h"

/* IP addresses as the CA writes and groups them. */

/* "2001:DB8:0::1" -> "2001:db8::1" (RFC 5952); NULL when it is no address. The caller frees it. */
char *address_canonical(const char *text) MUST_USE;
bool address_is_v6(const char *address);
/* The lowest address of its block and the block's size, "64.112.117.1/32", "2602:80a:6000::/64", for a count of bits that bytes can hold; the caller frees it. */
char *address_block(const char *address, int v4_bits, int v6_bits) MUST_USE NEVER_NULL;

#endif
