/* The lock that makes a process the only writer of the log files. */
/* SPDX-License-Identifier: MIT */
#include "actors/capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"

#define LOCK_NAME	".capture.lock"
#define FIRST_PAUSE	0.1
#define LAST_PAUSE	1.0

/* The first has the file to itself; of that of the others, each has a byte. */
static struct flock
range(const struct capture *c)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = c->number, .l_len = c->number > 0 };
}

static int
try(struct capture *c)
{
	struct flock l = range(c);

	/* Opened afresh by each generation: a descriptor that was inherited
	 * would carry nothing, the record lock is the process's. */
	if (c->lock == -1) {
		c->lock = open_beneath(OD_FD_DIRECTORY, LOCK_NAME,
		    O_RDWR | O_CREAT, 0600);
		if (c->lock < 0) {
			int r = c->lock;

			c->lock = -1;
			return r;
		}
	}
	return fcntl(c->lock, F_SETLK, &l) == -1 ? -errno : 0;
}

static void
say_why(struct capture *c, int r)
{
	struct flock l = range(c);

	if ((r == -EAGAIN || r == -EACCES) && c->lock != -1 &&
	    fcntl(c->lock, F_GETLK, &l) == 0 && l.l_type != F_UNLCK)
		od_log("process %d still writes the logs: waiting for it",
		    (int)l.l_pid);
	else
		od_log("cannot lock '%s', trying again: %s", LOCK_NAME,
		    strerror(-r));
}

static void
on_retry(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct capture *c = w->data;

	(void)loop;
	(void)revents;
	capture_lock(c);
}

void
capture_lock(struct capture *c)
{
	struct sink *s, *next;
	int r = try(c);

	if (r < 0) {
		if (c->lock_pause == 0) {
			say_why(c, r);
			c->lock_pause = FIRST_PAUSE;
		}
		ev_timer_init(&c->lock_retry, on_retry, c->lock_pause, 0.0);
		c->lock_retry.data = c;
		ev_timer_start(c->actor->loop, &c->lock_retry);
		c->lock_pause = c->lock_pause * 2 < LAST_PAUSE ?
		    c->lock_pause * 2 : LAST_PAUSE;
		return;
	}
	if (c->lock_pause > 0)
		od_log("the logs are free");
	c->is_writer = true;
	HASH_ITER(hh, c->sinks, s, next) {
		sink_attach(s);
		sink_settle(s);
	}
}
