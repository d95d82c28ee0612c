/* SPDX-License-Identifier: MIT */
#include "flow/mend.h"

#include <string.h>

#include "flow/app.h"
#include "flow/context.h"
#include "flow/gate.h"
#include "flow/ports.h"
#include "flow/served.h"
#include "flow/snippet.h"
#include "flow/talk.h"
#include "flow/worker.h"
#include "platform/platform.h"
#include "proxy/nginx.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/mem.h"

#define BUILD_MS 10000
#define PAUSE_MS 100

/* The platform has built the server blocks since the map was changed last, or taken away: then only its folder tells. */
static bool is_built(struct context *context, const char *app)
{
	AUTO_FREE char *plugin = mem_fmt("%s/config/ports", platform_lib_root(context->platform));
	struct err ignored;
	AUTO_FD app_fd = platform_app_fd(context->platform, app, &ignored);
	AUTO_FD plugin_fd = dir_open(plugin, &ignored);
	AUTO_FD ports_fd = plugin_fd < 0 ? -1 : dir_open_at(plugin_fd, app, &ignored);
	int64_t built_ns = app_fd < 0 ? INT64_MAX : file_stamp(app_fd, "nginx.conf").mtime_ns;

	return ports_fd < 0 || (built_ns >= file_stamp(plugin_fd, app).mtime_ns && built_ns >= file_stamp(ports_fd, "map").mtime_ns);
}

bool mend_await_build(struct context *context, const char *app, struct err *err)
{
	int64_t deadline_ms = loop_now_ms(context->loop) + BUILD_MS;

	while (!is_built(context, app) && loop_now_ms(context->loop) < deadline_ms)
		if (loop_sleep(context->loop, PAUSE_MS) == WAIT_STOPPED)
			return err_set(err, ERR_STOPPED, "stopped before the proxy of %s was looked at; the next run does it", app);
	return true;
}

/* A template of the app's own may have no TLS at all: what did not help once is not done at each deploy. */
static bool was_tried(const struct app *app, struct served *served, const char *leaf)
{
	return app->held.app.unserved_at > 0 && strcmp(app->held.app.unserved_reason, served_reason(served, leaf)) == 0;
}

static bool lacks_tls(struct context *context, const struct app *app, const char *leaf, struct served *served, bool *ret_lacks, struct err *err)
{
	bool lacks_port = false;

	if (!ports_lack_https(context, app->name, &lacks_port, err) || !served_find_listener(context, app->name, served, err))
		return false;
	*ret_lacks = lacks_port || (!served->has_listener && !was_tried(app, served, leaf));
	return true;
}

/* The platform adds the mapping for TLS when it is told of a certificate; then it builds the server blocks. */
static bool rebuild_alone(struct worker *worker, const struct app *app, struct served *served, struct err *err)
{
	struct platform *platform = worker->context->platform;

	if (!nginx_test(context_nginx(worker->context), err))
		return err_wrap(err, "nginx's configuration is broken, so the proxy of %s is left as it is; mend it, then try again", app->name);
	return snippet_place(worker->context, app, err) && platform_certs_updated(platform, app->name, err) && platform_domains_updated(platform, app->name, err) &&
	       served_find_listener(worker->context, app->name, served, err);
}

static bool rebuild(struct worker *worker, const struct app *app, struct served *served, struct err *err)
{
	struct loop *loop = worker->context->loop;
	bool is_done = false;

	if (!gate_enter(loop, &worker->rebuilds, LOOP_NEVER))
		return err_set(err, ERR_STOPPED, "stopped before the proxy of %s was rebuilt; the next run does it", app->name);
	is_done = rebuild_alone(worker, app, served, err);
	gate_leave(loop, &worker->rebuilds);
	return is_done;
}

/* Served now, or why not. */
static bool record(struct worker *worker, const struct app *app, const char *leaf, struct served *served, const struct talk *talk, struct err *err)
{
	struct store *store = worker->context->store;
	const char *reason = NULL;

	served_look(worker->context, &served, 1, &leaf);
	reason = served_reason(served, leaf);
	if (!reason)
		talk_say(talk, TALK_INFO1, app->name, "https://%s is served again", served->name);
	else
		talk_say(talk, TALK_WARN, app->name, "The certificate of %s is installed, but %s", app->name, reason);
	return store_app_unserved(store, app->name, reason, err);
}

bool mend_proxy(struct worker *worker, const struct app *app, const char *leaf, const struct talk *talk, struct err *err)
{
	struct context *context = worker->context;
	AUTO(served_done) struct served served = { 0 };
	bool lacks = false;

	if (!ports_ensure_http(context, app->name, talk, err) || !served_prepare(context, app, &served, err) ||
	    !lacks_tls(context, app, leaf, &served, &lacks, err))
		return false;
	if (!lacks)
		return true;
	talk_say(talk, TALK_INFO1, app->name, "%s has a certificate but its proxy does not serve it: bringing https back...", app->name);
	return rebuild(worker, app, &served, err) && record(worker, app, leaf, &served, talk, err);
}
