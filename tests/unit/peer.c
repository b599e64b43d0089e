/* The supervisor's side of an actor's channel, for tests. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

static void
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, PEER_WAIT_MS);
	while (n == -1 && errno == EINTR);
	ck_assert_msg(n == 1, "nothing came from the actor");
}

static void
become(const char *program, int sock, int log, int dir)
{
	const char *build = getenv("OD_BUILD");
	char path[4096];
	/* Out of the way of 3 and 4, whatever they are now. */
	int high[3] = { fcntl(sock, F_DUPFD, 20), fcntl(log, F_DUPFD, 20),
	    dir == -1 ? -1 : fcntl(dir, F_DUPFD, 20) };

	snprintf(path, sizeof(path), "%s/%s", build != NULL ? build : ".",
	    program);
	dup2(high[1], 2);
	dup2(high[0], 3);
	if (dir != -1)
		dup2(high[2], 4);
	else
		close(4);
	close_range(5, ~0U, 0);
	execl(path, program, (char *)NULL);
	dprintf(2, "cannot execute %s: %s\n", path, strerror(errno));
	_exit(126);
}

void
peer_start(struct peer *p, const char *program, int dir)
{
	int sock[2], log[2];

	memset(p, 0, sizeof(*p));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sock), 0);
	ck_assert_int_eq(pipe2(log, O_CLOEXEC), 0);
	p->pid = fork();
	ck_assert_int_ge(p->pid, 0);
	if (p->pid == 0)
		become(program, sock[1], log[1], dir);
	close(sock[1]);
	close(log[1]);
	p->log = log[0];
	channel_init(&p->channel, sock[0], FRAME_BYTES_BIG, 16 << 20, true);
}

void
peer_welcome(struct peer *p, const char *program, int dir)
{
	struct message m = { .type = MSG_hello,
	    .hello = { .version = PROTOCOL_VERSION, .name = "test" } };
	struct heard h;

	peer_start(p, program, dir);
	peer_expect(p, MSG_hello, &h);
	ck_assert_int_eq(h.type, FRAME_REQUEST);
	ck_assert_int_eq(h.id, 1);
	message_release(&h.m);
	peer_send(p, FRAME_RESPONSE, 1, &m);
}

void
peer_send(struct peer *p, enum frame_type type, uint32_t id,
    const struct message *m)
{
	int r = channel_send(&p->channel, type, id, m, -1);

	ck_assert_msg(r == 0 || r == -EPIPE || r == -ECONNRESET,
	    "cannot send: %s", strerror(-r));
}

void
peer_send_raw(struct peer *p, const void *bytes, size_t len)
{
	while (channel_wants_write(&p->channel)) {
		wait_for(p->channel.fd, POLLOUT);
		ck_assert_int_eq(channel_flush(&p->channel), 0);
	}
	ck_assert_int_eq(write_all(p->channel.fd, bytes, len), 0);
}

static void
decode(const struct frame *f, struct heard *h)
{
	struct error e = { 0 };

	h->type = f->type;
	if (f->type != FRAME_REQUEST && f->type != FRAME_RESPONSE &&
	    f->type != FRAME_NOTIFICATION)
		return;
	ck_assert_msg(message_unpack(&h->m, &h->id, NULL, f->payload, f->len,
	    &e) == 0, "the actor sent rubbish: %s", e.text);
}

bool
peer_hear(struct peer *p, struct heard *h)
{
	struct frame f;
	long n;
	int r;

	memset(h, 0, sizeof(*h));
	while ((r = channel_next(&p->channel, &f, &h->fd)) == 0) {
		wait_for(p->channel.fd, (short)(POLLIN |
		    (channel_wants_write(&p->channel) ? POLLOUT : 0)));
		channel_flush(&p->channel);
		n = channel_read(&p->channel);
		if (n == 0 || n == -ECONNRESET)
			return false;
		ck_assert_msg(n > 0 || n == -EAGAIN, "cannot read: %s",
		    strerror((int)-n));
	}
	ck_assert_int_eq(r, 1);
	decode(&f, h);
	return true;
}

void
peer_expect(struct peer *p, enum message_type type, struct heard *h)
{
	ck_assert_msg(peer_hear(p, h), "the actor closed the connection");
	ck_assert_msg(h->m.type == type, "heard %s in place of %s",
	    h->m.type == MSG_none ? "no message" : message_info(h->m.type)->name,
	    message_info(type)->name);
}

int
peer_end(struct peer *p)
{
	int status;

	channel_release(&p->channel);
	/* A hang ends with the test's own time limit. */
	ck_assert_int_eq(waitpid(p->pid, &status, 0), p->pid);
	close_fd(&p->log);
	p->pid = 0;
	return status;
}

void
peer_expect_log(struct peer *p, const char *text)
{
	char buf[65536];
	size_t len = 0;
	ssize_t n;

	for (;;) {
		buf[len] = '\0';
		if (strstr(buf, text) != NULL)
			return;
		wait_for(p->log, POLLIN);
		n = read(p->log, buf + len, sizeof(buf) - 1 - len);
		ck_assert_msg(n > 0, "'%s' is not in the log: %s", text, buf);
		len += (size_t)n;
	}
}
