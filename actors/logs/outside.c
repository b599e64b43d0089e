/*
 * Sources under paths that users give: od-open, as the app's user, opens them
 * and watches them for us, and sends both descriptors over a socket of which
 * the supervisor gave us one end. Of such a source there is one file: what was
 * rotated before it is not read.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/logs/logs.h"
#include "base/io.h"

void
outside_release(struct source *s)
{
	struct ev_loop *loop;

	if (s->client != NULL && s->sock != -1) {
		loop = s->client->logs->actor->loop;
		ev_io_stop(loop, &s->io);
	}
	close_fd(&s->sock);
	close_fd(&s->given);
}

static void
on_moved(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct source *s = w->data;
	_Alignas(struct inotify_event) char bytes[4096];
	const struct inotify_event *e;
	ssize_t n = read(s->sock, bytes, sizeof(bytes));

	(void)loop;
	(void)revents;
	for (char *p = bytes; n > 0 && p < bytes + n;
	    p += sizeof(*e) + e->len) {
		e = (const struct inotify_event *)p;
		if ((e->mask & (IN_MOVE_SELF | IN_DELETE_SELF)) != 0)
			s->was_moved = true;
	}
	s->is_dirty = true;
	client_pump(s->client);
}

static void
on_file(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct source *s = w->data;
	int fds[2] = { -1, -1 }, nfds = 0;
	char byte;
	ssize_t n = recv_fds(s->sock, &byte, 1, fds, 2, &nfds);

	(void)revents;
	if (n == -EAGAIN || n == -EINTR)
		return;
	ev_io_stop(loop, &s->io);
	close_fd(&s->sock);
	if (nfds >= 1)
		s->given = fds[0];
	if (nfds == 2) {
		s->sock = fds[1];
		ev_io_init(&s->io, on_moved, s->sock, EV_READ);
		s->io.data = s;
		ev_io_start(loop, &s->io);
	}
	client_has_file(s->client, s);
}

void
outside_fetch(struct source *s, int sock)
{
	ssize_t n;

	s->sock = sock;
	set_nonblocking(sock);
	ev_io_init(&s->io, on_file, sock, EV_READ);
	s->io.data = s;
	ev_io_start(s->client->logs->actor->loop, &s->io);
	/* Refused: then there is an end of file to be read. */
	n = send(sock, "f", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)n;
}
