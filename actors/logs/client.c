/* A client: sources merged in the order of time, as fast as it reads. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/logs/logs.h"

#define QUEUE_LIMIT	(4 * 1024 * 1024)
#define QUEUE_HIGH	(256 * 1024)	/* no more is read than this ahead */
#define ROWS_A_TURN	1000		/* then the other clients */
#define SILENCE		0.2		/* a line without its end is shown */

static void
client_free(struct client *c)
{
	struct ev_loop *loop = c->logs->actor->loop;

	ev_io_stop(loop, &c->readable);
	ev_io_stop(loop, &c->writable);
	ev_timer_stop(loop, &c->silence);
	channel_release(&c->channel);
	for (size_t i = 0; i < c->count; i++) {
		watch_remove(c->logs, &c->sources[i]);
		outside_release(&c->sources[i]);
		source_release(&c->sources[i]);
	}
	if (c->logs->latest == c)
		c->logs->latest = NULL;
	LIST_REMOVE(c, of_logs);
	free(c->sources);
	free(c);
}

void
clients_release(struct logs *l)
{
	while (!LIST_EMPTY(&l->clients))
		client_free(LIST_FIRST(&l->clients));
}

static int
send_message(struct client *c, const struct message *m)
{
	return channel_send(&c->channel, FRAME_RESPONSE, LOGS_ID, m, -1);
}

static int
send_warning(struct client *c, const char *what, const struct source *s,
    const char *why)
{
	char text[512];
	struct message m = { .type = MSG_warning,
	    .warning = { .text = text } };

	snprintf(text, sizeof(text), "%s of '%.128s' (%s %d): %s", what,
	    s->name, s->stream, (int)s->instance, why);
	return send_message(c, &m);
}

static int
send_cursor(struct client *c, const struct source *s)
{
	char cursor[CURSOR_BYTES];
	struct message m = { .type = MSG_log_cursor,
	    .log_cursor = { .cursor = cursor } };
	struct place p = s->at;

	p.offset -= (int64_t)s->in.len;
	cursor_format(cursor, s, &p);
	return send_message(c, &m);
}

static int
send_row(struct client *c, const struct source *s)
{
	char cursor[CURSOR_BYTES];
	struct message m = { .type = MSG_log_line, .log_line = {
	    .name = s->name, .instance = s->instance, .stream = s->stream,
	    .time_ms = s->line_ms < 0 ? 0 : s->line_ms,
	    .partial = s->is_partial, .cursor = cursor } };
	struct place next;

	source_after(s, &next);
	cursor_format(cursor, s, &next);
	m.log_line.text.data = buffer_bytes(&s->in);
	m.log_line.text.len = s->row;
	return send_message(c, &m);
}

/* What is to be said about a source, besides its lines. */
static int
send_trouble(struct client *c, struct source *s)
{
	int r = 0;

	if (s->has_gap)
		r = send_warning(c, "lines", s, "files were deleted before "
		    "they could be read");
	if (r == 0 && s->was_cut)
		r = send_warning(c, "the log", s, "it was emptied");
	if (r == 0 && s->was_moved)
		r = send_warning(c, "the log", s, "it was rotated; what "
		    "follows is in its next file, which a new 'od logs' shows");
	s->has_gap = s->was_cut = s->was_moved = false;
	return r;
}

static struct source *
oldest_row(struct client *c)
{
	struct source *s, *oldest = NULL;

	for (s = c->sources; s < c->sources + c->count; s++) {
		if (!s->is_ready && s->is_dirty)
			s->is_dirty = source_peek(s);
		if (s->is_ready && (oldest == NULL ||
		    s->line_ms < oldest->line_ms))
			oldest = s;
	}
	return oldest;
}

static int
begin_showing(struct client *c)
{
	int r = 0;

	c->has_begun = true;
	for (size_t i = 0; c->follow && r == 0 && i < c->count; i++)
		if (c->sources[i].fd != -1)
			r = send_cursor(c, &c->sources[i]);
	return r;
}

/* One row: 1, 0 if there is none, or a negative errno. */
static int
give_row(struct client *c)
{
	struct source *s = oldest_row(c);
	int r = 0;

	if (c->skip == 0 && !c->has_begun)
		r = begin_showing(c);
	if (s == NULL || r < 0)
		return r;
	if (c->skip > 0)
		c->skip -= !s->is_partial;
	else if ((r = send_trouble(c, s)) < 0 || (r = send_row(c, s)) < 0)
		return r;
	source_consume(s);
	s->is_dirty = true;
	return 1;
}

/* Lines that wait for their newline are shown when nothing comes. */
static void
await_silence(struct client *c)
{
	struct ev_loop *loop = c->logs->actor->loop;
	bool is_waiting = false;

	for (size_t i = 0; i < c->count; i++) {
		struct source *s = &c->sources[i];

		if (s->in.len > 0 && !s->is_ready)
			is_waiting = true;
	}
	if (is_waiting && !ev_is_active(&c->silence)) {
		for (size_t i = 0; i < c->count; i++)
			c->sources[i].held = c->sources[i].in.len;
		ev_timer_set(&c->silence, SILENCE, 0.0);
		ev_timer_start(loop, &c->silence);
	}
}

static void
on_silence(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct client *c = w->data;

	(void)loop;
	(void)revents;
	for (size_t i = 0; i < c->count; i++) {
		struct source *s = &c->sources[i];

		if (s->held > 0 && s->in.len == s->held && !s->is_ready)
			s->is_flushing = s->is_dirty = true;
	}
	client_pump(c);
}

static int
finish(struct client *c)
{
	struct message done = { .type = MSG_done };

	c->is_done = true;
	return send_message(c, &done);
}

void
client_pump(struct client *c)
{
	struct ev_loop *loop = c->logs->actor->loop;
	bool has_more;
	int r = 1, rows = 0;

	/* In the order of time: the first row may be in what is to come. */
	if (c->pending > 0)
		return;
	while (!c->is_done && r == 1 && rows++ < ROWS_A_TURN &&
	    c->channel.out.len < QUEUE_HIGH)
		r = give_row(c);
	/* Though all that was queued may be written in a moment. */
	has_more = r == 1 && !c->is_done;
	if (r == 0 && !c->is_done) {
		if (c->follow)
			await_silence(c);
		else
			r = finish(c);
	}
	if (r >= 0)
		r = channel_flush(&c->channel);
	/* Gone, or done and all of it written. */
	if (r < 0 || (c->is_done && !channel_wants_write(&c->channel))) {
		client_free(c);
		return;
	}
	/* Room again, or our turn again: either way we go on from there. */
	if (channel_wants_write(&c->channel) || has_more)
		ev_io_start(loop, &c->writable);
	else
		ev_io_stop(loop, &c->writable);
}

static void
on_writable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	client_pump(w->data);
}

/* A client has nothing to say; that it hangs up is all we wait for. */
static void
on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct client *c = w->data;
	char bytes[512];
	ssize_t n = recv(c->channel.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	(void)loop;
	(void)revents;
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		client_free(c);
}

static int
resume(struct source *s, field_list cursors)
{
	struct place p;
	int r;

	for (; *cursors != NULL; cursors++) {
		if (cursor_parse(&p, *cursors, s) < 0)
			continue;
		r = source_resume(s, &p);
		if (r == -ENOENT) {
			s->has_gap = true;
			r = 0;
		}
		return r;
	}
	/* None of its lines was ever shown: all of them are new. */
	return source_resume(s, NULL);
}

static int
begin_source(struct client *c, struct source *s, const struct logs_serve *m)
{
	struct place p;
	int64_t n;
	int r = 0;

	s->is_bounded = !m->follow;
	s->client = c;
	if (source_is_outside(s)) {
		s->is_pending = true;
		s->is_dirty = false;
		c->pending++;
		s->is_resumed = list_count(m->cursors) > 0;
		for (size_t i = 0; s->is_resumed && m->cursors[i] != NULL;
		    i++)
			if (cursor_parse(&p, m->cursors[i], s) == 0)
				s->from = p;
		return 0;
	}
	/* Watched before it is read, so that nothing falls in between. */
	if (m->follow && (r = watch_add(c->logs, s)) < 0)
		return send_warning(c, "lines", s, strerror(-r));
	if (list_count(m->cursors) > 0)
		r = resume(s, m->cursors);
	else if ((n = source_tail(s, m->lines)) >= 0)
		c->skip += n;
	else
		r = (int)n;
	return r < 0 ? send_warning(c, "the log", s, strerror(-r)) : 0;
}

/* More than were asked for, as each source gave as many. */
static void
count_lines(struct client *c)
{
	c->skip = c->skip > c->lines ? c->skip - c->lines : 0;
}

static int
read_sources(struct client *c, const struct logs_serve *m)
{
	size_t n = list_count(m->sources);
	int r = 0;

	if (n > 0 && (c->sources = calloc(n, sizeof(*c->sources))) == NULL)
		return -ENOMEM;
	while (r == 0 && c->count < n) {
		r = source_parse(&c->sources[c->count],
		    m->sources[c->count]);
		if (r == 0)
			c->count++;
	}
	for (size_t i = 0; r == 0 && i < c->count; i++)
		r = begin_source(c, &c->sources[i], m);
	c->lines = m->lines;
	if (c->pending == 0)
		count_lines(c);
	return r;
}

void
client_has_file(struct client *c, struct source *s)
{
	int64_t n = -ENOENT;

	if (!s->is_pending)
		return;
	s->is_pending = false;
	s->is_dirty = true;
	if (s->given != -1 && s->is_resumed) {
		n = source_resume(s, s->from.inode != 0 ? &s->from : NULL);
		s->has_gap = n == -ENOENT;
		n = n == -ENOENT ? 0 : n;
	} else if (s->given != -1) {
		n = source_tail(s, c->lines);
	}
	if (n >= 0)
		c->skip += n;
	else if (send_warning(c, "the log", s, "its file cannot be opened as "
	    "the app's user; see od info") < 0)
		c->is_done = true;	/* its end comes by the next write */
	if (--c->pending == 0)
		count_lines(c);
	client_pump(c);
}

int
client_fetch(struct logs *l, int64_t source, int sock)
{
	struct client *c = l->latest;

	if (c == NULL || source < 0 || (uint64_t)source >= c->count ||
	    !c->sources[source].is_pending || c->sources[source].sock != -1) {
		if (sock != -1)
			close(sock);
		return -ENOENT;
	}
	if (sock != -1)
		outside_fetch(&c->sources[source], sock);
	else
		client_has_file(c, &c->sources[source]);
	return 0;
}

int
client_new(struct logs *l, const struct logs_serve *m, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL) {
		close(fd);
		return -ENOMEM;
	}
	c->logs = l;
	c->follow = m->follow;
	channel_init(&c->channel, fd, FRAME_BYTES, QUEUE_LIMIT, false);
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&c->silence, on_silence, 0.0, 0.0);
	c->readable.data = c->writable.data = c->silence.data = c;
	LIST_INSERT_HEAD(&l->clients, c, of_logs);
	l->latest = c;
	if ((r = read_sources(c, m)) < 0) {
		client_free(c);
		return r;
	}
	ev_io_start(l->actor->loop, &c->readable);
	client_pump(c);
	return 0;
}
