/* Plays the supervisor for one actor: starts it, speaks with it, kills it. */
/* SPDX-License-Identifier: MIT */
#include "tests/integration/driver.h"

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

#include "base/clock.h"
#include "base/io.h"
#include "protocol/codec.h"

/* Last: it makes a macro of fail(). */
#include <check.h>

void
driver_init(struct driver *d)
{
	memset(d, 0, sizeof(*d));
	d->channel.fd = -1;
	strcpy(d->directory, "/tmp/od-driver.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(d->directory));
	d->dir = open(d->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(d->dir, 0);
}

void
driver_release(struct driver *d)
{
	char command[192];

	if (d->pid != 0)
		driver_kill(d);
	close(d->dir);
	snprintf(command, sizeof(command), "chmod -R u+rwX %s; rm -rf %s",
	    d->directory, d->directory);
	ck_assert_int_eq(system(command), 0);
}

void
driver_spawn(struct driver *d, const char *program)
{
	const char *build = getenv("OD_BUILD");
	char path[4096];
	int pair[2];

	snprintf(path, sizeof(path), "%s/libexec/%s",
	    build != NULL ? build : ".", program);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    pair), 0);
	d->pid = fork();
	ck_assert_int_ge(d->pid, 0);
	if (d->pid == 0) {
		/* Above all numbers that are given out here. */
		int channel = fcntl(pair[1], F_DUPFD, 100);
		int dir = fcntl(d->dir, F_DUPFD, 100);

		dup2(channel, 3);
		dup2(dir, 4);
		close_range(5, ~0U, 0);
		execl(path, program, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	channel_init(&d->channel, pair[0], FRAME_BYTES_BIG, 1 << 24, true);
}

void
driver_start(struct driver *d, const char *program)
{
	driver_spawn(d, program);
	driver_welcome(d);
}

void
driver_welcome(struct driver *d)
{
	struct message m, hello = { .type = MSG_hello, .hello = {
	    .version = PROTOCOL_VERSION, .name = "driver" } };

	ck_assert_int_eq(driver_next(d, &m, NULL, 10000), 1);
	ck_assert_int_eq(m.type, MSG_hello);
	message_release(&m);
	ck_assert_int_eq(channel_send(&d->channel, FRAME_RESPONSE, 1, &hello,
	    -1), 0);
}

static int
take_status(struct driver *d)
{
	int status;

	ck_assert_int_eq(waitpid(d->pid, &status, 0), d->pid);
	d->pid = 0;
	return status;
}

void
driver_kill(struct driver *d)
{
	kill(d->pid, SIGKILL);
	take_status(d);
	channel_release(&d->channel);
}

int
driver_hang_up(struct driver *d)
{
	channel_release(&d->channel);
	return take_status(d);
}

void
driver_send(struct driver *d, const struct message *m, int fd)
{
	/* Its end may come at any moment, if that is what is tested. */
	int r = channel_send(&d->channel, FRAME_NOTIFICATION, 0, m, fd);

	ck_assert_msg(r == 0 || r == -EPIPE || r == -ECONNRESET, "%s",
	    strerror(-r));
}

static int
decode(const struct frame *f, struct message *m)
{
	struct error e = { 0 };
	uint32_t id;

	if (f->type == FRAME_HEARTBEAT)
		return 0;
	ck_assert_msg(message_unpack(m, &id, NULL, f->payload, f->len, &e) ==
	    0, "%s", e.text);
	return 1;
}

int
driver_next(struct driver *d, struct message *m, int *fd, int ms)
{
	int64_t end = clock_ms() + ms, left;
	struct frame f;
	long n;
	int r, came;

	for (;;) {
		while ((r = channel_next(&d->channel, &f, &came)) == 1) {
			if (fd != NULL)
				*fd = came;
			else
				close_fd(&came);
			if (decode(&f, m) == 1)
				return 1;
		}
		ck_assert_int_eq(r, 0);
		struct pollfd wait = { .fd = d->channel.fd, .events = POLLIN |
		    (channel_wants_write(&d->channel) ? POLLOUT : 0) };
		left = end - clock_ms();
		if (poll(&wait, 1, left > 0 ? (int)left : 0) == 0)
			return 0;
		channel_flush(&d->channel);
		n = channel_read(&d->channel);
		if (n == 0 || (n < 0 && n != -EAGAIN))
			return -1;
	}
}

void
driver_expect(struct driver *d, enum message_type type, struct message *m,
    int *fd)
{
	int64_t end = clock_ms() + 10000;

	for (;;) {
		int r = driver_next(d, m, fd, (int)(end - clock_ms()));

		ck_assert_msg(r == 1, "no '%s' came",
		    message_info(type)->name);
		if (m->type == type)
			return;
		if (fd != NULL)
			close_fd(fd);
		message_release(m);
	}
}
