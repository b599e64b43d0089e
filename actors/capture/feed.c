/*
 * Feeds: pipes that are drained into sinks.
 *
 * Splice moves pages. A reader that wakes for each line moves a page for each
 * line, so a feed that trickles fast is drained, then left to rest until half
 * its pipe should be full, for 5 ms at most. Those that deliver full pages,
 * and those that are quiet, are never left waiting.
 */
/* SPDX-License-Identifier: MIT */
#include "actors/capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

#define PAGE		4096
#define BLOCK		(4 * PAGE)
#define REST_MAX_US	5000
#define REST_MIN_US	50	/* shorter than going to sleep and waking up */
#define LOOKS		4	/* that find nothing, before a new pipe is polled */
#define QUIET_US	20000	/* drains further apart gain nothing by rest */
#define ROOM_MAX	(1024 * 1024)
#define ROOM_ADDED_MAX	(32 * 1024 * 1024)
#define FULL_TIMES	8	/* found full so often, it is given more room */

/* libev's timers are no finer than a millisecond, which is an eternity for a
 * pipe of 64 KiB; so one timerfd is set to the first feed that is due. Setting
 * it also takes back that it was readable. */
static void
set_clock(struct capture *c, int64_t us)
{
	struct itimerspec at = { { 0, 0 }, { 0, 0 } };

	c->clock_us = us;
	if (us != INT64_MAX) {
		at.it_value.tv_sec = us / 1000000;
		at.it_value.tv_nsec = us % 1000000 * 1000;
	}
	timerfd_settime(c->clock, TFD_TIMER_ABSTIME, &at, NULL);
}

static void
on_clock(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct capture *c = w->data;
	int64_t now = clock_us(), first = INT64_MAX;
	struct sink *s;
	struct feed *f;

	(void)loop;
	(void)revents;
	c->clock_us = INT64_MIN;	/* it is set once, at the end */
	/* From the front each time: a drain may end or block any of them.
	 * One that is held again is due later than now. */
	for (;;) {
		LIST_FOREACH(f, &c->held, of_held)
			if (f->due_us <= now)
				break;
		if (f == NULL)
			break;
		s = f->sink;
		feed_drain(f);
		sink_settle(s);
	}
	LIST_FOREACH(f, &c->held, of_held)
		if (f->due_us < first)
			first = f->due_us;
	set_clock(c, first);
}

int
feeds_init(struct capture *c)
{
	LIST_INIT(&c->held);
	c->clock_us = INT64_MAX;
	c->clock = timerfd_create(CLOCK_MONOTONIC,
	    TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->clock == -1)
		return -errno;
	ev_io_init(&c->clock_due, on_clock, c->clock, EV_READ);
	c->clock_due.data = c;
	ev_io_start(c->actor->loop, &c->clock_due);
	return 0;
}

static void
on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct feed *f = w->data;
	struct sink *s = f->sink;

	(void)loop;
	(void)revents;
	feed_drain(f);
	sink_settle(s);
}

int
feed_new(struct sink *s, int64_t number, int fd)
{
	struct capture *c = s->capture;
	struct feed *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		close(fd);
		return -ENOMEM;
	}
	f->number = number;
	f->fd = fd;
	f->sink = s;
	f->room = fcntl(fd, F_GETPIPE_SZ);
	if (f->room <= 0)
		f->room = 65536;
	ev_io_init(&f->readable, on_readable, fd, EV_READ);
	f->readable.data = f;
	LIST_INSERT_HEAD(&s->feeds, f, of_sink);
	c->feeds++;
	feed_start(f);
	return 0;
}

void
feed_stop(struct feed *f)
{
	if (f->is_held) {
		LIST_REMOVE(f, of_held);
		f->is_held = false;
	}
	ev_io_stop(f->sink->capture->actor->loop, &f->readable);
}

static void
feed_hold(struct feed *f, int64_t due_us)
{
	struct capture *c = f->sink->capture;

	ev_io_stop(c->actor->loop, &f->readable);
	f->due_us = due_us;
	if (!f->is_held) {
		LIST_INSERT_HEAD(&c->held, f, of_held);
		f->is_held = true;
	}
	if (due_us < c->clock_us)
		set_clock(c, due_us);
}

/*
 * A pipe that was polled once wakes its pollers on each write(2) for the rest
 * of its life, whether any are left or not: an app that writes line by line
 * is 12 % slower then. So a new pipe is looked at now and then until it has
 * been found empty some times, and those that never are stay fast.
 */
void
feed_start(struct feed *f)
{
	if (!sink_is_open(f->sink))
		return;
	if (!f->is_polled && f->looks < LOOKS) {
		feed_hold(f, clock_us() + REST_MAX_US);
		return;
	}
	if (f->is_held) {
		LIST_REMOVE(f, of_held);
		f->is_held = false;
	}
	f->is_polled = true;
	ev_io_start(f->sink->capture->actor->loop, &f->readable);
}

static void
feed_end(struct feed *f)
{
	struct capture *c = f->sink->capture;
	struct message m = { .type = MSG_capture_ended, .capture_ended = {
	    .stream = f->sink->number, .pipe = f->number } };

	feed_stop(f);
	LIST_REMOVE(f, of_sink);
	close(f->fd);
	free(f);
	capture_say(c, &m, -1);
	if (--c->feeds == 0 && c->is_orphan)
		od_stop(c->actor, EXIT_SUCCESS);
}

/* A pipe that is found full again and again holds its app up. Pipes of users
 * are counted against their limit, of which this takes half at most. */
static void
grow(struct feed *f)
{
	struct capture *c = f->sink->capture;
	int room;

	if (++f->times_full < FULL_TIMES || f->room >= ROOM_MAX ||
	    c->feed_bytes + f->room > ROOM_ADDED_MAX)
		return;
	f->times_full = 0;
	room = fcntl(f->fd, F_SETPIPE_SZ, f->room * 2);
	if (room > f->room) {
		c->feed_bytes += room - f->room;
		f->room = room;
	} else {
		c->feed_bytes = ROOM_ADDED_MAX;	/* refused: ask no more */
	}
}

/*
 * After moved bytes were drained that had gathered in passed µs: how long it
 * takes until half the pipe is full again; 0 if it should not rest.
 */
static int64_t
rest_after(struct feed *f, int64_t moved, int64_t passed)
{
	int64_t rest;

	if (moved % PAGE == 0 || passed > QUIET_US)
		return 0;
	rest = f->room / 2 * (passed > 0 ? passed : 1) / moved;
	if (moved > f->room / 4 * 3) {
		/* It was full, for how long nobody knows. */
		grow(f);
		if (rest > f->rest_us / 2)
			rest = f->rest_us / 2;
	}
	if (rest > REST_MAX_US)
		rest = REST_MAX_US;
	return rest < REST_MIN_US ? 0 : rest;
}

/* How much may go into the file before it is rotated. 0: rotate first. */
static int64_t
room_left(const struct sink *s)
{
	if (s->rotate_size <= 0 || sink_is_outside(s) || !s->is_regular)
		return INT64_MAX;
	return s->offset < s->rotate_size ? s->rotate_size - s->offset : 0;
}

static void
ask_if_full(struct sink *s)
{
	if (s->is_rotation_due || (s->is_regular && s->rotate_size > 0 &&
	    s->offset >= s->rotate_size))
		sink_ask(s);
}

/* One splice, rotating before it if it is time: what splice(2) returns. */
static ssize_t
move_some(struct feed *f, size_t want)
{
	struct sink *s = f->sink;
	int64_t left = room_left(s);
	ssize_t n;

	if (sink_is_outside(s))
		ask_if_full(s);
	else if ((s->is_rotation_due || left == 0) && sink_rotate(s)) {
		left = room_left(s);
		index_mark(s);
	}
	if (left > 0 && (uint64_t)left < want)
		want = (size_t)left;
	n = splice(f->fd, NULL, s->fd, NULL, want,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0)
		s->offset += n;
	return n == -1 ? -errno : n;
}

static void
cannot_write(struct feed *f, int code)
{
	char why[256];

	snprintf(why, sizeof(why), "cannot write '%.128s': %s",
	    f->sink->path, strerror(-code));
	sink_block(f->sink, why);
	/* A file system that went away may be back with other files. */
	if (sink_is_outside(f->sink) && code != -ENOSPC && code != -EDQUOT &&
	    code != -EFBIG)
		sink_ask(f->sink);
}

/* Before the first byte of a drain: is the file as we left it? */
static int
prepare(struct feed *f)
{
	struct sink *s = f->sink;
	struct stat st = { .st_nlink = 1 };
	int waiting = 0, r;

	if ((r = log_check(s, &st)) < 0)
		return r;
	/* Deleted: nobody could read it. */
	if (st.st_nlink == 0 && sink_is_outside(s))
		sink_ask(s);
	else if (st.st_nlink == 0)
		sink_follow_path(s);
	if (ioctl(f->fd, FIONREAD, &waiting) == 0 && waiting > 0 &&
	    room_left(s) > 0)
		index_mark(s);		/* before the bytes can be seen */
	return 0;
}

/* Is there reason to look again at once? Where the file is full, the pipe
 * need not be empty; and who writes blocks is writing the next already. */
static bool
may_have_more(const struct sink *s, ssize_t n)
{
	return s->offset == s->rotate_size ||
	    (n >= BLOCK && n % PAGE == 0);
}

static void
drain(struct feed *f)
{
	int64_t now = clock_us(), moved = 0, rest;
	ssize_t n = prepare(f);

	if (n == 0) {
		do {
			n = move_some(f, CAPTURE_TURN);
			if (n > 0)
				moved += n;
		} while (n > 0 && moved < CAPTURE_TURN &&
		    may_have_more(f->sink, n));
	}
	if (n == 0 && moved == 0) {
		feed_end(f);
		return;
	}
	if (n < 0 && n != -EAGAIN && n != -EINTR) {
		cannot_write(f, (int)n);
		return;
	}
	if (moved == 0)
		f->looks++;
	if (moved % PAGE == 0 && moved > 0)
		f->looks = LOOKS;	/* blocks: the sooner the better */
	rest = moved == 0 ? 0 : rest_after(f, moved, now - f->drained_us);
	f->rest_us = rest > 0 ? rest : REST_MAX_US;
	f->drained_us = now;
	if (rest > 0)
		feed_hold(f, now + rest);
	else
		feed_start(f);
}

/*
 * What an earlier run of the app left in its pipe comes before what the later
 * one says: whoever was killed between the two would tear a line otherwise.
 */
void
feed_drain(struct feed *f)
{
	struct sink *s = f->sink;
	struct feed *older, *next;

	LIST_FOREACH_SAFE(older, &s->feeds, of_sink, next)
		if (older->number < f->number)
			drain(older);
	if (!s->is_blocked)
		drain(f);
}
