/* Sinks: their files, what is in the way of writing, and their notes. */
/* SPDX-License-Identifier: MIT */
#include "actors/capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/io.h"

#define FIRST_PAUSE	1.0
#define LAST_PAUSE	30.0
#define NOTES_MAX	(8 * 1024)	/* bytes of notes that may wait */

static void
on_retry(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct sink *s = w->data;

	(void)loop;
	(void)revents;
	sink_retry(s);
	sink_settle(s);
}

struct sink *
sink_find(struct capture *c, int64_t number)
{
	struct sink *s;

	HASH_FIND(hh, c->sinks, &number, sizeof(number), s);
	return s;
}

struct sink *
sink_new(struct capture *c, int64_t number, const char *path)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->path = strdup(path)) == NULL) {
		free(s);
		return NULL;
	}
	s->number = number;
	s->capture = c;
	s->fd = s->index = s->fetch = -1;
	s->last_number = -1;
	s->pause = FIRST_PAUSE;
	LIST_INIT(&s->feeds);
	ev_timer_init(&s->retry, on_retry, 0.0, 0.0);
	s->retry.data = s;
	HASH_ADD(hh, c->sinks, number, sizeof(s->number), s);
	return s;
}

void
sink_free(struct sink *s)
{
	close_fd(&s->fetch);
	close_fd(&s->fd);
	close_fd(&s->index);
	free(s->note);
	free(s->path);
	free(s);
}

void
sink_settle(struct sink *s)
{
	struct capture *c = s->capture;

	if (!s->is_forgotten || !LIST_EMPTY(&s->feeds))
		return;
	ev_timer_stop(c->actor->loop, &s->retry);
	sink_stop_fetching(s);
	HASH_DEL(c->sinks, s);
	sink_free(s);
}

bool
sink_is_open(const struct sink *s)
{
	return s->is_attached && !s->is_blocked && s->fd != -1;
}

static void
tell_trouble(struct sink *s, const char *why)
{
	char text[257];
	struct message m = { .type = MSG_capture_blocked,
	    .capture_blocked = { .stream = s->number, .text = text } };
	unsigned int sum = crc32c(0, why, strlen(why));

	if (sum == s->trouble)
		return;
	s->trouble = sum;
	snprintf(text, sizeof(text), "%s", why);
	od_log("%s", *why != '\0' ? why : "it can be written again");
	capture_say(s->capture, &m, -1);
}

void
sink_block(struct sink *s, const char *why)
{
	struct feed *f;

	s->is_blocked = true;
	LIST_FOREACH(f, &s->feeds, of_sink)
		feed_stop(f);
	tell_trouble(s, why);
	ev_timer_stop(s->capture->actor->loop, &s->retry);
	ev_timer_set(&s->retry, s->pause, 0.0);
	ev_timer_start(s->capture->actor->loop, &s->retry);
	s->pause = s->pause * 2 < LAST_PAUSE ? s->pause * 2 : LAST_PAUSE;
}

static int
sink_open(struct sink *s, struct error *e)
{
	struct message m = { .type = MSG_capture_opened,
	    .capture_opened = { .stream = s->number } };
	int fd = log_open(s->path, e), r;

	if (fd < 0)
		return fd;
	if ((r = log_adopt(s, fd, e)) < 0) {
		close(fd);
		return r;
	}
	s->fd = fd;
	capture_say(s->capture, &m, fd);
	return 0;
}

/* A file that was held: is it still the one that path names? */
static int
sink_adopt(struct sink *s, struct error *e)
{
	int r = log_adopt(s, s->fd, e);

	if (r < 0)
		return r;
	if (!sink_is_outside(s) && s->is_regular && !sink_is_at_path(s))
		sink_follow_path(s);
	return 0;
}

static int
sink_resume(struct sink *s, struct error *e)
{
	struct feed *f, *next;
	int r;

	if ((r = sink_write_note(s)) < 0)
		return fail(e, r, "cannot write '%s': %s", s->path,
		    strerror(-r));
	/* Each takes up its watch again; one that finds the file full still
	 * blocks the stream again, and the others with it. */
	LIST_FOREACH_SAFE(f, &s->feeds, of_sink, next) {
		feed_drain(f);
		if (s->is_blocked)
			return 0;
	}
	tell_trouble(s, "");
	s->pause = FIRST_PAUSE;
	return 0;
}

void
sink_attach(struct sink *s)
{
	struct error e = { 0 };
	int r;

	ev_timer_stop(s->capture->actor->loop, &s->retry);
	s->is_blocked = false;
	if (s->fd == -1 && sink_is_outside(s))
		return;			/* it comes, or the supervisor says
					 * why it does not */
	r = 0;
	if (s->fd == -1)
		r = sink_open(s, &e);
	else if (!s->is_attached)
		r = sink_adopt(s, &e);
	if (r == 0 && s->index == -1)
		index_open(s);
	if (r == 0) {
		s->is_attached = true;
		r = sink_resume(s, &e);
	}
	if (r < 0)
		sink_block(s, e.text);
}

void
sink_retry(struct sink *s)
{
	if (s->capture->is_writer && (!s->is_attached || s->is_blocked))
		sink_attach(s);
}

/* True if the file ends within a line. It is open for writing only. */
static bool
ends_in_line(const struct sink *s)
{
	char last = '\n';
	int fd;

	if (sink_is_outside(s))
		return s->offset > 0;	/* it may; nobody can look */
	if (s->offset == 0 || !sink_is_at_path(s))
		return false;
	fd = open_beneath(OD_FD_DIRECTORY, s->path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (pread(fd, &last, 1, s->offset - 1) != 1)
		last = '\n';
	close(fd);
	return last != '\n';
}

int
sink_write_note(struct sink *s)
{
	struct stat st;
	const char *note = s->note;
	ssize_t n;

	if (note == NULL)
		return 0;
	if ((n = log_check(s, &st)) < 0)
		return (int)n;
	if (!ends_in_line(s))
		note++;			/* it begins with a newline */
	index_mark(s);
	while (*note != '\0') {
		n = write(s->fd, note, strlen(note));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			int r = -errno;

			/* Half of it is in the file: keep the other half. */
			memmove(s->note + 1, note, strlen(note) + 1);
			return r;
		}
		s->offset += n;
		note += n;
	}
	free(s->note);
	s->note = NULL;
	return 0;
}

int
sink_note(struct sink *s, const char *text)
{
	size_t had = s->note == NULL ? 0 : strlen(s->note);
	char why[256];
	char *more;
	int r;

	if (had + strlen(text) + 3 > NOTES_MAX)
		return -ENOBUFS;
	more = realloc(s->note, had + strlen(text) + 3);
	if (more == NULL)
		return -ENOMEM;
	s->note = more;
	sprintf(more + had, "%s%s\n", had == 0 ? "\n" : "", text);
	if (!sink_is_open(s) || (r = sink_write_note(s)) == 0)
		return 0;
	snprintf(why, sizeof(why), "cannot write '%.128s': %s", s->path,
	    strerror(-r));
	sink_block(s, why);
	return 0;
}
