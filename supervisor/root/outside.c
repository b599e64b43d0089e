/* Log files under paths that users give. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/outside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/unit.h"

#define FIRST_PAUSE	1.0
#define LAST_PAUSE	30.0
#define IDLE_S		5.0	/* then an od-capture without work ends */

static void	on_retry(struct ev_loop *, struct ev_timer *, int);
static void	step(struct outside *);

struct outside *
outside_new(struct supervisor *s, struct log_stream *t,
    const struct identity *who)
{
	struct outside *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->s = s;
	o->stream = t;
	o->who = *who;
	o->sock = -1;
	o->pause = FIRST_PAUSE;
	ev_init(&o->retry, on_retry);
	o->retry.data = o;
	return o;
}

void
outside_free(struct outside *o)
{
	if (o == NULL)
		return;
	opener_cancel(o->opener);
	ev_timer_stop(o->s->loop, &o->retry);
	close_fd(&o->sock);
	free(o);
}

static void
arm_retry(struct outside *o)
{
	if (ev_is_active(&o->retry))
		return;
	ev_now_update(o->s->loop);
	ev_timer_set(&o->retry, o->pause, 0.0);
	ev_timer_start(o->s->loop, &o->retry);
	o->pause = o->pause * 2 < LAST_PAUSE ? o->pause * 2 : LAST_PAUSE;
}

static void
on_retry(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	step(w->data);
}

/* ---- which od-capture ---- */

/* As a slot holds it: numbers of devices have 12 and 20 bits. */
static uint32_t
short_device(uint64_t device)
{
	return (uint32_t)(device ^ device >> 32);
}

static bool
is_free(const struct unit *u)
{
	return !u->now.wanted && u->run == NULL;
}

static enum actor_id
host_for(struct supervisor *s, uint64_t device)
{
	enum actor_id id, free_one = ACTOR_COUNT;

	if (device == s->log_device)
		return ACTOR_capture;
	for (id = ACTOR_capture_2; id < ACTOR_COUNT; id++) {
		struct unit *u = s->actors[id].unit;

		if (u->now.device == short_device(device))
			return id;
		if (free_one == ACTOR_COUNT && is_free(u))
			free_one = id;
	}
	/* More file systems than can be: the last one has several. */
	return free_one != ACTOR_COUNT ? free_one : ACTOR_COUNT - 1;
}

static void
settle_at_host(struct outside *o, uint64_t device)
{
	struct supervisor *s = o->s;
	enum actor_id id = host_for(s, device);
	struct unit *u = s->actors[id].unit;

	o->stream->host = (int)id;
	o->has_host = true;
	s->unattached = true;
	if (id == ACTOR_capture || u->now.wanted)
		return;
	u->now.device = short_device(device);
	u->now.wanted = 1;
	unit_commit(u);
	unit_step(u, EVENT_start);
}

static void
on_idle(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct supervisor *s = w->data;
	bool is_used[ACTOR_COUNT] = { false };
	struct log_stream *t, *tmp;

	(void)loop;
	(void)revents;
	HASH_ITER(hh, s->streams, t, tmp)
		if (t->outside != NULL && t->outside->has_host)
			is_used[t->host] = true;
	for (int id = ACTOR_capture_2; id < ACTOR_COUNT; id++) {
		struct unit *u = s->actors[id].unit;

		if (!u->now.wanted || is_used[id])
			continue;
		u->now.wanted = 0;
		u->now.device = 0;
		if (!unit_step(u, EVENT_stop))
			unit_commit(u);
	}
}

void
outside_look_for_idle(struct supervisor *s)
{
	ev_timer_stop(s->loop, &s->idle_timer);
	ev_timer_init(&s->idle_timer, on_idle, IDLE_S, 0.0);
	s->idle_timer.data = s;
	ev_timer_start(s->loop, &s->idle_timer);
}

/* ---- opening ---- */

static void
fail_with(struct outside *o, const char *text)
{
	stream_trouble(o->s, o->stream, text);
	o->is_fetching = false;
	if (o->is_wanted)
		arm_retry(o);
	stream_drop_lost(o->s, o->stream);
}

static void
on_told(void *arg, const struct open_report *r, int sock)
{
	struct outside *o = arg;
	char text[256];

	if (o->is_stale) {
		close_fd(&sock);
		return;
	}
	if (r->step != -1) {
		opener_words(r, o->stream->path, text, sizeof(text));
		fail_with(o, text);
		return;
	}
	if (r->number > 0) {
		char path[PATH_BYTES + 32];

		snprintf(path, sizeof(path), "%.*s.%06lld", PATH_BYTES - 20,
		    o->stream->path, (long long)r->number);
		bus_emit(o->s, &(struct message){ .type = MSG_log_rotated,
		    .log_rotated = { .subject = o->stream->name,
		    .path = path, .size = r->size } });
	}
	o->sock = sock;
	if (!o->has_host)
		settle_at_host(o, r->device);
	outside_hand_over(o);
	streams_pump(o->s);
}

static void
on_ended(void *arg)
{
	struct outside *o = arg;

	o->opener = NULL;
	if (o->is_stale) {
		o->is_stale = false;
		step(o);
		return;
	}
	if (o->sock != -1) {
		close_fd(&o->sock);
		stream_trouble(o->s, o->stream, "the od-capture of its log's "
		    "file system does not take it");
	}
	if (o->is_wanted && !o->is_fetching)
		arm_retry(o);
}

static void
step(struct outside *o)
{
	struct error e = { 0 };

	if (!o->is_wanted || o->opener != NULL || o->is_fetching ||
	    ev_is_active(&o->retry))
		return;
	o->opener = opener_start(o->s, &(struct opening){ .who = &o->who,
	    .path = o->stream->path, .device = o->device, .inode = o->inode,
	    .keep = o->stream->rotate_keep, .told = on_told,
	    .ended = on_ended, .arg = o }, &e);
	if (o->opener == NULL)
		fail_with(o, e.text);
}

int
outside_hand_over(struct outside *o)
{
	int r;

	if (o->sock == -1 || !o->stream->is_announced)
		return 0;
	r = actor_tell(o->s, (enum actor_id)o->stream->host,
	    &(struct message){ .type = MSG_capture_fetch, .capture_fetch = {
	    .stream = o->stream->id } }, o->sock);
	if (r < 0)
		return r;
	close_fd(&o->sock);
	o->is_fetching = true;
	return 0;
}

void
outside_begin(struct outside *o)
{
	if (o->is_open)
		return;
	o->is_wanted = true;
	ev_timer_stop(o->s->loop, &o->retry);
	step(o);
}

/* The socket that a former od-capture had is worth nothing to the next. */
static void
let_go(struct outside *o)
{
	/* One that hangs is waited for, or there would be more and more. */
	if (o->opener != NULL && !o->is_stale) {
		opener_kill(o->opener);
		o->is_stale = true;
	}
	ev_timer_stop(o->s->loop, &o->retry);
	close_fd(&o->sock);
	o->is_open = o->is_wanted = o->is_fetching = o->has_host = false;
	o->device = o->inode = 0;
	o->pause = FIRST_PAUSE;
}

void
outside_end(struct outside *o)
{
	let_go(o);
	stream_trouble(o->s, o->stream, "");
	outside_look_for_idle(o->s);
}

void
outside_again(struct outside *o)
{
	let_go(o);
	outside_begin(o);
}

void
outside_fetched(struct outside *o, const char *text)
{
	if (!o->is_fetching)
		return;
	if (text[0] != '\0') {
		fail_with(o, text);
		return;
	}
	o->is_fetching = o->is_wanted = false;
	o->is_open = true;
	o->device = o->inode = 0;
	o->pause = FIRST_PAUSE;
	ev_timer_stop(o->s->loop, &o->retry);
	stream_trouble(o->s, o->stream, "");
}

void
outside_full(struct outside *o, int64_t device, int64_t inode)
{
	o->device = (uint64_t)device;
	o->inode = (uint64_t)inode;
	o->is_wanted = true;
	step(o);
}
