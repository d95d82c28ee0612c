/* SPDX-License-Identifier: MIT */
/* CAs and accounts of a run: which key speaks to whom. */
#include "flow/ca.h"

#include <string.h>

#include "crypto/jws.h"
#include "crypto/key.h"
#include "flow/context.h"
#include "flow/settings.h"
#include "net/http.h"
#include "net/url.h"
#include "platform/platform.h"
#include "store/account.h"
#include "store/store.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/when.h"

#define PEM_MAX 8192
#define USER_AGENT "letsencrypt/" VERSION " (dokku plugin)"

static void ca_free(struct ca *ca)
{
	acme_free(ca->acme);
	http_free(ca->http);
	free(ca->server);
	free(ca->ca_certificate);
	free(ca);
}

void cas_done(struct cas *cas)
{
	while (cas->first) {
		struct ca *ca = cas->first;

		cas->first = ca->next;
		ca_free(ca);
	}
}

static struct ca *ca_new(struct cas *cas, const struct settings *settings, const char *directory_text)
{
	struct ca *ca = mem_new(1, sizeof(*ca));
	struct acme_config config = {
		.directory_url = settings->server,
		.loop = cas->context->loop,
		.directory_text = directory_text,
		.deadline_ms = cas->deadline_ms,
	};

	ca->server = mem_strdup(settings->server);
	ca->ca_certificate = mem_strdup(settings->ca_certificate);
	ca->http = http_new(context_transfers(cas->context), USER_AGENT, *settings->ca_certificate ? settings->ca_certificate : NULL);
	config.http = ca->http;
	ca->acme = acme_new(&config);
	ca->next = cas->first;
	cas->first = ca;
	return ca;
}

static bool load_directory(struct cas *cas, struct ca *ca, struct err *err)
{
	struct store *store = context_store(cas->context, err);

	if (!store || !acme_load_directory(ca->acme, err))
		return false;
	if (!acme_directory_text(ca->acme))
		return true;
	return store_directory_put(store, ca->server, acme_directory_text(ca->acme), err);
}

static struct ca *find_ca(struct cas *cas, const struct settings *settings)
{
	for (struct ca *ca = cas->first; ca; ca = ca->next)
		if (strcmp(ca->server, settings->server) == 0 && strcmp(ca->ca_certificate, settings->ca_certificate) == 0)
			return ca;
	return NULL;
}

struct ca *ca_open(struct cas *cas, const struct settings *settings, struct err *err)
{
	struct store *store = context_store(cas->context, err);
	struct ca *ca = find_ca(cas, settings);
	AUTO_FREE char *text = NULL;
	bool is_loaded = false;

	if (!store || !url_check_https(settings->server, err))
		return NULL;
	if (!ca) {
		if (!store_directory_get(store, settings->server, (int64_t)12 * WHEN_HOUR, &text, err))
			return NULL;
		ca = ca_new(cas, settings, text);
	}
	if (!gate_enter(cas->context->loop, &ca->gate, cas->deadline_ms)) {
		(void)err_set(err, ERR_TIMEOUT, "%s did not answer in time", settings->server);
		return NULL;
	}
	is_loaded = load_directory(cas, ca, err);
	gate_leave(cas->context->loop, &ca->gate);
	return is_loaded ? ca : NULL;
}

/* ---- accounts ---- */

void account_done(struct account *account)
{
	key_free(account->key);
	free(account->acme.url);
	free(account->acme.thumbprint);
	free(account->email);
	*account = (struct account){ 0 };
}

static bool account_from_files(const struct account_files *files, struct account *ret_account, struct err *err)
{
	AUTO(account_done) struct account account = { 0 };

	account.key = key_from_pem(buf_text(&files->pem), err);
	if (!account.key)
		return err_wrap(err, "the key of the account of '%s'", files->email);
	account.acme.thumbprint = jwk_thumbprint(account.key, err);
	if (!account.acme.thumbprint)
		return err_wrap(err, "the key of the account of '%s'", files->email);
	account.acme.key = account.key;
	account.acme.url = *files->url ? mem_strdup(files->url) : NULL;
	account.email = mem_strdup(files->email);
	*ret_account = account;
	account = (struct account){ 0 };
	return true;
}

/* Accounts of an older release of the bash plugin, one for each set of arguments: the newest is copied to the shared layout, so that there is one place. */
static bool adopt_old_layout(struct context *context, int accounts_fd, const char *folder, const char *app, const struct settings *settings, bool *ret_found,
			     struct account_files *ret_files, struct err *err)
{
	AUTO_FD app_fd = platform_app_fd(context->platform, app, err);

	if (app_fd < 0 || !account_files_old_layout(app_fd, folder, settings->email, ret_found, ret_files, err))
		return false;
	if (!*ret_found || !*ret_files->url)
		return true;
	return account_files_save_key(accounts_fd, folder, ret_files->email, &ret_files->pem, err) &&
	       account_files_save_url(accounts_fd, folder, ret_files->email, ret_files->url, err);
}

/* Of the e-mail, else the oldest of the server. */
static bool find_shared(int accounts_fd, const char *folder, const struct settings *settings, bool *ret_found, struct account_files *ret_files, struct err *err)
{
	if (!account_files_load(accounts_fd, folder, settings->email, ret_found, ret_files, err))
		return false;
	if (*ret_found && *ret_files->url)
		return true;
	account_files_done(ret_files);
	return account_files_oldest(accounts_fd, folder, ret_found, ret_files, err);
}

static bool find_files(struct context *context, const char *app, const struct settings *settings, bool *ret_found, struct account_files *ret_files, struct err *err)
{
	AUTO_FREE char *host = url_host_port(settings->server);
	AUTO_FREE char *folder = account_server_folder(host);
	AUTO_FD accounts_fd = context_accounts_fd(context, err);

	if (accounts_fd < 0 || !find_shared(accounts_fd, folder, settings, ret_found, ret_files, err))
		return false;
	return *ret_found || adopt_old_layout(context, accounts_fd, folder, app, settings, ret_found, ret_files, err);
}

bool account_known(struct context *context, const struct settings *settings, char **ret_url, struct err *err)
{
	AUTO_FREE char *host = url_host_port(settings->server);
	AUTO_FREE char *folder = account_server_folder(host);
	AUTO_FD accounts_fd = context_accounts_fd(context, err);
	AUTO(account_files_done) struct account_files files = { 0 };
	bool is_found = false;

	if (accounts_fd < 0 || !find_shared(accounts_fd, folder, settings, &is_found, &files, err))
		return false;
	*ret_url = is_found ? mem_take(&files.url) : mem_strdup("");
	return true;
}

static bool find_account(struct context *context, const char *app, const struct settings *settings, bool *ret_found, struct account *ret_account, struct err *err)
{
	AUTO(account_files_done) struct account_files files = { 0 };
	bool is_found = false;

	if (!find_files(context, app, settings, &is_found, &files, err))
		return false;
	is_found = is_found && *files.url;
	if (is_found && !account_from_files(&files, ret_account, err))
		return false;
	*ret_found = is_found;
	return true;
}

bool account_thumbprint(struct context *context, const char *app, const struct settings *settings, char **ret_thumbprint, struct err *err)
{
	AUTO(account_done) struct account account = { 0 };
	bool is_found = false;

	if (!find_account(context, app, settings, &is_found, &account, err))
		return false;
	*ret_thumbprint = is_found ? mem_take(&account.acme.thumbprint) : NULL;
	return true;
}

/* The key that a killed run left, or a new one, on disk before anything is sent. */
static bool prepare_key(int accounts_fd, const char *folder, const char *email, struct account *ret_account, struct err *err)
{
	AUTO(account_files_done) struct account_files files = { 0 };
	AUTO_KEY *key = NULL;
	bool is_found = false;

	if (!account_files_load(accounts_fd, folder, email, &is_found, &files, err))
		return false;
	if (!is_found) {
		files.email = mem_strdup(email);
		files.url = mem_strdup("");
		files.pem = (struct buf)BUF_SECRET(PEM_MAX);
		key = key_generate(KEY_EC256, err);
		if (!key || !key_to_pem(key, &files.pem, err) || !account_files_save_key(accounts_fd, folder, email, &files.pem, err))
			return false;
	}
	return account_from_files(&files, ret_account, err);
}

/* A CA that takes no more accounts from this address for now is not asked again before the moment that it told. */
static char *refused_mark(const char *server)
{
	return mem_fmt("no account %s", server);
}

static bool check_refused(struct context *context, const char *server, struct err *err)
{
	AUTO_FREE char *mark = refused_mark(server);
	int64_t until_at = 0;

	if (!store_mark_get(context->store, mark, &until_at, err))
		return false;
	if (until_at <= clock_now(&context->clock))
		return true;
	err_record(err, ERR_WAITS, 0, "%s takes no new account from this host before", server);
	err->retry_at = until_at;
	return false;
}

static void note_refused(struct context *context, const char *server, const struct err *refusal)
{
	AUTO_FREE char *mark = refused_mark(server);
	int64_t unknown_at = when_add(clock_now(&context->clock), WHEN_HOUR);
	struct err ignored;

	if (refusal->kind == ERR_RATE_LIMITED)
		(void)!store_mark_set(context->store, mark, refusal->retry_at > 0 ? when_add(refusal->retry_at, 1) : unknown_at, &ignored);
}

static bool register_key(struct ca *ca, struct context *context, const struct settings *settings, struct account *account, char **ret_terms_url, struct err *err)
{
	AUTO_FREE char *host = url_host_port(settings->server);
	AUTO_FREE char *folder = account_server_folder(host);
	AUTO_FD accounts_fd = context_accounts_fd(context, err);
	struct acme_registration registration = {
		.email = *settings->email ? settings->email : NULL,
		.eab_kid = *settings->eab_kid ? settings->eab_kid : NULL,
		.eab_hmac_key = settings->eab_hmac_key.size > 0 ? buf_text(&settings->eab_hmac_key) : NULL,
	};

	if (accounts_fd < 0 || !check_refused(context, ca->server, err))
		return false;
	if (!account->key && !prepare_key(accounts_fd, folder, settings->email, account, err))
		return false;
	if (!acme_account_register(ca->acme, &account->acme, &registration, ret_terms_url, err)) {
		note_refused(context, ca->server, err);
		return err_wrap(err, "no account at %s", settings->server);
	}
	return account_files_save_url(accounts_fd, folder, account->email, account->acme.url, err);
}

bool account_get(struct ca *ca, struct context *context, const char *app, const struct settings *settings, struct account *ret_account, char **ret_terms_url,
		 struct err *err)
{
	AUTO(account_done) struct account account = { 0 };
	AUTO_FREE char *terms_url = NULL;
	bool is_found = false;
	bool is_done = false;

	if (!gate_enter(context->loop, &ca->gate, LOOP_NEVER))
		return err_set(err, ERR_STOPPED, "stopped before the account at %s was ready", settings->server);
	is_done = find_account(context, app, settings, &is_found, &account, err) &&
		  (is_found || register_key(ca, context, settings, &account, &terms_url, err));
	gate_leave(context->loop, &ca->gate);
	if (!is_done)
		return false;
	*ret_account = account;
	account = (struct account){ 0 };
	*ret_terms_url = mem_take(&terms_url);
	return true;
}

bool account_again(struct ca *ca, struct context *context, const struct settings *settings, struct account *account, struct err *err)
{
	AUTO_FREE char *terms_url = NULL;
	bool is_done = false;

	if (!gate_enter(context->loop, &ca->gate, LOOP_NEVER))
		return err_set(err, ERR_STOPPED, "stopped before the account at %s was registered again", settings->server);
	free(account->acme.url);
	account->acme.url = NULL;
	is_done = register_key(ca, context, settings, account, &terms_url, err);
	gate_leave(context->loop, &ca->gate);
	return is_done;
}
