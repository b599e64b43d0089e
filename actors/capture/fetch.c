/*
 * Files under paths that users give. They lie outside our jail, and belong to
 * somebody else: od-open opens and renames them, and sends the descriptor
 * over a socket of which the supervisor gave us one end.
 *
 * A file that is full is written on until its successor is there.
 */
/* SPDX-License-Identifier: MIT */
#include "actors/capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"

bool
sink_is_outside(const struct sink *s)
{
	return s->path[0] == '/';
}

void
sink_ask(struct sink *s)
{
	struct message m = { .type = MSG_capture_full,
	    .capture_full = { .stream = s->number } };
	struct stat st;

	if (s->is_asked || s->fetch != -1)
		return;
	if (s->fd != -1 && fstat(s->fd, &st) == 0) {
		m.capture_full.device = (int64_t)(st.st_dev & INT64_MAX);
		m.capture_full.inode = (int64_t)(st.st_ino & INT64_MAX);
	}
	s->is_asked = true;
	capture_say(s->capture, &m, -1);
}

void
sink_stop_fetching(struct sink *s)
{
	if (s->fetch == -1)
		return;
	ev_io_stop(s->capture->actor->loop, &s->fetched);
	close_fd(&s->fetch);
}

static void
tell(struct sink *s, const char *text)
{
	struct message m = { .type = MSG_capture_fetched,
	    .capture_fetched = { .stream = s->number, .text = text } };

	capture_say(s->capture, &m, -1);
}

/* Two who write one file would write over each other's lines. */
static const struct sink *
other_writer(const struct sink *s, int fd)
{
	struct sink *other, *next;
	struct stat ours, st;

	if (fstat(fd, &ours) == -1)
		return NULL;
	HASH_ITER(hh, s->capture->sinks, other, next)
		if (other != s && other->fd != -1 &&
		    fstat(other->fd, &st) == 0 && st.st_dev == ours.st_dev &&
		    st.st_ino == ours.st_ino)
			return other;
	return NULL;
}

static int
adopt(struct sink *s, int fd, struct error *e)
{
	const struct sink *other = other_writer(s, fd);
	int64_t offset = s->offset;
	bool is_regular = s->is_regular;
	int r;

	if (other != NULL)
		return fail(e, -EBUSY, "'%.100s' is the file of '%.100s', too",
		    s->path, other->path);
	if ((r = log_adopt(s, fd, e)) < 0) {
		s->offset = offset;
		s->is_regular = is_regular;
	}
	return r;
}

static void
use(struct sink *s, int fd)
{
	struct error e = { 0 };

	if (adopt(s, fd, &e) < 0) {
		close(fd);
		tell(s, e.text);
		return;
	}
	close_fd(&s->fd);
	s->fd = fd;
	s->is_asked = s->is_rotation_due = false;
	tell(s, "");
	if (s->capture->is_writer && (!s->is_attached || s->is_blocked))
		sink_attach(s);
}

static void
on_fetched(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct sink *s = w->data;
	char byte;
	int fd = -1, nfds = 0;
	ssize_t n = recv_fds(s->fetch, &byte, 1, &fd, 1, &nfds);

	(void)loop;
	(void)revents;
	if (n == -EAGAIN || n == -EINTR)
		return;
	sink_stop_fetching(s);
	if (n == 1 && nfds == 1)
		use(s, fd);
	else
		tell(s, n == 1 ? "there is no room for its descriptor" :
		    "od-open ended before it handed the file over");
	sink_settle(s);
}

void
sink_fetch(struct sink *s, int sock)
{
	ssize_t n;

	sink_stop_fetching(s);
	s->fetch = sock;
	set_nonblocking(sock);
	ev_io_init(&s->fetched, on_fetched, sock, EV_READ);
	s->fetched.data = s;
	ev_io_start(s->capture->actor->loop, &s->fetched);
	/* Refused: then there is an end of file to be read. */
	n = send(sock, "f", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)n;
}
