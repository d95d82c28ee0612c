/* SPDX-License-Identifier: MIT */
/* Asks CAs when certificates should be renewed, and keeps the answers. */
#include "flow/windows.h"

#include <string.h>

#include "acme/acme.h"
#include "crypto/digest.h"
#include "flow/app.h"
#include "flow/ca.h"
#include "flow/context.h"
#include "store/store.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/when.h"

#define TIMEOUT_MS 30000
/* After a failure; RFC 9773 §4.3.3 asks for patience. */
#define RETRY_S WHEN_HOUR

static bool is_wanted(const struct context *context, const struct app *app)
{
	const struct app_held *held = &app->held;

	return held->is_ours && held->is_known && *held->known.ari_id && held->known.revoked_at == 0 &&
	       held->known.window_retry_at <= clock_now(&context->clock);
}

/* Uniform within the window (RFC 9773 §4.2), a little away from its end; a window that has passed means now. */
static int64_t draw(const struct acme_window *window, int64_t now_at)
{
	int64_t width_s = window->end_at - window->start_at;
	uint32_t random = 0;

	if (window->end_at <= now_at)
		return now_at;
	digest_random(&random, sizeof(random));
	return window->start_at + (int64_t)((uint64_t)(width_s - width_s / 10) * random / UINT32_MAX);
}

static void keep(struct context *context, struct app *app, const struct acme_window *window)
{
	struct store_cert *known = &app->held.known;
	bool is_same = known->window_chosen_at > 0 && known->window_start_at == window->start_at && known->window_end_at == window->end_at;
	int64_t chosen_at = is_same ? known->window_chosen_at : draw(window, clock_now(&context->clock));
	struct err err;

	if (!store_cert_window(context->store, known->leaf, window->start_at, window->end_at, chosen_at, window->retry_at, window->explanation_url, &err)) {
		log_debug("windows", "%s", err.text);
		return;
	}
	known->window_start_at = window->start_at;
	known->window_end_at = window->end_at;
	known->window_chosen_at = chosen_at;
	known->window_retry_at = window->retry_at;
}

/* What is known stays; the CA is not asked again for an hour. */
static void keep_old(struct context *context, struct app *app, const struct err *cause)
{
	struct store_cert *known = &app->held.known;
	struct err ignored;

	log_debug("windows", "%s: %s", app->name, cause->text);
	known->window_retry_at = clock_now(&context->clock) + RETRY_S;
	(void)!store_cert_window(context->store, known->leaf, known->window_start_at, known->window_end_at, known->window_chosen_at, known->window_retry_at,
				 known->window_url, &ignored);
}

static void ask(struct context *context, struct ca *ca, struct app **apps, size_t count)
{
	AUTO_STRS ids = { 0 };
	AUTO_FREE struct acme_window *windows = mem_new(count + 1, sizeof(*windows));
	AUTO_FREE struct err *errs = mem_new(count + 1, sizeof(*errs));

	for (size_t i = 0; i < count; i++)
		strs_add(&ids, apps[i]->held.known.ari_id);
	acme_windows(ca->acme, &ids, windows, errs);
	for (size_t i = 0; i < count; i++) {
		if (errs[i].kind == ERR_NONE)
			keep(context, apps[i], &windows[i]);
		else
			keep_old(context, apps[i], &errs[i]);
		acme_window_done(&windows[i]);
	}
}

/* All wanted apps of the CA of the first one left; they are taken off the list. */
static size_t refresh_one_ca(struct context *context, struct cas *cas, struct app **wanted, size_t count)
{
	AUTO_FREE struct app **same = mem_new(count, sizeof(struct app *));
	const struct settings *settings = &wanted[0]->wanted.settings;
	struct err err = { 0 };
	struct ca *ca = ca_open(cas, settings, &err);
	size_t same_count = 0;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(wanted[i]->wanted.settings.server, settings->server) == 0 && strcmp(wanted[i]->wanted.settings.ca_certificate, settings->ca_certificate) == 0)
			same[same_count++] = wanted[i];
		else
			wanted[kept++] = wanted[i];
	}
	if (ca && acme_has_ari(ca->acme))
		ask(context, ca, same, same_count);
	else if (!ca)
		for (size_t i = 0; i < same_count; i++)
			keep_old(context, same[i], &err);
	return kept;
}

void windows_refresh(struct context *context, struct app *const *apps, size_t count)
{
	AUTO(cas_done) struct cas cas = { .context = context, .deadline_ms = loop_now_ms(context->loop) + TIMEOUT_MS };
	AUTO_FREE struct app **wanted = mem_new(count + 1, sizeof(struct app *));
	size_t wanted_count = 0;

	for (size_t i = 0; i < count; i++)
		if (is_wanted(context, apps[i]))
			wanted[wanted_count++] = apps[i];
	while (wanted_count > 0)
		wanted_count = refresh_one_ca(context, &cas, wanted, wanted_count);
}
