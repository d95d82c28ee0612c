/* SPDX-License-Identifier: MIT */
/*
 * The event loop and its fibers (ucontext). Fibers switch only to the dispatcher and back, so there is one place where contexts change; the
 * sanitizers and valgrind are told about it. Stacks are mapped lazily with a guard page below.
 */
#include "sys/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "sys/stop.h"
#include "util/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define SWITCH_START(save, to_stack, to_size) __sanitizer_start_switch_fiber((save), (to_stack), (to_size))
#define SWITCH_END(save, ret_stack, ret_size) __sanitizer_finish_switch_fiber((save), (ret_stack), (ret_size))
#else
#define SWITCH_START(save, to_stack, to_size) ((void)(save))
#define SWITCH_END(save, ret_stack, ret_size) ((void)(save))
#endif

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#define STACK_SIZE ((size_t)512 * 1024)
#define STACKS_KEPT 16

struct fiber {
	ucontext_t context;
	void (*run)(void *arg);
	void *arg;
	char *stack; /* the guard page is its first page */
	unsigned valgrind_id;
	void *asan_save;
	bool is_ended;
	struct loop *loop;
	struct fiber *next; /* in the queue of those that may run, or of free ones */
};

struct loop_waiter {
	struct fiber *fiber; /* NULL: main drives the loop */
	struct loop_event *event;
	int64_t deadline_ms;
	bool can_be_stopped;
	bool is_over;
	enum loop_wait outcome;
	struct loop_waiter *next_of_event;
	struct loop_waiter *next; /* in loop->waiters */
};

struct watch {
	int fd;
	short events;
	void (*ready)(void *ctx, int fd, short revents);
	void *ctx;
};

struct loop {
	ucontext_t dispatcher;
	const void *dispatcher_stack;
	size_t dispatcher_size;
	void *asan_save;
	struct fiber *current;
	struct fiber *runnable, **runnable_end;
	struct fiber *free;
	size_t free_count;
	size_t fiber_count;
	struct loop_waiter *waiters;
	struct loop_timer *timers;
	struct watch *watches;
	size_t watch_count, watch_room;
};

struct loop *loop_new(void)
{
	struct loop *loop = mem_new(1, sizeof(*loop));

	loop->runnable_end = &loop->runnable;
	return loop;
}

static void fiber_release(struct fiber *fiber)
{
	VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
	(void)munmap(fiber->stack, STACK_SIZE);
	free(fiber);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	assert(loop->fiber_count == 0 && !loop->waiters);
	while (loop->free) {
		struct fiber *fiber = loop->free;

		loop->free = fiber->next;
		fiber_release(fiber);
	}
	free(loop->watches);
	free(loop);
}

int64_t loop_now_ms(const struct loop *loop)
{
	struct timespec now;

	(void)loop;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool loop_is_stopping(const struct loop *loop)
{
	(void)loop;
	return stop_is_requested();
}

/* ---- fibers ---- */

static void make_runnable(struct loop *loop, struct fiber *fiber)
{
	fiber->next = NULL;
	*loop->runnable_end = fiber;
	loop->runnable_end = &fiber->next;
}

/* makecontext hands over ints only, so the pointer travels in two. */
static void fiber_main(unsigned high, unsigned low)
{
	struct fiber *fiber = (struct fiber *)(((uintptr_t)high << 32) | (uintptr_t)low); /* NOLINT(performance-no-int-to-ptr) */
	struct loop *loop = fiber->loop;

	SWITCH_END(NULL, &loop->dispatcher_stack, &loop->dispatcher_size);
	fiber->run(fiber->arg);
	fiber->is_ended = true;
	SWITCH_START(NULL, loop->dispatcher_stack, loop->dispatcher_size);
	(void)setcontext(&loop->dispatcher);
	abort();
}

static struct fiber *fiber_new(struct loop *loop)
{
	struct fiber *fiber = loop->free;

	if (fiber) {
		loop->free = fiber->next;
		loop->free_count--;
		return fiber;
	}
	fiber = mem_new(1, sizeof(*fiber));
	fiber->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (fiber->stack == MAP_FAILED || mprotect(fiber->stack, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE) != 0) {
		perror("no memory for a fiber");
		abort();
	}
	fiber->valgrind_id = VALGRIND_STACK_REGISTER(fiber->stack, fiber->stack + STACK_SIZE);
	return fiber;
}

static void prepare(struct fiber *fiber)
{
	uintptr_t pointer = (uintptr_t)fiber;

	(void)getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = STACK_SIZE;
	fiber->context.uc_link = NULL;
	makecontext(&fiber->context, (void (*)(void))fiber_main, 2, (unsigned)(pointer >> 32), (unsigned)pointer);
}

void loop_start(struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct fiber *fiber = fiber_new(loop);

	fiber->run = run;
	fiber->arg = arg;
	fiber->loop = loop;
	fiber->is_ended = false;
	fiber->asan_save = NULL;
	prepare(fiber);
	loop->fiber_count++;
	make_runnable(loop, fiber);
}

/* Dispatcher to fiber; comes back when the fiber waits or has ended. */
static void resume(struct loop *loop, struct fiber *fiber)
{
	loop->current = fiber;
	SWITCH_START(&loop->asan_save, fiber->stack, STACK_SIZE);
	(void)swapcontext(&loop->dispatcher, &fiber->context);
	SWITCH_END(loop->asan_save, NULL, NULL);
	loop->current = NULL;
	if (!fiber->is_ended)
		return;
	loop->fiber_count--;
	if (loop->free_count >= STACKS_KEPT) {
		fiber_release(fiber);
		return;
	}
	fiber->next = loop->free;
	loop->free = fiber;
	loop->free_count++;
}

/* Fiber to dispatcher; comes back when somebody made the fiber runnable. */
static void suspend(struct loop *loop, struct fiber *fiber)
{
	SWITCH_START(&fiber->asan_save, loop->dispatcher_stack, loop->dispatcher_size);
	(void)swapcontext(&fiber->context, &loop->dispatcher);
	SWITCH_END(fiber->asan_save, &loop->dispatcher_stack, &loop->dispatcher_size);
}

/* ---- waiting ---- */

static void waiter_end(struct loop *loop, struct loop_waiter *waiter, enum loop_wait outcome)
{
	struct loop_waiter **link = &loop->waiters;

	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	link = &waiter->event->waiters;
	while (*link != waiter)
		link = &(*link)->next_of_event;
	*link = waiter->next_of_event;
	waiter->is_over = true;
	waiter->outcome = outcome;
	if (waiter->fiber)
		make_runnable(loop, waiter->fiber);
}

void loop_set(struct loop *loop, struct loop_event *event)
{
	event->is_set = true;
	while (event->waiters)
		waiter_end(loop, event->waiters, WAIT_DONE);
}

void loop_reset(struct loop_event *event)
{
	event->is_set = false;
}

/* ---- timers and watches ---- */

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **link = &loop->timers;

	timer->at_ms = 0;
	while (*link && *link != timer)
		link = &(*link)->next;
	if (*link)
		*link = timer->next;
	timer->next = NULL;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_ms)
{
	loop_timer_clear(loop, timer);
	timer->at_ms = at_ms > 0 ? at_ms : 1;
	timer->next = loop->timers;
	loop->timers = timer;
}

static struct watch *watch_find(struct loop *loop, int fd)
{
	for (size_t i = 0; i < loop->watch_count; i++)
		if (loop->watches[i].fd == fd)
			return &loop->watches[i];
	return NULL;
}

void loop_watch(struct loop *loop, int fd, short events, void (*ready)(void *ctx, int fd, short revents), void *ctx)
{
	struct watch *watch = watch_find(loop, fd);

	if (!watch) {
		if (loop->watch_count == loop->watch_room) {
			loop->watch_room = loop->watch_room ? loop->watch_room * 2 : 8;
			loop->watches = mem_resize(loop->watches, loop->watch_room, sizeof(*loop->watches));
		}
		watch = &loop->watches[loop->watch_count++];
	}
	*watch = (struct watch){ .fd = fd, .events = events, .ready = ready, .ctx = ctx };
}

void loop_unwatch(struct loop *loop, int fd)
{
	struct watch *watch = watch_find(loop, fd);

	if (watch)
		*watch = loop->watches[--loop->watch_count];
}

/* ---- the dispatcher ---- */

static void fire_timers(struct loop *loop)
{
	int64_t now_ms = loop_now_ms(loop);

	/* Firing may change the list: start again each time. */
	for (struct loop_timer *timer = loop->timers; timer;) {
		if (timer->at_ms > now_ms) {
			timer = timer->next;
			continue;
		}
		loop_timer_clear(loop, timer);
		timer->fire(timer->ctx);
		timer = loop->timers;
	}
}

static void end_waits(struct loop *loop)
{
	int64_t now_ms = loop_now_ms(loop);
	bool is_stopping = loop_is_stopping(loop);
	struct loop_waiter *next;

	for (struct loop_waiter *waiter = loop->waiters; waiter; waiter = next) {
		next = waiter->next;
		if (is_stopping && waiter->can_be_stopped)
			waiter_end(loop, waiter, WAIT_STOPPED);
		else if (waiter->deadline_ms <= now_ms)
			waiter_end(loop, waiter, WAIT_TIMEOUT);
	}
}

static bool anything_is_ready(const struct loop *loop)
{
	if (loop->runnable)
		return true;
	for (const struct loop_waiter *waiter = loop->waiters; waiter; waiter = waiter->next)
		if (loop_is_stopping(loop) && waiter->can_be_stopped)
			return true;
	return false;
}

/* Milliseconds until the next timer or deadline, -1 = none. */
static int poll_timeout(const struct loop *loop)
{
	int64_t at_ms = LOOP_NEVER;
	int64_t left_ms;

	for (const struct loop_timer *timer = loop->timers; timer; timer = timer->next)
		if (timer->at_ms < at_ms)
			at_ms = timer->at_ms;
	for (const struct loop_waiter *waiter = loop->waiters; waiter; waiter = waiter->next)
		if (waiter->deadline_ms < at_ms)
			at_ms = waiter->deadline_ms;
	if (at_ms == LOOP_NEVER)
		return -1;
	left_ms = at_ms - loop_now_ms(loop);
	return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static void call_ready(struct loop *loop, const struct pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct watch *watch = fds[i].revents ? watch_find(loop, fds[i].fd) : NULL;

		if (watch)
			watch->ready(watch->ctx, fds[i].fd, fds[i].revents);
	}
}

/* Once the stop flag is up its descriptor stays readable: it is polled only before. A signal after the flag was read here makes it readable, so it ends the poll. */
static void poll_once(struct loop *loop)
{
	bool is_stopping = loop_is_stopping(loop);
	int timeout_ms = anything_is_ready(loop) ? 0 : poll_timeout(loop);
	size_t count = loop->watch_count;
	AUTO_FREE struct pollfd *fds = mem_new(count + 1, sizeof(*fds));

	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = loop->watches[i].fd, .events = loop->watches[i].events };
	fds[count] = (struct pollfd){ .fd = is_stopping ? -1 : stop_fd(), .events = POLLIN };
	if (poll(fds, count + 1, timeout_ms) > 0)
		call_ready(loop, fds, count);
}

static void run_fibers(struct loop *loop)
{
	struct fiber *fiber = loop->runnable;

	loop->runnable = NULL;
	loop->runnable_end = &loop->runnable;
	while (fiber) {
		struct fiber *next = fiber->next;

		resume(loop, fiber);
		fiber = next;
	}
}

static void turn(struct loop *loop)
{
	poll_once(loop);
	fire_timers(loop);
	end_waits(loop);
	run_fibers(loop);
}

static enum loop_wait wait_for(struct loop *loop, struct loop_event *event, int64_t deadline_ms, bool can_be_stopped)
{
	AUTO_FREE struct loop_waiter *waiter = NULL;

	if (event->is_set)
		return WAIT_DONE;
	waiter = mem_new(1, sizeof(*waiter));
	*waiter = (struct loop_waiter){
		.fiber = loop->current,
		.event = event,
		.deadline_ms = deadline_ms,
		.can_be_stopped = can_be_stopped,
		.next_of_event = event->waiters,
		.next = loop->waiters,
	};
	event->waiters = waiter;
	loop->waiters = waiter;
	if (waiter->fiber)
		suspend(loop, waiter->fiber);
	else
		while (!waiter->is_over)
			turn(loop);
	return waiter->outcome;
}

enum loop_wait loop_wait(struct loop *loop, struct loop_event *event, int64_t deadline_ms)
{
	return wait_for(loop, event, deadline_ms, true);
}

enum loop_wait loop_wait_finish(struct loop *loop, struct loop_event *event, int64_t deadline_ms)
{
	return wait_for(loop, event, deadline_ms, false);
}

enum loop_wait loop_sleep(struct loop *loop, int64_t ms)
{
	struct loop_event never = { 0 };

	return loop_wait(loop, &never, loop_now_ms(loop) + ms);
}
