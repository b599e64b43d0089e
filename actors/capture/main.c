/* od-capture: moves what apps print from their pipes into their log files. */
/* SPDX-License-Identifier: MIT */
#include "actors/capture/capture.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
capture_say(struct capture *c, const struct message *m, int fd)
{
	int r;

	if (c->is_orphan)
		return;
	r = od_send(c->actor, m, fd);
	if (r == -EPIPE || r == -ECONNRESET)
		return;
	if (r < 0 && !c->is_unheard)
		od_log("cannot say '%s': %s", message_info(m->type)->name,
		    strerror(-r));
	c->is_unheard = r < 0;
	if (r == 0)
		return;
	/* A supervisor that does not listen for long: which file is the one
	 * can be seen by its path. The rest would never be known; but a
	 * successor, told of all files and pipes, says it again. */
	if (m->type != MSG_capture_opened && m->type != MSG_capture_rotated)
		od_stop(c->actor, EXIT_FAILURE);
}

static void
sink_change(struct sink *s, const struct capture_file *m, int fd)
{
	s->rotate_size = m->rotate_size;
	s->rotate_keep = m->rotate_keep;
	s->is_forgotten = false;
	if (fd != -1) {
		if (s->fd == -1)
			s->fd = fd;
		else
			close(fd);
	}
}

static int
on_capture_file(struct od_actor *self, const struct message *m)
{
	struct capture *c = self->state;
	const struct capture_file *file = &m->capture_file;
	struct sink *s = sink_find(c, file->stream);
	int fd = od_take_fd(self);

	if (s != NULL && strcmp(s->path, file->path) != 0) {
		od_log("stream %lld is '%s', not '%s'",
		    (long long)file->stream, s->path, file->path);
		if (fd != -1)
			close(fd);
		return -EEXIST;
	}
	if (s == NULL) {
		s = sink_new(c, file->stream, file->path);
		if (s == NULL) {
			if (fd != -1)
				close(fd);
			return -ENOMEM;
		}
	}
	sink_change(s, file, fd);
	if (!c->is_writer)
		return 0;
	if (!s->is_attached)
		sink_attach(s);
	else
		sink_retry(s);
	return 0;
}

static int
on_capture_pipe(struct od_actor *self, const struct message *m)
{
	struct capture *c = self->state;
	struct sink *s = sink_find(c, m->capture_pipe.stream);
	int fd = od_take_fd(self);

	if (fd == -1)
		return -EBADF;
	if (s == NULL) {
		close(fd);
		return -ENOENT;
	}
	sink_retry(s);
	return feed_new(s, m->capture_pipe.pipe, fd);
}

static int
on_capture_forget(struct od_actor *self, const struct message *m)
{
	struct sink *s = sink_find(self->state, m->capture_forget.stream);

	if (s == NULL)
		return -ENOENT;
	s->is_forgotten = true;
	sink_retry(s);
	sink_settle(s);
	return 0;
}

static int
on_capture_rotate(struct od_actor *self, const struct message *m)
{
	struct sink *s = sink_find(self->state, m->capture_rotate.stream);

	if (s == NULL)
		return -ENOENT;
	s->is_rotation_due = true;
	sink_retry(s);
	if (sink_is_outside(s))
		sink_ask(s);
	else if (sink_is_open(s))
		sink_rotate(s);
	return 0;
}

static int
on_capture_fetch(struct od_actor *self, const struct message *m)
{
	struct sink *s = sink_find(self->state, m->capture_fetch.stream);
	int fd = od_take_fd(self);

	if (fd == -1)
		return -EBADF;
	if (s == NULL) {
		close(fd);
		return -ENOENT;
	}
	sink_fetch(s, fd);
	return 0;
}

static int
on_capture_note(struct od_actor *self, const struct message *m)
{
	struct sink *s = sink_find(self->state, m->capture_note.stream);

	if (s == NULL)
		return -ENOENT;
	sink_retry(s);
	return sink_note(s, m->capture_note.text);
}

static int
open_clock(struct od_actor *self)
{
	/* A file larger than its limit is an error to be told, no death. */
	signal(SIGXFSZ, SIG_IGN);
	return feeds_init(self->state);
}

static int
begin(struct od_actor *self)
{
	capture_lock(self->state);
	return 0;
}

/* The supervisor is gone, the apps are not. Its successor ends us. */
static void
orphaned(struct od_actor *self)
{
	struct capture *c = self->state;

	c->is_orphan = true;
	/* Our own output comes back to us through a pipe like any other: held
	 * by us, it would never end. A directory takes no writing. */
	dup2(OD_FD_DIRECTORY, STDOUT_FILENO);
	dup2(OD_FD_DIRECTORY, STDERR_FILENO);
	if (c->feeds == 0)
		od_stop(self, EXIT_SUCCESS);
}

static const struct od_handler handlers[] = {
	{ MSG_capture_file, on_capture_file },
	{ MSG_capture_pipe, on_capture_pipe },
	{ MSG_capture_forget, on_capture_forget },
	{ MSG_capture_rotate, on_capture_rotate },
	{ MSG_capture_note, on_capture_note },
	{ MSG_capture_fetch, on_capture_fetch },
	{ MSG_none, NULL },
};

static void
release(struct capture *c)
{
	struct sink *s, *next_sink;
	struct feed *f, *next;

	HASH_ITER(hh, c->sinks, s, next_sink) {
		LIST_FOREACH_SAFE(f, &s->feeds, of_sink, next) {
			close(f->fd);
			free(f);
		}
		HASH_DEL(c->sinks, s);
		sink_free(s);
	}
}

/*
 * Without arguments, the log directory is ours. With a number, we write to
 * another file system, beside those that are not to wait for it: no directory
 * then, all files are fetched; descriptor 4 is the file that is locked.
 */
int
main(int argc, char **argv)
{
	int status;
	struct capture state = { .lock = -1, .clock = -1 };
	struct od_actor capture = {
		.name	  = "capture",
		.reach	  = OD_REACH_WRITE_DIRECTORY,
		.handlers = handlers,
		.state	  = &state,
		.open	  = open_clock,
		.begin	  = begin,
		.orphaned = orphaned,
	};

	state.actor = &capture;
	if (argc > 1 && (state.number = atoi(argv[1])) > 0) {
		capture.reach = OD_REACH_NONE;
		state.lock = OD_FD_DIRECTORY;
	}
	status = od_actor_main(&capture);
	release(&state);
	return status;
}
