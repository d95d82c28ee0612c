/* SPDX-License-Identifier: MIT */
/* Renewal information, RFC 9773: when the CA wants a certificate to be renewed. Asked for many certificates side by side, without signatures. */
#include <string.h>

#include "acme/acme.h"
#include "acme/internal.h"
#include "acme/request.h"
#include "json/read.h"
#include "net/http.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/when.h"

/* Streams that any HTTP/2 server allows, with room for others (RFC 9113 §6.5.2 recommends 100). */
#define ASKED_AT_ONCE 50
/* RFC 9773 §4.3.2: Let's Encrypt sends six hours; nothing below a minute or above a day is reasonable. */
#define RETRY_DEFAULT_S ((int64_t)6 * WHEN_HOUR)
#define RETRY_MIN_S WHEN_MINUTE
#define RETRY_MAX_S WHEN_DAY

struct info {
	struct {
		char *start, *end;
	} window;
	char *explanation_url;
};

static const struct json_field window_fields[] = {
	JSON_STR("start", struct info, window.start, true),
	JSON_STR("end", struct info, window.end, true),
	JSON_END,
};

static const struct json_field info_fields[] = {
	{ "suggestedWindow", JSON_KIND_OBJECT, 0, true, window_fields, 0 },
	JSON_STR("explanationURL", struct info, explanation_url, false),
	JSON_END,
};

static void info_done(struct info *info)
{
	free(info->window.start);
	free(info->window.end);
	free(info->explanation_url);
}

void acme_window_done(struct acme_window *window)
{
	free(window->explanation_url);
	*window = (struct acme_window){ 0 };
}

static int64_t retry_at_of(const struct http_response *response)
{
	int64_t now_at = acme_answered_at(response);
	int64_t retry_at;

	if (!response->retry_after || !parse_retry_after(response->retry_after, now_at, &retry_at))
		return now_at + RETRY_DEFAULT_S;
	if (retry_at < now_at + RETRY_MIN_S)
		return now_at + RETRY_MIN_S;
	return retry_at < now_at + RETRY_MAX_S ? retry_at : now_at + RETRY_MAX_S;
}

static bool ask(struct acme *acme, const char *id, struct acme_window *ret_window, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	AUTO(info_done) struct info info = { 0 };
	AUTO_FREE char *url = mem_fmt("%s/%s", acme->directory.urls[ACME_RENEWAL_INFO], id);
	struct acme_window window = { 0 };

	if (!acme_get(acme, url, "renewal information", false, &response, err) ||
	    !acme_read_body(&response, info_fields, &info, "the renewal information", err))
		return false;
	if (!parse_rfc3339(info.window.start, &window.start_at) || !parse_rfc3339(info.window.end, &window.end_at) || window.end_at <= window.start_at)
		return err_set(err, ERR_PROTOCOL, "the CA suggests a renewal from '%s' to '%s', which is no span of time; it is ignored", info.window.start,
			       info.window.end);
	window.retry_at = retry_at_of(&response);
	window.explanation_url = mem_take(&info.explanation_url);
	*ret_window = window;
	return true;
}

struct questions {
	struct acme *acme;
	const struct strs *ids;
	struct acme_window *windows;
	struct err *errs;
};

static void ask_one(void *ctx, size_t index)
{
	const struct questions *questions = ctx;

	questions->windows[index] = (struct acme_window){ 0 };
	questions->errs[index].kind = ERR_NONE;
	(void)!ask(questions->acme, questions->ids->items[index], &questions->windows[index], &questions->errs[index]);
}

void acme_windows(struct acme *acme, const struct strs *ids, struct acme_window *ret_windows, struct err *ret_errs)
{
	struct questions questions = { acme, ids, ret_windows, ret_errs };
	struct err err;

	if (acme_load_directory(acme, &err) && !acme_has_ari(acme))
		(void)err_set(&err, ERR_MISSING, "the CA at '%s' offers no renewal information", acme->directory_url);
	if (acme_has_ari(acme)) {
		acme_each(acme, ids->count, ASKED_AT_ONCE, ask_one, &questions);
		return;
	}
	for (size_t i = 0; i < ids->count; i++) {
		ret_windows[i] = (struct acme_window){ 0 };
		ret_errs[i] = err;
	}
}
