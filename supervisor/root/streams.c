/* Log streams: what od-capture is told, and what it tells. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/outside.h"
#include "supervisor/root/retry.h"
#include "supervisor/root/unit.h"

#define LOST_MAX	8	/* runs that ended and wait for their log */

struct log_stream *
stream_find(struct supervisor *s, int64_t id)
{
	struct log_stream *t;

	HASH_FIND(hh, s->streams, &id, sizeof(id), t);
	return t;
}

static int
replace(char **p, const char *with)
{
	char *copy;

	if (*p != NULL && strcmp(*p, with) == 0)
		return 0;
	if ((copy = strdup(with)) == NULL)
		return -ENOMEM;
	free(*p);
	*p = copy;
	return 1;
}

static void
let_go_of_file(struct supervisor *s, struct log_stream *t)
{
	if (t->file_fd == -1)
		return;
	guard_drop(s, FILE_KEEPER_KEY(t->id));
	close_fd(&t->file_fd);
}

static struct log_stream *
stream_new(struct supervisor *s, const struct stream_spec *spec)
{
	struct log_stream *t = calloc(1, sizeof(*t));
	struct identity who;

	if (t == NULL)
		return NULL;
	if (spec->path[0] == '/') {
		identity_of(&who, spec->def);
		if ((t->outside = outside_new(s, t, &who)) == NULL) {
			free(t);
			return NULL;
		}
	}
	t->id = spec->id;
	t->file_fd = -1;
	t->host = ACTOR_capture;
	HASH_ADD(hh, s->streams, id, sizeof(t->id), t);
	return t;
}

struct log_stream *
stream_get(struct supervisor *s, const struct stream_spec *spec)
{
	struct log_stream *t = stream_find(s, spec->id);
	int moved;

	if (t == NULL && (t = stream_new(s, spec)) == NULL)
		return NULL;
	moved = replace(&t->path, spec->path);
	if (moved < 0 || replace(&t->name, spec->name) < 0)
		return NULL;
	/* Another path is another file. */
	if (moved > 0 && t->is_announced) {
		let_go_of_file(s, t);
		t->is_announced = false;
	}
	if (t->rotate_size != spec->rotate_size ||
	    t->rotate_keep != spec->rotate_keep)
		t->is_announced = false;
	t->instance = spec->instance;
	t->is_err = spec->is_err;
	t->rotate_size = spec->rotate_size;
	t->rotate_keep = spec->rotate_keep;
	t->is_forgotten = false;
	return t;
}

static void
forget_at_host(struct supervisor *s, struct log_stream *t)
{
	if (t->is_announced)
		actor_tell(s, (enum actor_id)t->host, &(struct message){
		    .type = MSG_capture_forget,
		    .capture_forget = { .stream = t->id } }, -1);
	t->is_announced = false;
}

static void
free_if_done(struct supervisor *s, struct log_stream *t)
{
	if (!t->is_forgotten || t->npipes > 0)
		return;
	forget_at_host(s, t);
	let_go_of_file(s, t);
	HASH_DEL(s->streams, t);
	outside_free(t->outside);
	free(t->trouble);
	free(t->path);
	free(t->name);
	free(t->note);
	free(t);
}

void
stream_forget(struct supervisor *s, struct log_stream *t)
{
	int64_t id;

	if (t == NULL)
		return;
	id = t->id;
	t->is_forgotten = true;
	stream_drop_lost(s, t);
	if ((t = stream_find(s, id)) != NULL)
		free_if_done(s, t);
}

void
stream_trouble(struct supervisor *s, struct log_stream *t, const char *text)
{
	const char *before = t->trouble != NULL ? t->trouble : "";

	if (strcmp(before, text) == 0)
		return;
	if (text[0] != '\0')
		log_warn("%s:%d: %s", t->name, t->instance, text);
	free(t->trouble);
	t->trouble = text[0] != '\0' ? strdup(text) : NULL;
	bus_emit(s, &(struct message){ .type = MSG_log_blocked,
	    .log_blocked = { .subject = t->name, .reason = text } });
}

void
stream_note(struct supervisor *s, struct log_stream *t, const char *text)
{
	free(t->note);
	t->note = strdup(text);
	s->unattached = true;
}

/* ---- what od-capture is told ---- */

static bool
is_at(const struct log_stream *t, int host)
{
	return t->host == host && (t->outside == NULL || t->outside->has_host);
}

void
streams_begin(struct supervisor *s, int host)
{
	struct log_stream *t, *tmp;
	struct run *r;

	TAILQ_FOREACH(r, &s->runs, list)
		for (int i = 0; i < r->npipes; i++)
			if (r->pipes[i].stream != NULL &&
			    is_at(r->pipes[i].stream, host))
				r->pipes[i].is_attached = false;
	HASH_ITER(hh, s->streams, t, tmp) {
		if (!is_at(t, host))
			continue;
		/* What was asked of it before it was up is still good. */
		if (t->is_announced && t->outside != NULL)
			outside_again(t->outside);
		t->is_announced = false;
	}
	s->unattached = true;
	streams_pump(s);
}

void
streams_hang(struct supervisor *s, int host, const char *why)
{
	struct log_stream *t, *tmp;
	char text[256];

	HASH_ITER(hh, s->streams, t, tmp) {
		if (t->outside == NULL || !is_at(t, host))
			continue;
		snprintf(text, sizeof(text), "log '%.128s': nothing is "
		    "written: %s: %s", t->path, s->actors[host].manifest->name,
		    why);
		stream_trouble(s, t, text);
	}
}

void
stream_pipe_new(struct supervisor *s, struct log_stream *t)
{
	t->npipes++;
	if (t->outside == NULL)
		return;
	stream_drop_lost(s, t);
	outside_begin(t->outside);
}

static int
announce(struct supervisor *s, struct log_stream *t)
{
	int r;

	if (!t->is_announced) {
		r = actor_tell(s, (enum actor_id)t->host, &(struct message){
		    .type = MSG_capture_file, .capture_file = {
		    .stream = t->id, .path = t->path,
		    .rotate_size = t->rotate_size,
		    .rotate_keep = t->rotate_keep } }, t->file_fd);
		if (r < 0)
			return r;
		t->is_announced = true;
	}
	if (t->outside != NULL && (r = outside_hand_over(t->outside)) < 0)
		return r;
	if (t->note == NULL)
		return 0;
	r = actor_tell(s, (enum actor_id)t->host, &(struct message){
	    .type = MSG_capture_note, .capture_note = {
	    .stream = t->id, .text = t->note } }, -1);
	if (r < 0)
		return r;
	free(t->note);
	t->note = NULL;
	return 0;
}

static int
attach(struct supervisor *s, struct run_pipe *p)
{
	int r;

	if (p->stream == NULL || p->is_attached)
		return 0;
	/* Whose it is becomes known when it is open. */
	if (p->stream->outside != NULL && !p->stream->outside->has_host)
		return 0;
	if (!actor_is_up(s, (enum actor_id)p->stream->host))
		return -ENOTCONN;
	if ((r = announce(s, p->stream)) < 0)
		return r;
	r = actor_tell(s, (enum actor_id)p->stream->host, &(struct message){
	    .type = MSG_capture_pipe, .capture_pipe = {
	    .stream = p->stream->id, .pipe = (int64_t)p->number } }, p->fd);
	if (r < 0)
		return r;
	p->is_attached = true;
	return 0;
}

void
streams_pump(struct supervisor *s)
{
	bool is_deaf[ACTOR_COUNT] = { false };
	struct run *r;

	if (!s->unattached)
		return;
	s->unattached = false;
	TAILQ_FOREACH(r, &s->runs, list)
		for (int i = 0; i < r->npipes; i++) {
			struct run_pipe *p = &r->pipes[i];
			int rc;

			if (p->stream == NULL || p->is_attached)
				continue;
			/* One that takes no more leaves the others alone. */
			if (is_deaf[p->stream->host])
				continue;
			if ((rc = attach(s, p)) == 0)
				continue;
			is_deaf[p->stream->host] = s->unattached = true;
			/* A full channel says when it is not, and one that
			 * is not there when it is. */
			if (rc != -ENOBUFS && rc != -ENOTCONN)
				retry_soon(s);
		}
}

/* ---- files ---- */

static void
guard_file(struct supervisor *s, struct log_stream *t, bool is_held)
{
	struct guard_item item = { .key = FILE_KEEPER_KEY(t->id), .slot = -1,
	    .blob = &t->id, .len = sizeof(t->id), .fds = { t->file_fd },
	    .nfds = 1 };

	if (is_held)
		guard_note(s, &item);
	else
		guard_put(s, &item);
}

void
stream_take_file(struct supervisor *s, int64_t id, int fd)
{
	struct log_stream *t = stream_find(s, id);

	if (t == NULL || t->file_fd != -1) {
		close(fd);
		return;
	}
	t->file_fd = fd;
	guard_file(s, t, true);
}

/* What it may be: without asking the file system, which may hang. */
static bool
is_log_file(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct statx st;

	return flags != -1 && (flags & O_ACCMODE) != O_RDONLY &&
	    (flags & (O_PATH | O_APPEND)) == 0 &&
	    statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE,
	    &st) == 0 && S_ISREG(st.stx_mode);
}

static bool
on_opened(struct supervisor *s, struct log_stream *t, int fd)
{
	int former;

	/* Without one: we had no room for it, and it is written to anyway. */
	if (fd == -1)
		return true;
	if (t == NULL || t->outside != NULL || !is_log_file(fd)) {
		close(fd);
		return t == NULL;
	}
	former = t->file_fd;
	t->file_fd = fd;
	guard_file(s, t, false);
	if (former != -1)
		close(former);
	return true;
}

/* Nobody can write to it any more, and everything was read. */
static bool
has_ended(const struct run_pipe *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1 && pfd.revents == POLLHUP;
}

static bool
on_ended(struct supervisor *s, const struct message *m)
{
	uint64_t number = (uint64_t)m->capture_ended.pipe;
	struct run *r, *next;

	for (r = TAILQ_FIRST(&s->runs); r != NULL; r = next) {
		next = TAILQ_NEXT(r, list);
		for (int i = 0; i < r->npipes; i++)
			if (r->pipes[i].number == number) {
				/* Believed, it would be read by nobody. */
				if (!has_ended(&r->pipes[i]))
					return false;
				run_pipe_ended(r, number);
				return true;
			}
	}
	return true;
}

/* The stream that it speaks of, if it is one of its. */
static struct log_stream *
stream_at(struct supervisor *s, int host, int64_t id)
{
	struct log_stream *t = stream_find(s, id);

	return t != NULL && is_at(t, host) ? t : NULL;
}

bool
streams_on_message(struct supervisor *s, int host, const struct message *m,
    int fd)
{
	struct log_stream *t;

	switch (m->type) {
	case MSG_capture_opened:
		return on_opened(s, stream_at(s, host,
		    m->capture_opened.stream), fd);
	case MSG_capture_ended:
		return on_ended(s, m);
	case MSG_capture_blocked:
		t = stream_at(s, host, m->capture_blocked.stream);
		if (t != NULL)
			stream_trouble(s, t, m->capture_blocked.text);
		return true;
	case MSG_capture_fetched:
		t = stream_at(s, host, m->capture_fetched.stream);
		if (t != NULL && t->outside != NULL)
			outside_fetched(t->outside, m->capture_fetched.text);
		return true;
	case MSG_capture_full:
		t = stream_at(s, host, m->capture_full.stream);
		if (t != NULL && t->outside != NULL)
			outside_full(t->outside, m->capture_full.device,
			    m->capture_full.inode);
		return true;
	case MSG_capture_rotated:
		t = stream_at(s, host, m->capture_rotated.stream);
		if (t != NULL)
			bus_emit(s, &(struct message){
			    .type = MSG_log_rotated, .log_rotated = {
			    .subject = t->name,
			    .path = m->capture_rotated.path,
			    .size = m->capture_rotated.size } });
		return true;
	default:
		return false;
	}
}

void
stream_pipe_done(struct supervisor *s, struct log_stream *t)
{
	if (--t->npipes == 0 && t->outside != NULL) {
		forget_at_host(s, t);
		outside_end(t->outside);
	}
	free_if_done(s, t);
}

/* ---- what cannot be kept ---- */

/* The oldest run that has ended and waits for this stream alone. */
static struct run *
oldest_lost(struct supervisor *s, const struct log_stream *t, int *pipe,
    int *count)
{
	struct run *r, *oldest = NULL;

	*count = 0;
	TAILQ_FOREACH(r, &s->runs, list)
		for (int i = 0; i < r->npipes; i++)
			if (r->pipes[i].stream == t && r->has_ended &&
			    (r->unit == NULL || r->unit->run != r)) {
				if (oldest == NULL) {
					oldest = r;
					*pipe = i;
				}
				(*count)++;
			}
	return oldest;
}

void
stream_drop_lost(struct supervisor *s, struct log_stream *t)
{
	int64_t id = t->id;
	int keep = t->is_forgotten ? 0 : LOST_MAX, pipe = 0, count, waiting;
	struct run *r;

	/* Nobody has these pipes; in other cases od-capture says when they
	 * have ended. */
	while (t != NULL && t->outside != NULL && !t->outside->has_host &&
	    (r = oldest_lost(s, t, &pipe, &count)) != NULL && count > keep) {
		waiting = 0;
		if (ioctl(r->pipes[pipe].fd, FIONREAD, &waiting) == 0 &&
		    waiting > 0)
			bus_emit(s, &(struct message){ .type = MSG_log_gap,
			    .log_gap = { .subject = t->name,
			    .instance = t->instance,
			    .reason = "its log could not be opened" } });
		run_pipe_ended(r, r->pipes[pipe].number);
		t = stream_find(s, id);
	}
}

bool
stream_flows(const struct supervisor *s, const struct log_stream *t)
{
	if (t->outside != NULL)
		return t->trouble == NULL;
	return actor_is_up(s, (enum actor_id)t->host);
}

char *
stream_source(const struct log_stream *t)
{
	char *text;

	if (asprintf(&text, "%s\t%d\t%s\t%s", t->name, t->instance,
	    t->is_err ? "err" : "out", t->path) == -1)
		return NULL;
	return text;
}
