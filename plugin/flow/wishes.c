/* SPDX-License-Identifier: MIT */
#include "flow/wishes.h"

#include "flow/context.h"
#include "store/store.h"

bool wishes_has(const struct wishes *wishes, int64_t id)
{
	for (size_t i = 0; i < wishes->count; i++)
		if (wishes->items[i].id == id)
			return true;
	return false;
}

bool wishes_are_done(const struct wishes *wishes)
{
	for (size_t i = 0; i < wishes->count; i++)
		if (!wishes->items[i].is_ended)
			return false;
	return !wishes->is_endless;
}

void wishes_end(const struct wishes *wishes, int64_t id, int exit_status)
{
	for (size_t i = 0; i < wishes->count; i++) {
		if (wishes->items[i].id != id)
			continue;
		wishes->items[i].is_ended = true;
		wishes->items[i].exit_status = exit_status;
	}
}

bool wishes_follow(struct context *context, const struct wishes *wishes, struct err *err)
{
	for (size_t i = 0; i < wishes->count; i++) {
		AUTO(store_job_done) struct store_job job = { 0 };
		struct wish *wish = &wishes->items[i];
		bool is_found = false;

		if (wish->is_ended)
			continue;
		if (!store_job_get(context->store, wish->id, &is_found, &job, err))
			return false;
		progress_tell(context, &wish->reader);
		if (!is_found || job.state == JOB_DONE || job.state == JOB_FAILED) {
			progress_tell(context, &wish->reader);
			wishes_end(wishes, wish->id, is_found ? (int)job.exit_status : 1);
		}
	}
	return true;
}
