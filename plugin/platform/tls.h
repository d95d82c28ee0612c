/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_TLS_H
#define PLATFORM_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

struct buf;
struct err;
struct loop;

/*
 * The folder tls/ of an app (contract 7.1): staged beside it, put in place in one step, watched for others who write there (core's certs-set has no lock:
 * rm, cp by path), and taken back if it was no good.
 */
struct tls_swap {
	char name[48];        /* ".tls-letsencrypt.<random>": the staged folder, after the exchange the displaced one */
	uint64_t old_digest;  /* what tls/ held when we staged; 0 = there was none */
	uint64_t new_digest;  /* what we staged … */
	uint64_t old_pair[2]; /* of server.crt and server.key in tls/ … */
	uint64_t new_pair[2]; /* … and in what we staged */
	bool is_in_place;
};

enum tls_outcome {
	TLS_OURS,   /* what we staged is in place */
	TLS_THEIRS, /* somebody else wrote meanwhile: their pair is in place, whole */
	TLS_GONE    /* somebody removed tls/: it stays away */
};

/* Makes the staged folder: server.crt, server.key, server.letsencrypt.crt (folder 0750, files 0640), everything else in tls/ carried over; synced. */
bool tls_stage(int app_fd, const struct buf *chain_pem, const struct buf *key_pem, struct tls_swap *ret_swap, struct err *err) MUST_USE;
/*
 * Puts it in place: renamed when there is no tls/, else exchanged (renameat2; where a layered file system cannot: the folder is first copied to its own layer; where
 * the file system knows no exchange: by renames, one after the other). Then looks whether somebody wrote meanwhile, and if so waits until they are done and lets them win.
 */
bool tls_put_in_place(struct loop *loop, int app_fd, struct tls_swap *swap, enum tls_outcome *ret_outcome, struct err *err) MUST_USE;
/* Looks again, before the displaced folder goes: TLS_OURS removes it. */
bool tls_settle(struct loop *loop, int app_fd, struct tls_swap *swap, enum tls_outcome *ret_outcome, struct err *err) MUST_USE;
/* Back to what was there before (nothing, for a first certificate). If somebody else wrote meanwhile, theirs stays. */
bool tls_take_back(int app_fd, struct tls_swap *swap, struct err *err) MUST_USE;
/* Removes what is staged and not in place. */
void tls_drop(int app_fd, struct tls_swap *swap);
/* Removes what killed runs left, or puts it back when it was tls/: only while nobody else can be installing a certificate of this app. */
void tls_sweep(int app_fd);

#endif
