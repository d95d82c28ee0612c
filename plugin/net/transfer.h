/* SPDX-License-Identifier: MIT */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct err;
struct loop;

/*
 * The one curl multi handle of a process, driven by the loop (multi_socket interface: loop_watch and a loop_timer). net/http and net/probe put their handles
 * on it. At most one connection a host is opened while HTTP/2 is spoken; six with HTTP/1.1.
 */
struct transfers;

struct transfers *transfers_new(struct loop *loop) MUST_USE NEVER_NULL;
/* No transfer may be under way. */
void transfers_free(struct transfers *transfers);
static inline void transfers_freep(struct transfers **transfers)
{
	transfers_free(*transfers);
}
struct loop *transfers_loop(struct transfers *transfers);
/* Adds a CURL easy handle; `done` is called from the loop with its CURLcode once it has ended and was taken off the multi handle again. */
void transfers_add(struct transfers *transfers, void *easy, void (*done)(void *ctx, int curl_code), void *ctx);
/* Takes it off before its end; `done` is not called. */
void transfers_cancel(struct transfers *transfers, void *easy);

#endif
