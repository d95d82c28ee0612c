/* SPDX-License-Identifier: MIT */
/* A CA of this run: what all of the folder shares. The work is in directory.c, nonce.c, request.c and what stands on them. */
#include "acme/acme.h"

#include "acme/internal.h"
#include "net/http.h"
#include "util/mem.h"

#define REQUEST_TIMEOUT_MS 30000

struct acme *acme_new(const struct acme_config *config)
{
	struct acme *acme = mem_new(1, sizeof(*acme));

	acme->directory_url = mem_strdup(config->directory_url);
	acme->http = config->http;
	acme->loop = config->loop;
	acme->deadline_ms = config->deadline_ms;
	acme->kept_text = config->directory_text ? mem_strdup(config->directory_text) : NULL;
	return acme;
}

void acme_free(struct acme *acme)
{
	if (!acme)
		return;
	acme_nonces_done(&acme->nonces);
	acme_directory_done(&acme->directory);
	free(acme->directory_url);
	free(acme->kept_text);
	free(acme->fetched_text);
	free(acme);
}

int64_t acme_date_at(const struct acme *acme)
{
	return acme->date_at;
}

int64_t acme_now_at(const struct acme *acme)
{
	return acme->date_at > 0 ? acme->date_at + (loop_now_ms(acme->loop) - acme->dated_ms) / 1000 : 0;
}

void acme_note_date(struct acme *acme, const struct http_response *response)
{
	if (response->date_at <= 0)
		return;
	acme->date_at = response->date_at;
	acme->dated_ms = loop_now_ms(acme->loop);
}

int64_t acme_request_timeout_ms(const struct acme *acme, int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms == LOOP_NEVER ? REQUEST_TIMEOUT_MS : deadline_ms - loop_now_ms(acme->loop);

	if (left_ms < 1)
		return 1;
	return left_ms < REQUEST_TIMEOUT_MS ? left_ms : REQUEST_TIMEOUT_MS;
}
