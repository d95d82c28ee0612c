/* SPDX-License-Identifier: MIT */
/* Three folders with an entry an app, and the rows of the store, against what has a name in DOKKU_ROOT. */
#include "flow/gone.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "flow/context.h"
#include "platform/platform.h"
#include "store/store.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/name.h"
#include "util/strs.h"

/* Where an app leaves something under its name. A folder that is missing is -1: nothing is in it. */
enum { PLACE_SETTINGS, PLACE_DATA, PLACE_STATE, PLACE_COUNT };
struct places {
	int fds[PLACE_COUNT];
};

/* What else lies there is not ours: the older plugin had a flag file among the webroots. */
static const mode_t kinds[PLACE_COUNT] = { S_IFDIR, S_IFDIR, S_IFREG };

static void places_done(struct places *places)
{
	fd_done(&places->fds[PLACE_STATE]); /* the others are borrowed */
}

static struct places open_places(struct context *context)
{
	struct err ignored;
	int global_fd = platform_global_fd(context->platform, &ignored);

	return (struct places){
		.fds = {
			[PLACE_SETTINGS] = platform_settings_fd(context->platform, &ignored),
			[PLACE_DATA] = platform_data_fd(context->platform, &ignored),
			[PLACE_STATE] = global_fd < 0 ? -1 : dir_open_at(global_fd, "state", &ignored),
		},
	};
}

/* Nothing but challenges is ever in a webroot. Operators keep scripts and credentials of DNS providers in folders beside them. */
static bool is_webroot(int data_fd, const char *name)
{
	AUTO_STRS names = { 0 };
	struct err ignored;
	AUTO_FD folder_fd = dir_open_at(data_fd, name, &ignored);

	return folder_fd >= 0 && dir_list(folder_fd, &names, &ignored) && (names.count == 0 || (names.count == 1 && strcmp(names.items[0], ".well-known") == 0));
}

static bool has_trace(const struct places *places, size_t place, const char *app)
{
	struct stat status;

	return places->fds[place] >= 0 && fstatat(places->fds[place], app, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (status.st_mode & S_IFMT) == kinds[place] && (place != PLACE_DATA || is_webroot(places->fds[place], app));
}

/* ---- which ---- */

static void find_in_folder(struct context *context, const struct places *places, size_t place, struct strs *gone)
{
	AUTO_STRS names = { 0 };
	struct err ignored;

	if (places->fds[place] < 0 || !dir_list(places->fds[place], &names, &ignored))
		return;
	for (size_t i = 0; i < names.count; i++)
		if (platform_app_is_gone(context->platform, names.items[i]) && has_trace(places, place, names.items[i]))
			(void)strs_add_new(gone, names.items[i]);
}

static bool find_in_store(struct context *context, struct strs *gone, struct err *err)
{
	AUTO(store_apps_done) struct store_apps rows = { 0 };
	AUTO(store_waits_done) struct store_waits waits = { 0 };

	if (!store_app_list(context->store, &rows, err) || !store_wait_list(context->store, &waits, err))
		return false;
	for (size_t i = 0; i < rows.count; i++)
		if (platform_app_is_gone(context->platform, rows.items[i].app))
			(void)strs_add_new(gone, rows.items[i].app);
	for (size_t i = 0; i < waits.count; i++)
		if (platform_app_is_gone(context->platform, waits.items[i].app))
			(void)strs_add_new(gone, waits.items[i].app);
	return true;
}

/* ---- what becomes of them ---- */

static bool note(struct context *context, char *app, struct err *err)
{
	char cause[] = "auto-renew";
	char decision[] = "forget";
	char result[] = "the app is gone, unseen by the hooks: its properties and what was kept of it are removed, its certificates stay in the archive";
	char next[] = "";

	return store_event_add(context->store, &(struct store_event){ .app = app, .cause = cause, .decision = decision, .result = result, .next = next }, err);
}

static bool forget(struct context *context, const struct places *places, char *app, struct err *err)
{
	for (size_t place = 0; place < PLACE_COUNT; place++)
		if (has_trace(places, place, app) && !dir_remove_tree(places->fds[place], app, err))
			return false;
	return store_app_forget(context->store, app, err) && note(context, app, err);
}

void gone_forget(struct context *context, const struct strs *apps)
{
	AUTO(places_done) struct places places = open_places(context);
	AUTO_STRS gone = { 0 };
	struct err err = { 0 };

	if (apps->count == 0)
		return;
	for (size_t place = 0; place < PLACE_COUNT; place++)
		find_in_folder(context, &places, place, &gone);
	if (!find_in_store(context, &gone, &err))
		talk_err(&context->talk, NULL, &err);
	for (size_t i = 0; i < gone.count; i++) {
		if (forget(context, &places, gone.items[i], &err)) {
			talk_say(&context->talk, TALK_INFO1, NULL, "%s does not exist any more: its properties are removed", gone.items[i]);
			continue;
		}
		(void)err_wrap(&err, "what is left of %s, which does not exist any more", gone.items[i]);
		talk_err(&context->talk, NULL, &err);
	}
}
