/* Events: who hears which, in what order, and what he is told he missed. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/bus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/channel.h"
#include "protocol/codec.h"
#include "supervisor/root/arena.h"
#include "tests/unit/run.h"

/* One who listens: his channel, and the other end of it. */
struct listener {
	struct channel	 channel, end;
	struct subscriber *subscriber;
	int		 wakes, breaks;
	int64_t		 last;		/* seq that he heard */
	int64_t		 gap_from, gap_to;
	int		 heard, gaps, dones;
};

static struct supervisor s;

static void
setup(void)
{
	struct error e = { 0 };

	s = (struct supervisor){ .is_loaded = true };
	arena_use();
	s.loop = ev_loop_new(EVFLAG_NOENV);
	TAILQ_INIT(&s.subscribers);
	ck_assert_int_eq(observed_create(&s.observed, &e), 0);
}

static void
woken(struct subscriber *b)
{
	struct listener *l = b->owner;

	l->wakes++;
}

static void
broken(struct subscriber *b)
{
	struct listener *l = b->owner;

	l->breaks++;
}

static void
listen_to(struct listener *l, field_list patterns, int64_t since,
    size_t queue)
{
	int pair[2];

	*l = (struct listener){ .last = 0 };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	channel_init(&l->channel, pair[0], FRAME_BYTES, queue, false);
	channel_init(&l->end, pair[1], FRAME_BYTES, FRAME_BYTES, false);
	l->subscriber = bus_subscribe(&s, patterns, since);
	ck_assert_ptr_nonnull(l->subscriber);
	l->subscriber->channel = &l->channel;
	l->subscriber->id = 7;
	l->subscriber->wake = woken;
	l->subscriber->broken = broken;
	l->subscriber->owner = l;
}

static void
hear(struct listener *l, const struct message *m)
{
	if (m->type == MSG_gap) {
		l->gaps++;
		l->gap_from = m->gap.from;
		l->gap_to = m->gap.to;
		l->last = m->gap.to;
	} else if (m->type == MSG_done) {
		l->dones++;
	} else {
		ck_assert_int_gt(m->event.seq, l->last);
		l->last = m->event.seq;
		l->heard++;
	}
}

/* Read all that has come. */
static void
read_all_of(struct listener *l)
{
	struct frame f;
	struct message m;
	uint32_t id;
	int fd;

	for (;;) {
		ck_assert_int_eq(channel_flush(&l->channel), 0);
		if (channel_read(&l->end) <= 0)
			return;
		while (channel_next(&l->end, &f, &fd) == 1) {
			ck_assert_int_eq(f.type, FRAME_RESPONSE);
			ck_assert_int_eq(message_unpack(&m, &id, NULL,
			    f.payload, f.len, NULL), 0);
			ck_assert_uint_eq(id, 7);
			hear(l, &m);
			message_release(&m);
		}
	}
}

static void
online(const char *name)
{
	bus_emit(&s, &(struct message){ .type = MSG_process_online,
	    .process_online = { .subject = name, .run = 1, .pid = 2 } });
}

static void
plugin(const char *name)
{
	bus_emit(&s, &(struct message){ .type = MSG_plugin_online,
	    .plugin_online = { .subject = name, .pid = 2 } });
}

START_TEST(a_pattern_is_a_name_or_a_beginning)
{
	ck_assert(bus_matches("process:online", "process:online"));
	ck_assert(!bus_matches("process:online", "process:onlin"));
	ck_assert(!bus_matches("process:onlin", "process:online"));
	ck_assert(bus_matches("process:*", "process:online"));
	ck_assert(!bus_matches("process:*", "plugin:online"));
	ck_assert(bus_matches("*", "anything"));
	ck_assert(bus_matches("process:on*", "process:online"));
	ck_assert(!bus_matches("", "process:online"));
	/* A star within is no star. */
	ck_assert(!bus_matches("*:online", "process:online"));
}
END_TEST

START_TEST(one_hears_what_he_asked_for_and_nothing_else)
{
	const char *patterns[] = { "process:*", NULL };
	static struct listener some, all;

	setup();
	listen_to(&some, patterns, -1, FRAME_BYTES_BIG);
	listen_to(&all, NULL, -1, FRAME_BYTES_BIG);
	for (int i = 0; i < 10; i++) {
		online("web");
		plugin("logs");
	}
	bus_deliver(&s);
	read_all_of(&some);
	read_all_of(&all);
	ck_assert_int_eq(some.heard, 10);
	ck_assert_int_eq(all.heard, 20);
	ck_assert_int_eq(some.gaps + all.gaps, 0);
	/* Numbers without holes: the 20 of them end with the 20th. */
	ck_assert_int_eq(all.last, 20);
	ck_assert_int_eq(s.observed.seq, 20);
}
END_TEST

START_TEST(nothing_is_told_before_it_is_committed)
{
	static struct listener l;

	setup();
	listen_to(&l, NULL, -1, FRAME_BYTES_BIG);
	online("web");
	read_all_of(&l);
	ck_assert_int_eq(l.heard, 0);
	bus_deliver(&s);
	read_all_of(&l);
	ck_assert_int_eq(l.heard, 1);
	ck_assert_int_ge(l.wakes, 1);
}
END_TEST

START_TEST(one_goes_on_where_he_was)
{
	static struct listener l;

	setup();
	for (int i = 0; i < 10; i++)
		online("web");
	bus_deliver(&s);
	listen_to(&l, NULL, 4, FRAME_BYTES_BIG);
	bus_deliver(&s);
	read_all_of(&l);
	ck_assert_int_eq(l.heard, 6);
	ck_assert_int_eq(l.last, 10);
	ck_assert_int_eq(l.gaps, 0);
}
END_TEST

START_TEST(a_number_of_another_life_means_all_there_is)
{
	static struct listener l;

	setup();
	for (int i = 0; i < 10; i++)
		online("web");
	bus_deliver(&s);
	listen_to(&l, NULL, 1000000, FRAME_BYTES_BIG);
	bus_deliver(&s);
	read_all_of(&l);
	ck_assert_int_eq(l.heard, 10);
}
END_TEST

START_TEST(what_is_no_longer_kept_is_a_gap)
{
	static struct listener l;
	int n = OBSERVED_RING / 32;

	setup();
	for (int i = 0; i < n; i++) {
		online("a-name-that-takes-some-room-in-the-ring");
		if (i % 64 == 0)
			bus_deliver(&s);
	}
	bus_deliver(&s);
	listen_to(&l, NULL, 0, 64 * FRAME_BYTES_BIG);
	for (int i = 0; i < 100; i++) {
		bus_deliver(&s);
		read_all_of(&l);
	}
	ck_assert_int_eq(l.gaps, 1);
	ck_assert_int_eq(l.gap_from, 1);
	ck_assert_int_eq(l.last, n);
	/* One or the other for each number. */
	ck_assert_int_eq(l.gap_to + l.heard, n);
}
END_TEST

/* He is no burden, until the ring has gone round; and he is told then. */
START_TEST(one_who_does_not_read_is_told_what_he_missed)
{
	static struct listener l;
	int n = OBSERVED_RING / 16;

	setup();
	listen_to(&l, NULL, -1, FRAME_BYTES_BIG);
	for (int i = 0; i < n; i++) {
		online("web");
		bus_deliver(&s);
		ck_assert_uint_lt(l.channel.out.len, 256 * 1024);
	}
	ck_assert_int_eq(l.breaks, 0);
	for (int i = 0; i < 100; i++) {
		read_all_of(&l);
		bus_deliver(&s);
	}
	ck_assert_int_eq(l.last, n);
	ck_assert_int_eq(l.gaps, 1);
	ck_assert_int_eq(l.gap_to - l.gap_from + 1 + l.heard, n);
}
END_TEST

START_TEST(one_who_is_gone_is_broken_off)
{
	static struct listener l;

	setup();
	listen_to(&l, NULL, -1, FRAME_BYTES_BIG);
	channel_release(&l.end);
	online("web");
	bus_deliver(&s);
	ck_assert_int_ge(l.breaks, 1);
}
END_TEST

START_TEST(one_who_wanted_what_there_was_hears_nothing_after_done)
{
	static struct listener l;

	setup();
	for (int i = 0; i < 5; i++)
		online("web");
	listen_to(&l, NULL, 0, FRAME_BYTES_BIG);
	l.subscriber->is_finite = true;
	bus_deliver(&s);
	read_all_of(&l);
	ck_assert_int_eq(l.heard, 5);
	ck_assert_int_eq(l.dones, 1);
	for (int i = 0; i < 5; i++)
		online("web");
	bus_deliver(&s);
	read_all_of(&l);
	ck_assert_int_eq(l.heard, 5);
	ck_assert_int_eq(l.dones, 1);
}
END_TEST

START_TEST(one_who_wanted_what_there_was_is_done_though_there_was_nothing)
{
	static struct listener l;

	setup();
	listen_to(&l, NULL, -1, FRAME_BYTES_BIG);
	l.subscriber->is_finite = true;
	bus_deliver(&s);
	read_all_of(&l);
	ck_assert_int_eq(l.heard, 0);
	ck_assert_int_eq(l.dones, 1);
}
END_TEST

START_TEST(telemetry_is_not_for_the_disk)
{
	static struct listener l;
	int kept = 0;

	setup();
	listen_to(&l, NULL, -1, FRAME_BYTES_BIG);
	l.subscriber->keep_only = true;
	online("web");
	kept += message_info(MSG_process_online)->class == CLASS_KEEP;
	bus_emit(&s, &(struct message){ .type = MSG_log_rotated,
	    .log_rotated = { .subject = "web", .path = "p" } });
	kept += message_info(MSG_log_rotated)->class == CLASS_KEEP;
	bus_deliver(&s);
	read_all_of(&l);
	ck_assert_int_eq(l.heard, kept);
	ck_assert_int_eq(s.observed.seq, 2);
	ck_assert_int_eq(l.subscriber->next_seq, 3);
}
END_TEST

START_TEST(an_event_that_cannot_be_told_is_a_gap)
{
	static struct listener l;

	setup();
	listen_to(&l, NULL, -1, FRAME_BYTES_BIG);
	online("web");
	online("not \xff text");
	online("web");
	bus_deliver(&s);
	read_all_of(&l);
	ck_assert_int_eq(l.heard, 2);
	ck_assert_int_eq(l.gaps, 1);
	ck_assert_int_eq(l.gap_from, 2);
	ck_assert_int_eq(l.gap_to, 2);
	ck_assert_int_eq(l.last, 3);
}
END_TEST

START_TEST(before_the_state_is_known_nothing_is_told)
{
	setup();
	s.is_loaded = false;
	online("web");
	ck_assert_int_eq(s.observed.seq, 0);
}
END_TEST

START_TEST(a_subscription_can_be_ended_in_any_order)
{
	const char *patterns[] = { "process:*", "plugin:*", NULL };
	static struct listener l[3];

	setup();
	for (int i = 0; i < 3; i++)
		listen_to(&l[i], patterns, -1, FRAME_BYTES_BIG);
	bus_unsubscribe(&s, l[1].subscriber);
	bus_unsubscribe(&s, NULL);
	online("web");
	bus_deliver(&s);
	for (int i = 0; i < 3; i++) {
		read_all_of(&l[i]);
		ck_assert_int_eq(l[i].heard, i == 1 ? 0 : 1);
	}
	bus_unsubscribe(&s, l[2].subscriber);
	bus_unsubscribe(&s, l[0].subscriber);
	ck_assert(TAILQ_EMPTY(&s.subscribers));
}
END_TEST

int
main(void)
{
	return run_tests("bus", (const TTest *const[]){
	    a_pattern_is_a_name_or_a_beginning,
	    one_hears_what_he_asked_for_and_nothing_else,
	    nothing_is_told_before_it_is_committed,
	    one_goes_on_where_he_was,
	    a_number_of_another_life_means_all_there_is,
	    what_is_no_longer_kept_is_a_gap,
	    one_who_does_not_read_is_told_what_he_missed,
	    one_who_is_gone_is_broken_off,
	    one_who_wanted_what_there_was_hears_nothing_after_done,
	    one_who_wanted_what_there_was_is_done_though_there_was_nothing,
	    telemetry_is_not_for_the_disk,
	    an_event_that_cannot_be_told_is_a_gap,
	    before_the_state_is_known_nothing_is_told,
	    a_subscription_can_be_ended_in_any_order,
	    NULL });
}
