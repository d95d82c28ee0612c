/* SPDX-License-Identifier: MIT */
/*
 * Takes from an app what is ours: certificate, files, snippet. What others put beside it stays, and so does a certificate that a user installed. The
 * certificate itself stays in our archive: `enable` brings it back without asking the CA.
 */
#include "flow/disable.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "flow/actions.h"
#include "flow/app.h"
#include "flow/context.h"
#include "platform/platform.h"
#include "store/store.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"

#define CONF_MAX ((size_t)4 * 1024 * 1024)
/* Our copy of the certificate, as the bash plugin left one. It goes last: while it is there, another run goes on where this one failed. */
#define COPY "server.letsencrypt.crt"

/* What was done to the proxy's input, hence who must be told. */
struct taken {
	bool has_certificate;
	bool has_snippet;
};

static bool is_others(const struct app_held *held)
{
	return held->has_tls && !held->is_ours;
}

/*
 * An app that went to another proxy has its nginx.conf still, which the platform builds no more: nginx would refuse the whole host's configuration, did that name
 * files that are gone.
 */
static bool is_named_for_good(struct context *context, const char *app, int app_fd, bool *ret_is_named, struct err *err)
{
	AUTO(platform_app_facts_done) struct platform_app_facts facts = { 0 };
	AUTO_FREE char *path = mem_fmt("%s/%s/tls/", platform_root(context->platform), app);
	AUTO_BUF conf = BUF_MAX(CONF_MAX);
	struct err ignored;

	if (!platform_app_facts(context->platform, app, &facts, err))
		return false;
	*ret_is_named = strcmp(facts.proxy_type, "nginx") != 0 && file_read(app_fd, "nginx.conf", &conf, &ignored) && strstr(buf_text(&conf), path);
	return true;
}

static bool take_certificate(struct context *context, const char *app, int app_fd, int tls_fd, const struct app_held *held, struct taken *taken, struct err *err)
{
	bool is_named = false;

	if (is_others(held) || (!held->is_ours && !file_exists(tls_fd, COPY)))
		return true;
	if (!is_named_for_good(context, app, app_fd, &is_named, err))
		return false;
	if (is_named) {
		talk_say(&context->talk, TALK_WARN, app,
			 "The certificate of %s stays in tls/: its nginx.conf, left from before it went to another proxy, names it, and nginx would refuse the "
			 "configuration of all apps without it (to remove both: dokku proxy:set %s type nginx; dokku certs:remove %s; dokku proxy:clear-config %s)",
			 app, app, app, app);
		return true;
	}
	talk_say(&context->talk, TALK_VERBOSE, app, "Removing SSL endpoint from %s", app);
	taken->has_certificate = true;
	return file_remove(tls_fd, "server.crt", err) && file_remove(tls_fd, "server.key", err);
}

/* A copy beside a certificate of somebody else would be taken for a copy of that one, so it goes in any case. */
static bool finish_tls(struct context *context, const char *app, int app_fd, int tls_fd, const struct taken *taken, struct err *err)
{
	AUTO_STRS left = { 0 };
	AUTO_FREE char *names = NULL;

	if (!file_remove(tls_fd, COPY, err) || !dir_list(tls_fd, &left, err))
		return false;
	if (left.count == 0)
		return dir_remove_tree(app_fd, "tls", err);
	names = strs_join(&left, ", ");
	if (taken->has_certificate)
		talk_say(&context->talk, TALK_VERBOSE, app, "Files of others stay in tls/: %s", names);
	return true;
}

static bool take_snippet(int app_fd, struct taken *taken, struct err *err)
{
	struct err ignored;
	AUTO_FD snippets_fd = dir_open_at(app_fd, "nginx.conf.d", &ignored);

	if (snippets_fd < 0 || !file_exists(snippets_fd, "letsencrypt.conf"))
		return true;
	taken->has_snippet = true;
	return file_remove(snippets_fd, "letsencrypt.conf", err);
}

/* The platform drops its https ports, and builds the proxy's configuration anew. */
static bool tell_platform(struct context *context, const char *app, const struct taken *taken, struct err *err)
{
	if (taken->has_certificate && !platform_certs_removed(context->platform, app, err))
		return err_wrap(err, "The certificate of %s is removed, but the platform could not be told (run the command again)", app);
	if ((taken->has_certificate || taken->has_snippet) && !platform_domains_updated(context->platform, app, err))
		return err_wrap(err, "The files of %s are removed, but its proxy was not rebuilt (mend the cause, then: dokku proxy:build-config %s)", app, app);
	return true;
}

static bool note_disabled(struct context *context, const char *app, struct err *err)
{
	char cause[] = "disable";
	char decision[] = "nothing";
	char result[] = "disabled";
	char next[] = "enable";
	AUTO_FREE char *name = mem_strdup(app);
	struct store_event event = { .app = name, .cause = cause, .decision = decision, .result = result, .next = next };
	struct store *store = context_store(context, err);

	return store && store_wait_drop(store, app, err) && store_event_add(store, &event, err);
}

bool disable_certificate(struct context *context, const char *app, const struct app_held *held, bool with_snippet, bool *ret_was_served, struct err *err)
{
	struct taken taken = { 0 };
	struct err ignored;
	struct store *store = context_store(context, err);
	AUTO_FD app_fd = store ? platform_app_fd(context->platform, app, err) : -1;
	AUTO_FD tls_fd = -1;

	if (app_fd < 0)
		return false;
	if (is_others(held))
		talk_say(&context->talk, TALK_WARN, app,
			 "The certificate in use was not installed by letsencrypt: it stays (to remove it: dokku certs:remove %s)", app);
	tls_fd = dir_open_at(app_fd, "tls", &ignored);
	if (!(tls_fd < 0 || take_certificate(context, app, app_fd, tls_fd, held, &taken, err)) || (with_snippet && !take_snippet(app_fd, &taken, err)) ||
	    !dir_remove_tree(app_fd, "letsencrypt", err) || !store_app_uses(store, app, NULL, err) || !tell_platform(context, app, &taken, err) ||
	    !(tls_fd < 0 || finish_tls(context, app, app_fd, tls_fd, &taken, err)))
		return false;
	*ret_was_served = taken.has_certificate;
	return true;
}

bool disable_app(struct context *context, const char *app, struct err *err)
{
	AUTO(app_held_done) struct app_held held = { 0 };
	bool was_served = false;

	if (!platform_check_app(context->platform, app, err) || !app_read_held(context, app, &held, err))
		return false;
	/* First of all, so that nobody brings it back meanwhile. */
	if (!platform_setting_write(context->platform, app, "enabled", "false", err))
		return false;
	talk_say(&context->talk, TALK_INFO1, app, "Disabling letsencrypt for app");
	talk_say(&context->talk, TALK_VERBOSE, app, "Removing letsencrypt files for %s", app);
	if (!disable_certificate(context, app, &held, true, &was_served, err) || !note_disabled(context, app, err))
		return false;
	if (was_served)
		talk_say(&context->talk, TALK_VERBOSE, app,
			 "Browsers that were told to insist on HTTPS (HSTS) do not open %s without a certificate until that time is over "
			 "(how long: dokku nginx:report %s)", app, app);
	talk_say(&context->talk, TALK_INFO1, app, "Done");
	return true;
}
