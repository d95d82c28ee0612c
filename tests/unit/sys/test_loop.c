/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/loop.h"
#include "sys/stop.h"
#include "util/buf.h"
#include "util/mem.h"

static int make_loop(void **state)
{
	*state = loop_new();
	return 0;
}

static int drop_loop(void **state)
{
	loop_free(*state);
	return 0;
}

/* Lets everything run that can, a few times over. */
static void settle(struct loop *loop)
{
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_sleep(loop, 0), WAIT_TIMEOUT);
}

/* ---- fibers and events ---- */

struct player {
	struct loop *loop;
	struct buf *story;
	char name;
	struct loop_event ball;
	struct player *other;
};

static void play(void *arg)
{
	struct player *player = arg;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(loop_wait(player->loop, &player->ball, LOOP_NEVER), WAIT_DONE);
		loop_reset(&player->ball);
		assert_true(buf_addc(player->story, player->name));
		loop_set(player->loop, &player->other->ball);
	}
}

static void two_fibers_take_turns(void **state)
{
	AUTO_BUF story = BUF_MAX(100);
	struct player a = { .loop = *state, .story = &story, .name = 'a' };
	struct player b = { .loop = *state, .story = &story, .name = 'b', .other = &a };

	a.other = &b;
	loop_start(*state, play, &a);
	loop_start(*state, play, &b);
	assert_string_equal(buf_text(&story), ""); /* nothing runs before somebody waits */
	settle(*state);
	assert_string_equal(buf_text(&story), "");
	loop_set(*state, &a.ball);
	assert_string_equal(buf_text(&story), "");
	/* The last throw lies before a, who has left. */
	while (story.size < 6)
		settle(*state);
	assert_string_equal(buf_text(&story), "ababab");
	settle(*state);
}

struct visit {
	struct loop *loop;
	struct loop_event *event;
	int64_t deadline_ms;
	bool finishes;
	bool has_started, has_ended;
	enum loop_wait outcome;
};

static void visit(void *arg)
{
	struct visit *visit = arg;

	visit->has_started = true;
	visit->outcome = visit->finishes ? loop_wait_finish(visit->loop, visit->event, visit->deadline_ms) :
		loop_wait(visit->loop, visit->event, visit->deadline_ms);
	visit->has_ended = true;
}

static void an_event_wakes_all_who_wait(void **state)
{
	struct loop_event event = { 0 };
	struct visit visits[10];

	for (size_t i = 0; i < COUNT(visits); i++) {
		visits[i] = (struct visit){ .loop = *state, .event = &event, .deadline_ms = LOOP_NEVER };
		loop_start(*state, visit, &visits[i]);
	}
	settle(*state);
	for (size_t i = 0; i < COUNT(visits); i++)
		assert_true(visits[i].has_started && !visits[i].has_ended);
	loop_set(*state, &event);
	loop_set(*state, &event);
	assert_false(visits[0].has_ended); /* at the next turn, not inside loop_set */
	settle(*state);
	for (size_t i = 0; i < COUNT(visits); i++)
		assert_true(visits[i].has_ended && visits[i].outcome == WAIT_DONE);
}

static void an_event_that_has_happened_is_not_waited_for(void **state)
{
	struct loop_event event = { 0 };
	int64_t long_ago_ms = loop_now_ms(*state) - 1000;

	assert_int_equal(loop_wait(*state, &event, long_ago_ms), WAIT_TIMEOUT);
	loop_set(*state, &event);
	assert_int_equal(loop_wait(*state, &event, LOOP_NEVER), WAIT_DONE);
	assert_int_equal(loop_wait_finish(*state, &event, long_ago_ms), WAIT_DONE);
	loop_reset(&event);
	assert_int_equal(loop_wait(*state, &event, long_ago_ms), WAIT_TIMEOUT);
}

static void deadlines_pass_each_for_itself(void **state)
{
	struct loop_event event = { 0 };
	int64_t now_ms = loop_now_ms(*state);
	struct visit early = { .loop = *state, .event = &event, .deadline_ms = now_ms + 20 };
	struct visit late = { .loop = *state, .event = &event, .deadline_ms = LOOP_NEVER };

	loop_start(*state, visit, &late);
	loop_start(*state, visit, &early);
	while (!early.has_ended)
		assert_int_equal(loop_sleep(*state, 1), WAIT_TIMEOUT);
	assert_true(loop_now_ms(*state) >= now_ms + 20);
	assert_int_equal(early.outcome, WAIT_TIMEOUT);
	assert_false(late.has_ended);
	loop_set(*state, &event);
	settle(*state);
	assert_true(late.has_ended && late.outcome == WAIT_DONE);
}

static void sleeping_takes_its_time(void **state)
{
	int64_t before_ms = loop_now_ms(*state);

	assert_int_equal(loop_sleep(*state, 15), WAIT_TIMEOUT);
	assert_true(loop_now_ms(*state) >= before_ms + 15);
}

struct crowd {
	struct loop *loop;
	size_t inside, most, done;
};

static void sleep_and_leave(void *arg)
{
	struct crowd *crowd = arg;
	char deep[100000]; /* fibers have stacks to work with */

	crowd->inside++;
	if (crowd->inside > crowd->most)
		crowd->most = crowd->inside;
	memset(deep, (int)crowd->inside, sizeof(deep));
	assert_int_equal(loop_sleep(crowd->loop, (int64_t)(crowd->inside % 7)), WAIT_TIMEOUT);
	assert_int_equal(deep[0], deep[sizeof(deep) - 1]);
	crowd->inside--;
	crowd->done++;
}

static void many_at_once_and_again(void **state)
{
	struct crowd crowd = { .loop = *state };

	for (size_t round = 1; round <= 3; round++) {
		for (int i = 0; i < 200; i++)
			loop_start(*state, sleep_and_leave, &crowd);
		while (crowd.done < round * 200)
			assert_int_equal(loop_sleep(*state, 1), WAIT_TIMEOUT);
		assert_int_equal(crowd.inside, 0);
		assert_int_equal(crowd.most, 200);
	}
}

static void start_another(void *arg)
{
	struct crowd *crowd = arg;

	if (++crowd->done < 50)
		loop_start(crowd->loop, start_another, crowd);
}

static void a_fiber_starts_the_next(void **state)
{
	struct crowd crowd = { .loop = *state };

	loop_start(*state, start_another, &crowd);
	while (crowd.done < 50)
		assert_int_equal(loop_sleep(*state, 0), WAIT_TIMEOUT);
	settle(*state);
	assert_int_equal(crowd.done, 50);
}

/* ---- timers ---- */

struct alarm {
	struct loop *loop;
	struct buf *story;
	char name;
	struct loop_timer timer;
	struct alarm *silences; /* clears that one when it fires */
	int repeats;
};

static void ring(void *ctx)
{
	struct alarm *alarm = ctx;

	assert_true(buf_addc(alarm->story, alarm->name));
	if (alarm->silences != NULL)
		loop_timer_clear(alarm->loop, &alarm->silences->timer);
	if (alarm->repeats-- > 0)
		loop_timer_set(alarm->loop, &alarm->timer, loop_now_ms(alarm->loop) + 1);
}

static struct alarm *alarm_new(struct loop *loop, struct buf *story, char name)
{
	struct alarm *alarm = mem_new(1, sizeof(*alarm));

	*alarm = (struct alarm){ .loop = loop, .story = story, .name = name };
	alarm->timer.fire = ring;
	alarm->timer.ctx = alarm;
	return alarm;
}

static void timers_fire_once_unless_cleared_or_moved(void **state)
{
	AUTO_BUF story = BUF_MAX(100);
	AUTO_FREE struct alarm *fires = alarm_new(*state, &story, 'f');
	AUTO_FREE struct alarm *cleared = alarm_new(*state, &story, 'c');
	AUTO_FREE struct alarm *moved = alarm_new(*state, &story, 'm');
	int64_t now_ms = loop_now_ms(*state);

	loop_timer_set(*state, &cleared->timer, now_ms + 5);
	loop_timer_set(*state, &moved->timer, now_ms + 1);
	loop_timer_set(*state, &fires->timer, now_ms + 10);
	loop_timer_set(*state, &moved->timer, now_ms + 30);
	loop_timer_clear(*state, &cleared->timer);
	loop_timer_clear(*state, &cleared->timer);
	while (moved->timer.at_ms != 0)
		assert_int_equal(loop_sleep(*state, 1), WAIT_TIMEOUT);
	assert_true(loop_now_ms(*state) >= now_ms + 30);
	settle(*state);
	/* In whichever order: on a busy machine both are due at once. */
	assert_int_equal(story.size, 2);
	assert_true(strchr(buf_text(&story), 'f') != NULL && strchr(buf_text(&story), 'm') != NULL);
	assert_int_equal(fires->timer.at_ms, 0);
}

static void a_timer_may_change_others_and_itself_while_it_fires(void **state)
{
	AUTO_BUF story = BUF_MAX(100);
	AUTO_FREE struct alarm *first = alarm_new(*state, &story, '1');
	AUTO_FREE struct alarm *second = alarm_new(*state, &story, '2');
	int64_t past_ms = loop_now_ms(*state) - 1;

	/* Both are due and each silences the other: only one may ring. */
	first->silences = second;
	second->silences = first;
	loop_timer_set(*state, &first->timer, past_ms);
	loop_timer_set(*state, &second->timer, past_ms);
	settle(*state);
	assert_int_equal(story.size, 1);

	first->silences = NULL;
	first->repeats = 3;
	buf_clear(&story);
	loop_timer_set(*state, &first->timer, past_ms);
	while (story.size < 4)
		assert_int_equal(loop_sleep(*state, 1), WAIT_TIMEOUT);
	assert_int_equal(loop_sleep(*state, 5), WAIT_TIMEOUT);
	assert_string_equal(buf_text(&story), "1111");
}

/* ---- watches ---- */

struct reader {
	struct loop *loop;
	struct buf *text;
	struct loop_event has_end;
};

static void take_byte(void *ctx, int fd, short revents)
{
	struct reader *reader = ctx;
	char byte;

	assert_true((revents & (POLLIN | POLLHUP)) != 0);
	if (read(fd, &byte, 1) == 1) {
		assert_true(buf_addc(reader->text, byte));
		return;
	}
	loop_unwatch(reader->loop, fd);
	loop_set(reader->loop, &reader->has_end);
}

static void fail_if_called(void *ctx, int fd, short revents)
{
	(void)ctx;
	(void)fd;
	(void)revents;
	fail();
}

static void a_watch_calls_as_long_as_there_is_something(void **state)
{
	AUTO_BUF text = BUF_MAX(100);
	struct reader reader = { .loop = *state, .text = &text };
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	/* A second call for a descriptor replaces the first. */
	loop_watch(*state, fds[0], POLLIN, fail_if_called, NULL);
	loop_watch(*state, fds[0], POLLIN, take_byte, &reader);
	settle(*state);
	assert_string_equal(buf_text(&text), "");
	assert_int_equal(write(fds[1], "abc", 3), 3);
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(loop_wait(*state, &reader.has_end, LOOP_NEVER), WAIT_DONE);
	assert_string_equal(buf_text(&text), "abc");
	settle(*state);
	loop_unwatch(*state, fds[0]);
	(void)close(fds[0]);
}

struct pair {
	struct loop *loop;
	int fds[2];
	int called;
};

static void unwatch_both(void *ctx, int fd, short revents)
{
	struct pair *pair = ctx;

	(void)fd;
	(void)revents;
	pair->called++;
	loop_unwatch(pair->loop, pair->fds[0]);
	loop_unwatch(pair->loop, pair->fds[1]);
}

static void what_was_unwatched_in_the_same_turn_is_not_called(void **state)
{
	struct pair pair = { .loop = *state };
	int first[2], second[2];

	assert_int_equal(pipe2(first, O_CLOEXEC), 0);
	assert_int_equal(pipe2(second, O_CLOEXEC), 0);
	pair.fds[0] = first[0];
	pair.fds[1] = second[0];
	assert_int_equal(write(first[1], "x", 1), 1);
	assert_int_equal(write(second[1], "x", 1), 1);
	loop_watch(*state, first[0], POLLIN, unwatch_both, &pair);
	loop_watch(*state, second[0], POLLIN, unwatch_both, &pair);
	settle(*state);
	assert_int_equal(pair.called, 1);
	for (int i = 0; i < 2; i++) {
		(void)close(first[i]);
		(void)close(second[i]);
	}
}

/* ---- a termination signal, in a process of its own ---- */

/* 0, or which expectation failed. */
static int stop_everything(void)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	struct loop_event never = { 0 }, finished = { 0 };
	struct visit stopped = { .loop = loop, .event = &never, .deadline_ms = LOOP_NEVER };
	struct visit finishing = { .loop = loop, .event = &finished, .deadline_ms = LOOP_NEVER, .finishes = true };

	stop_install();
	loop_start(loop, visit, &stopped);
	loop_start(loop, visit, &finishing);
	if (loop_sleep(loop, 1) != WAIT_TIMEOUT || loop_is_stopping(loop))
		return 1;
	(void)raise(SIGTERM);
	if (!loop_is_stopping(loop) || loop_sleep(loop, 600000) != WAIT_STOPPED)
		return 2;
	if (loop_wait_finish(loop, &never, loop_now_ms(loop) + 20) != WAIT_TIMEOUT)
		return 3;
	if (!stopped.has_ended || stopped.outcome != WAIT_STOPPED)
		return 4;
	if (finishing.has_ended)
		return 5;
	loop_set(loop, &finished);
	if (loop_wait(loop, &finished, LOOP_NEVER) != WAIT_DONE)
		return 6;
	(void)loop_wait_finish(loop, &never, loop_now_ms(loop) + 1);
	return finishing.has_ended && finishing.outcome == WAIT_DONE ? 0 : 7;
}

static void send_term(void *ctx)
{
	(void)ctx;
	(void)raise(SIGTERM);
}

/* The signal comes while poll(2) waits without a limit: its descriptor wakes it. */
static int stop_while_polling(void)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	struct loop_event never = { 0 };
	pid_t parent = getpid();

	stop_install();
	pid_t pid = fork();
	if (pid == 0) {
		(void)kill(parent, SIGTERM);
		_exit(0);
	}
	if (loop_wait(loop, &never, LOOP_NEVER) != WAIT_STOPPED)
		return 1;
	return waitpid(pid, NULL, 0) == pid ? 0 : 2;
}

static int stop_from_a_timer(void)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	struct loop_timer timer = { .fire = send_term };
	struct loop_event never = { 0 };

	stop_install();
	loop_timer_set(loop, &timer, loop_now_ms(loop) + 1);
	return loop_wait(loop, &never, LOOP_NEVER) == WAIT_STOPPED ? 0 : 1;
}

static void a_signal_ends_waits_but_those_to_be_finished(void **state)
{
	static int (*const cases[])(void) = { stop_everything, stop_while_polling, stop_from_a_timer };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(cases[i]());
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

#define loop_test(function) cmocka_unit_test_setup_teardown(function, make_loop, drop_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		loop_test(two_fibers_take_turns),
		loop_test(an_event_wakes_all_who_wait),
		loop_test(an_event_that_has_happened_is_not_waited_for),
		loop_test(deadlines_pass_each_for_itself),
		loop_test(sleeping_takes_its_time),
		loop_test(many_at_once_and_again),
		loop_test(a_fiber_starts_the_next),
		loop_test(timers_fire_once_unless_cleared_or_moved),
		loop_test(a_timer_may_change_others_and_itself_while_it_fires),
		loop_test(a_watch_calls_as_long_as_there_is_something),
		loop_test(what_was_unwatched_in_the_same_turn_is_not_called),
		cmocka_unit_test(a_signal_ends_waits_but_those_to_be_finished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
