/* SPDX-License-Identifier: MIT */
/* One line an app, so that a run over a thousand apps with nothing to do reads a thousand lines and nothing else. */
#include "flow/state.h"

#include "flow/context.h"
#include "platform/platform.h"
#include "sys/imprint.h"
#include "util/err.h"

static int global_folder(struct context *context)
{
	struct err ignored;

	return platform_global_fd(context->platform, &ignored);
}

uint64_t state_fingerprint(struct context *context, const char *app)
{
	return imprint_of_app(platform_root(context->platform), platform_lib_root(context->platform), app);
}

bool state_read(struct context *context, const char *app, uint64_t fingerprint, struct state *ret_state)
{
	return state_line_read(global_folder(context), app, fingerprint, ret_state);
}

void state_write(struct context *context, const char *app, uint64_t fingerprint, const struct state *state)
{
	state_line_write(global_folder(context), app, fingerprint, state);
}

void state_forget(struct context *context, const char *app)
{
	state_line_remove(global_folder(context), app);
}
