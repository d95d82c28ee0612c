/* SPDX-License-Identifier: MIT */
/* A mark in the store says that a spelling was seen: who unsets the property afterwards does not get it back by the next install. */
#include "flow/older.h"

#include <string.h>

#include "flow/actions.h"
#include "flow/context.h"
#include "platform/platform.h"
#include "store/store.h"
#include "util/err.h"
#include "util/mem.h"

#define OURS "letsencrypt"

struct spelling {
	const char *name;
	const char *key;
	bool is_property; /* of ours, else a variable of the configuration */
};

static const struct spelling spellings[] = {
	{ "DOKKU_LETSENCRYPT_EMAIL", "email", false },
	{ "DOKKU_LETSENCRYPT_SERVER", "server", false },
	{ "DOKKU_LETSENCRYPT_GRACEPERIOD", "graceperiod", false },
	{ "DOKKU_LETSENCRYPT_ARGS", "lego-args", false },
	{ "lego-docker-args", "lego-args", true },
};

static bool read_value(struct context *context, const char *scope, const struct spelling *spelling, char **ret_value, struct err *err)
{
	return spelling->is_property ? platform_property(context->platform, OURS, scope, spelling->name, ret_value, err)
				     : platform_config(context->platform, scope, spelling->name, ret_value, err);
}

/* *ret_is_new: nobody has looked at it before, and the property is not set. */
static bool look(struct context *context, const char *scope, const struct spelling *spelling, const char *mark, bool *ret_is_new, struct err *err)
{
	AUTO_FREE char *present = NULL;
	int64_t seen_at = 0;

	if (!store_mark_get(context->store, mark, &seen_at, err) || !platform_property(context->platform, OURS, scope, spelling->key, &present, err))
		return false;
	*ret_is_new = seen_at == 0 && !present;
	return seen_at > 0 || store_mark_set(context->store, mark, clock_now(&context->clock), err);
}

static void take_over(struct context *context, const char *scope, const struct spelling *spelling, const char *value)
{
	AUTO_FREE char *shown = NULL;
	struct err err;

	if (setting_set(context, scope, spelling->key, value, &shown, &err))
		talk_say(&context->talk, TALK_VERBOSE, NULL, "%s of %s is the property %s from now on: dokku letsencrypt:set %s %s", spelling->name, scope, spelling->key,
			 scope, spelling->key);
	else
		talk_say(&context->talk, TALK_WARN, NULL, "%s of %s is not taken over: %s (dokku letsencrypt:set %s %s <value>)", spelling->name, scope, err.text, scope,
			 spelling->key);
}

void older_take_over(struct context *context, const char *scope)
{
	for (size_t i = 0; i < COUNT(spellings); i++) {
		const struct spelling *spelling = &spellings[i];
		AUTO_FREE char *mark = mem_fmt("older spelling %s %s", scope, spelling->name);
		AUTO_FREE char *value = NULL;
		bool is_new = false;
		struct err err;

		if (!read_value(context, scope, spelling, &value, &err) || (value && *value && !look(context, scope, spelling, mark, &is_new, &err)))
			talk_err(&context->talk, NULL, &err);
		else if (is_new)
			take_over(context, scope, spelling, value);
	}
}
