/* SPDX-License-Identifier: MIT */
/* One line an app, so that a run over a thousand apps with nothing to do reads a thousand lines and nothing else. */
#include "flow/state.h"

#include "flow/app.h"
#include "flow/context.h"
#include "flow/engine.h"
#include "platform/platform.h"
#include "sys/imprint.h"
#include "util/err.h"
#include "util/when.h"

/* So long after it came a certificate is asked for its renewal window at the latest. */
#define WINDOW_S (6 * WHEN_HOUR)

static int global_folder(struct context *context)
{
	struct err ignored;

	return platform_global_fd(context->platform, &ignored);
}

uint64_t state_of_host(const struct context *context)
{
	return imprint_of_host(platform_lib_root(context->platform));
}

uint64_t state_fingerprint(const struct context *context, const char *app, uint64_t host)
{
	return imprint_of_app(platform_root(context->platform), platform_lib_root(context->platform), app, host);
}

bool state_read(struct context *context, const char *app, uint64_t fingerprint, struct state *ret_state)
{
	return state_line_read(global_folder(context), app, fingerprint, ret_state);
}

bool state_read_now(struct context *context, const char *app, uint64_t host, struct state *ret_state)
{
	struct state_line line;

	if (!state_line_read_any(global_folder(context), app, &line) || !state_line_is_of(&line, state_fingerprint(context, app, host)))
		return false;
	*ret_state = line.state;
	return true;
}

void state_write(struct context *context, const char *app, uint64_t fingerprint, const struct state *state)
{
	state_line_write(global_folder(context), app, fingerprint, state);
}

void state_forget(struct context *context, const char *app)
{
	state_line_remove(global_folder(context), app);
}

static void hold_until(struct state *state, int64_t at)
{
	if (at < state->check_at)
		state->check_at = at;
}

/* Its next deploy enables it, and no file need tell that it was deployed. */
static bool awaits_deploy(const struct app *app)
{
	const struct settings *settings = &app->wanted.settings;

	return settings->auto_enable && settings->enabled < 0 && !decide_is_out_of_reach(app) && app->held.app.held_back_at == 0 &&
	       !(app->held.has_tls && !app->held.is_ours);
}

void state_remember(struct context *context, const struct app *app, const struct decision *decision, uint64_t fingerprint)
{
	const struct app_held *held = &app->held;
	int64_t tomorrow_at = clock_now(&context->clock) + WHEN_DAY;
	struct state state = { .check_at = tomorrow_at };

	if (awaits_deploy(app))
		return;
	if (held->is_ours && decision->at > 0) {
		state = (struct state){ .check_at = decision->at, .renew_at = decision->at };
		if (held->is_known && *held->known.ari_id)
			hold_until(&state, held->known.window_retry_at > 0 ? held->known.window_retry_at : clock_now(&context->clock) + WINDOW_S);
		if (decision->left_out.count > 0)
			hold_until(&state, tomorrow_at);
	}
	state_write(context, app->name, fingerprint, &state);
}

void state_settle(struct context *context, const char *name)
{
	uint64_t fingerprint = state_fingerprint(context, name, state_of_host(context));
	AUTO(app_done) struct app app = { 0 };
	AUTO(decision_done) struct decision decision = { 0 };
	struct err ignored;
	bool is_settled = app_read(context, name, &app, &ignored) && engine_decide(context, &app, CAUSE_SCHEDULE, &decision, &ignored) &&
			  (decision.kind == DECISION_NOTHING || decide_is_out_of_reach(&app)) && app.held.app.unserved_at == 0;

	if (is_settled)
		state_remember(context, &app, &decision, fingerprint);
	else
		state_forget(context, name);
}
