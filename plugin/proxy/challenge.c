/* SPDX-License-Identifier: MIT */
/* Renders the snippet by which an app's servers answer HTTP-01 challenges. Nothing is escaped: values that would need it are refused. */

#include <string.h>

#include "proxy/nginx.h"
#include "util/b64.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

#define SNIPPET_SIZE_MAX 65536
/* base64url of a SHA-256. */
#define THUMBPRINT_SIZE 43

struct mark {
	const char *name;
	const char *value;
	bool is_used;
};

static bool is_plain_path(const char *path)
{
	if (path[0] != '/')
		return false;
	for (; *path != '\0'; path++) {
		if (!text_is_alnum(*path) && strchr("/._-+", *path) == NULL)
			return false;
	}
	return true;
}

static bool check_values(const char *webroot, const char *thumbprint, struct err *err)
{
	if (!is_plain_path(webroot))
		return err_set(err, ERR_REFUSED, "the folder '%s' cannot be put into nginx's configuration: only letters, digits and /._-+ can stand in its path",
			webroot);
	if (!b64url_is(thumbprint) || strlen(thumbprint) != THUMBPRINT_SIZE)
		return err_set(err, ERR_REFUSED, "'%s' is no thumbprint of an account key", thumbprint);
	return true;
}

static struct mark *find_mark(struct mark *marks, size_t count, const char *name, size_t name_size)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(marks[i].name) == name_size && strncmp(marks[i].name, name, name_size) == 0)
			return &marks[i];
	}
	return NULL;
}

/* "@NAME@" becomes its value; any other "@" stays. */
static void replace_marks(const char *text, struct mark *marks, size_t count, struct buf *out)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "@");

		buf_add(out, text, size);
		text += size;
		if (*text == '\0')
			return;
		size_t name_size = strcspn(text + 1, "@\n");
		struct mark *mark = text[1 + name_size] == '@' ? find_mark(marks, count, text + 1, name_size) : NULL;
		if (mark == NULL) {
			buf_addc(out, *text++);
			continue;
		}
		buf_adds(out, mark->value);
		mark->is_used = true;
		text += name_size + 2;
	}
}

char *nginx_challenge_snippet(const char *template_text, const char *webroot, const char *thumbprint, bool has_auth_request, struct err *err)
{
	struct mark marks[] = {
		{ .name = "WEBROOT", .value = webroot },
		{ .name = "THUMBPRINT", .value = thumbprint },
		{ .name = "AUTH_REQUEST", .value = has_auth_request ? "auth_request off;" : "# This nginx knows no auth_request." },
	};
	AUTO_BUF snippet = BUF_MAX(SNIPPET_SIZE_MAX);

	if (!check_values(webroot, thumbprint, err))
		return NULL;
	replace_marks(template_text, marks, COUNT(marks), &snippet);
	for (size_t i = 0; i < COUNT(marks); i++) {
		if (!marks[i].is_used) {
			(void)err_set(err, ERR_CONFIG, "the template nginx/challenge.conf has no @%s@: install the plugin again", marks[i].name);
			return NULL;
		}
	}
	if (snippet.is_full) {
		(void)err_set(err, ERR_CONFIG, "the template nginx/challenge.conf is too long: install the plugin again");
		return NULL;
	}
	return buf_take(&snippet);
}
