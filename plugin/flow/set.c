/* SPDX-License-Identifier: MIT */
/* Checks and stores one property. */
#include <string.h>

#include "flow/actions.h"
#include "flow/context.h"
#include "flow/lego.h"
#include "flow/property.h"
#include "platform/platform.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/strs.h"
#include "util/text.h"

bool setting_is_secret(const char *key)
{
	const struct property *property = property_find(key);

	return property && property->is_secret;
}

static bool may_be_echoed(const struct property *property, const char *value)
{
	return !property->is_secret && !(text_starts(property->key, "lego-") && lego_has_secret(value));
}

static void free_value(const struct property *property, char *value)
{
	if (value && property->is_secret)
		explicit_bzero(value, strlen(value));
	free(value);
}

bool setting_set(struct context *context, const char *app, const char *key, const char *value, char **ret_shown, struct err *err)
{
	AUTO_FREE char *stored_key = property_stored_key(key);
	const struct property *property = NULL;
	char *stored = NULL;

	if (strcmp(app, "--global") != 0 && !platform_check_app(context->platform, app, err))
		return false;
	property = property_need(app, key, err);
	if (!property)
		return false;
	if (value && *value && !property_normalise(property, key, value, &stored, err))
		return false;
	if ((stored && !property_check(property, context, key, stored, err)) || !platform_setting_write(context->platform, app, stored_key, stored, err)) {
		free_value(property, stored);
		return false;
	}
	*ret_shown = mem_strdup(!stored ? "" : may_be_echoed(property, stored) ? stored : "****");
	free_value(property, stored);
	return true;
}
