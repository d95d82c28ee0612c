/* SPDX-License-Identifier: MIT */
/* The directory of a CA, RFC 8555 §7.1.1: read from the copy that the caller kept, else fetched, and fetched anew when that copy turns out to be old. */
#include "acme/directory.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/internal.h"
#include "acme/request.h"
#include "net/http.h"
#include "net/url.h"
#include "sys/loop.h"
#include "util/err.h"
#include "util/mem.h"

static const struct json_field meta_fields[] = {
	JSON_STR("termsOfService", struct acme_directory, meta.terms_url, false),
	JSON_BOOL("externalAccountRequired", struct acme_directory, meta.needs_external_account, false),
	JSON_MAP("profiles", struct acme_directory, meta.profile_map, false),
	JSON_END,
};

static const struct json_field directory_fields[] = {
	JSON_STR("newNonce", struct acme_directory, urls[ACME_NEW_NONCE], true),
	JSON_STR("newAccount", struct acme_directory, urls[ACME_NEW_ACCOUNT], true),
	JSON_STR("newOrder", struct acme_directory, urls[ACME_NEW_ORDER], true),
	JSON_STR("revokeCert", struct acme_directory, urls[ACME_REVOKE_CERT], true),
	JSON_STR("renewalInfo", struct acme_directory, urls[ACME_RENEWAL_INFO], false),
	{ "meta", JSON_KIND_OBJECT, 0, false, meta_fields, 0 },
	JSON_END,
};

void acme_directory_done(struct acme_directory *directory)
{
	for (size_t i = 0; i < COUNT(directory->urls); i++)
		free(directory->urls[i]);
	free(directory->meta.terms_url);
	json_map_done(&directory->meta.profile_map);
	strs_done(&directory->profiles);
	*directory = (struct acme_directory){ 0 };
}

bool acme_directory_read(const char *text, size_t size, struct acme_directory *ret_directory, struct err *err)
{
	AUTO(acme_directory_done) struct acme_directory directory = { 0 };
	const struct json_pair *profiles;

	if (!json_read(text, size, directory_fields, &directory, err))
		return false;
	for (size_t i = 0; i < COUNT(directory.urls); i++) {
		if (directory.urls[i] && !url_check_https(directory.urls[i], err)) {
			err->kind = ERR_PROTOCOL;
			return false;
		}
	}
	profiles = directory.meta.profile_map.items;
	for (size_t i = 0; i < directory.meta.profile_map.count; i++)
		strs_add(&directory.profiles, profiles[i].key);
	strs_sort(&directory.profiles);
	*ret_directory = directory;
	directory = (struct acme_directory){ 0 };
	return true;
}

/* ---- loading ---- */

static void use(struct acme *acme, const struct acme_directory *directory)
{
	acme_directory_done(&acme->directory);
	acme->directory = *directory;
	acme->has_directory = true;
}

static bool use_kept(struct acme *acme)
{
	struct acme_directory directory;
	struct err ignored; /* an unreadable copy is as good as none */

	if (!acme->kept_text || !acme_directory_read(acme->kept_text, strlen(acme->kept_text), &directory, &ignored))
		return false;
	use(acme, &directory);
	return true;
}

static bool is_about_answer(enum err_kind kind)
{
	return kind == ERR_PROTOCOL || kind == ERR_ACME;
}

static bool fetch(struct acme *acme, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	struct acme_directory directory;

	if (!acme_get(acme, acme->directory_url, "directory of the CA", true, &response, err) ||
	    !acme_directory_read(buf_text(&response.body), response.body.size, &directory, err)) {
		if (is_about_answer(err->kind)) {
			struct err reason = *err;

			return err_set(err, ERR_CONFIG, "is '%s' an ACME directory? Its answer is none: %s; check the property server", acme->directory_url,
				       reason.text);
		}
		return false;
	}
	use(acme, &directory);
	free(acme->fetched_text);
	acme->fetched_text = mem_strdup(buf_text(&response.body));
	return true;
}

/* Fetches it, unless another fiber does: then waits for that. */
static bool fetch_once(struct acme *acme, struct err *err)
{
	bool is_fetched;

	acme->is_loading = true;
	loop_reset(&acme->loaded);
	is_fetched = fetch(acme, err);
	acme->is_loading = false;
	loop_set(acme->loop, &acme->loaded);
	return is_fetched;
}

bool acme_load_directory(struct acme *acme, struct err *err)
{
	while (!acme->has_directory) {
		if (!acme->is_loading)
			return use_kept(acme) || fetch_once(acme, err);
		switch (loop_wait(acme->loop, &acme->loaded, acme->deadline_ms)) {
		case WAIT_DONE: break;
		case WAIT_TIMEOUT: return err_set(err, ERR_TIMEOUT, "'%s' did not answer within the time limit; try again later", acme->directory_url);
		case WAIT_STOPPED: return err_set(err, ERR_STOPPED, "stopped by a signal; run it again to go on");
		}
	}
	return true;
}

bool acme_directory_refresh(struct acme *acme)
{
	struct err ignored;

	if (acme->is_loading)
		return loop_wait(acme->loop, &acme->loaded, acme->deadline_ms) == WAIT_DONE && acme->fetched_text;
	return !acme->fetched_text && fetch_once(acme, &ignored);
}

/* ---- what it says ---- */

const char *acme_directory_text(const struct acme *acme)
{
	return acme->fetched_text;
}

const char *acme_terms_url(const struct acme *acme)
{
	return acme->directory.meta.terms_url;
}

bool acme_needs_external_account(const struct acme *acme)
{
	return acme->directory.meta.needs_external_account;
}

bool acme_has_ari(const struct acme *acme)
{
	return acme->directory.urls[ACME_RENEWAL_INFO] != NULL;
}

const struct strs *acme_profiles(const struct acme *acme)
{
	return &acme->directory.profiles;
}
