/* Log streams: what od-capture is told, and what it tells. */
/* SPDX-License-Identifier: MIT */
#include "supervisor/root/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "supervisor/root/actor.h"
#include "supervisor/root/bus.h"
#include "supervisor/root/guard.h"
#include "supervisor/root/retry.h"
#include "supervisor/root/unit.h"

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

struct log_stream *
stream_get(struct supervisor *s, const struct stream_spec *spec)
{
	struct log_stream *t = stream_find(s, spec->id);
	int moved;

	if (t == NULL) {
		if ((t = calloc(1, sizeof(*t))) == NULL)
			return NULL;
		t->id = spec->id;
		t->file_fd = -1;
		HASH_ADD(hh, s->streams, id, sizeof(t->id), t);
	}
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
free_if_done(struct supervisor *s, struct log_stream *t)
{
	if (!t->is_forgotten || t->npipes > 0)
		return;
	if (t->is_announced)
		actor_tell(s, ACTOR_capture, &(struct message){
		    .type = MSG_capture_forget,
		    .capture_forget = { .stream = t->id } }, -1);
	let_go_of_file(s, t);
	HASH_DEL(s->streams, t);
	free(t->path);
	free(t->name);
	free(t->note);
	free(t);
}

void
stream_forget(struct supervisor *s, struct log_stream *t)
{
	if (t == NULL)
		return;
	t->is_forgotten = true;
	free_if_done(s, t);
}

void
stream_note(struct supervisor *s, struct log_stream *t, const char *text)
{
	free(t->note);
	t->note = strdup(text);
	s->unattached = true;
}

void
streams_begin(struct supervisor *s)
{
	struct log_stream *t, *tmp;
	struct run *r;

	HASH_ITER(hh, s->streams, t, tmp)
		t->is_announced = false;
	TAILQ_FOREACH(r, &s->runs, list)
		for (int i = 0; i < r->npipes; i++)
			r->pipes[i].is_attached = false;
	s->unattached = true;
	streams_pump(s);
}

static int
announce(struct supervisor *s, struct log_stream *t)
{
	int r;

	if (!t->is_announced) {
		r = actor_tell(s, ACTOR_capture, &(struct message){
		    .type = MSG_capture_file, .capture_file = {
		    .stream = t->id, .path = t->path,
		    .rotate_size = t->rotate_size,
		    .rotate_keep = t->rotate_keep } }, t->file_fd);
		if (r < 0)
			return r;
		t->is_announced = true;
	}
	if (t->note == NULL)
		return 0;
	r = actor_tell(s, ACTOR_capture, &(struct message){
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
	if ((r = announce(s, p->stream)) < 0)
		return r;
	r = actor_tell(s, ACTOR_capture, &(struct message){
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
	struct run *r;
	int rc;

	if (!s->unattached || !actor_is_up(s, ACTOR_capture))
		return;
	/* The newest are at the end, and most often the only ones. */
	TAILQ_FOREACH(r, &s->runs, list)
		for (int i = 0; i < r->npipes; i++)
			if ((rc = attach(s, &r->pipes[i])) < 0) {
				/* A full channel says when it is not. */
				if (rc != -ENOBUFS)
					retry_soon(s);
				return;
			}
	s->unattached = false;
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
	if (t == NULL || !is_log_file(fd)) {
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

bool
streams_on_message(struct supervisor *s, const struct message *m, int fd)
{
	struct log_stream *t;

	switch (m->type) {
	case MSG_capture_opened:
		return on_opened(s, stream_find(s, m->capture_opened.stream),
		    fd);
	case MSG_capture_ended:
		return on_ended(s, m);
	case MSG_capture_blocked:
		t = stream_find(s, m->capture_blocked.stream);
		if (t != NULL)
			bus_emit(s, &(struct message){
			    .type = MSG_log_blocked, .log_blocked = {
			    .subject = t->name,
			    .reason = m->capture_blocked.text } });
		return true;
	case MSG_capture_rotated:
		t = stream_find(s, m->capture_rotated.stream);
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
	t->npipes--;
	free_if_done(s, t);
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
