/* SPDX-License-Identifier: MIT */
#include "flow/property_deploy.h"

#include <inttypes.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strs.h"

#define DEPLOY_WAIT_MAX_S 600

bool property_take_bool(const char *value, char **ret_value, struct err *err)
{
	bool is_true = false;

	if (!parse_bool(value, &is_true))
		return err_set(err, ERR_CONFIG, "'%s' is neither true nor false", value);
	*ret_value = mem_strdup(is_true ? "true" : "false");
	return true;
}

bool property_take_deploy_wait(const char *value, char **ret_value, struct err *err)
{
	int64_t seconds = 0;

	if (!parse_duration(value, &seconds))
		return err_set(err, ERR_CONFIG, "'%s' is no duration", value);
	if (seconds > DEPLOY_WAIT_MAX_S)
		return err_set(err, ERR_CONFIG, "'%s' is longer than ten minutes", value);
	*ret_value = mem_fmt("%" PRId64, seconds);
	return true;
}

void property_note_auto_enable(const char *app, const char *value, struct strs *notes)
{
	if (!value || strcmp(value, "true") != 0)
		return;
	strs_addf(notes, "%s gets its certificate at its next deploy, unless letsencrypt:disable was typed for it",
		  strcmp(app, "--global") == 0 ? "Every app" : app);
}

void property_note_deploy_wait(const char *app, const char *value, struct strs *notes)
{
	(void)app;
	if (value && strcmp(value, "0") == 0)
		strs_add(notes, "Certificates are got in the background; what came of it: dokku letsencrypt:events");
}
