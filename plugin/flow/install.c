/* SPDX-License-Identifier: MIT */
/*
 * Certificates into the proxy, and never a broken proxy. A first certificate lets the platform rebuild the app's server blocks; renewed ones are exchanged all
 * together, tested once, reloaded once. What is served tells whether it worked: nginx reports success also when it keeps its old configuration.
 */
#include "flow/install.h"

#include <stdio.h>
#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "flow/legacy.h"
#include "flow/served.h"
#include "flow/talk.h"
#include "flow/worker.h"
#include "platform/platform.h"
#include "platform/tls.h"
#include "proxy/nginx.h"
#include "store/certs.h"
#include "store/store.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define PEM_MAX ((size_t)512 * 1024)
#define KEY_MAX 8192

/* One app's part of a batch, or a first certificate. */
struct install {
	struct batch_item item;
	struct worker *worker;
	const struct app *app;
	const struct talk *talk;
	const char *leaf;        /* what must be served */
	int app_fd;
	bool has_swap;           /* false: it is in place already, only to be served */
	struct tls_swap swap;
	struct served served;
	bool is_out;             /* failed in the batch: item.err is set */
};

static void install_done(struct install *install)
{
	if (install->has_swap)
		tls_drop(install->app_fd, &install->swap);
	fd_done(&install->app_fd);
	served_done(&install->served);
}

/* ---- staging ---- */

static bool note_outcome(struct install *install, enum tls_outcome outcome, struct err *err)
{
	struct store *store = context_store(install->worker->context, err);
	const char *app = install->app->name;

	if (!store)
		return false;
	if (outcome == TLS_OURS)
		return true;
	if (!store_app_hold(store, app, outcome == TLS_GONE ? "the certificate was removed by hand" : "a certificate was installed by hand", err))
		return false;
	return err_set(err, ERR_REFUSED, "somebody %s the certificate of %s at the same moment: theirs stays (replace it with 'dokku letsencrypt:enable %s')",
		       outcome == TLS_GONE ? "removed" : "installed", app, app);
}

static bool load_and_stage(struct install *install, struct err *err)
{
	struct context *context = install->worker->context;
	AUTO_BUF chain_pem = BUF_MAX(PEM_MAX);
	AUTO_BUF key_pem = BUF_SECRET(KEY_MAX);
	bool is_found = false;

	if (!certs_load(install->worker->certs_fd, install->leaf, &is_found, &chain_pem, &key_pem, err))
		return false;
	if (!is_found)
		return err_set(err, ERR_MISSING, "the certificate %s of %s is not on disk any more: get another with 'dokku letsencrypt:enable %s --force'", install->leaf,
			       install->app->name, install->app->name);
	install->app_fd = platform_app_fd(context->platform, install->app->name, err);
	if (install->app_fd < 0)
		return false;
	if (!tls_stage(install->app_fd, &chain_pem, &key_pem, &install->swap, err))
		return err_wrap(err, "the certificate of %s could not be staged", install->app->name);
	install->has_swap = true;
	if (!note_outcome(install, app_look_again(install->app, install->app_fd), err))
		return false;
	/* No reason not to serve what was bought. */
	if (!legacy_write(context, install->app, &chain_pem, &key_pem, err))
		talk_err(install->talk, install->app->name, err);
	return true;
}

/* The proxy's configuration is broken already, and not by us: nothing changes, the next run tries again. */
static bool hold_back(struct install *install, struct err *err)
{
	struct store *store = context_store(install->worker->context, err);
	struct err broken = *err;

	if (!store)
		return false;
	err_prefix(&broken, "nginx's configuration is broken, so nothing was changed; the certificate is kept and installed by the next run once this is mended");
	if (!store_app_unserved(store, install->app->name, broken.text, err))
		return false;
	*err = broken;
	return false;
}

static bool put_in_place(struct install *install, struct err *err)
{
	enum tls_outcome outcome = TLS_OURS;

	if (!install->has_swap)
		return true;
	return tls_put_in_place(install->worker->context->loop, install->app_fd, &install->swap, &outcome, err) && note_outcome(install, outcome, err);
}

static bool settle(struct install *install, struct err *err)
{
	enum tls_outcome outcome = TLS_OURS;

	if (!install->has_swap)
		return true;
	if (!tls_settle(install->worker->context->loop, install->app_fd, &install->swap, &outcome, err))
		return false;
	install->has_swap = false;
	return note_outcome(install, outcome, err);
}

/* In use from now on; served, or why not. */
static bool record(struct install *install, struct err *err)
{
	struct store *store = context_store(install->worker->context, err);
	const char *app = install->app->name;
	const char *reason = served_reason(&install->served, install->leaf);

	if (!store || !store_app_uses(store, app, install->leaf, err))
		return false;
	if (!reason)
		return store_app_unserved(store, app, NULL, err);
	talk_say(install->talk, TALK_WARN, app, "The certificate of %s is installed, but %s", app, reason);
	return store_app_unserved(store, app, reason, err);
}

/* ---- a first certificate ---- */

static bool rebuild(struct install *install, struct err *err)
{
	struct platform *platform = install->worker->context->platform;
	const char *app = install->app->name;

	return platform_certs_updated(platform, app, err) && platform_domains_updated(platform, app, err);
}

static bool take_back_first(struct install *install, struct err *err)
{
	struct platform *platform = install->worker->context->platform;
	struct err cause = *err;
	struct err ignored;

	if (!tls_take_back(install->app_fd, &install->swap, err))
		return false;
	(void)(install->swap.old_digest != 0 ? rebuild(install, &ignored)
					     : platform_certs_removed(platform, install->app->name, &ignored) &&
						       platform_domains_updated(platform, install->app->name, &ignored));
	*err = cause;
	return err_wrap(err, "the platform could not serve %s with its certificate, so it was taken back (it is kept for the next run)", install->app->name);
}

static bool install_first_alone(struct install *install, struct err *err)
{
	if (!nginx_test(context_nginx(install->worker->context), err))
		return hold_back(install, err);
	if (!put_in_place(install, err))
		return false;
	if (!rebuild(install, err))
		return take_back_first(install, err);
	if (!served_find_listener(install->worker->context, install->app->name, &install->served, err))
		return false;
	served_look(install->worker->context, &(struct served *){ &install->served }, 1, &install->leaf);
	return settle(install, err) && record(install, err);
}

static bool install_first(struct install *install, struct err *err)
{
	struct worker *worker = install->worker;
	bool is_done = false;

	if (!gate_enter(worker->context->loop, &worker->rebuilds, LOOP_NEVER))
		return err_set(err, ERR_STOPPED, "stopped before the certificate of %s was installed; the next run does it", install->app->name);
	is_done = install_first_alone(install, err);
	gate_leave(worker->context->loop, &worker->rebuilds);
	return is_done;
}

/* ---- many renewed ones ---- */

struct renewals {
	struct worker *worker;
	struct install **items;
	size_t count;
};

static void drop_item(struct install *install, const struct err *err)
{
	install->is_out = true;
	install->item.is_ok = false;
	install->item.err = *err;
}

static void drop_all(struct renewals *renewals, const struct err *err)
{
	for (size_t i = 0; i < renewals->count; i++)
		if (!renewals->items[i]->is_out)
			drop_item(renewals->items[i], err);
}

static size_t left(const struct renewals *renewals)
{
	size_t count = 0;

	for (size_t i = 0; i < renewals->count; i++)
		count += !renewals->items[i]->is_out;
	return count;
}

static void take_back(struct install *install, const struct err *cause)
{
	struct err err = *cause;
	struct err failed;

	if (install->has_swap && !tls_take_back(install->app_fd, &install->swap, &failed))
		err = failed;
	err_prefix(&err, "the new certificate of %s was taken back (it is kept for the next run)", install->app->name);
	drop_item(install, &err);
}

/* The configuration was good before the exchange: whoever nginx names goes back; when it names none of ours, all go. */
static bool test_exchanged(struct renewals *renewals)
{
	struct nginx *nginx = context_nginx(renewals->worker->context);
	struct err err;

	while (left(renewals) > 0 && !nginx_test(nginx, &err)) {
		size_t named = 0;

		for (size_t i = 0; i < renewals->count; i++) {
			AUTO_FREE char *path = mem_fmt("%s/%s/tls/", platform_root(renewals->worker->context->platform), renewals->items[i]->app->name);

			if (renewals->items[i]->is_out || !strstr(err.text, path))
				continue;
			take_back(renewals->items[i], &err);
			named++;
		}
		for (size_t i = 0; named == 0 && i < renewals->count; i++)
			if (!renewals->items[i]->is_out)
				take_back(renewals->items[i], &err);
	}
	return left(renewals) > 0;
}

static void look_at_all(struct renewals *renewals, bool is_baseline)
{
	AUTO_FREE struct served **served = mem_new(renewals->count + 1, sizeof(struct served *));
	AUTO_FREE const char **leaves = mem_new(renewals->count + 1, sizeof(char *));
	size_t count = 0;

	for (size_t i = 0; i < renewals->count; i++) {
		if (renewals->items[i]->is_out)
			continue;
		leaves[count] = renewals->items[i]->leaf;
		served[count++] = &renewals->items[i]->served;
	}
	if (is_baseline)
		served_baseline(renewals->worker->context, served, count);
	else
		served_look(renewals->worker->context, served, count, leaves);
}

/* Served right before and wrong now: back to what worked. */
static void take_back_wrong(struct renewals *renewals)
{
	struct nginx *nginx = context_nginx(renewals->worker->context);
	size_t taken = 0;
	struct err err;

	for (size_t i = 0; i < renewals->count; i++) {
		struct install *install = renewals->items[i];

		if (install->is_out || !served_is_worse(&install->served, install->leaf))
			continue;
		(void)err_set(&err, ERR_CHILD, "nginx serves %s for it, neither the old nor the new one", install->served.now);
		take_back(install, &err);
		taken++;
	}
	if (taken > 0 && nginx_test(nginx, &err))
		(void)!nginx_reload(nginx, &err);
}

static void finish_each(struct renewals *renewals)
{
	struct err err;

	for (size_t i = 0; i < renewals->count; i++) {
		struct install *install = renewals->items[i];

		if (install->is_out)
			continue;
		if (!settle(install, &err) || !record(install, &err)) {
			drop_item(install, &err);
			continue;
		}
		install->item.is_ok = true;
		if (!platform_certs_updated(renewals->worker->context->platform, install->app->name, &err))
			talk_err(install->talk, install->app->name, &err);
	}
}

static void carry_out_alone(struct renewals *renewals)
{
	struct nginx *nginx = context_nginx(renewals->worker->context);
	struct err err;

	if (!nginx_test(nginx, &err)) {
		for (size_t i = 0; i < renewals->count; i++) {
			struct err held = err;

			(void)hold_back(renewals->items[i], &held);
			drop_item(renewals->items[i], &held);
		}
		return;
	}
	look_at_all(renewals, true);
	for (size_t i = 0; i < renewals->count; i++)
		if (!put_in_place(renewals->items[i], &err))
			drop_item(renewals->items[i], &err);
	if (!test_exchanged(renewals))
		return;
	if (!nginx_reload(nginx, &err)) {
		for (size_t i = 0; i < renewals->count; i++)
			if (!renewals->items[i]->is_out)
				take_back(renewals->items[i], &err);
		return;
	}
	look_at_all(renewals, false);
	take_back_wrong(renewals);
	finish_each(renewals);
}

void install_renewals(void *ctx, struct batch_item *items)
{
	struct worker *worker = ctx;
	struct renewals renewals = { .worker = worker };
	AUTO_FREE struct install **list = NULL;
	struct err err;

	for (struct batch_item *item = items; item; item = item->next)
		renewals.count++;
	list = mem_new(renewals.count, sizeof(struct install *));
	renewals.items = list;
	renewals.count = 0;
	for (struct batch_item *item = items; item; item = item->next)
		list[renewals.count++] = (struct install *)(void *)item;
	if (!gate_enter(worker->context->loop, &worker->rebuilds, LOOP_NEVER)) {
		(void)err_set(&err, ERR_STOPPED, "stopped before the certificate was installed; the next run does it");
		drop_all(&renewals, &err);
		return;
	}
	carry_out_alone(&renewals);
	gate_leave(worker->context->loop, &worker->rebuilds);
}

/* ---- entries ---- */

bool install_certificate(struct worker *worker, const struct app *app, const char *leaf, const struct talk *talk, struct err *err)
{
	AUTO(install_done) struct install install = { .worker = worker, .app = app, .leaf = leaf, .talk = talk, .app_fd = -1 };

	if (!served_prepare(worker->context, app, &install.served, err) || !load_and_stage(&install, err)) {
		batch_forget(&worker->renewals);
		return false;
	}
	if (app->held.has_tls && install.served.has_listener)
		return batch_join(&worker->renewals, &install.item, err);
	batch_forget(&worker->renewals);
	return install_first(&install, err);
}

bool install_serve(struct worker *worker, const struct app *app, const struct talk *talk, struct err *err)
{
	AUTO(install_done) struct install install = {
		.worker = worker, .app = app, .leaf = app->held.cert.leaf_sha256, .talk = talk, .app_fd = -1
	};

	if (served_prepare(worker->context, app, &install.served, err))
		return batch_join(&worker->renewals, &install.item, err);
	batch_forget(&worker->renewals);
	return false;
}
