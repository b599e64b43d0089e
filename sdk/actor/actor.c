/* The life of an actor: handshake, jail, loop, dispatch. */
/* SPDX-License-Identifier: MIT */
#include "opendaemon/actor.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "protocol/channel.h"
#include "protocol/codec.h"
#include "sdk/actor/jail.h"

#define HELLO_ID	1
#define QUEUE_BYTES	(4 * 1024 * 1024)

struct od_private {
	struct channel	 channel;
	struct ev_io	 readable, writable;
	struct ev_prepare before_poll;
	bool		 is_orphan;
	bool		 is_mute;	/* writing failed; reading may go on */
	bool		 is_stopped;
	int		 status;
	int64_t		 seen, seen_sent;
	uint32_t	 request_id;	/* of the message that is handled */
	int		 fd;		/* which came with it, or -1 */
};

static void
orphan(struct od_actor *self)
{
	struct od_private *p = self->private;

	if (p->is_orphan)
		return;
	p->is_orphan = true;
	ev_io_stop(self->loop, &p->readable);
	ev_io_stop(self->loop, &p->writable);
	ev_prepare_stop(self->loop, &p->before_poll);
	channel_release(&p->channel);
	if (self->orphaned != NULL)
		self->orphaned(self);
	else
		od_stop(self, EXIT_SUCCESS);
}

/* What the supervisor says is not what it can mean; a fresh start is. */
static void
give_up(struct od_actor *self, const char *why)
{
	od_log("the supervisor cannot be understood: %s", why);
	od_stop(self, EXIT_FAILURE);
}

/* Watch for room as long as something waits. A peer that is gone is left to
 * the reading side, which may still have messages from before. */
static void
watch_writing(struct od_actor *self)
{
	struct od_private *p = self->private;

	if (p->is_orphan || p->is_mute ||
	    !channel_wants_write(&p->channel)) {
		if (!p->is_orphan)
			ev_io_stop(self->loop, &p->writable);
		return;
	}
	ev_io_start(self->loop, &p->writable);
}

static int
send_message(struct od_actor *self, enum frame_type type, uint32_t id,
    const struct message *m, int fd)
{
	struct od_private *p = self->private;
	int r;

	if (p->is_orphan)
		return -EPIPE;
	r = channel_send(&p->channel, type, id, m, fd);
	watch_writing(self);
	return r;
}

int
od_send(struct od_actor *self, const struct message *m, int fd)
{
	return send_message(self, FRAME_NOTIFICATION, 0, m, fd);
}

int
od_reply(struct od_actor *self, uint32_t id, const struct message *m, int fd)
{
	return send_message(self, FRAME_RESPONSE, id, m, fd);
}

size_t
od_queued(const struct od_actor *self)
{
	return self->private->is_orphan ? 0 : self->private->channel.out.len;
}

uint32_t
od_request_id(const struct od_actor *self)
{
	return self->private->request_id;
}

int
od_take_fd(struct od_actor *self)
{
	int fd = self->private->fd;

	self->private->fd = -1;
	return fd;
}

void
od_seen(struct od_actor *self, int64_t seq)
{
	if (seq > self->private->seen)
		self->private->seen = seq;
}

void
od_stop(struct od_actor *self, int status)
{
	self->private->is_stopped = true;
	self->private->status = status;
	ev_break(self->loop, EVBREAK_ALL);
}

void
od_log(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_info("%s", line);
}

/* Whoever asked waits for an answer: if it cannot be sent, only a new start
 * ends his waiting. */
static void
answer_failed(struct od_actor *self, uint32_t id, int code, const char *text)
{
	struct message m = { .type = MSG_failed,
	    .failed = { .code = code, .text = text } };
	int r = od_reply(self, id, &m, -1);

	if (r < 0 && r != -EPIPE && r != -ECONNRESET) {
		od_log("cannot answer: %s", strerror(-r));
		od_stop(self, EXIT_FAILURE);
	}
}

static const struct od_handler *
handler_of(const struct od_actor *self, enum message_type type)
{
	const struct od_handler *h = self->handlers;

	for (; h != NULL && h->type != MSG_none; h++)
		if (h->type == type)
			return h;
	return NULL;
}

static void
handle(struct od_actor *self, const struct message *m)
{
	const struct od_handler *h = handler_of(self, m->type);
	uint32_t id = self->private->request_id;
	int r;

	if (h == NULL) {
		if (id != 0)
			answer_failed(self, id, -ENOTSUP,
			    "this actor does not do that");
	} else if ((r = h->on(self, m)) < 0) {
		od_log("%s: %s", message_info(m->type)->name, strerror(-r));
		if (id != 0)
			answer_failed(self, id, r, strerror(-r));
	}
	if (message_is_event(m->type) && !self->acknowledges)
		od_seen(self, m->event.seq);
}

static void
take_message(struct od_actor *self, const struct frame *f)
{
	struct od_private *p = self->private;
	struct error e = { 0 };
	struct message m;
	uint32_t id = 0;
	int r;

	r = message_unpack(&m, &id, NULL, f->payload, f->len, &e);
	if (r < 0 && r != -ENOTSUP) {
		give_up(self, e.text);
		return;
	}
	/* A request without an id could not be answered. */
	if ((f->type == FRAME_REQUEST) != (id != 0)) {
		if (r == 0)
			message_release(&m);
		give_up(self, "a request without an id, or an id without one");
		return;
	}
	if (r == -ENOTSUP) {
		if (id != 0)
			answer_failed(self, id, r, "unknown message");
		return;
	}
	p->request_id = id;
	handle(self, &m);
	p->request_id = 0;
	message_release(&m);
}

static void
take_frame(struct od_actor *self, const struct frame *f)
{
	struct od_private *p = self->private;

	switch (f->type) {
	case FRAME_HEARTBEAT:
		/* Full: then the supervisor hears enough from us. */
		channel_send_frame(&p->channel, FRAME_HEARTBEAT, NULL, 0, -1);
		watch_writing(self);
		break;
	case FRAME_REQUEST:
	case FRAME_NOTIFICATION:
		take_message(self, f);
		break;
	default:
		/* Answers to nothing, and frames that are not for actors. */
		break;
	}
}

/* All the frames that have been read. */
static void
take_frames(struct od_actor *self)
{
	struct od_private *p = self->private;
	struct frame f;
	int r = 0;

	while (!p->is_stopped && !p->is_orphan &&
	    (r = channel_next(&p->channel, &f, &p->fd)) == 1) {
		take_frame(self, &f);
		close_fd(&p->fd);
	}
	if (r < 0)
		give_up(self, strerror(-r));
}

static void
on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct od_actor *self = w->data;
	long n = channel_read(&self->private->channel);

	(void)loop;
	(void)revents;
	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n > 0)
		take_frames(self);
	else if (n == -ENOMEM || n == -ENOBUFS)
		give_up(self, strerror((int)-n));
	else
		orphan(self);
}

static void
on_writable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct od_actor *self = w->data;
	struct od_private *p = self->private;
	bool is_empty;

	(void)loop;
	(void)revents;
	if (channel_flush(&p->channel) < 0)
		p->is_mute = true;
	is_empty = !channel_wants_write(&p->channel);
	watch_writing(self);
	if (is_empty && self->drained != NULL)
		self->drained(self);
}

/* Once per turn of the loop, however many events it brought. */
static void
on_before_poll(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	struct od_actor *self = w->data;
	struct od_private *p = self->private;
	struct message m = { .type = MSG_events_seen,
	    .events_seen = { .seq = p->seen } };

	(void)loop;
	(void)revents;
	if (p->seen != p->seen_sent && od_send(self, &m, -1) == 0)
		p->seen_sent = p->seen;
}

/* The next frame, however long it takes: 1, 0 at the end, or an error. */
static int
wait_frame(struct od_actor *self, struct frame *f)
{
	struct od_private *p = self->private;
	struct pollfd wait = { .fd = p->channel.fd };
	long n;
	int r;

	while ((r = channel_next(&p->channel, f, &p->fd)) == 0) {
		wait.events = POLLIN |
		    (channel_wants_write(&p->channel) ? POLLOUT : 0);
		if (poll(&wait, 1, -1) == -1 && errno != EINTR)
			return -errno;
		if ((r = channel_flush(&p->channel)) < 0)
			return r;
		n = channel_read(&p->channel);
		if (n <= 0 && n != -EAGAIN && n != -EINTR)
			return (int)n;
	}
	return r;
}

static int
check_hello(const struct frame *f, struct error *e)
{
	struct message m;
	uint32_t id;
	int r;

	if ((r = message_unpack(&m, &id, NULL, f->payload, f->len, e)) < 0)
		return r;
	if (id != HELLO_ID || f->type != FRAME_RESPONSE)
		r = fail(e, -EPROTO, "not an answer to hello");
	else if (m.type == MSG_failed)
		r = fail(e, (int)m.failed.code, "%s", m.failed.text);
	else if (m.type != MSG_hello)
		r = fail(e, -EPROTO, "not an answer to hello");
	/* A younger supervisor has decided whether it puts up with us. */
	else if (m.hello.version < PROTOCOL_VERSION_MIN ||
	    m.hello.version > PROTOCOL_VERSION + 1)
		r = fail(e, -EPROTONOSUPPORT, "it speaks version %d, this is "
		    "version %d", (int)m.hello.version, PROTOCOL_VERSION);
	message_release(&m);
	return r;
}

static int
shake_hands(struct od_actor *self, struct error *e)
{
	struct od_private *p = self->private;
	struct message m = { .type = MSG_hello,
	    .hello = { .version = PROTOCOL_VERSION, .name = self->name } };
	struct frame f;
	int r;

	r = channel_send(&p->channel, FRAME_REQUEST, HELLO_ID, &m, -1);
	if (r < 0)
		return fail(e, r, "cannot say hello: %s", strerror(-r));
	while ((r = wait_frame(self, &f)) == 1) {
		close_fd(&p->fd);
		if (f.type != FRAME_HEARTBEAT)
			return check_hello(&f, e);
		channel_send_frame(&p->channel, FRAME_HEARTBEAT, NULL, 0, -1);
	}
	return r == 0 ? fail(e, -EPIPE, "it is gone") :
	    fail(e, r, "%s", strerror(-r));
}

static void
watch(struct od_actor *self)
{
	struct od_private *p = self->private;
	int fd = p->channel.fd;

	ev_io_init(&p->readable, on_readable, fd, EV_READ);
	ev_io_init(&p->writable, on_writable, fd, EV_WRITE);
	ev_prepare_init(&p->before_poll, on_before_poll);
	/* After the prepare watchers of the actor itself, which may call
	 * od_seen(). */
	ev_set_priority(&p->before_poll, EV_MINPRI);
	p->readable.data = p->writable.data = p->before_poll.data = self;
	ev_io_start(self->loop, &p->readable);
	ev_prepare_start(self->loop, &p->before_poll);
	watch_writing(self);
}

static int
prepare(struct od_actor *self, struct error *e)
{
	int r;

	self->loop = ev_loop_new(EVFLAG_NOENV);
	if (self->loop == NULL)
		return fail(e, -ENOMEM, "cannot make an event loop");
	if ((r = shake_hands(self, e)) < 0) {
		char why[sizeof(e->text)];

		memcpy(why, e->text, sizeof(why));
		return fail(e, r, "the supervisor's welcome failed: %s", why);
	}
	if (self->open != NULL && (r = self->open(self)) != 0)
		return fail(e, r, "cannot open what it needs");
	if ((r = jail_enter(self->reach, e)) < 0)
		return r;
	watch(self);
	if (self->begin != NULL && (r = self->begin(self)) != 0)
		return fail(e, r, "cannot begin");
	return 0;
}

int
od_actor_main(struct od_actor *self)
{
	struct od_private p = { .fd = -1 };
	struct error e = { 0 };

	jail_prepare();
	log_init(self->name);
	self->private = &p;
	channel_init(&p.channel, OD_FD_CHANNEL, FRAME_BYTES_BIG, QUEUE_BYTES,
	    true);
	if (prepare(self, &e) != 0) {
		od_log("%s", e.text);
		p.status = EXIT_FAILURE;
	} else {
		/* What came along with the welcome wakes no watcher. */
		take_frames(self);
		if (!p.is_stopped)
			ev_run(self->loop, 0);
	}
	if (!p.is_orphan) {
		/* The last words, as far as they fit. */
		channel_flush(&p.channel);
		channel_release(&p.channel);
	}
	if (self->loop != NULL)
		ev_loop_destroy(self->loop);
	self->private = NULL;
	return p.status;
}
