/* SPDX-License-Identifier: MIT */
/* The order of design 4: urgency, the oldest of its class, turn between groups, age. */
#include "flow/turn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "flow/app.h"
#include "flow/decide.h"
#include "util/attr.h"
#include "util/mem.h"
#include "util/when.h"

/* What expires within it may see no other run: a host can be down for a night. */
#define CHANCE_S WHEN_DAY

const char *urgency_name(enum urgency urgency)
{
	switch (urgency) {
	case URGENCY_EXPIRED: return "expired";
	case URGENCY_EXPIRES: return "expires soon";
	case URGENCY_DUE: return "due";
	case URGENCY_NONE: return "no certificate";
	case URGENCY_NAMES: return "names changed";
	case URGENCY_FORCED: return "forced";
	}
	return "unknown";
}

enum urgency urgency_of(const struct app *app, const struct decision *decision, bool is_forced, int64_t now_at)
{
	const struct app_held *held = &app->held;

	if (!held->is_ours || !held->is_readable)
		return URGENCY_NONE;
	if (held->cert.not_after_at <= now_at)
		return URGENCY_EXPIRED;
	if (held->cert.not_after_at <= when_add(now_at, CHANCE_S))
		return URGENCY_EXPIRES;
	if (now_at >= app_renew_at(&app->wanted.settings, held))
		return URGENCY_DUE;
	if (is_forced && decision->kind == DECISION_RENEW)
		return URGENCY_FORCED;
	return held->is_known && held->known.revoked_at > 0 ? URGENCY_NONE : URGENCY_NAMES;
}

/* ---- sorting ---- */

static int compare(int64_t left, int64_t right)
{
	return left < right ? -1 : left > right;
}

static int by_age(const void *a, const void *b)
{
	const struct turn *left = a;
	const struct turn *right = b;
	int order = compare((int64_t)left->urgency, (int64_t)right->urgency);

	if (order == 0)
		order = compare(left->since_at, right->since_at);
	return order != 0 ? order : strcmp(left->app, right->app);
}

/* A group, as its requests of one urgency are dealt out. */
struct queue {
	const char *group;
	int64_t served_at;
	size_t dealt;  /* so many of its requests have had their turn */
	size_t next;   /* its oldest one that has not; the count when there is none */
};

static int by_group(const void *a, const void *b)
{
	const struct queue *left = a;
	const struct queue *right = b;

	return strcmp(left->group, right->group);
}

/* Requests of one urgency, oldest first. */
struct class {
	const struct turn *turns;
	size_t count;
	struct queue *queues;
	size_t queue_count;
	size_t *queue_of; /* request i belongs to this queue … */
	size_t *next_of;  /* … in which this one comes after it */
};

/* The oldest of its queue. */
static void deal(struct class *class, size_t index, struct turn **io_next)
{
	struct queue *queue = &class->queues[class->queue_of[index]];

	*(*io_next)++ = class->turns[index];
	queue->dealt++;
	queue->next = class->next_of[index];
}

/* Whoever was dealt fewer goes first; of those that are alike the one that was served longest ago; then the one that has waited longest. */
static int by_turn(const struct queue *left, const struct queue *right)
{
	int order = compare((int64_t)left->dealt, (int64_t)right->dealt);

	if (order == 0)
		order = compare(left->served_at, right->served_at);
	return order != 0 ? order : compare((int64_t)left->next, (int64_t)right->next);
}

static void swap(struct queue **left, struct queue **right)
{
	struct queue *kept = *left;

	*left = *right;
	*right = kept;
}

/* A heap whose top is the next queue: its top has changed. */
static void sift_down(struct queue **heap, size_t count)
{
	size_t at = 0;

	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
			if (by_turn(heap[child], heap[least]) < 0)
				least = child;
		if (least == at)
			return;
		swap(&heap[at], &heap[least]);
		at = least;
	}
}

static int by_turn_of_pointers(const void *a, const void *b)
{
	return by_turn(*(struct queue *const *)a, *(struct queue *const *)b);
}

/* The oldest keeps its place; all others go by turn. */
static void deal_class(struct class *class, struct turn *ret_turns)
{
	AUTO_FREE struct queue **heap = mem_new(class->queue_count + 1, sizeof(struct queue *));
	size_t count = 0;

	deal(class, 0, &ret_turns);
	for (size_t i = 0; i < class->queue_count; i++)
		if (class->queues[i].next < class->count)
			heap[count++] = &class->queues[i];
	qsort(heap, count, sizeof(struct queue *), by_turn_of_pointers);
	while (count > 0) {
		deal(class, heap[0]->next, &ret_turns);
		if (heap[0]->next >= class->count)
			heap[0] = heap[--count];
		sift_down(heap, count);
	}
}

static void find_queues(struct class *class)
{
	for (size_t i = 0; i < class->count; i++)
		class->queues[i] = (struct queue){ .group = class->turns[i].group, .served_at = class->turns[i].served_at, .next = class->count };
	qsort(class->queues, class->count, sizeof(struct queue), by_group);
	for (size_t i = 0; i < class->count; i++)
		if (i == 0 || by_group(&class->queues[class->queue_count - 1], &class->queues[i]) != 0)
			class->queues[class->queue_count++] = class->queues[i];
	for (size_t i = class->count; i-- > 0;) {
		const struct queue wanted = { .group = class->turns[i].group };
		struct queue *queue = bsearch(&wanted, class->queues, class->queue_count, sizeof(struct queue), by_group);

		assert(queue);
		class->queue_of[i] = (size_t)(queue - class->queues);
		class->next_of[i] = queue->next;
		queue->next = i;
	}
}

static void sort_class(struct turn *turns, size_t count)
{
	AUTO_FREE struct turn *sorted = mem_new(count, sizeof(*sorted));
	AUTO_FREE struct queue *queues = mem_new(count, sizeof(*queues));
	AUTO_FREE size_t *queue_of = mem_new(count, sizeof(*queue_of));
	AUTO_FREE size_t *next_of = mem_new(count, sizeof(*next_of));
	struct class class = { .turns = turns, .count = count, .queues = queues, .queue_of = queue_of, .next_of = next_of };

	find_queues(&class);
	deal_class(&class, sorted);
	memcpy(turns, sorted, count * sizeof(*turns));
}

void turn_sort(struct turn *turns, size_t count)
{
	size_t first = 0;

	if (count > 1)
		qsort(turns, count, sizeof(*turns), by_age);
	while (first < count) {
		size_t end = first;

		while (end < count && turns[end].urgency == turns[first].urgency)
			end++;
		if (turns[first].urgency != URGENCY_FORCED)
			sort_class(turns + first, end - first);
		first = end;
	}
}
