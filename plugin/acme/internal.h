/* SPDX-License-Identifier: MIT */
#ifndef ACME_INTERNAL_H
#define ACME_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/directory.h"
#include "acme/nonce.h"
#include "sys/loop.h"

struct http;
struct http_response;

/* What the files of this folder share of a CA. */
struct acme {
	char *directory_url;
	struct http *http;
	struct loop *loop;
	int64_t deadline_ms;
	int64_t date_at;               /* of the latest answer … */
	int64_t dated_ms;              /* … which came then, by the loop */
	struct acme_directory directory;
	bool has_directory;
	bool is_loading;               /* a fiber fetches it; `loaded` is set when that has ended */
	struct loop_event loaded;
	char *kept_text;               /* the directory as the caller kept it; NULL */
	char *fetched_text;            /* as fetched in this run; NULL = not fetched */
	struct acme_nonces nonces;
};

/* Remembers the Date of an answer. */
void acme_note_date(struct acme *acme, const struct http_response *response);
/* Milliseconds that a request may take now: the rest of the time limit, at most 30 s, at least 1. */
int64_t acme_request_timeout_ms(const struct acme *acme, int64_t deadline_ms);

#endif
